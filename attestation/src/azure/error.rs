//! What can be wrong with Azure evidence whose parts are well formed.

use crate::tpm::TpmError;
use hanzo_attestation_evidence::{Broken, Finding, Rule};

/// Azure evidence that is refused: one variant a broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AzureError {
    /// AZ-14: the hardware's report binds other runtime data.
    #[error("the report data of the hardware's report is not the hash of the runtime data")]
    RuntimeDataHash,
    /// AZ-15: something follows the hash.
    #[error("the report data has bytes after the hash of the runtime data")]
    ReportDataUpperHalf,
    /// AZ-16: the hardware's own evidence is refused. The rule that it breaks is in the message.
    #[error("{}: {}", .0.rule, .0.message)]
    HardwareReport(Finding),
    /// AZ-17: a report that the tenant asked for, not the paravisor.
    #[error("the report was asked for at VMPL {0}, not by the paravisor at 0")]
    VmplNotZero(u32),
    /// AZ-19: the quote of another virtual machine.
    #[error("the TD quote's report data is not the TDREPORT's, which binds the runtime data")]
    TdQuoteBinding,
    /// AZ-20: TDREPORT and quote are of two TDs.
    #[error("the TDREPORT and the quote differ in {0}")]
    TdReportMismatch(&'static str),
    /// AZ-21: the vTPM's key did not sign the quote.
    #[error("the quote's signature does not verify under the key in the runtime data")]
    TpmSignature,
    /// AZ-22: another challenge, or another key.
    #[error("the quote's extra data is not the expected one")]
    NonceMismatch,
    /// AZ-24: the register values are not the quoted ones.
    #[error("the register values do not have the quoted digest")]
    PcrDigest,
    /// AZ-25: the user data is not the challenge.
    #[error("the user data of the runtime data is not the quote's extra data and zeros")]
    UserData,
    /// The vTPM's quote itself, or a signature of a form that is not even compared.
    #[error(transparent)]
    Tpm(TpmError),
}

impl Broken for AzureError {
    fn rule(&self) -> Rule {
        let (id, code) = match self {
            Self::Tpm(error) => return error.rule(),
            Self::RuntimeDataHash => ("AZ-14", "AzRuntimeDataHash"),
            Self::ReportDataUpperHalf => ("AZ-15", "AzReportDataUpperHalf"),
            Self::HardwareReport(_) => ("AZ-16", "AzHardwareReportRefused"),
            Self::VmplNotZero(_) => ("AZ-17", "AzVmplNotZero"),
            Self::TdQuoteBinding => ("AZ-19", "AzTdQuoteBinding"),
            Self::TdReportMismatch(_) => ("AZ-20", "AzTdReportMismatch"),
            Self::TpmSignature => ("AZ-21", "AzTpmSignature"),
            Self::NonceMismatch => ("AZ-22", "AzNonceMismatch"),
            Self::PcrDigest => ("AZ-24", "AzPcrDigest"),
            Self::UserData => ("AZ-25", "AzUserDataMismatch"),
        };
        Rule::new(id, code)
    }
}

impl From<TpmError> for AzureError {
    /// The names that a vTPM's quote has here.
    fn from(error: TpmError) -> Self {
        match error {
            TpmError::QuoteSignature => Self::TpmSignature,
            TpmError::NonceMismatch => Self::NonceMismatch,
            TpmError::PcrDigest => Self::PcrDigest,
            other => Self::Tpm(other),
        }
    }
}
