//! `POST challenge`: a nonce to be bound into evidence, once.

use hanzo_attestation_evidence::UnixTime;
use serde::{Deserialize, Serialize};

/// Body of `POST challenge`: an empty object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeRequest {}

/// A nonce, exactly as it enters the binding, and the last moment at which it is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// Standard base64; opaque to everyone but the broker.
    pub nonce: String,
    /// After this second the broker refuses the nonce.
    pub expires_at: UnixTime,
}
