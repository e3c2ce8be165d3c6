//! Algorithm identifiers (part 2, 6.3, TPM_ALG_ID) of the closed list that is accepted.

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

/// A hash function of a PCR bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hash {
    /// SHA-1: its banks are shown, and no fact rests on them (TPM-22).
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// All of them, by identifier.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// TPM_ALG_ID.
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::Sha1 => 0x0004,
            Self::Sha256 => 0x000B,
            Self::Sha384 => 0x000C,
            Self::Sha512 => 0x000D,
        }
    }

    /// The hash function with that TPM_ALG_ID.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.id() == id)
    }

    /// The name in evidence documents and claims.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The hash function of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.name() == name)
    }

    /// Length of a digest in bytes.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// A hash function under a signature or in a Name: SHA-256 or stronger (TPM-07).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SigningHash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl From<SigningHash> for Hash {
    fn from(hash: SigningHash) -> Self {
        match hash {
            SigningHash::Sha256 => Self::Sha256,
            SigningHash::Sha384 => Self::Sha384,
            SigningHash::Sha512 => Self::Sha512,
        }
    }
}

impl SigningHash {
    /// The hash function with that TPM_ALG_ID; none for SHA-1 and unknown ones.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        match Hash::from_id(id)? {
            Hash::Sha1 => None,
            Hash::Sha256 => Some(Self::Sha256),
            Hash::Sha384 => Some(Self::Sha384),
            Hash::Sha512 => Some(Self::Sha512),
        }
    }

    /// TPM_ALG_ID.
    #[must_use]
    pub fn id(self) -> u16 {
        Hash::from(self).id()
    }

    /// Length of a digest in bytes.
    #[must_use]
    pub fn length(self) -> usize {
        Hash::from(self).length()
    }

    /// The digest of the parts, one after the other.
    #[must_use]
    pub fn digest<'a>(self, parts: impl IntoIterator<Item = &'a [u8]>) -> digest::Digest {
        let mut context = digest::Context::new(match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        });
        parts.into_iter().for_each(|part| context.update(part));
        context.finish()
    }
}

/// A signature scheme of an attestation key (TPM-06).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5.
    Rsassa,
    /// RSASSA-PSS.
    Rsapss,
    /// ECDSA.
    Ecdsa,
}

impl Scheme {
    /// The scheme with that TPM_ALG_ID.
    #[must_use]
    pub const fn from_id(id: u16) -> Option<Self> {
        match id {
            0x0014 => Some(Self::Rsassa),
            0x0016 => Some(Self::Rsapss),
            0x0018 => Some(Self::Ecdsa),
            _ => None,
        }
    }

    /// TPM_ALG_ID.
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::Rsassa => 0x0014,
            Self::Rsapss => 0x0016,
            Self::Ecdsa => 0x0018,
        }
    }
}
