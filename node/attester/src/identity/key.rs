//! The key itself: it signs, it says its public part, and nothing else comes out of it.

use super::key_file::{self, KeyFileError};
use super::pem;
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, Signature,
};
use hanzo_attestation_evidence::encoding;
use hanzo_attestation_evidence::identity::SIGNATURE_LENGTH;
use serde::{Serialize, Serializer};
use std::path::Path;
use zeroize::Zeroizing;

/// PKCS#8 version 1 of an Ed25519 key, up to its seed (RFC 8410, section 7).
const ED25519_PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// Length of an Ed25519 seed in bytes (RFC 8032).
const SEED: usize = 32;

/// The private half of a registered key. It has no `Debug`, and the library wipes its memory when it frees
/// it.
///
/// ```compile_fail
/// fn shown(key: hanzo_node_attester::IdentityKey) -> String {
///     format!("{key:?}")
/// }
/// ```
pub struct IdentityKey(Pair);

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

/// The algorithms that the broker accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032).
    #[serde(rename = "ed25519")]
    Ed25519,
    /// ECDSA P-256 with SHA-256; signatures are R and S.
    #[serde(rename = "p256")]
    P256,
}

/// The public half, as the broker's `[[identities]]` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublicPart {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// 32 bytes of Ed25519, or 65 of P-256, an uncompressed point; base64 when serialised.
    #[serde(serialize_with = "base64")]
    pub public_key: Vec<u8>,
}

impl Algorithm {
    /// The name in the broker's configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::P256 => "p256",
        }
    }
}

impl PublicPart {
    /// The public key as standard base64.
    #[must_use]
    pub fn base64(&self) -> String {
        encoding::base64_encode(&self.public_key)
    }
}

fn base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&encoding::base64_encode(bytes))
}

impl IdentityKey {
    /// Reads a file with one PKCS#8 private key, PEM or DER, of Ed25519 or P-256. Its mode must be 0600 or
    /// 0400.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let content = key_file::read(path)?;
        Self::parse(&content, path)
    }

    /// Makes a fresh Ed25519 key and writes it to a new file: PKCS#8, PEM, mode 0600.
    ///
    /// # Errors
    /// [`KeyFileError::Exists`] when there is a file of this name, which stays as it is; other
    /// [`KeyFileError`]s.
    pub fn create(path: &Path) -> Result<Self, KeyFileError> {
        let mut pkcs8 = Zeroizing::new([0; ED25519_PKCS8.len() + SEED]);
        let (head, seed) = pkcs8.split_at_mut(ED25519_PKCS8.len());
        head.copy_from_slice(&ED25519_PKCS8);
        rand::fill(seed).map_err(|_| KeyFileError::Random)?;
        key_file::create(path, pem::private_key(pkcs8.as_slice()).as_bytes())?;
        Self::read(path)
    }

    fn parse(content: &[u8], path: &Path) -> Result<Self, KeyFileError> {
        // A DER key is a SEQUENCE, and no PEM text begins with its tag, the digit 0.
        if content.first() == Some(&0x30) {
            return Self::from_pkcs8(content, path);
        }
        let decoded =
            pem::read(content).map_err(|reason| KeyFileError::Pem { path: path.to_owned(), reason })?;
        Self::from_pkcs8(&decoded, path)
    }

    fn from_pkcs8(der: &[u8], path: &Path) -> Result<Self, KeyFileError> {
        let not_a_key = || KeyFileError::NotAKey { path: path.to_owned() };
        // The library reads the first element and leaves what follows it unseen.
        if element_length(der) != Some(der.len()) {
            return Err(not_a_key());
        }
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(der) {
            return Ok(Self(Pair::Ed25519(pair)));
        }
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map(|pair| Self(Pair::P256(pair)))
            .map_err(|_| not_a_key())
    }

    /// What the broker registers.
    #[must_use]
    pub fn public(&self) -> PublicPart {
        let (algorithm, public_key) = match &self.0 {
            Pair::Ed25519(pair) => (Algorithm::Ed25519, pair.public_key().as_ref()),
            Pair::P256(pair) => (Algorithm::P256, pair.public_key().as_ref()),
        };
        PublicPart { algorithm, public_key: public_key.to_vec() }
    }

    /// The signature over a message: Ed25519's, or R and S of ECDSA P-256 with SHA-256. `None` if the library
    /// fails, e.g. for want of randomness.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Option<[u8; SIGNATURE_LENGTH]> {
        let signed: Result<Signature, _> = match &self.0 {
            Pair::Ed25519(pair) => pair.try_sign(message),
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), message),
        };
        signed.ok()?.as_ref().try_into().ok()
    }
}

/// Length of the DER element at the front, header included. Keys are shorter than 64 KiB: two length bytes
/// suffice.
fn element_length(der: &[u8]) -> Option<usize> {
    match der {
        [_, 0x81, length, ..] => usize::from(*length).checked_add(3),
        [_, 0x82, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])).checked_add(4),
        [_, length @ 0..=0x7f, ..] => usize::from(*length).checked_add(2),
        _ => None,
    }
}
