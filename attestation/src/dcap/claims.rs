//! Claims of the DCAP layers: quote header, quoting enclave, PCK certificate.

use crate::claims::TcbStatus;
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
    /// ISVSVN of the quoting enclave as the header repeats it; version 3 alone. Not covered by Intel's
    /// rating: the signed report is (DCAP-55).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_qe_svn: Option<u16>,
    /// SVN of the provisioning certification enclave in the header; version 3 alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_pce_svn: Option<u16>,
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
    /// Serial number of the PCK certificate, lower-case hex of its octets.
    pub pck_serial: String,
    /// End of validity of the PCK certificate.
    pub pck_not_after: UnixTime,
    /// What Intel's collateral says of all that; `None` when none was given.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
}

/// What Intel's TCB info and QE identity say of a platform, part by part and converged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rating {
    /// Of the processor and its PCE.
    pub platform_status: TcbStatus,
    /// Of the TDX module; `None` for SGX, and for modules that the TCB info rates with the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_status: Option<TcbStatus>,
    /// Of the quoting enclave.
    pub qe_status: TcbStatus,
    /// All of them together: never better than the platform's.
    pub status: TcbStatus,
    /// Date of the platform's level; `None` when there is no level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_tcb_date: Option<UnixTime>,
    /// Date of the module's level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_tcb_date: Option<UnixTime>,
    /// Date of the quoting enclave's level.
    pub qe_tcb_date: UnixTime,
    /// Since when a newer level has been there for a part that is out of date: the earliest such date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded: Option<UnixTime>,
    /// Whole days since then, at the instant of the verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded_days: Option<u64>,
    /// Advisories of the three levels, sorted.
    pub advisories: Vec<String>,
    /// Evaluation data number of the TCB info.
    pub tcb_info_eval: u32,
    /// Evaluation data number of the QE identity.
    pub qe_identity_eval: u32,
    /// When the revocation list of the PCK CA was issued; `None` when revocation was waived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pck_crl_this_update: Option<UnixTime>,
    /// When the revocation list of the root was issued; `None` when revocation was waived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_crl_this_update: Option<UnixTime>,
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
