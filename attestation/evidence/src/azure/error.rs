//! What can be wrong with Azure evidence before any signature is looked at.

use super::HclKind;
use crate::dcap::QuoteError;
use crate::encoding::EncodingError;
use crate::rule::{Broken, Rule};
use crate::snp::ReportError;
use crate::tpm::FormatError;

/// Azure evidence that is not well formed: one variant a broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AzureError {
    /// COL-01: a field is over its budget, judged before it is decoded.
    #[error("field `{field}` holds more than {limit} bytes or values")]
    TooLarge {
        /// The field.
        field: &'static str,
        /// Its budget.
        limit: usize,
    },
    /// COL-02: a byte string that is not in its one spelling.
    #[error("field `{field}`: {error}")]
    Encoding {
        /// The field.
        field: &'static str,
        /// What is wrong with its text.
        error: EncodingError,
    },
    /// COL-04: wrapped as another platform's.
    #[error("the platform beside the evidence is not `{0}`")]
    Platform(&'static str),
    /// AZ-01: a version that does not exist, or without what makes it that version.
    #[error("{0}")]
    Version(&'static str),
    /// AZ-01: the fields are not those of the version.
    #[error("the fields are not those of its version: {0}")]
    Shape(String),
    /// AZ-02: too short for its headers, or over the budget.
    #[error("an HCL report of {actual} bytes; 1236 to 8192 are read")]
    HclLength {
        /// Bytes received.
        actual: usize,
    },
    /// AZ-03: no paravisor wrote it.
    #[error("magic {0:02x?}, not HCLA")]
    HclMagic([u8; 4]),
    /// AZ-04: a header of another version.
    #[error("header version {0} is neither 1 nor 2")]
    HclVersion(u32),
    /// AZ-05: the report's size is not that of its parts.
    #[error("a report size of {0} is not that of its parts")]
    HclReportSize(u32),
    /// AZ-06: an answer to another request.
    #[error("request type {0} is not 2")]
    HclRequestType(u32),
    /// AZ-07: the buffer of a request that failed.
    #[error("status {0}, or reserved bytes that are not zero")]
    HclStatus(u32),
    /// AZ-08: another processor's report than the one declared.
    #[error("report type {found} in evidence that is declared to be {declared:?}")]
    HclReportType {
        /// The kind declared.
        declared: HclKind,
        /// The type found.
        found: u32,
    },
    /// AZ-08: declared as a TD's, and no TDREPORT.
    #[error("a TDREPORT of type {0:#04x}, not 0x81")]
    TdReportType(u8),
    /// AZ-09: a hash function that does not exist.
    #[error("hash type {0} is none of 1, 2 and 3")]
    HclHashType(u32),
    /// AZ-10: the sizes of the runtime data.
    #[error("the runtime data: {0}")]
    HclDataSize(&'static str),
    /// AZ-11: bytes that nothing signs and nobody reads.
    #[error("padding byte {offset} is not zero")]
    HclPadding {
        /// Offset in the padding.
        offset: usize,
    },
    /// AZ-12: not strict JSON of the known shape, or over the budget.
    #[error("the runtime data: {0}")]
    RuntimeData(String),
    /// AZ-13: no attestation key, or none that may sign.
    #[error("{0}")]
    AkMissing(&'static str),
    /// AZ-21: a signature that is not 256 bytes of RSASSA.
    #[error("a TPM signature of {0} bytes, not 256")]
    TpmSignatureLength(usize),
    /// AZ-23: not all registers of the SHA-256 bank, or not their values.
    #[error("the registers: {0}")]
    PcrSelection(&'static str),
    /// AZ-25: user data that is not 64 bytes in hex.
    #[error("the user data of the runtime data: {0}")]
    UserDataEncoding(EncodingError),
    /// The quote of the vTPM.
    #[error(transparent)]
    Tpm(#[from] FormatError),
    /// The SEV-SNP report inside.
    #[error(transparent)]
    Snp(#[from] ReportError),
    /// The TD quote beside.
    #[error(transparent)]
    Tdx(#[from] QuoteError),
}

impl Broken for AzureError {
    fn rule(&self) -> Rule {
        let (id, code) = match self {
            Self::Tpm(error) => return error.rule(),
            Self::Snp(error) => return error.rule(),
            Self::Tdx(error) => return error.rule(),
            Self::Encoding { error, .. } => return error.rule(),
            Self::TooLarge { .. } => ("COL-01", "EvidenceTooLarge"),
            Self::Platform(_) => ("COL-04", "EvidenceKindMismatch"),
            Self::Version(_) | Self::Shape(_) => ("AZ-01", "AzEvidenceVersion"),
            Self::HclLength { .. } => ("AZ-02", "AzHclLength"),
            Self::HclMagic(_) => ("AZ-03", "AzHclMagic"),
            Self::HclVersion(_) => ("AZ-04", "AzHclVersion"),
            Self::HclReportSize(_) => ("AZ-05", "AzHclReportSize"),
            Self::HclRequestType(_) => ("AZ-06", "AzHclRequestType"),
            Self::HclStatus(_) => ("AZ-07", "AzHclStatus"),
            Self::HclReportType { .. } | Self::TdReportType(_) => ("AZ-08", "AzHclReportType"),
            Self::HclHashType(_) => ("AZ-09", "AzHclHashType"),
            Self::HclDataSize(_) => ("AZ-10", "AzHclDataSize"),
            Self::HclPadding { .. } => ("AZ-11", "AzHclPadding"),
            Self::RuntimeData(_) => ("AZ-12", "AzRuntimeDataMalformed"),
            Self::AkMissing(_) => ("AZ-13", "AzAkMissing"),
            Self::TpmSignatureLength(_) => ("AZ-21", "AzTpmSignature"),
            Self::PcrSelection(_) => ("AZ-23", "AzPcrSelection"),
            Self::UserDataEncoding(_) => ("AZ-25", "AzUserDataMismatch"),
        };
        Rule::new(id, code)
    }
}
