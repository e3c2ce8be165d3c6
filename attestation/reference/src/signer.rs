//! The keys whose signature on a manifest counts. They are given one by one: no chain is followed, and no
//! certificate vouches for another.

use hanzo_attestation::crypto::{Budget, FormError, SignatureError, ecdsa_p256, ecdsa_p384, ed25519};
use hanzo_attestation_evidence::Hex;
use hanzo_attestation_evidence::encoding::base64_decode;
use hanzo_attestation_evidence::x509::{Certificate, PublicKey};
use sha2::{Digest as _, Sha256};

/// Most keys that may be pinned at once: each may cost a signature check.
pub const MAX_SIGNERS: usize = 8;
/// Largest PEM text in bytes: a certificate of 8 KiB in base64, and its lines.
const MAX_PEM: usize = 16 << 10;
/// Longest name in bytes.
const MAX_NAME: usize = 128;
/// SubjectPublicKeyInfo of an Ed25519 key up to its 32 bytes (RFC 8410, 4).
const ED25519_SPKI: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

/// A key that was pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    name: String,
    id: Hex<32>,
    key: Key,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Ed25519([u8; 32]),
    P256([u8; 65]),
    P384([u8; 97]),
}

/// Signature algorithms of COSE (RFC 9053, 2; RFC 9864) that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// EdDSA (-8), Ed25519 (-19).
    Ed25519,
    /// ES256 (-7), ESP256 (-9).
    P256,
    /// ES384 (-35), ESP384 (-51).
    P384,
}

impl Algorithm {
    pub(crate) const fn from_cose(number: i128) -> Option<Self> {
        match number {
            -8 | -19 => Some(Self::Ed25519),
            -7 | -9 => Some(Self::P256),
            -35 | -51 => Some(Self::P384),
            _ => None,
        }
    }
}

/// A file that pins no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// Not one PEM block of a public key or a certificate.
    #[error("not one PEM block `PUBLIC KEY` or `CERTIFICATE`")]
    Pem,
    /// No certificate in its strict form.
    #[error("not a certificate in its one encoding")]
    Certificate,
    /// Another algorithm than the three.
    #[error("neither an Ed25519 nor a P-256 nor a P-384 key")]
    Unsupported,
    /// A name that is empty, too long, or has a control character.
    #[error("the name of a signer has 1 to {MAX_NAME} bytes and no control characters")]
    Name,
}

impl Signer {
    /// Reads a public key (SubjectPublicKeyInfo) or a certificate in PEM. Of a certificate, the key alone
    /// counts: whoever pins it vouches for it, and its dates are its issuer's concern.
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn from_pem(name: &str, pem: &[u8]) -> Result<Self, SignerError> {
        if !(1..=MAX_NAME).contains(&name.len()) || name.chars().any(char::is_control) {
            return Err(SignerError::Name);
        }
        if let Some(der) = block(pem, "PUBLIC KEY") {
            return Self::from_spki(name, &der);
        }
        let der = block(pem, "CERTIFICATE").ok_or(SignerError::Pem)?;
        let certificate = Certificate::parse(&der).map_err(|_| SignerError::Certificate)?;
        Self::from_spki(name, certificate.spki())
    }

    fn from_spki(name: &str, spki: &[u8]) -> Result<Self, SignerError> {
        let ed25519 = spki.strip_prefix(ED25519_SPKI).and_then(|key| <[u8; 32]>::try_from(key).ok());
        let key = match (ed25519, PublicKey::from_spki(spki)) {
            (Some(key), _) => Key::Ed25519(key),
            (None, Ok(PublicKey::P256(point))) => Key::P256(*point),
            (None, Ok(PublicKey::P384(point))) => Key::P384(*point),
            _ => return Err(SignerError::Unsupported),
        };
        Ok(Self { name: name.to_owned(), id: Hex(Sha256::digest(spki).into()), key })
    }

    /// What whoever pinned it calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of its SubjectPublicKeyInfo.
    #[must_use]
    pub const fn id(&self) -> Hex<32> {
        self.id
    }

    pub(crate) const fn algorithm(&self) -> Algorithm {
        match self.key {
            Key::Ed25519(_) => Algorithm::Ed25519,
            Key::P256(_) => Algorithm::P256,
            Key::P384(_) => Algorithm::P384,
        }
    }

    pub(crate) fn verify(
        &self,
        budget: &mut Budget,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let length = |_| FormError::NotCanonical;
        match &self.key {
            Key::Ed25519(key) => ed25519(budget, key, message, signature.try_into().map_err(length)?),
            Key::P256(point) => ecdsa_p256(budget, point, message, signature.try_into().map_err(length)?),
            Key::P384(point) => ecdsa_p384(budget, point, message, signature.try_into().map_err(length)?),
        }
    }
}

/// One PEM block (RFC 7468) and nothing else but white space around it.
fn block(pem: &[u8], label: &str) -> Option<Vec<u8>> {
    let text = str::from_utf8(pem).ok().filter(|text| text.len() <= MAX_PEM)?.trim();
    let inside = text.strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let inside = inside.strip_suffix(&format!("-----END {label}-----"))?;
    let joined: String = inside.split_ascii_whitespace().collect();
    base64_decode(&joined).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A P-256 key, made for these tests.
    const P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEurofMSmha+Yx3RhFIGADCeYjzdaZ
TEfqx/G6XkgRzoUZgfdrBeION8lf1UyP3Tdk28rBjQh3ZNV5tft3ak1a8w==
-----END PUBLIC KEY-----
";

    #[test]
    fn a_public_key_is_read_and_named_by_its_digest() {
        let signer = Signer::from_pem("maker", P256.as_bytes()).unwrap();
        assert_eq!((signer.name(), signer.algorithm()), ("maker", Algorithm::P256));
        let der = block(P256.as_bytes(), "PUBLIC KEY").unwrap();
        assert_eq!(signer.id(), Hex(Sha256::digest(&der).into()));
    }

    #[test]
    fn what_pins_no_key_is_refused_by_name() {
        let refused = |pem: &str| Signer::from_pem("maker", pem.as_bytes()).unwrap_err();
        assert_eq!(refused(""), SignerError::Pem);
        assert_eq!(refused(&format!("{P256}{P256}")), SignerError::Pem, "two keys");
        assert_eq!(refused(&P256.replace("PUBLIC KEY", "PRIVATE KEY")), SignerError::Pem);
        assert_eq!(refused(&P256.replace("PUBLIC KEY", "CERTIFICATE")), SignerError::Certificate);
        assert_eq!(refused(&P256.replace("MFkw", "MFow")), SignerError::Unsupported);
        for name in ["", "a\n", &"n".repeat(129)] {
            assert_eq!(Signer::from_pem(name, P256.as_bytes()), Err(SignerError::Name), "{name:?}");
        }
    }
}
