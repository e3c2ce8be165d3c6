//! What can be wrong with the bytes of a quote.

use super::algorithm::Hash;
use super::public::Attributes;
use crate::rule::{Broken, Rule};

/// A quote, a key or register values that are refused: one variant a broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// TPM-01: not a TPMS_ATTEST to the last byte.
    #[error("malformed TPMS_ATTEST: {0}")]
    Attest(&'static str),
    /// TPM-02: no TPM made it.
    #[error("magic {0:#010x}, not TPM_GENERATED_VALUE")]
    Magic(u32),
    /// TPM-03: another attestation than a quote; the same key signs certifications, times and NV contents.
    #[error("attestation of type {0:#06x}, not a quote")]
    NotAQuote(u16),
    /// TPM-04: not a TPMT_SIGNATURE to the last byte, or of a size that the key does not make.
    #[error("malformed TPMT_SIGNATURE: {0}")]
    Signature(&'static str),
    /// TPM-05: scheme or hash function differ from what the key is bound to, or the key is of another kind.
    #[error("the signature's {0} is not that of the attestation key")]
    SignatureKey(&'static str),
    /// TPM-06: a scheme that is not accepted, an HMAC or none at all among them.
    #[error("signature scheme {0:#06x} is not accepted")]
    SignatureScheme(u16),
    /// TPM-06: a hash function that is not accepted.
    #[error("signature hash function {0:#06x} is not accepted")]
    SignatureHash(u16),
    /// TPM-07: signed over SHA-1.
    #[error("the signature is over SHA-1")]
    WeakHash,
    /// TPM-08: not a TPMT_PUBLIC or SubjectPublicKeyInfo to the last byte, or the two are different keys.
    #[error("malformed attestation key: {0}")]
    Key(&'static str),
    /// TPM-09: the key may sign what the TPM did not make, or may leave the TPM.
    #[error("key attributes {0}: a restricted signing key that never leaves its TPM is needed")]
    KeyAttributes(Attributes),
    /// TPM-10: too short, or on a curve that is not accepted.
    #[error("the attestation key is {0}")]
    KeyWeak(&'static str),
    /// TPM-16: not a TPML_PCR_SELECTION of known banks.
    #[error("malformed register selection: {0}")]
    Selection(&'static str),
    /// TPM-17: a quote of nothing.
    #[error("no register is selected")]
    SelectionEmpty,
    /// TPM-19: the values are not exactly those that the quote selects.
    #[error("register values: {0}")]
    PcrSet(&'static str),
    /// TPM-20: a value that is not as long as its bank's digests.
    #[error("register {index} of the bank {bank}: {actual} bytes", bank = .bank.name())]
    PcrLength {
        /// The bank.
        bank: Hash,
        /// The register.
        index: u8,
        /// The length found, in bytes.
        actual: usize,
    },
}

impl Broken for FormatError {
    fn rule(&self) -> Rule {
        match self {
            Self::Attest(_) => Rule::new("TPM-01", "TpmAttestMalformed"),
            Self::Magic(_) => Rule::new("TPM-02", "TpmMagic"),
            Self::NotAQuote(_) => Rule::new("TPM-03", "TpmNotAQuote"),
            Self::Signature(_) => Rule::new("TPM-04", "TpmSignatureMalformed"),
            Self::SignatureKey(_) => Rule::new("TPM-05", "TpmSignatureKeyMismatch"),
            Self::SignatureScheme(_) | Self::SignatureHash(_) => Rule::new("TPM-06", "TpmSignatureAlgorithm"),
            Self::WeakHash => Rule::new("TPM-07", "TpmWeakHash"),
            Self::Key(_) => Rule::new("TPM-08", "TpmAkMalformed"),
            Self::KeyAttributes(_) => Rule::new("TPM-09", "TpmAkAttributes"),
            Self::KeyWeak(_) => Rule::new("TPM-10", "TpmAkWeak"),
            Self::Selection(_) => Rule::new("TPM-16", "TpmSelectionMalformed"),
            Self::SelectionEmpty => Rule::new("TPM-17", "TpmSelectionEmpty"),
            Self::PcrSet(_) => Rule::new("TPM-19", "TpmPcrSetMismatch"),
            Self::PcrLength { .. } => Rule::new("TPM-20", "TpmPcrLength"),
        }
    }
}
