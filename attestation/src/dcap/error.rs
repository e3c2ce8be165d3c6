//! What can be wrong with the proof that a quote carries.

use super::pck::PckExtensionError;
use crate::crypto::FormError;
use hanzo_attestation_evidence::x509::X509Error;
use hanzo_attestation_evidence::{Broken, Rule, UnixTime};
use std::fmt;

/// A place in the PCK chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The PCK certificate.
    Leaf,
    /// The Platform or Processor CA.
    Ca,
    /// The root.
    Root,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leaf => "PCK certificate",
            Self::Ca => "PCK CA certificate",
            Self::Root => "root certificate",
        })
    }
}

/// A quote whose proof does not hold: one variant a broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DcapError {
    /// COL-06, COL-21, COL-22: a certificate or a list that cannot be read.
    #[error(transparent)]
    Certificate(#[from] X509Error),
    /// COL-05, COL-20, COL-21: a signature that is wrong in itself.
    #[error(transparent)]
    Signature(#[from] FormError),
    /// DCAP-13: the quote names its PCK certificate by platform identifiers, and no store of them exists here.
    #[error("certification type {0} names a PCK certificate that is not at hand")]
    PckNotAvailable(u16),
    /// DCAP-16: leaf, CA and root are not in this order.
    #[error("the issuer of the {0} is not the subject of the next one")]
    ChainOrder(Link),
    /// DCAP-17: the chain ends in a root of its own.
    #[error("the root's public key is not Intel's, nor a configured one")]
    RootNotPinned,
    /// DCAP-18: the first certificate is not a PCK certificate.
    #[error("not a PCK certificate: {0}")]
    LeafProfile(&'static str),
    /// DCAP-19: the second certificate is not a PCK CA's.
    #[error("not a PCK CA: {0}")]
    CaProfile(&'static str),
    /// DCAP-20: a signature in the chain does not verify.
    #[error("the signature of the {0} does not verify")]
    ChainSignature(Link),
    /// COL-19: a certificate of the chain is signed with another algorithm than Intel's.
    #[error("the {0} is not signed with ecdsa-with-SHA256")]
    Algorithm(Link),
    /// DCAP-21: a certificate is not valid now.
    #[error("the {link} is valid from {not_before} to {not_after}, not at {now}")]
    NotInValidity {
        /// Which certificate.
        link: Link,
        /// The instant of the verification.
        now: UnixTime,
        /// Start of its validity.
        not_before: UnixTime,
        /// End of its validity.
        not_after: UnixTime,
    },
    /// DCAP-22: the SGX extension.
    #[error("the SGX extension of the PCK certificate: {0}")]
    Extension(#[from] PckExtensionError),
    /// DCAP-23: the CA issues other platforms' certificates.
    #[error("issued by the {ca} CA: {reason}")]
    CaType {
        /// Platform or Processor.
        ca: &'static str,
        /// What contradicts it.
        reason: &'static str,
    },
    /// DCAP-48: the quoting enclave can be debugged, so that its key is no secret.
    #[error("the quoting enclave is a debug enclave")]
    QeDebug,
    /// DCAP-50: reserved bytes of the QE report are set.
    #[error("reserved byte {0} of the QE report is not zero")]
    QeReportReserved(usize),
    /// DCAP-51: the PCK key did not sign the QE report.
    #[error("the QE report's signature does not verify with the PCK key")]
    QeReportSignature,
    /// DCAP-52: the QE report does not bind the attestation key.
    #[error("the QE report binds another attestation key or other authentication data")]
    QeReportBinding,
    /// DCAP-53: the second half of the QE report data is not zero.
    #[error("bytes 32 to 63 of the QE report data are not zero")]
    QeReportDataUpperHalf,
    /// DCAP-54: the attestation key did not sign the quote.
    #[error("the quote's signature does not verify with its attestation key")]
    QuoteSignature,
    /// DCAP-70: the guest chose other report data.
    #[error("the quote's report data is not the expected one")]
    ReportData,
    /// DCAP-71: the first half is as expected, the rest is not.
    #[error("bytes 32 to 63 of the quote's report data are not the expected ones")]
    ReportDataUpperHalf,
}

impl Broken for DcapError {
    fn rule(&self) -> Rule {
        match self {
            Self::Certificate(error) => error.rule(),
            Self::Signature(error) => error.rule(),
            Self::PckNotAvailable(_) => Rule::new("DCAP-13", "PckNotAvailable"),
            Self::ChainOrder(_) => Rule::new("DCAP-16", "PckChainOrder"),
            Self::RootNotPinned => Rule::new("DCAP-17", "PckRootNotPinned"),
            Self::LeafProfile(_) => Rule::new("DCAP-18", "PckLeafProfile"),
            Self::CaProfile(_) => Rule::new("DCAP-19", "PckCaProfile"),
            Self::ChainSignature(_) => Rule::new("DCAP-20", "PckChainSignature"),
            Self::Algorithm(_) => Rule::new("COL-19", "AlgorithmNotAllowed"),
            Self::NotInValidity { .. } => Rule::new("DCAP-21", "PckCertificateNotInValidity"),
            Self::Extension(_) => Rule::new("DCAP-22", "PckExtensionMalformed"),
            Self::CaType { .. } => Rule::new("DCAP-23", "PckCaTypeMismatch"),
            Self::QeDebug => Rule::new("DCAP-48", "QeDebug"),
            Self::QeReportReserved(_) => Rule::new("DCAP-50", "QeReportReserved"),
            Self::QeReportSignature => Rule::new("DCAP-51", "QeReportSignature"),
            Self::QeReportBinding => Rule::new("DCAP-52", "QeReportBinding"),
            Self::QeReportDataUpperHalf => Rule::new("DCAP-53", "QeReportDataUpperHalf"),
            Self::QuoteSignature => Rule::new("DCAP-54", "QuoteSignature"),
            Self::ReportData => Rule::new("DCAP-70", "QuoteReportDataMismatch"),
            Self::ReportDataUpperHalf => Rule::new("DCAP-71", "QuoteReportDataUpperHalf"),
        }
    }
}
