//! What can be wrong with the proof under a well-formed quote.

use super::activation::ActivationError;
use super::chain::CertificateError;
use crate::crypto::FormError;
use crate::event_log::ReplayError;
use hanzo_attestation_evidence::tpm::FormatError;
use hanzo_attestation_evidence::{Broken, Rule};

/// A quote whose proof does not hold: one variant a broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TpmError {
    /// The bytes of the quote or of its key.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// TPM-12: the quote names another signer than this key in its known place.
    #[error("the qualified signer {0}")]
    SignerName(&'static str),
    /// TPM-13: the attestation key did not sign these bytes.
    #[error("the quote's signature does not verify under the attestation key")]
    QuoteSignature,
    /// COL-05, COL-20, COL-21: the signature was not even compared.
    #[error("quote: {0}")]
    NotCompared(#[from] FormError),
    /// TPM-14: another challenge, or another key.
    #[error("the quote's extra data is not the expected qualifying data")]
    NonceMismatch,
    /// TPM-21: the values are not the quoted ones.
    #[error("the register values do not have the quoted digest")]
    PcrDigest,
    /// TPM-23: two quotes of one document are not of one boot.
    #[error("two quotes of one document differ in {0}")]
    BankConflict(&'static str),
    /// TPM-28: the endorsement key's certificate.
    #[error("endorsement key certificate: {0}")]
    EkCertificate(CertificateError),
    /// TPM-29: an endorsement key on the deny list.
    #[error("the endorsement key is on the deny list")]
    EkRevoked,
    /// TPM-30: the attestation key's certificate.
    #[error("attestation key certificate: {0}")]
    AkCertificate(CertificateError),
    /// TPM-31: the certificate is another key's.
    #[error("the first certificate is not the attestation key's")]
    AkCertificateKey,
    /// TPM-33: the activation record.
    #[error("activation record: {0}")]
    Activation(#[from] ActivationError),
    /// The event log: malformed, or not the log of the quoted registers.
    #[error("event log: {0}")]
    Log(#[from] ReplayError),
    /// TPM-36: register 8 does not hold the initialisation data.
    #[error("initialisation data: {0}")]
    InitData(&'static str),
}

impl Broken for TpmError {
    fn rule(&self) -> Rule {
        match self {
            Self::Format(error) => error.rule(),
            Self::SignerName(_) => Rule::new("TPM-12", "TpmSignerNameMismatch"),
            Self::QuoteSignature => Rule::new("TPM-13", "TpmQuoteSignature"),
            Self::NotCompared(error) => error.rule(),
            Self::NonceMismatch => Rule::new("TPM-14", "TpmNonceMismatch"),
            Self::PcrDigest => Rule::new("TPM-21", "TpmPcrDigest"),
            Self::BankConflict(_) => Rule::new("TPM-23", "TpmBankConflict"),
            Self::EkCertificate(error) => error.rule_or(Rule::new("TPM-28", "TpmEkCertificateInvalid")),
            Self::EkRevoked => Rule::new("TPM-29", "TpmEkRevoked"),
            Self::AkCertificate(error) => error.rule_or(Rule::new("TPM-30", "TpmAkCertificateInvalid")),
            Self::AkCertificateKey => Rule::new("TPM-31", "TpmAkCertificateKeyMismatch"),
            Self::Activation(_) => Rule::new("TPM-33", "TpmActivationRecordInvalid"),
            Self::Log(error) => error.rule(),
            Self::InitData(_) => Rule::new("TPM-36", "TpmInitDataMismatch"),
        }
    }
}
