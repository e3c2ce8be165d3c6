//! What can be wrong with the proof that comes with a well-formed report.

use crate::crypto::{FormError, SignatureError};
use hanzo_attestation_evidence::snp::{Product, Vek};
use hanzo_attestation_evidence::x509::X509Error;
use hanzo_attestation_evidence::{Broken, Rule, UnixTime};

/// A report whose proof does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnpError {
    /// COL-10: a certificate that is neither in the evidence nor in this build.
    #[error("no {0} at hand: the evidence must carry it")]
    CertificateMissing(&'static str),
    /// SNP-13: the report names one kind of key and the certificate is of the other.
    #[error("the report says that a {expected:?} signed it, and no such certificate came with it")]
    SigningKeyMismatch {
        /// The kind in KEY_INFO.
        expected: Vek,
    },
    /// SNP-15: the chain is another product's.
    #[error("the report is {report}'s and the {certificate} another product's")]
    ProductMismatch {
        /// The product by the report, or by the endorsement key for version 2.
        report: Product,
        /// The certificate that disagrees.
        certificate: &'static str,
    },
    /// SNP-16: version 2 names no product, and its key's certificate none that had that version.
    #[error("a report of version 2 whose key is of product `{name}`")]
    ProductUndetermined {
        /// productName of the certificate.
        name: String,
    },
    /// SNP-19: not the certificate of an endorsement key.
    #[error("the endorsement key's certificate: {0}")]
    VekProfile(&'static str),
    /// SNP-20: a subject or an issuer that AMD's endorsement keys do not have.
    #[error("the endorsement key's certificate: {0}")]
    VekName(&'static str),
    /// SNP-21: the chain ends in a root of its own.
    #[error("the chain does not end in a pinned {0} root")]
    RootNotPinned(Product),
    /// SNP-22: not the certificate of an ASK or ASVK.
    #[error("the intermediate certificate: {0}")]
    IntermediateProfile(&'static str),
    /// SNP-23: the root did not sign the intermediate.
    #[error("the intermediate certificate is not signed by the pinned root")]
    IntermediateSignature,
    /// SNP-24: the intermediate did not sign the endorsement key.
    #[error("the endorsement key's certificate is not signed by the intermediate")]
    VekSignature,
    /// SNP-25: a certificate outside its validity.
    #[error("the {certificate} is valid from {not_before} to {not_after}, not at {now}")]
    NotInValidity {
        /// Which certificate.
        certificate: &'static str,
        /// The instant of verification.
        now: UnixTime,
        /// First valid instant.
        not_before: UnixTime,
        /// Last valid instant.
        not_after: UnixTime,
    },
    /// SNP-26: an AMD extension is missing, unknown, or not of its exact type.
    #[error("the endorsement key's extension {extension}: {problem}")]
    VekExtension {
        /// AMD's name of the extension, or its OID.
        extension: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// SNP-27: structVersion and the set of extensions do not fit the product.
    #[error("structVersion {version} or its extensions do not fit product `{name}`")]
    StructVersion {
        /// structVersion found.
        version: u8,
        /// productName found.
        name: String,
    },
    /// SNP-28: the key of another chip.
    #[error("the endorsement key is of another chip than the report")]
    ChipIdMismatch,
    /// SNP-30: a VLEK with a chip id or without a provider, or a VCEK the other way round.
    #[error("the endorsement key's certificate: {0}")]
    VlekProfile(&'static str),
    /// SNP-31: the key was derived for another TCB.
    #[error("{component}: the endorsement key has {key}, the report's REPORTED_TCB {report}")]
    TcbMismatch {
        /// The component.
        component: &'static str,
        /// In the certificate.
        key: u8,
        /// In the report.
        report: u8,
    },
    /// SNP-32: productName is another product's.
    #[error("productName `{name}` is not {product}'s")]
    VekProductName {
        /// productName found.
        name: String,
        /// The report's product.
        product: Product,
    },
    /// SNP-33: no revocation list.
    #[error("no AMD revocation list for {0}")]
    CrlMissing(Product),
    /// SNP-34: a list that the pinned root did not sign.
    #[error("a revocation list in {0}'s name is not signed by the pinned root")]
    CrlSignature(Product),
    /// SNP-35: a list outside its dates.
    #[error("the revocation list is current from {this_update} to {next_update}, not at {now}")]
    CrlNotCurrent {
        /// The instant of verification.
        now: UnixTime,
        /// thisUpdate.
        this_update: UnixTime,
        /// nextUpdate.
        next_update: UnixTime,
    },
    /// SNP-36: AMD has revoked the intermediate.
    #[error("the intermediate certificate {serial} is revoked")]
    IntermediateRevoked {
        /// Its serial number, hex.
        serial: String,
    },
    /// SNP-38: the key did not sign the report.
    #[error("the report is not signed by the endorsement key")]
    ReportSignature,
    /// SNP-39: report data is for something else.
    #[error("REPORT_DATA is not the expected value")]
    ReportDataMismatch,
    /// SNP-40: the first half is as expected, the rest is not.
    #[error("bytes 32 to 63 of REPORT_DATA are not the expected ones")]
    ReportDataUpperHalf,
    /// COL-06, -21, -22: a certificate or list that does not parse.
    #[error(transparent)]
    X509(#[from] X509Error),
    /// COL-05, -19, -20, -21: a signature or key that is not of the one allowed form.
    #[error("{of}: {error}")]
    Signature {
        /// Whose signature.
        of: &'static str,
        /// What is wrong.
        error: FormError,
    },
}

impl SnpError {
    /// Names the rule under which something had to be signed.
    pub(super) fn signature(of: &'static str, error: SignatureError, mismatch: Self) -> Self {
        match error {
            SignatureError::Mismatch => mismatch,
            SignatureError::Form(error) => Self::Signature { of, error },
        }
    }
}

impl Broken for SnpError {
    fn rule(&self) -> Rule {
        let (id, code) = match self {
            Self::X509(error) => return error.rule(),
            Self::Signature { error, .. } => return error.rule(),
            Self::CertificateMissing(_) => ("COL-10", "CollateralMissing"),
            Self::SigningKeyMismatch { .. } => ("SNP-13", "SnpSigningKeyMismatch"),
            Self::ProductMismatch { .. } => ("SNP-15", "SnpProductMismatch"),
            Self::ProductUndetermined { .. } => ("SNP-16", "SnpProductUndetermined"),
            Self::VekProfile(_) => ("SNP-19", "SnpVekProfile"),
            Self::VekName(_) => ("SNP-20", "SnpVekName"),
            Self::RootNotPinned(_) => ("SNP-21", "SnpRootNotPinned"),
            Self::IntermediateProfile(_) => ("SNP-22", "SnpIntermediateProfile"),
            Self::IntermediateSignature => ("SNP-23", "SnpIntermediateSignature"),
            Self::VekSignature => ("SNP-24", "SnpVekSignature"),
            Self::NotInValidity { .. } => ("SNP-25", "SnpCertificateNotInValidity"),
            Self::VekExtension { .. } => ("SNP-26", "SnpVekExtensionMalformed"),
            Self::StructVersion { .. } => ("SNP-27", "SnpVekStructVersion"),
            Self::ChipIdMismatch => ("SNP-28", "SnpChipIdMismatch"),
            Self::VlekProfile(_) => ("SNP-30", "SnpVlekProfile"),
            Self::TcbMismatch { .. } => ("SNP-31", "SnpTcbMismatch"),
            Self::VekProductName { .. } => ("SNP-32", "SnpVekProductName"),
            Self::CrlMissing(_) => ("SNP-33", "SnpCrlMissing"),
            Self::CrlSignature(_) => ("SNP-34", "SnpCrlSignature"),
            Self::CrlNotCurrent { .. } => ("SNP-35", "SnpCrlNotCurrent"),
            Self::IntermediateRevoked { .. } => ("SNP-36", "SnpIntermediateRevoked"),
            Self::ReportSignature => ("SNP-38", "SnpReportSignature"),
            Self::ReportDataMismatch => ("SNP-39", "SnpReportDataMismatch"),
            Self::ReportDataUpperHalf => ("SNP-40", "SnpReportDataUpperHalf"),
        };
        Rule::new(id, code)
    }
}
