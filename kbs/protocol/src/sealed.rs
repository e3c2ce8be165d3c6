//! The sealed envelope: RFC 9180 in base mode, single shot, for one recipient.

use crate::aad::{Aad, AadError};
use crate::suite;
use hanzo_attestation_evidence::{Kem, Recipient, encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The `info` string of every envelope.
pub const INFO: &[u8] = b"hanzo-kbs/v1/sealed";

/// The key derivation function of every suite here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kdf {
    /// HKDF-SHA256.
    #[serde(rename = "HKDF-SHA256")]
    HkdfSha256,
}

/// The authenticated cipher of every suite here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aead {
    /// AES-256-GCM.
    #[serde(rename = "AES-256-GCM")]
    Aes256Gcm,
}

/// A key in its envelope. Byte strings are standard base64 on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// The recipient's KEM.
    pub kem: Kem,
    /// `HKDF-SHA256`.
    pub kdf: Kdf,
    /// `AES-256-GCM`.
    pub aead: Aead,
    /// The encapsulated secret.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub enc: Vec<u8>,
    /// Ciphertext and tag.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub ciphertext: Vec<u8>,
    /// The RFC 8785 form of an [`Aad`].
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub aad: Vec<u8>,
}

/// Why something could not be sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The associated data has no canonical form.
    #[error(transparent)]
    Aad(#[from] AadError),
    /// The public key is no valid key of its KEM, e.g. a point off the curve or of small order.
    #[error("the recipient's public key is not a valid {} key", kem.name())]
    PublicKey {
        /// The KEM.
        kem: Kem,
    },
    /// The system gave no randomness.
    #[error("no randomness for the encapsulation")]
    Randomness,
}

/// Why an envelope did not open. Nothing here tells a wrong key from a changed byte.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Sealed to a key of another KEM.
    #[error("sealed with {}, the recipient has {}", found.name(), expected.name())]
    Kem {
        /// The recipient's KEM.
        expected: Kem,
        /// The envelope's KEM.
        found: Kem,
    },
    /// The associated data is malformed or speaks of something else.
    #[error(transparent)]
    Aad(#[from] AadError),
    /// Not sealed to this recipient, or changed since.
    #[error("the envelope does not open")]
    Ciphertext,
}

/// Seals `plaintext` to `recipient`. The randomness of the encapsulation is the library's own.
///
/// # Errors
/// [`SealError`].
pub fn seal(recipient: &Recipient, aad: &Aad, plaintext: &[u8]) -> Result<Sealed, SealError> {
    let aad = aad.to_bytes()?;
    let (enc, ciphertext) = suite::seal(recipient, INFO, &aad, plaintext)?;
    let kem = recipient.kem();
    Ok(Sealed { kem, kdf: Kdf::HkdfSha256, aead: Aead::Aes256Gcm, enc, ciphertext, aad })
}

pub(crate) fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&encoding::base64_encode(bytes))
}

pub(crate) fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    encoding::base64_decode(&text).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests;
