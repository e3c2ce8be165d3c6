//! What the agent says of itself. No key material.

use hanzo_attestation_evidence::UnixTime;
use serde::{Deserialize, Serialize};

/// Answer to `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The session that lives, if one does.
    pub session: Option<SessionInfo>,
    /// What the agent waits for.
    pub step: StepInfo,
    /// Why the last attempt gave nothing; absent after a grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

/// A live session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// Its id.
    pub session_id: String,
    /// The tier that the evidence proved.
    pub tier: u8,
    /// When it ends unless it is renewed.
    pub expires_at: UnixTime,
    /// The keys that can be read now.
    pub keys: Vec<KeyInfo>,
}

/// A key that can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyInfo {
    /// Its id.
    pub key_id: String,
    /// Its version.
    pub version: u64,
    /// When its grant ends.
    pub expires_at: UnixTime,
}

/// What the agent waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "waits_for", rename_all = "kebab-case")]
pub enum StepInfo {
    /// The moment of the next attempt.
    Time {
        /// That moment.
        until: UnixTime,
    },
    /// The broker's challenge.
    Challenge,
    /// Evidence, and the broker's answer to it.
    Answer,
}

/// Why the last attempt gave nothing; its `Display` is for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Trouble {
    /// The broker said no.
    #[error("the broker refused with {code}")]
    Refused {
        /// Its stable code.
        code: String,
        /// The decision in its record.
        decision: Option<u64>,
    },
    /// There was no answer, or no evidence to send.
    #[error("{reason}")]
    Failed {
        /// Why.
        reason: String,
    },
    /// The deadline passed without a renewal.
    #[error("the session ended at {at} without a renewal")]
    Expired {
        /// The deadline.
        at: UnixTime,
    },
}
