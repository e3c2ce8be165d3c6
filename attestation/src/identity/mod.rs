//! A registered key that signs the binding: an authenticated identity, tier 1.
//!
//! The signature covers the binding, so that it can be verified only once the binding is known: an
//! identity appears among the items of [`crate::Attested`], never among those of [`crate::Verified`].

use crate::claims::{Claims as AnyClaims, Facts, TcbStatus};
use crate::crypto::{self, Budget, FormError, SignatureError};
use crate::roots::Roots;
use crate::verify::{Refused, VerifiedItem};
use hanzo_attestation_evidence::identity::Evidence;
use hanzo_attestation_evidence::{Binding, Broken, Rule, Tee, UnixTime};
use serde::Serialize;

/// Who signed.
#[derive(Clone, Debug, Serialize)]
pub struct Claims {
    /// Name under which the key is registered.
    pub key_id: String,
}

/// A key that authenticates whoever holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredKey {
    /// Its name in evidence and policy.
    pub key_id: String,
    /// The public half.
    pub public_key: PublicKey,
}

/// Algorithms of registered keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// Ed25519 (RFC 8032).
    Ed25519([u8; 32]),
    /// ECDSA P-256 with SHA-256, uncompressed point; signatures are R and S.
    P256([u8; 65]),
}

/// An identity item that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// ID-01: no key of that name is registered.
    #[error("no key `{key_id}` is registered")]
    KeyUnknown {
        /// The name in the evidence.
        key_id: String,
    },
    /// ID-02: the signature is not by that key over this binding.
    #[error("the signature is not by the registered key `{key_id}` over this binding")]
    Signature {
        /// The name in the evidence.
        key_id: String,
    },
    /// The signature or the key is malformed, or the budget is spent.
    #[error(transparent)]
    Crypto(FormError),
}

impl Broken for IdentityError {
    fn rule(&self) -> Rule {
        match self {
            Self::KeyUnknown { .. } => Rule::new("ID-01", "RegisteredKeyUnknown"),
            Self::Signature { .. } => Rule::new("ID-02", "RegisteredKeySignature"),
            Self::Crypto(error) => error.rule(),
        }
    }
}

/// An identity whose key is known and whose signature waits for the binding.
#[derive(Debug)]
pub(crate) struct Pending {
    evidence: Evidence,
    public_key: PublicKey,
}

/// ID-01: finds the key.
pub(crate) fn find_key(evidence: &Evidence, roots: &Roots) -> Result<Pending, Refused> {
    let key_id = evidence.key_id.as_str();
    let public_key = roots.registered_key(key_id).cloned().ok_or_else(|| {
        Refused::new(Tee::RegisteredKey, &IdentityError::KeyUnknown { key_id: key_id.to_owned() })
    })?;
    Ok(Pending { evidence: evidence.clone(), public_key })
}

impl Pending {
    /// ID-02: verifies the signature over the binding.
    pub(crate) fn bind(
        self,
        binding: &Binding,
        lab: bool,
        budget: &mut Budget,
    ) -> Result<VerifiedItem, Refused> {
        let (message, signature) = (binding.identity_message(), &self.evidence.signature);
        let key_id = self.evidence.key_id.to_string();
        let verified = match &self.public_key {
            PublicKey::Ed25519(key) => crypto::ed25519(budget, key, message, signature),
            PublicKey::P256(key) => crypto::ecdsa_p256(budget, key, message, signature),
        };
        verified.map_err(|error| {
            let error = match error {
                SignatureError::Mismatch => IdentityError::Signature { key_id: key_id.clone() },
                SignatureError::Form(error) => IdentityError::Crypto(error),
            };
            Refused::new(Tee::RegisteredKey, &error)
        })?;
        let facts = Facts {
            tee: Tee::RegisteredKey,
            product: None,
            debug: None,
            measurements: Vec::new(),
            host_data: None,
            chip: None,
            tcb_status: TcbStatus::NotRated,
            tcb_date: None,
            advisories: Vec::new(),
            root: None,
            collateral: Vec::new(),
            not_after: UnixTime::MAX,
            lab,
        };
        Ok(VerifiedItem::new(AnyClaims::RegisteredKey(Claims { key_id }), facts, Vec::new()))
    }
}
