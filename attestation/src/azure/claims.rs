//! Claims of verified Azure evidence (rule book C.5).

use crate::{snp, tdx, tpm};
use hanzo_attestation_evidence::Hex;
use hanzo_attestation_evidence::azure::{Version, VmConfig};
use serde::Serialize;

/// What verified `az-snp-vtpm` evidence says.
#[derive(Clone, Debug, Serialize)]
pub struct SnpClaims {
    /// The vTPM and the paravisor.
    #[serde(flatten)]
    pub vtpm: Vtpm,
    /// The processor's report, asked for by the paravisor.
    pub snp: snp::Claims,
}

/// What verified `az-tdx-vtpm` evidence says.
#[derive(Clone, Debug, Serialize)]
pub struct TdxClaims {
    /// The vTPM and the paravisor.
    #[serde(flatten)]
    pub vtpm: Vtpm,
    /// The TD's quote, asked for by the paravisor.
    pub tdx: tdx::Claims,
}

/// What both kinds share.
#[derive(Clone, Debug, Serialize)]
pub struct Vtpm {
    /// Version of the evidence object.
    pub evidence_version: Version,
    /// Version of the paravisor's report.
    pub hcl_version: u32,
    /// The vTPM's quote. Its extra data is the binding, not the hardware's report data.
    pub tpm: tpm::Claims,
    /// The machine's configuration: the paravisor's statement, not a measurement.
    pub vm_config: VmConfig,
    /// Version 2: the challenge once more, padded with zeros (AZ-25).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<Hex<64>>,
}
