//! Claims of a verified TD quote (Intel TDX DCAP Quoting Library API, quote formats 4 and 5).

use hanzo_attestation_evidence::Hex;
pub use hanzo_attestation_evidence::tdx::{BodyKind, TdAttributes};
use serde::Serialize;

/// What a verified TD quote says.
#[derive(Clone, Debug, Serialize)]
pub struct Claims {
    /// Which body the quote carries.
    pub body: BodyKind,
    /// TEE_TCB_SVN.
    pub tee_tcb_svn: Hex<16>,
    /// TEE_TCB_SVN_2, TD 1.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tee_tcb_svn_2: Option<Hex<16>>,
    /// Measurement of the TDX module.
    pub mr_seam: Hex<48>,
    /// Signer of the TDX module; zero for Intel's.
    pub mr_signer_seam: Hex<48>,
    /// Attributes of the TDX module.
    pub seam_attributes: u64,
    /// TD attributes.
    pub td_attributes: TdAttributes,
    /// Extended features.
    pub xfam: u64,
    /// Measurement of the initial TD.
    pub mr_td: Hex<48>,
    /// Configuration id, by the host at launch.
    pub mr_config_id: Hex<48>,
    /// Owner id.
    pub mr_owner: Hex<48>,
    /// Owner configuration.
    pub mr_owner_config: Hex<48>,
    /// Run-time registers 0 to 3.
    pub rtmr: [Hex<48>; 4],
    /// Measurement of bound service TDs, TD 1.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mr_service_td: Option<Hex<48>>,
    /// Data that the guest chose: the binding.
    pub report_data: Hex<64>,
    /// What the DCAP layers below say.
    pub dcap: crate::dcap::Claims,
    /// What the guest's event log says, replayed to the run-time registers; `None` when none was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<crate::event_log::EventFacts>,
}
