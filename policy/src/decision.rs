//! What deciding yields: the grounds of a permit, or a named denial.

use hanzo_attestation_evidence::Hex;
use std::fmt;

/// Why a key is not released. The strings are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DenialCode {
    /// The evidence proves less than the key's minimum tier.
    TierTooLow,
    /// The key demands a CPU TEE, and the evidence has none.
    CpuTeeRequired,
    /// What the evidence rests on is no longer valid.
    EvidenceExpired,
    /// No policy that permits anything speaks of this key.
    NoPolicy,
    /// A policy failed while it was evaluated; it counts as a no, never as absent.
    PolicyError,
    /// A `forbid` policy applies.
    PolicyForbids,
    /// The one thing in the way is how many grants of the key are live.
    TooManyGrants,
    /// The one thing in the way is that the measurement is in none of the reference sets asked for.
    MeasurementUnknown,
    /// The one thing in the way is the dates of reference values: expired, or not yet valid.
    ReferenceExpired,
    /// No `permit` policy applies.
    PolicyDenied,
}

impl DenialCode {
    /// All codes.
    pub const ALL: [Self; 10] = [
        Self::TierTooLow,
        Self::CpuTeeRequired,
        Self::EvidenceExpired,
        Self::NoPolicy,
        Self::PolicyError,
        Self::PolicyForbids,
        Self::TooManyGrants,
        Self::MeasurementUnknown,
        Self::ReferenceExpired,
        Self::PolicyDenied,
    ];

    /// Whether a recorded code is a no that was decided about the key: then the same question can be asked
    /// again. Every other refusal came before that, or after a yes.
    #[must_use]
    pub fn is_no(code: &str) -> bool {
        // What ended between the yes and the permit was a yes.
        Self::ALL.iter().any(|known| known.as_str() == code && *known != Self::EvidenceExpired)
    }

    /// The stable code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TierTooLow => "TierTooLow",
            Self::CpuTeeRequired => "CpuTeeRequired",
            Self::EvidenceExpired => "EvidenceExpired",
            Self::NoPolicy => "NoPolicy",
            Self::PolicyError => "PolicyError",
            Self::PolicyForbids => "PolicyForbids",
            Self::TooManyGrants => "TooManyGrants",
            Self::MeasurementUnknown => "MeasurementUnknown",
            Self::ReferenceExpired => "ReferenceExpired",
            Self::PolicyDenied => "PolicyDenied",
        }
    }
}

impl fmt::Display for DenialCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key is not released. For the operator: the caller sees none of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Denial {
    /// Stable code, see [`DenialCode`].
    pub code: &'static str,
    /// One sentence with the values that explain it.
    pub message: String,
    /// The causes, one each: the policies that forbid, the reference sets that would change the answer.
    pub reasons: Vec<String>,
}

impl Denial {
    pub(crate) fn new(code: DenialCode, message: String) -> Self {
        Self { code: code.as_str(), message, reasons: Vec::new() }
    }

    pub(crate) fn because(mut self, reasons: impl IntoIterator<Item = String>) -> Self {
        self.reasons.extend(reasons);
        self
    }
}

/// The grounds of a yes. It is no capability: a permit needs the evidence as well.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) permitted_by: Vec<String>,
    pub(crate) policy_digest: Hex<32>,
    pub(crate) reference_digest: Hex<32>,
    /// The number of live grants that it was decided by; `None` if no policy about the key asks for it.
    pub(crate) live_grants: Option<u32>,
}
