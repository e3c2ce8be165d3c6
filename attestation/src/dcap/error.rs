//! What can be wrong with the proof that a quote carries.

use super::claims::PckCa;
use super::documents::tee_name;
use super::pck::PckExtensionError;
use crate::crypto::FormError;
use hanzo_attestation_evidence::dcap::{QeIdentityError, QuoteError, TcbInfoError, TeeType};
use hanzo_attestation_evidence::x509::X509Error;
use hanzo_attestation_evidence::{Broken, Hex, Rule, UnixTime};
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
    /// A revocation list.
    List,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leaf => "PCK certificate",
            Self::Ca => "PCK CA certificate",
            Self::Root => "root certificate",
            Self::List => "revocation list",
        })
    }
}

/// A document of Intel's collateral.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// TCB info.
    TcbInfo,
    /// QE identity.
    QeIdentity,
    /// Revocation list of the root.
    RootCrl,
    /// Revocation list of a PCK CA.
    PckCrl,
}

impl Document {
    /// Its name in [`crate::CollateralUse`].
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::TcbInfo => "intel-tcb-info",
            Self::QeIdentity => "intel-qe-identity",
            Self::RootCrl => "intel-root-crl",
            Self::PckCrl => "intel-pck-crl",
        }
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TcbInfo => "TCB info",
            Self::QeIdentity => "QE identity",
            Self::RootCrl => "revocation list of the root",
            Self::PckCrl => "revocation list of the PCK CA",
        })
    }
}

