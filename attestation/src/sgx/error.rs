//! What can be wrong with an enclave that its quote describes, and with the certificate that carries it.

use crate::crypto::FormError;
use crate::dcap::DcapError;
use hanzo_attestation_evidence::x509::X509Error;
use hanzo_attestation_evidence::{Broken, Rule};

/// An enclave's quote that is refused: one variant a broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SgxError {
    /// The DCAP layers below.
    #[error(transparent)]
    Dcap(#[from] DcapError),
    /// SGX-01: only an initialised enclave can ask for a report.
    #[error("the enclave is not initialised")]
    NotInitialised,
    /// SGX-17: the report data is not the hash of the certificate's key.
    #[error("the report data is not the hash of the certificate's key")]
    RaTlsKey,
    /// SGX-17: the certificate is not signed by its own key.
    #[error("the certificate's signature does not verify with its own key")]
    RaTlsSignature,
    /// The certificate itself.
    #[error(transparent)]
    Certificate(#[from] X509Error),
    /// Its signature or its key is malformed, of an algorithm that is not on the list, or the budget is
    /// spent.
    #[error(transparent)]
    Form(#[from] FormError),
}

impl Broken for SgxError {
    fn rule(&self) -> Rule {
        match self {
            Self::Dcap(error) => error.rule(),
            Self::NotInitialised => Rule::new("SGX-01", "SgxNotInitialised"),
            Self::RaTlsKey | Self::RaTlsSignature => Rule::new("SGX-17", "SgxRaTlsBinding"),
            Self::Certificate(error) => error.rule(),
            Self::Form(error) => error.rule(),
        }
    }
}
