//! What can be wrong with a document, and with what is inside.

use super::{MAX_ITEMS, Tee};
use crate::azure::AzureError;
use crate::dcap::QuoteError;
use crate::encoding::EncodingError;
use crate::json::JsonError;
use crate::nvidia;
use crate::rule::{Broken, Rule};
use crate::sgx::SgxError;
use crate::snp::ReportError;
use crate::tdi;
use crate::tpm::FormatError;
use crate::x509::X509Error;

/// An envelope that is refused: the caller's mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// COL-01: the whole document is over its budget.
    #[error("a document of {actual} bytes; at most {limit} are read")]
    TooLarge {
        /// The budget in bytes.
        limit: usize,
        /// The size found.
        actual: usize,
    },
    /// COL-01: one field is over its budget, judged by its text before it is decoded.
    #[error("field `{field}` holds more than {limit} bytes")]
    FieldTooLarge {
        /// The field.
        field: &'static str,
        /// Its budget in bytes.
        limit: usize,
    },
    /// COL-03: not strict JSON, or not of the document's shape.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// COL-03: a field is missing, unknown, or of another type.
    #[error("item {item}: {problem}")]
    Shape {
        /// Position of the item.
        item: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// COL-02: a byte string that is not in its one spelling.
    #[error("field `{field}`: {error}")]
    Encoding {
        /// The field.
        field: &'static str,
        /// What is wrong with its text.
        error: EncodingError,
    },
    /// COL-03: more items than one node can have.
    #[error("{actual} items; at most {MAX_ITEMS} are read")]
    TooManyItems {
        /// The number found.
        actual: usize,
    },
    /// COL-03: one document is one node, which has one CPU.
    #[error("more than one CPU item")]
    SeveralCpuItems,
    /// COL-03: all devices of one kind are in one item.
    #[error("more than one item of type `{kind}`")]
    SeveralDeviceItems {
        /// The kind.
        kind: Tee,
    },
    /// COL-03: two items by one registered key.
    #[error("two items by the registered key `{key_id}`")]
    RepeatedKey {
        /// The key.
        key_id: String,
    },
    /// COL-03: no kind of the interface.
    #[error("unknown evidence type `{kind}`")]
    KindUnknown {
        /// The text found, escaped and cut.
        kind: String,
    },
    /// COL-06: too many certificates, or too large.
    #[error(transparent)]
    Certificates(#[from] X509Error),
}

impl Broken for DocumentError {
    fn rule(&self) -> Rule {
        match self {
            Self::TooLarge { .. } | Self::FieldTooLarge { .. } => Rule::new("COL-01", "EvidenceTooLarge"),
            Self::Json(error) => error.rule(),
            Self::Encoding { error, .. } => error.rule(),
            Self::Certificates(error) => error.rule(),
            Self::Shape { .. }
            | Self::TooManyItems { .. }
            | Self::SeveralCpuItems
            | Self::SeveralDeviceItems { .. }
            | Self::RepeatedKey { .. }
            | Self::KindUnknown { .. } => Rule::new("COL-03", "EnvelopeMalformed"),
        }
    }
}

/// An item that is refused: a statement about the evidence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// The SEV-SNP report.
    #[error(transparent)]
    SevSnp(#[from] ReportError),
    /// The TDX quote.
    #[error(transparent)]
    Tdx(#[from] QuoteError),
    /// The SGX quote.
    #[error(transparent)]
    Sgx(#[from] SgxError),
    /// The TPM quote.
    #[error(transparent)]
    Tpm(#[from] FormatError),
    /// The evidence of an Azure SEV-SNP machine.
    #[error(transparent)]
    AzSnpVtpm(AzureError),
    /// The evidence of an Azure TDX machine.
    #[error(transparent)]
    AzTdxVtpm(AzureError),
    /// NVIDIA devices of one class.
    #[error("{1}")]
    Nvidia(nvidia::Class, nvidia::ItemError),
    /// TEE device interfaces.
    #[error(transparent)]
    Tdi(#[from] tdi::ItemError),
    /// The document has no RFC 8785 form.
    #[error("the document has no RFC 8785 form: {0}")]
    Canonical(String),
}

impl EvidenceError {
    /// The kind of the item that was refused; `None` when the document as a whole was.
    #[must_use]
    pub const fn item(&self) -> Option<Tee> {
        match self {
            Self::SevSnp(_) => Some(Tee::SevSnp),
            Self::Tdx(_) => Some(Tee::Tdx),
            Self::Sgx(_) => Some(Tee::Sgx),
            Self::Tpm(_) => Some(Tee::Tpm),
            Self::AzSnpVtpm(_) => Some(Tee::AzSnpVtpm),
            Self::AzTdxVtpm(_) => Some(Tee::AzTdxVtpm),
            Self::Nvidia(class, _) => Some(class.tee()),
            Self::Tdi(_) => Some(Tee::Tdi),
            Self::Canonical(_) => None,
        }
    }
}

impl Broken for EvidenceError {
    fn rule(&self) -> Rule {
        match self {
            Self::SevSnp(error) => error.rule(),
            Self::Tdx(error) => error.rule(),
            Self::Sgx(error) => error.rule(),
            Self::Tpm(error) => error.rule(),
            Self::AzSnpVtpm(error) | Self::AzTdxVtpm(error) => error.rule(),
            Self::Nvidia(_, error) => error.rule(),
            Self::Tdi(error) => error.rule(),
            Self::Canonical(_) => Rule::new("COL-03", "EnvelopeMalformed"),
        }
    }
}
