//! What can be wrong with a quote before any signature is looked at.

use crate::bytes::Hex;
use crate::rule::{Broken, Rule};

/// A quote that is not well formed: one variant a broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// DCAP-01: shorter than a header, its body and a length field, or longer than the budget.
    #[error("a quote of {actual} bytes: at least {minimum} and at most {maximum} are accepted")]
    Length {
        /// Bytes received.
        actual: usize,
        /// Header, body and the signature length field.
        minimum: usize,
        /// The budget.
        maximum: usize,
    },
    /// DCAP-02: a format version other than 3, 4 and 5.
    #[error("quote version {0} is none of 3, 4 and 5")]
    Version(u16),
    /// DCAP-03: an attestation key that is not ECDSA P-256.
    #[error("attestation key type {0} is not 2 (ECDSA P-256)")]
    AttestationKeyType(u16),
    /// DCAP-04: a TEE type that this version does not have.
    #[error("TEE type {tee_type:#x} in a quote of version {version}")]
    TeeType {
        /// Quote version.
        version: u16,
        /// TEE type of the header.
        tee_type: u32,
    },
    /// DCAP-04: header and body descriptor name different TEEs.
    #[error("TEE type {tee_type:#x} with body type {body_type}")]
    TeeTypeOfBody {
        /// TEE type of the header.
        tee_type: u32,
        /// Body type of the descriptor.
        body_type: u16,
    },
    /// DCAP-05: reserved header bytes are not zero.
    #[error("the reserved header bytes 8 to 11 are {0}, not zero")]
    HeaderReserved(Hex<4>),
    /// DCAP-06: a quoting enclave of another vendor.
    #[error("quoting enclave vendor {0} is not Intel")]
    QeVendor(Hex<16>),
    /// DCAP-07: a body type that does not exist, or not with this size.
    #[error("no body of type {body_type} has {size} bytes")]
    BodyDescriptor {
        /// Body type.
        body_type: u16,
        /// Body size in bytes.
        size: u32,
    },
    /// DCAP-08: the signature data does not fill the length that announces it.
    #[error("signature data of {declared} bytes declared: {reason}")]
    SignatureLength {
        /// The length field.
        declared: u32,
        /// What does not fit.
        reason: &'static str,
    },
    /// DCAP-09: something other than zeros after the signature data.
    #[error("byte {offset} after the signature data is not zero")]
    TrailingBytes {
        /// Offset from the end of the signature data.
        offset: usize,
    },
    /// DCAP-09: more padding than any real buffer has.
    #[error("{count} zero bytes after the signature data, more than {maximum}")]
    TrailingZeros {
        /// Zeros found.
        count: usize,
        /// The budget.
        maximum: usize,
    },
    /// DCAP-10: versions 4 and 5 wrap the QE report in certification data of type 6.
    #[error("outer certification type {0} is not 6 (QE report)")]
    OuterCertificationType(u16),
    /// DCAP-10: the outer certification data does not fill its container.
    #[error("outer certification data of {declared} bytes in a container of {actual}")]
    OuterCertificationLength {
        /// The length field.
        declared: u32,
        /// Bytes that the container has left.
        actual: usize,
    },
    /// DCAP-11: the inner certification data does not fill its container.
    #[error("certification data of {declared} bytes in a container of {actual}")]
    CertificationDataLength {
        /// The length field.
        declared: u32,
        /// Bytes that the container has left.
        actual: usize,
    },
    /// DCAP-12: certification data that identifies no PCK certificate.
    #[error("certification type {0} is none of 1, 2, 3 and 5")]
    CertificationType(u16),
    /// DCAP-14: QE authentication data beyond its budget.
    #[error("{actual} bytes of QE authentication data, more than {maximum}")]
    QeAuthDataTooLong {
        /// The length field.
        actual: u16,
        /// The budget.
        maximum: u16,
    },
    /// DCAP-15: the PCK chain is not three PEM certificates and nothing else.
    #[error("malformed PCK certificate chain: {0}")]
    Pem(&'static str),
    /// COL-06: a certificate beyond its budget.
    #[error("certificate {index} of the PCK chain has {actual} bytes, more than {maximum}")]
    CertificateTooLarge {
        /// Place in the chain, from 0.
        index: usize,
        /// DER bytes.
        actual: usize,
        /// The budget.
        maximum: usize,
    },
    /// TDX-26: a TD 1.5 extended body, whose field rules this build does not have.
    #[error("a TD body of type 4 (TD 1.5 extended) is not supported")]
    ExtendedBody,
    /// COL-04: the bytes are of another kind than the one declared.
    #[error("declared `{declared}`, but the quote is of {found}")]
    KindMismatch {
        /// The kind in the document.
        declared: &'static str,
        /// What the quote says.
        found: &'static str,
    },
}

impl Broken for QuoteError {
    fn rule(&self) -> Rule {
        match self {
            Self::Length { .. } => Rule::new("DCAP-01", "QuoteLength"),
            Self::Version(_) => Rule::new("DCAP-02", "QuoteVersion"),
            Self::AttestationKeyType(_) => Rule::new("DCAP-03", "QuoteAttestationKeyType"),
            Self::TeeType { .. } | Self::TeeTypeOfBody { .. } => Rule::new("DCAP-04", "QuoteTeeType"),
            Self::HeaderReserved(_) => Rule::new("DCAP-05", "QuoteHeaderReserved"),
            Self::QeVendor(_) => Rule::new("DCAP-06", "QuoteQeVendor"),
            Self::BodyDescriptor { .. } => Rule::new("DCAP-07", "QuoteBodyDescriptor"),
            Self::SignatureLength { .. } => Rule::new("DCAP-08", "QuoteSignatureLength"),
            Self::TrailingBytes { .. } | Self::TrailingZeros { .. } => {
                Rule::new("DCAP-09", "QuoteTrailingBytes")
            }
            Self::OuterCertificationType(_) | Self::OuterCertificationLength { .. } => {
                Rule::new("DCAP-10", "QuoteOuterCertificationType")
            }
            Self::CertificationDataLength { .. } => Rule::new("DCAP-11", "QuoteCertificationDataLength"),
            Self::CertificationType(_) => Rule::new("DCAP-12", "QuoteCertificationType"),
            Self::QeAuthDataTooLong { .. } => Rule::new("DCAP-14", "QuoteQeAuthDataTooLong"),
            Self::Pem(_) => Rule::new("DCAP-15", "PckPemMalformed"),
            Self::CertificateTooLarge { .. } => Rule::new("COL-06", "CertificateBudgetExceeded"),
            Self::ExtendedBody => Rule::new("TDX-26", "TdExtendedBodyUnsupported"),
            Self::KindMismatch { .. } => Rule::new("COL-04", "EvidenceKindMismatch"),
        }
    }
}
