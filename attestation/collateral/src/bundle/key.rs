//! Keys that sign bundles: Ed25519 (RFC 8032) or ECDSA P-384 with SHA-384 (FIPS 186-5).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use hanzo_attestation::crypto::{Budget, FormError, SignatureError, ecdsa_p384, ed25519};
use hanzo_attestation_evidence::Hex;
use hanzo_attestation_evidence::encoding::{base64_decode, base64_encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// SubjectPublicKeyInfo of an Ed25519 key up to its 32 bytes (RFC 8410, 4).
const ED25519_SPKI: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// SubjectPublicKeyInfo of a P-384 key up to its uncompressed point of 97 bytes (RFC 5480, 2.1.1).
const P384_SPKI: &[u8] =
    b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00";

const PUBLIC: &str = "PUBLIC KEY";
const PRIVATE: &str = "PRIVATE KEY";
/// Largest PEM text of a key in bytes: P-384 in PKCS#8 has about 300.
const MAX_PEM: usize = 4 << 10;

/// The two kinds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// Ed25519.
    #[serde(rename = "ed25519")]
    Ed25519,
    /// ECDSA P-384 with SHA-384; a signature is R and S, 48 bytes each.
    #[serde(rename = "ecdsa-p384-sha384")]
    EcdsaP384,
}

/// A text that is no key of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not one PEM block of the expected kind.
    #[error("not one PEM block `{0}`")]
    Pem(&'static str),
    /// Neither Ed25519 nor P-384, or not in the usual encoding.
    #[error("not an Ed25519 or P-384 key")]
    Unsupported,
    /// No key could be made.
    #[error("no key could be made: the random source failed")]
    Random,
    /// No signature could be made.
    #[error("no signature could be made")]
    Signing,
}

/// A public key whose signature on a bundle counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleKey {
    /// Ed25519.
    Ed25519([u8; 32]),
    /// P-384, uncompressed point.
    EcdsaP384([u8; 97]),
}

impl BundleKey {
    /// Reads a SubjectPublicKeyInfo in PEM. Whether a point lies on its curve is found out when a signature
    /// is verified.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let der = decode_pem(pem, PUBLIC)?;
        if let Some(key) = der.strip_prefix(ED25519_SPKI).and_then(|key| key.try_into().ok()) {
            return Ok(Self::Ed25519(key));
        }
        let point = der.strip_prefix(P384_SPKI).and_then(|key| <[u8; 97]>::try_from(key).ok());
        point.filter(|point| point.first() == Some(&4)).map(Self::EcdsaP384).ok_or(KeyError::Unsupported)
    }

    /// The SubjectPublicKeyInfo in PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        encode_pem(&self.spki(), PUBLIC).to_string()
    }

    /// SHA-256 of the SubjectPublicKeyInfo: the key's name in `manifest.sig`.
    #[must_use]
    pub fn id(&self) -> Hex<32> {
        Hex(Sha256::digest(self.spki()).into())
    }

    /// Its algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::Ed25519,
            Self::EcdsaP384(_) => Algorithm::EcdsaP384,
        }
    }

    fn spki(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => [ED25519_SPKI, key].concat(),
            Self::EcdsaP384(point) => [P384_SPKI, point].concat(),
        }
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let mut budget = Budget::new();
        let length = |_| FormError::NotCanonical;
        match self {
            Self::Ed25519(key) => ed25519(&mut budget, key, message, signature.try_into().map_err(length)?),
            Self::EcdsaP384(point) => {
                ecdsa_p384(&mut budget, point, message, signature.try_into().map_err(length)?)
            }
        }
    }
}

/// A private key that signs bundles.
pub struct BundleSigner(Signer);

enum Signer {
    Ed25519(Ed25519KeyPair),
    EcdsaP384(EcdsaKeyPair),
}

impl BundleSigner {
    /// A new key, as PKCS#8 in PEM, wiped when dropped.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn generate(algorithm: Algorithm) -> Result<Zeroizing<String>, KeyError> {
        let random = |_| KeyError::Random;
        let document = match algorithm {
            Algorithm::Ed25519 => Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(random)?,
            Algorithm::EcdsaP384 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &SystemRandom::new())
                    .map_err(random)?
            }
        };
        Ok(encode_pem(document.as_ref(), PRIVATE))
    }

    /// Reads PKCS#8 in PEM.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let der = decode_pem(pem, PRIVATE)?;
        if let Ok(key) = Ed25519KeyPair::from_pkcs8(&der) {
            return Ok(Self(Signer::Ed25519(key)));
        }
        EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &der)
            .map(|key| Self(Signer::EcdsaP384(key)))
            .map_err(|_| KeyError::Unsupported)
    }

    /// The public key.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] if the library shows it in another form.
    pub fn public(&self) -> Result<BundleKey, KeyError> {
        let unsupported = |_| KeyError::Unsupported;
        Ok(match &self.0 {
            Signer::Ed25519(key) => {
                BundleKey::Ed25519(key.public_key().as_ref().try_into().map_err(unsupported)?)
            }
            Signer::EcdsaP384(key) => {
                BundleKey::EcdsaP384(key.public_key().as_ref().try_into().map_err(unsupported)?)
            }
        })
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.0 {
            Signer::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
            Signer::EcdsaP384(key) => {
                let signature = key.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Signing)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

/// One PEM block (RFC 7468) and nothing else but white space around it.
fn decode_pem(pem: &[u8], label: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let wrong = KeyError::Pem(label);
    let text = std::str::from_utf8(pem).ok().filter(|text| text.len() <= MAX_PEM).ok_or(wrong)?.trim();
    let inside = text.strip_prefix(&format!("-----BEGIN {label}-----"));
    let inside = inside.and_then(|rest| rest.strip_suffix(&format!("-----END {label}-----"))).ok_or(wrong)?;
    let joined: Zeroizing<String> = Zeroizing::new(inside.split_ascii_whitespace().collect());
    base64_decode(&joined).map(Zeroizing::new).map_err(|_| wrong)
}

fn encode_pem(der: &[u8], label: &str) -> Zeroizing<String> {
    let text = Zeroizing::new(base64_encode(der));
    let mut pem = Zeroizing::new(format!("-----BEGIN {label}-----\n"));
    for (index, letter) in text.chars().enumerate() {
        // Lines of 64 (RFC 7468, 2).
        if index > 0 && index % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str(&format!("\n-----END {label}-----\n"));
    pem
}
