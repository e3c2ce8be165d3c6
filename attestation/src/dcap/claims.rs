//! Claims of the DCAP layers: quote header, quoting enclave, PCK certificate.

use hanzo_attestation_evidence::{Hex, UnixTime};
use serde::Serialize;

/// What the layers below the body say.
#[derive(Clone, Debug, Serialize)]
pub struct Claims {
    /// 3, 4 or 5.
    pub quote_version: u16,
    /// 0 SGX, 0x81 TDX.
    pub tee_type: u32,
    /// Vendor of the quoting enclave.
    pub qe_vendor_id: Hex<16>,
    /// Header user data.
    pub user_data: Hex<20>,
    /// Family, model, stepping, platform, custom SKU.
    pub fmspc: Hex<6>,
    /// Provisioning certification enclave id.
    pub pceid: Hex<2>,
    /// Platform provisioning id.
    pub ppid: Hex<16>,
    /// Platform instance id, Platform CA only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_instance_id: Option<Hex<16>>,
    /// Which CA issued the PCK certificate.
    pub pck_ca: PckCa,
    /// SGX type: 0 standard, 1 scalable, 2 scalable with integrity.
    pub sgx_type: u8,
    /// Packages may be added after registration; `None` is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_platform: Option<bool>,
    /// Platform keys are held by the registration service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_keys: Option<bool>,
    /// SMT is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smt_enabled: Option<bool>,
    /// CPUSVN in the PCK certificate.
    pub pck_cpusvn: Hex<16>,
    /// PCESVN in the PCK certificate.
    pub pck_pcesvn: u16,
    /// ISVSVN of the quoting enclave.
    pub qe_isvsvn: u16,
    /// End of validity of the PCK certificate.
    pub pck_not_after: UnixTime,
}

/// The two CAs that issue PCK certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PckCa {
    /// Intel SGX PCK Platform CA.
    Platform,
    /// Intel SGX PCK Processor CA.
    Processor,
}

impl PckCa {
    /// The word that tells the two common names apart.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Platform => "Platform",
            Self::Processor => "Processor",
        }
    }
}
