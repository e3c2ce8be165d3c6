//! What a broker says of itself.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `GET /healthz`. Unlike every other answer, unknown fields are kept out of the way and not refused: a
/// newer broker must still be able to say that it is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ok`, or what is wrong.
    pub status: String,
    /// The broker's version.
    pub version: String,
    /// `production` or `development`.
    pub environment: String,
    /// Whether it accepts evidence from lab vendors: what it releases proves nothing.
    pub lab: bool,
    /// Whether its root key is locked away: nothing can be released until it is unsealed.
    pub sealed: bool,
    /// Fingerprints or names of the vendor roots it trusts.
    #[serde(default)]
    pub roots: Value,
}

/// `GET /readyz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can release a key now.
    Ready,
    /// It runs and cannot release: sealed, or its store does not answer.
    NotReady,
}
