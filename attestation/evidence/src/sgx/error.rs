//! What can be wrong with an enclave's quote before any signature is looked at.

use super::Attributes;
use super::ra_tls::RaTlsError;
use crate::dcap::QuoteError;
use crate::rule::{Broken, Rule};

/// An SGX item that is not well formed: one variant a broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SgxError {
    /// The quote around the report.
    #[error(transparent)]
    Quote(#[from] QuoteError),
    /// The certificate around the quote.
    #[error(transparent)]
    RaTls(#[from] RaTlsError),
    /// SGX-06: a reserved byte of the report is set.
    #[error("reserved byte {0} of the report is not zero")]
    ReservedNotZero(usize),
    /// SGX-06: an attribute that the architecture does not define.
    #[error("attribute bits {bits:#x} are reserved", bits = .0.undefined())]
    AttributesReserved(Attributes),
    /// SGX-06: CET attributes of an enclave whose CET attribute is clear.
    #[error("CET attributes {0:#04x} without the CET attribute")]
    CetAttributes(u8),
    /// SGX-13: key separation and sharing is off, and one of its fields is set.
    #[error("{0} is set although the KSS attribute is clear")]
    KssInconsistent(&'static str),
}

impl Broken for SgxError {
    fn rule(&self) -> Rule {
        match self {
            Self::Quote(error) => error.rule(),
            Self::RaTls(error) => error.rule(),
            Self::ReservedNotZero(_) | Self::AttributesReserved(_) | Self::CetAttributes(_) => {
                Rule::new("SGX-06", "SgxReservedNotZero")
            }
            Self::KssInconsistent(_) => Rule::new("SGX-13", "SgxKssInconsistent"),
        }
    }
}
