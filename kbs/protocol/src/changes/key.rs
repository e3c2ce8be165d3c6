//! Public keys of people: Ed25519 (RFC 8032) or ECDSA P-256 with SHA-256 (FIPS 186-5).

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use hanzo_attestation_evidence::Hex;
use hanzo_attestation_evidence::encoding::base64_decode;
use zeroize::Zeroizing;

/// SubjectPublicKeyInfo of an Ed25519 key up to its 32 bytes (RFC 8410, 4).
const ED25519_SPKI: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// SubjectPublicKeyInfo of a P-256 key up to its uncompressed point of 65 bytes (RFC 5480, 2.1.1).
const P256_SPKI: &[u8] =
    b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
/// Largest PEM text of a key in bytes: the largest here, P-256 in PKCS#8, has about 250.
const MAX_PEM: usize = 4 << 10;

/// A text that is no person's public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonKeyError {
    /// Not one PEM block of a public key.
    #[error("not one PEM block `PUBLIC KEY`")]
    Pem,
    /// Neither Ed25519 nor P-256, or not in the usual encoding.
    #[error("not an Ed25519 or P-256 key")]
    Unsupported,
}

/// A signature that is not this key's over this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct WrongSignature;

/// The public key of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonKey {
    /// Ed25519.
    Ed25519([u8; 32]),
    /// P-256, uncompressed point; a signature is R and S, 32 bytes each.
    P256([u8; 65]),
}

impl PersonKey {
    /// Reads a SubjectPublicKeyInfo in PEM. Whether a point lies on its curve is found out when a signature
    /// is verified.
    ///
    /// # Errors
    /// [`PersonKeyError`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, PersonKeyError> {
        let der = pem_block(pem, "PUBLIC KEY").ok_or(PersonKeyError::Pem)?;
        if let Some(key) = der.strip_prefix(ED25519_SPKI).and_then(|key| key.try_into().ok()) {
            return Ok(Self::Ed25519(key));
        }
        let point = der.strip_prefix(P256_SPKI).and_then(|key| <[u8; 65]>::try_from(key).ok());
        point.filter(|point| point.first() == Some(&4)).map(Self::P256).ok_or(PersonKeyError::Unsupported)
    }

    /// SHA-256 of the SubjectPublicKeyInfo in DER, by which documents name the key.
    #[must_use]
    pub fn fingerprint(&self) -> Hex<32> {
        match self {
            Self::Ed25519(key) => super::sha256(&[ED25519_SPKI, key]),
            Self::P256(point) => super::sha256(&[P256_SPKI, point]),
        }
    }

    /// Checks a signature.
    ///
    /// # Errors
    /// [`WrongSignature`].
    pub fn verify(&self, message: &[u8], signature: &Hex<64>) -> Result<(), WrongSignature> {
        let verified = match self {
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature.as_ref()),
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature.as_ref())
            }
        };
        verified.map_err(|_| WrongSignature)
    }
}

/// The bytes of one PEM block (RFC 7468) and nothing else but white space around it. `None` for anything
/// else. Wiped when dropped: it may be a private key.
#[must_use]
pub fn pem_block(pem: &[u8], label: &str) -> Option<Zeroizing<Vec<u8>>> {
    if pem.len() > MAX_PEM {
        return None;
    }
    let text = std::str::from_utf8(pem).ok()?.trim();
    let inside = text.strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let inside = inside.strip_suffix(&format!("-----END {label}-----"))?;
    let joined: Zeroizing<String> = Zeroizing::new(inside.split_ascii_whitespace().collect());
    base64_decode(&joined).ok().map(Zeroizing::new)
}
