//! What a broker says of itself.

use hanzo_attestation_evidence::Hex;
use serde::{Deserialize, Deserializer, Serialize};
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
    /// Changes of rules that were applied without their quorum and that nobody has acknowledged; unknown while
    /// it is sealed.
    #[serde(default, deserialize_with = "absent_is_empty")]
    pub break_glass: Vec<Hex<32>>,
    /// Fingerprints or names of the vendor roots it trusts.
    #[serde(default)]
    pub roots: Value,
}

fn absent_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Hex<32>>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// `GET /readyz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can release a key now.
    Ready,
    /// It runs and cannot release: sealed, or its store does not answer.
    NotReady,
}
