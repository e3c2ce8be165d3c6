//! What can be wrong with a report before any signature is looked at.

use crate::rule::{Broken, Rule};

/// A report that breaks a rule of its own format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// SNP-01: not exactly 1184 bytes.
    #[error("a report has 1184 bytes, not {actual}")]
    Length {
        /// Bytes found.
        actual: usize,
    },
    /// SNP-02: a layout that is not known.
    #[error("report version {version}; versions 2 to 5 are known")]
    Version {
        /// VERSION found.
        version: u32,
    },
    /// SNP-04: a must-be-zero byte is set.
    #[error("the reserved byte at offset {offset:#05x} is not zero")]
    ReservedNotZero {
        /// Offset in the report.
        offset: usize,
    },
    /// SNP-05: mitigation vectors exist from version 5 on.
    #[error("mitigation vectors are set in a report of version {version}")]
    MitigationVectorInOldVersion {
        /// VERSION found.
        version: u32,
    },
    /// SNP-06: POLICY bit 17 clear, or bits 63 to 26 not all zero.
    #[error("guest policy {policy:#x}: bit 17 must be one and bits 26 to 63 zero")]
    PolicyReserved {
        /// POLICY found.
        policy: u64,
    },
    /// SNP-07: undefined bits or an undefined signing key.
    #[error("KEY_INFO {key_info:#x}: undefined bits or signing key")]
    KeyInfoReserved {
        /// KEY_INFO found, with the four reserved bytes after it as the upper half.
        key_info: u64,
    },
    /// SNP-08: only ECDSA P-384 with SHA-384 is defined.
    #[error("signature algorithm {algorithm}; only 1, ECDSA P-384 with SHA-384, is defined")]
    SignatureAlgorithm {
        /// SIGNATURE_ALGO found.
        algorithm: u32,
    },
    /// SNP-09: bytes of the signature field that no number occupies.
    #[error("the signature's padding byte at offset {offset:#05x} is not zero")]
    SignatureEncoding {
        /// Offset in the report.
        offset: usize,
    },
    /// SNP-10: VMPL 0 to 3; a report that the host asked for has another.
    #[error("VMPL {vmpl:#x}; a guest has 0 to 3")]
    VmplOutOfRange {
        /// VMPL found.
        vmpl: u32,
    },
    /// SNP-11: the firmware did not sign.
    #[error("SIGNING_KEY is 7: the firmware did not sign this report")]
    NotSigned,
    /// SNP-12: with MASK_CHIP_KEY the firmware writes no signature.
    #[error("MASK_CHIP_KEY is set: the firmware did not sign this report")]
    ChipKeyMasked,
    /// SNP-14: no product of AMD's with a pinned root.
    #[error("family {family:#x}, model {model:#x} is neither Milan, Genoa nor Turin")]
    ProductUnknown {
        /// Combined family.
        family: u8,
        /// Combined model.
        model: u8,
    },
    /// SNP-16: version 2 names no product, and its TCB is in the layout of one that never wrote it.
    #[error("a report of version 2 with a TCB in Turin's layout")]
    ProductUndetermined,
    /// SNP-17: reserved bytes of a TCB version.
    #[error("reserved bytes of {tcb} are not zero")]
    TcbReserved {
        /// Which TCB version.
        tcb: &'static str,
    },
    /// SNP-18: Turin's chip id has eight bytes.
    #[error("a Turin chip id has bytes beyond the eighth")]
    ChipIdLayout,
    /// SNP-45: an agent without the permission.
    #[error("REPORT_ID_MA names a migration agent that the guest policy forbids")]
    MigrationAgentPresent,
    /// SNP-48: the platform does what the guest policy forbids.
    #[error("the guest policy demands {demand}, and PLATFORM_INFO says otherwise")]
    PlatformContradictsPolicy {
        /// What the policy demands.
        demand: &'static str,
    },
    /// SNP-64: author key flag and digests contradict one another.
    #[error("AUTHOR_KEY_EN, AUTHOR_KEY_DIGEST and ID_KEY_DIGEST contradict one another")]
    AuthorKeyInconsistent,
    /// SNP-68: reported ≤ committed ≤ current, component by component.
    #[error("{lower} is not at or below {upper} in every component")]
    TcbOrder {
        /// The TCB version that must not be higher.
        lower: &'static str,
        /// The TCB version that bounds it.
        upper: &'static str,
    },
}

impl Broken for ReportError {
    fn rule(&self) -> Rule {
        let (id, code) = match self {
            Self::Length { .. } => ("SNP-01", "SnpReportLength"),
            Self::Version { .. } => ("SNP-02", "SnpReportVersion"),
            Self::ReservedNotZero { .. } => ("SNP-04", "SnpReservedNotZero"),
            Self::MitigationVectorInOldVersion { .. } => ("SNP-05", "SnpMitVectorInOldVersion"),
            Self::PolicyReserved { .. } => ("SNP-06", "SnpPolicyReserved"),
            Self::KeyInfoReserved { .. } => ("SNP-07", "SnpKeyInfoReserved"),
            Self::SignatureAlgorithm { .. } => ("SNP-08", "SnpSignatureAlgorithm"),
            Self::SignatureEncoding { .. } => ("SNP-09", "SnpSignatureEncoding"),
            Self::VmplOutOfRange { .. } => ("SNP-10", "SnpVmplOutOfRange"),
            Self::NotSigned => ("SNP-11", "SnpReportNotSigned"),
            Self::ChipKeyMasked => ("SNP-12", "SnpChipKeyMasked"),
            Self::ProductUnknown { .. } => ("SNP-14", "SnpProductUnknown"),
            Self::ProductUndetermined => ("SNP-16", "SnpProductUndetermined"),
            Self::TcbReserved { .. } => ("SNP-17", "SnpTcbReserved"),
            Self::ChipIdLayout => ("SNP-18", "SnpChipIdLayout"),
            Self::MigrationAgentPresent => ("SNP-45", "SnpMigrationAgentPresent"),
            Self::PlatformContradictsPolicy { .. } => ("SNP-48", "SnpPlatformContradictsPolicy"),
            Self::AuthorKeyInconsistent => ("SNP-64", "SnpAuthorKeyInconsistent"),
            Self::TcbOrder { .. } => ("SNP-68", "SnpTcbOrder"),
        };
        Rule::new(id, code)
    }
}
