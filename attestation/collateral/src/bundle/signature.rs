//! `manifest.sig`: detached signatures over the exact bytes of the manifest, and whose count.
//!
//! ```json
//! {"format":1,"signatures":[{"key_id":"SHA-256 of the key","algorithm":"ed25519","signature":"BASE64"}]}
//! ```

use super::key::{Algorithm, BundleKey, BundleSigner, KeyError};
use hanzo_attestation::crypto::{FormError, SignatureError};
use hanzo_attestation_evidence::encoding::{base64_decode, base64_encode};
use hanzo_attestation_evidence::{Broken, Hex, Rule, json};
use serde::{Deserialize, Serialize};

/// Most signatures on one bundle, and most keys that may be trusted: a board of seven and a spare.
pub const MAX_SIGNATURES: usize = 8;
/// Largest `manifest.sig` in bytes: eight signatures have under 3 KiB.
pub(crate) const MAX_SIGNATURES_FILE: usize = 16 << 10;

/// The keys whose signatures count, and how many of them are needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    keys: Vec<BundleKey>,
    threshold: usize,
}

/// Keys and a threshold that no bundle could be judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// No key at all.
    #[error("no bundle key: nothing could be believed")]
    NoKey,
    /// More keys than signatures are read.
    #[error("more than {MAX_SIGNATURES} bundle keys")]
    TooManyKeys,
    /// One key twice: it would count twice.
    #[error("one bundle key is named twice")]
    DuplicateKey,
    /// A threshold of 0, or above the number of keys.
    #[error("a threshold of {threshold} with {keys} keys")]
    Threshold {
        /// The threshold asked for.
        threshold: usize,
        /// The number of keys.
        keys: usize,
    },
}

impl Trust {
    /// Trusts bundles that `threshold` of these keys signed.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn new(keys: Vec<BundleKey>, threshold: usize) -> Result<Self, TrustError> {
        if keys.is_empty() {
            return Err(TrustError::NoKey);
        }
        if keys.len() > MAX_SIGNATURES {
            return Err(TrustError::TooManyKeys);
        }
        let twice = keys.iter().enumerate().any(|(index, key)| keys.iter().skip(index + 1).any(|k| k == key));
        if twice {
            return Err(TrustError::DuplicateKey);
        }
        if threshold == 0 || threshold > keys.len() {
            return Err(TrustError::Threshold { threshold, keys: keys.len() });
        }
        Ok(Self { keys, threshold })
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[BundleKey] {
        &self.keys
    }

    /// How many of them must have signed.
    #[must_use]
    pub const fn threshold(&self) -> usize {
        self.threshold
    }
}

/// Signatures that do not make a bundle believed (COL-12).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureProblem {
    /// There are none.
    #[error("the bundle is not signed")]
    Missing,
    /// Not the object that the format is.
    #[error("the signatures: {0}")]
    Malformed(String),
    /// More signatures than are read.
    #[error("{actual} signatures; at most {MAX_SIGNATURES} are read")]
    TooMany {
        /// The number found.
        actual: usize,
    },
    /// Two signatures in the name of one key.
    #[error("two signatures by key {key_id}")]
    DuplicateKey {
        /// The key.
        key_id: Hex<32>,
    },
    /// A signature in the name of a trusted key that is not by it.
    #[error("the signature of key {key_id}: {error}")]
    Invalid {
        /// The key.
        key_id: Hex<32>,
        /// What is wrong.
        error: SignatureError,
    },
    /// Too few trusted keys have signed.
    #[error("{found} of the trusted keys signed; {needed} must have")]
    BelowThreshold {
        /// Trusted keys that signed.
        found: usize,
        /// How many must have.
        needed: usize,
    },
}

impl Broken for SignatureProblem {
    fn rule(&self) -> Rule {
        Rule::new("COL-12", "BundleSignatureInvalid")
    }
}

/// The signatures of one manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signatures {
    format: u32,
    signatures: Vec<Signed>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    key_id: Hex<32>,
    algorithm: Algorithm,
    signature: String,
}

impl Signatures {
    /// Signs a manifest with each key.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn make(manifest: &[u8], signers: &[BundleSigner]) -> Result<Self, KeyError> {
        let sign = |signer: &BundleSigner| {
            let public = signer.public()?;
            let signature = base64_encode(&signer.sign(manifest)?);
            Ok(Signed { key_id: public.id(), algorithm: public.algorithm(), signature })
        };
        Ok(Self { format: 1, signatures: signers.iter().map(sign).collect::<Result<_, _>>()? })
    }

    /// As they stand in `manifest.sig`.
    ///
    /// # Errors
    /// [`serde_json::Error`], which plain fields do not cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Reads `manifest.sig`.
    ///
    /// # Errors
    /// [`SignatureProblem`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureProblem> {
        if bytes.len() > MAX_SIGNATURES_FILE {
            return Err(SignatureProblem::Malformed(format!("larger than {MAX_SIGNATURES_FILE} bytes")));
        }
        let read: Self =
            json::from_slice(bytes).map_err(|error| SignatureProblem::Malformed(error.to_string()))?;
        if read.format != 1 {
            return Err(SignatureProblem::Malformed("another format than 1".to_owned()));
        }
        let actual = read.signatures.len();
        if actual > MAX_SIGNATURES {
            return Err(SignatureProblem::TooMany { actual });
        }
        for (index, signed) in read.signatures.iter().enumerate() {
            let key_id = signed.key_id;
            if read.signatures.iter().skip(index + 1).any(|other| other.key_id == key_id) {
                return Err(SignatureProblem::DuplicateKey { key_id });
            }
        }
        Ok(read)
    }

    /// COL-12: enough of the trusted keys signed these bytes. Signatures of other keys count for nothing; one
    /// in the name of a trusted key has to be its own.
    ///
    /// # Errors
    /// [`SignatureProblem`].
    pub fn verify(&self, manifest: &[u8], trust: &Trust) -> Result<Vec<Hex<32>>, SignatureProblem> {
        let mut signers = Vec::new();
        for key in trust.keys() {
            let key_id = key.id();
            let Some(signed) = self.signatures.iter().find(|signed| signed.key_id == key_id) else {
                continue;
            };
            let invalid = |error| SignatureProblem::Invalid { key_id, error };
            if signed.algorithm != key.algorithm() {
                return Err(invalid(FormError::AlgorithmNotAllowed.into()));
            }
            let signature =
                base64_decode(&signed.signature).map_err(|_| invalid(FormError::NotCanonical.into()))?;
            key.verify(manifest, &signature).map_err(invalid)?;
            signers.push(key_id);
        }
        let (found, needed) = (signers.len(), trust.threshold());
        if found < needed {
            return Err(SignatureProblem::BelowThreshold { found, needed });
        }
        Ok(signers)
    }
}
