//! Associated data of an envelope: what the key inside is, and for whom.

use hanzo_attestation_evidence::{Hex, json};
use serde::{Deserialize, Serialize};

/// What the broker seals beside the key: the RFC 8785 form of this object is the associated data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aad {
    /// The key.
    pub key_id: String,
    /// Its version, at most 2^53 − 1.
    pub version: u64,
    /// The tier that was proved.
    #[serde(deserialize_with = "crate::tier::number")]
    pub tier: u8,
    /// The session in which it is released.
    pub session_id: String,
    /// Hash of the row of the record that says so.
    pub receipt: Hex<32>,
}

/// A bound on a number in the associated data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected<T> {
    /// This one and no other.
    Exactly(T),
    /// This one or a higher one.
    AtLeast(T),
}

/// What the recipient asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedAad {
    /// The key asked for.
    pub key_id: String,
    /// The session that the answer names.
    pub session_id: String,
    /// The version that the answer names, or the oldest that will do.
    pub version: Expected<u64>,
    /// The tier that the answer names, or the lowest that will do.
    pub tier: Expected<u8>,
}

/// Associated data that is malformed, or that speaks of something else than what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AadError {
    /// Not the JSON object that it has to be.
    #[error("the associated data is {0}")]
    Malformed(#[from] json::JsonError),
    /// The right object in another spelling than RFC 8785's.
    #[error("the associated data is not in its RFC 8785 form")]
    NotCanonical,
    /// A version that JSON readers do not agree on.
    #[error("version {version} is above 2^53 - 1")]
    VersionOutOfRange {
        /// The version found.
        version: u64,
    },
    /// Another key.
    #[error("sealed for key `{found}`, not `{expected}`")]
    KeyId {
        /// The key asked for.
        expected: String,
        /// The key named.
        found: String,
    },
    /// Another session.
    #[error("sealed for session `{found}`, not `{expected}`")]
    SessionId {
        /// The session asked for.
        expected: String,
        /// The session named.
        found: String,
    },
    /// A version other than asked for.
    #[error("sealed with version {found}, asked for {expected:?}")]
    Version {
        /// What was asked for.
        expected: Expected<u64>,
        /// The version named.
        found: u64,
    },
    /// A tier other than asked for.
    #[error("sealed with tier {found}, asked for {expected:?}")]
    Tier {
        /// What was asked for.
        expected: Expected<u8>,
        /// The tier named.
        found: u8,
    },
}

impl<T: PartialOrd + Copy> Expected<T> {
    fn admits(self, found: T) -> bool {
        match self {
            Self::Exactly(value) => found == value,
            Self::AtLeast(value) => found >= value,
        }
    }
}

impl Aad {
    /// The RFC 8785 form, which is sealed.
    ///
    /// # Errors
    /// [`AadError::VersionOutOfRange`], because such a number has no exact canonical form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, AadError> {
        if self.version > json::MAX_INTEGER {
            return Err(AadError::VersionOutOfRange { version: self.version });
        }
        serde_json_canonicalizer::to_vec(self).map_err(|_| AadError::NotCanonical)
    }

    /// Reads associated data; only the canonical spelling is accepted.
    ///
    /// # Errors
    /// [`AadError::Malformed`], [`AadError::VersionOutOfRange`], [`AadError::NotCanonical`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AadError> {
        let aad: Self = json::from_slice(bytes)?;
        if aad.to_bytes()? != bytes {
            return Err(AadError::NotCanonical);
        }
        Ok(aad)
    }

    /// Compares with what was asked for.
    ///
    /// # Errors
    /// The first of key, session, version and tier that differs.
    pub fn check(&self, expected: &ExpectedAad) -> Result<(), AadError> {
        if self.key_id != expected.key_id {
            let (expected, found) = (expected.key_id.clone(), self.key_id.clone());
            return Err(AadError::KeyId { expected, found });
        }
        if self.session_id != expected.session_id {
            let (expected, found) = (expected.session_id.clone(), self.session_id.clone());
            return Err(AadError::SessionId { expected, found });
        }
        if !expected.version.admits(self.version) {
            return Err(AadError::Version { expected: expected.version, found: self.version });
        }
        if !expected.tier.admits(self.tier) {
            return Err(AadError::Tier { expected: expected.tier, found: self.tier });
        }
        Ok(())
    }
}