/// When a document counts, and when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// issueDate or thisUpdate.
    pub issued: UnixTime,
    /// nextUpdate.
    pub expires: UnixTime,
    /// The instant of the verification.
    pub now: UnixTime,
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {} to {}, not at {}", self.issued, self.expires, self.now)
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
    /// DCAP-13: the quote names its PCK certificate by platform identifiers, and no stored one is this
    /// platform's.
    #[error("certification type {0} names a PCK certificate that is not at hand")]
    PckNotAvailable(u16),
    /// DCAP-15: a stored PCK chain cannot be read.
    #[error("a stored PCK chain: {0}")]
    StoredPck(QuoteError),
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
    /// COL-10: a document that a rule needs is absent.
    #[error("no collateral at hand: {0}")]
    CollateralMissing(String),
    /// COL-08: a document from the future.
    #[error("the {0} counts {1}")]
    NotYetValid(Document, Period),
    /// DCAP-26, DCAP-30, DCAP-36, DCAP-43: a document that is out of date, grace included.
    #[error("the {0} counts {1}")]
    NotCurrent(Document, Period),
    /// DCAP-24, DCAP-28: no revocation list of the root, or of the CA that issued the PCK certificate.
    #[error("no {0} at hand (PCK certificate by the {ca} CA)", ca = .1.name())]
    CrlMissing(Document, PckCa),
    /// DCAP-25, DCAP-29: a list that its authority did not sign.
    #[error("the signature of the {0} does not verify")]
    CrlSignature(Document),
    /// DCAP-27: the CA is revoked.
    #[error("the root revoked the PCK CA certificate {0}")]
    CaRevoked(String),
    /// DCAP-31: the PCK certificate is revoked.
    #[error("the PCK CA revoked the PCK certificate {0}")]
    PckRevoked(String),
    /// DCAP-32: a document's signer is not Intel's TCB signer.
    #[error("not a TCB signer: {0}")]
    SignerProfile(&'static str),
    /// DCAP-33: the TCB signer is revoked.
    #[error("the root revoked the TCB signer's certificate {0}")]
    SignerRevoked(String),
    /// DCAP-34, DCAP-41: the TCB signer did not sign these bytes.
    #[error("the signature of the {0} does not verify over its bytes")]
    DocumentSignature(Document),
    /// DCAP-35, DCAP-39, DCAP-40.
    #[error(transparent)]
    TcbInfo(TcbInfoError),
    /// DCAP-35: TCB info of the other TEE.
    #[error("the TCB info at hand is not for {}", tee_name(*.0))]
    TcbInfoTee(TeeType),
    /// DCAP-37: no TCB info of this platform, only of others.
    #[error("the TCB info is for FMSPC {document}, the platform's is {platform}")]
    FmspcMismatch {
        /// The platform's.
        platform: Hex<6>,
        /// A document's.
        document: Hex<6>,
    },
    /// DCAP-38: TCB info of another provisioning certification enclave.
    #[error("the TCB info is for PCEID {document}, the platform's is {platform}")]
    PceIdMismatch {
        /// The platform's.
        platform: Hex<2>,
        /// The document's.
        document: Hex<2>,
    },
    /// DCAP-40, DCAP-42.
    #[error(transparent)]
    QeIdentity(QeIdentityError),
    /// DCAP-42: QE identity of the other TEE.
    #[error("the QE identity at hand is not for {}", tee_name(*.0))]
    QeIdentityTee(TeeType),
    /// DCAP-44: an enclave that is not Intel's quoting enclave.
    #[error("the QE's MRSIGNER is {report}, the identity's {identity}")]
    QeMrSigner {
        /// In the QE report.
        report: Hex<32>,
        /// In the QE identity.
        identity: Hex<32>,
    },
    /// DCAP-45: another enclave of the same signer.
    #[error("the QE's ISVPRODID is {report}, the identity's {identity}")]
    QeIsvProdId {
        /// In the QE report.
        report: u16,
        /// In the QE identity.
        identity: u16,
    },
    /// DCAP-46.
    #[error("the QE's MISCSELECT {0:#x} is not the identity's")]
    QeMiscSelect(u32),
    /// DCAP-47.
    #[error("the QE's attributes {0:#x}, XFRM {1:#x} are not the identity's")]
    QeAttributes(u64, u64),
    /// DCAP-48: the quoting enclave can be debugged, so that its key is no secret.
    #[error("the quoting enclave is a debug enclave")]
    QeDebug,
    /// DCAP-49: a quoting enclave below every level.
    #[error("no level of the QE identity is reached by ISVSVN {0}")]
    QeTcbUnrecognized(u16),
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
    /// TDX-02: another signer of the TDX module than the TCB info's.
    #[error("MRSIGNERSEAM {0} is not the signer in the TCB info")]
    ModuleSigner(Hex<48>),
    /// TDX-03: a TDX module of a version that the TCB info does not know.
    #[error("the TCB info has no TDX module of version {0}")]
    ModuleIdentityMissing(u8),
    /// TDX-04: attributes that the TCB info does not allow.
    #[error("SEAMATTRIBUTES {0:#x} are not those in the TCB info")]
    ModuleAttributes(u64),
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
            Self::StoredPck(error) => error.rule(),
            Self::CollateralMissing(_) => Rule::new("COL-10", "CollateralMissing"),
            Self::NotYetValid(..) => Rule::new("COL-08", "CollateralNotYetValid"),
            Self::NotCurrent(document, _) => not_current(*document),
            Self::CrlMissing(Document::PckCrl, _) => Rule::new("DCAP-28", "PckCrlMissing"),
            Self::CrlMissing(..) => Rule::new("DCAP-24", "RootCrlMissing"),
            Self::CrlSignature(Document::PckCrl) => Rule::new("DCAP-29", "PckCrlSignature"),
            Self::CrlSignature(_) => Rule::new("DCAP-25", "RootCrlSignature"),
            Self::CaRevoked(_) => Rule::new("DCAP-27", "PckCaRevoked"),
            Self::PckRevoked(_) => Rule::new("DCAP-31", "PckRevoked"),
            Self::SignerProfile(_) => Rule::new("DCAP-32", "TcbSignerProfile"),
            Self::SignerRevoked(_) => Rule::new("DCAP-33", "TcbSignerRevoked"),
            Self::DocumentSignature(Document::QeIdentity) => Rule::new("DCAP-41", "QeIdentitySignature"),
            Self::DocumentSignature(_) => Rule::new("DCAP-34", "TcbInfoSignature"),
            Self::TcbInfo(error) => error.rule(),
            Self::TcbInfoTee(_) => Rule::new("DCAP-35", "TcbInfoIdentity"),
            Self::FmspcMismatch { .. } => Rule::new("DCAP-37", "TcbInfoFmspcMismatch"),
            Self::PceIdMismatch { .. } => Rule::new("DCAP-38", "TcbInfoPceIdMismatch"),
            Self::QeIdentity(error) => error.rule(),
            Self::QeIdentityTee(_) => Rule::new("DCAP-42", "QeIdentityKind"),
            Self::QeMrSigner { .. } => Rule::new("DCAP-44", "QeMrSigner"),
            Self::QeIsvProdId { .. } => Rule::new("DCAP-45", "QeIsvProdId"),
            Self::QeMiscSelect(_) => Rule::new("DCAP-46", "QeMiscSelect"),
            Self::QeAttributes(..) => Rule::new("DCAP-47", "QeAttributes"),
            Self::QeTcbUnrecognized(_) => Rule::new("DCAP-49", "QeTcbUnrecognized"),
            Self::ModuleSigner(_) => Rule::new("TDX-02", "TdModuleSigner"),
            Self::ModuleIdentityMissing(_) => Rule::new("TDX-03", "TdModuleIdentityMissing"),
            Self::ModuleAttributes(_) => Rule::new("TDX-04", "TdModuleAttributes"),
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

const fn not_current(document: Document) -> Rule {
    match document {
        Document::TcbInfo => Rule::new("DCAP-36", "TcbInfoNotCurrent"),
        Document::QeIdentity => Rule::new("DCAP-43", "QeIdentityNotCurrent"),
        Document::RootCrl => Rule::new("DCAP-26", "RootCrlNotCurrent"),
        Document::PckCrl => Rule::new("DCAP-30", "PckCrlNotCurrent"),
    }
}
