//! What can be wrong with a manifest that is well formed, and with a device by a manifest that is trusted.

use super::super::error::{NvidiaError, Place};
use crate::crypto::{FormError, SignatureError};
use hanzo_attestation_evidence::nvidia::rim::RimError;
use hanzo_attestation_evidence::x509::X509Error;
use hanzo_attestation_evidence::{Broken, Hex, Rule, UnixTime};

/// A manifest that is not trusted. The rules are in `docs/nvidia-rules.md`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RimProofError {
    /// NVR-01 to NVR-14: not of the one form.
    #[error(transparent)]
    Form(#[from] RimError),
    /// NVR-20: the signed tree is not the one that was digested.
    #[error("the digest in the signature is not that of the document")]
    Digest,
    /// NVR-21: not signer, two authorities and root.
    #[error("{0} certificates; a manifest has four, from its signer to the root")]
    ChainLength(usize),
    /// NVR-22: the chain ends in a root of its own.
    #[error("the chain does not end in a pinned root of manifests")]
    RootNotPinned,
    /// NVR-23: certificates that do not follow each other.
    #[error("the {0} was not issued by the certificate after it")]
    ChainOrder(&'static str),
    /// NVR-24: not a certificate for its place.
    #[error("the {certificate}: {problem}")]
    Profile {
        /// Which certificate.
        certificate: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// NVR-25: a certificate outside its validity.
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
    /// NVR-26: an authority over another family of devices.
    #[error("`{authority}` does not speak for {product}")]
    Family {
        /// Its common name.
        authority: String,
        /// The manifest's product.
        product: String,
    },
    /// NVR-27: a certificate that its issuer did not sign.
    #[error("the {0} is not signed by the certificate after it")]
    ChainSignature(&'static str),
    /// NVR-28: not signed by the signer of the chain.
    #[error("the manifest is not signed by the first certificate of its chain")]
    Signature,
    /// NVR-29: nothing says that a certificate of the chain is not revoked.
    #[error("nothing at hand says whether the {0} is revoked")]
    RevocationUnchecked(Place),
    /// NV-22 to NV-28: an OCSP response about its chain says otherwise, or cannot be used.
    #[error(transparent)]
    Ocsp(Box<NvidiaError>),
    /// COL-06, -21, -22: a certificate that does not parse.
    #[error(transparent)]
    X509(#[from] X509Error),
    /// COL-05, -19, -20, -21: a signature or key that is not of the one allowed form.
    #[error("{of}: {error}")]
    NotCompared {
        /// Whose signature.
        of: &'static str,
        /// What is wrong.
        error: FormError,
    },
}

impl RimProofError {
    /// Names the rule under which something had to be signed.
    pub(super) fn signature(of: &'static str, error: SignatureError, mismatch: Self) -> Self {
        match error {
            SignatureError::Mismatch => mismatch,
            SignatureError::Form(error) => Self::NotCompared { of, error },
        }
    }
}

impl Broken for RimProofError {
    fn rule(&self) -> Rule {
        match self {
            Self::Form(error) => error.rule(),
            Self::X509(error) => error.rule(),
            Self::Ocsp(error) => error.rule(),
            Self::NotCompared { error, .. } => error.rule(),
            Self::Digest => Rule::new("NVR-20", "RimDigestMismatch"),
            Self::ChainLength(_) => Rule::new("NVR-21", "RimChainLength"),
            Self::RootNotPinned => Rule::new("NVR-22", "RimRootNotPinned"),
            Self::ChainOrder(_) => Rule::new("NVR-23", "RimChainOrder"),
            Self::Profile { .. } => Rule::new("NVR-24", "RimCertificateProfile"),
            Self::NotInValidity { .. } => Rule::new("NVR-25", "RimCertificateNotInValidity"),
            Self::Family { .. } => Rule::new("NVR-26", "RimFamilyMismatch"),
            Self::ChainSignature(_) => Rule::new("NVR-27", "RimChainSignature"),
            Self::Signature => Rule::new("NVR-28", "RimSignature"),
            Self::RevocationUnchecked(_) => Rule::new("NVR-29", "RimRevocationUnchecked"),
        }
    }
}

/// What a comparison has against a device, or against the manifests at hand for it. Class P: the device is
/// genuine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RimProblem {
    /// NVR-40: no manifest of the device's version.
    #[error("no manifest at hand for {component} {version}")]
    Missing {
        /// `driver`, `VBIOS` or `switch BIOS`.
        component: &'static str,
        /// The version that the device states.
        version: String,
    },
    /// NVR-41: the manifest of that version is not trusted.
    #[error("the manifest {sha256} for {component} {version} is not trusted: {error}")]
    NotTrusted {
        /// The component.
        component: &'static str,
        /// The version.
        version: String,
        /// The file.
        sha256: Hex<32>,
        /// Why.
        error: Box<RimProofError>,
    },
    /// NVR-42: a manifest of that version, for another product.
    #[error("the manifest {sha256} for {component} {version} is for {found}, and the device is {product}")]
    Product {
        /// The component.
        component: &'static str,
        /// The version.
        version: String,
        /// The file.
        sha256: Hex<32>,
        /// The manifest's product and edition.
        found: String,
        /// The device's.
        product: String,
    },
    /// NVR-43: the device does not state the version that a manifest is found by.
    #[error("the device states no {0} version")]
    VersionUnknown(&'static str),
    /// NVR-44: both manifests speak of one index or one security version.
    #[error("both manifests have a value for {0}")]
    Conflict(String),
    /// NVR-45: measurements differ from their golden values.
    #[error("{} of {compared} golden values differ: index {}", indices.len(), join(indices))]
    Measurement {
        /// Which indices.
        indices: Vec<u8>,
        /// How many were compared.
        compared: usize,
    },
    /// NVR-46: whether NVDEC0 is on is not said, so that its measurement cannot be judged.
    #[error("NVDEC0_STATUS is {0}: the measurement of index 35 cannot be judged")]
    Nvdec(String),
    /// NVR-47: a security version below its minimum, or none.
    #[error("security versions below their minimum, or not stated: {0}")]
    SecurityVersion(String),
}

fn join(indices: &[u8]) -> String {
    indices.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
}

impl Broken for RimProblem {
    fn rule(&self) -> Rule {
        match self {
            Self::Missing { .. } => Rule::new("NVR-40", "RimMissing"),
            Self::NotTrusted { .. } => Rule::new("NVR-41", "RimNotTrusted"),
            Self::Product { .. } => Rule::new("NVR-42", "RimProductMismatch"),
            Self::VersionUnknown(_) => Rule::new("NVR-43", "RimVersionUnknown"),
            Self::Conflict(_) => Rule::new("NVR-44", "RimIndexConflict"),
            Self::Measurement { .. } => Rule::new("NVR-45", "RimMeasurementMismatch"),
            Self::Nvdec(_) => Rule::new("NVR-46", "NvdecStatusInvalid"),
            Self::SecurityVersion(_) => Rule::new("NVR-47", "RimSecurityVersion"),
        }
    }
}
