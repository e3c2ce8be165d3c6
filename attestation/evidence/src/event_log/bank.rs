//! The banks of a TPM: one set of registers for each hash algorithm.

use crate::tpm::Hash;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A bank of registers, by its hash algorithm (TCG Algorithm Registry 1.34, table 3). A TD has one, of
/// SHA-384.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PcrBank {
    /// TPM_ALG_SHA1, 0x0004.
    Sha1,
    /// TPM_ALG_SHA256, 0x000B.
    Sha256,
    /// TPM_ALG_SHA384, 0x000C.
    Sha384,
    /// TPM_ALG_SHA512, 0x000D.
    Sha512,
    /// TPM_ALG_SM3_256, 0x0012: known by its size, so that logs with it can be read; never replayed.
    Sm3,
}

impl PcrBank {
    /// Every bank.
    pub const ALL: [Self; 5] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512, Self::Sm3];

    /// The bank of a TPM_ALG_ID; `None` for an algorithm that is no hash or is not known.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|bank| bank.id() == id)
    }

    /// TPM_ALG_ID.
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::Sha1 => 0x0004,
            Self::Sha256 => 0x000B,
            Self::Sha384 => 0x000C,
            Self::Sha512 => 0x000D,
            Self::Sm3 => 0x0012,
        }
    }

    /// Bytes of a digest.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 | Self::Sm3 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The name in documents and claims: `sha1`, `sha256`, `sha384`, `sha512`, `sm3`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::Sm3 => "sm3",
        }
    }

    /// The bank of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bank| bank.name() == name)
    }
}

/// The banks that a quote can have: all but SM3's, which a log may mention and nothing here computes.
impl From<Hash> for PcrBank {
    fn from(hash: Hash) -> Self {
        match hash {
            Hash::Sha1 => Self::Sha1,
            Hash::Sha256 => Self::Sha256,
            Hash::Sha384 => Self::Sha384,
            Hash::Sha512 => Self::Sha512,
        }
    }
}

impl fmt::Display for PcrBank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
