//! Thresholds for SEV-SNP reports, class P of rule book B.2.
//!
//! Not here: SNP-42 (measurement) is a policy's question, asked of the reference values; SNP-46 in its
//! permissive half (a verified migration agent), because no evidence of an agent can be presented; SNP-75,
//! which needs a memory of earlier reports.

mod check;
mod floors;

pub(super) use check::check;
pub use floors::{AbiFloor, FirmwareFloor, PerProduct, TcbFloor, TcbFloors, TurinTcbFloor};

use super::{Allowed, Bit, ChipId};
use hanzo_attestation_evidence::Hex;
use serde::Deserialize;

/// What an SEV-SNP guest and its platform must show. [`Default`] is [`Thresholds::strict`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is one rule of the rule book, set by its own name")]
pub struct Thresholds {
    /// SNP-03: lowest report version, 2 to 5. Version 2 has no CPUID: 3 is better for new installations.
    pub minimum_report_version: u32,
    /// SNP-29: accept a report by a chip key that hides which chip. Lists of chips hold all the same: its
    /// certificate names the chip.
    pub allow_masked_chip: bool,
    /// SNP-37: chip ids that are refused.
    pub denied_chips: Vec<ChipId>,
    /// SNP-37: providers that are refused.
    pub denied_csps: Vec<String>,
    /// SNP-37: SHA-256 of VCEK or VLEK certificates that are refused.
    pub denied_certificates: Vec<Hex<32>>,
    /// SNP-41: HOST_DATA that is accepted besides zero; `"any"` leaves it to policies
    /// (`principal.host_data`).
    pub host_data: Allowed<Hex<32>>,
    /// SNP-44: accept a guest that may be associated with a migration agent. One that is, is refused
    /// (SNP-46).
    pub allow_migration: bool,
    /// SNP-47: demand that SMT is off, in the guest's policy and on the platform.
    pub require_smt_off: bool,
    /// SNP-49: demand that the guest is bound to one socket.
    pub require_single_socket: bool,
    /// SNP-50: accept a guest that allows CXL memory.
    pub allow_cxl: bool,
    /// SNP-51: demand AES-256-XTS memory encryption.
    pub require_xts: bool,
    /// SNP-52: demand that RAPL is off, by the guest's policy or on the platform.
    pub require_rapl_disabled: bool,
    /// SNP-53: demand ciphertext hiding, in the guest's policy and on the platform.
    pub require_ciphertext_hiding: bool,
    /// SNP-54: demand that the host cannot swap guest pages.
    pub require_page_swap_disabled: bool,
    /// SNP-55: lowest ABI version in the guest's policy.
    pub abi_floor: Option<AbiFloor>,
    /// SNP-56: demand that the DRAM alias check has run (BadRAM, CVE-2024-21944).
    pub require_alias_check: bool,
    /// SNP-57: demand transparent SME.
    pub require_tsme: bool,
    /// SNP-57: demand ECC memory.
    pub require_ecc: bool,
    /// SNP-58: demand trusted IO, or its absence.
    pub trusted_io: Switch,
    /// SNP-58: demand that IOMMU writes are safe; stated on Turin only.
    pub require_iommu_write_safe: bool,
    /// SNP-59: bits of PLATFORM_INFO that are accepted although they have no documented meaning.
    pub allowed_platform_info_bits: Vec<Bit>,
    /// SNP-60: VMPLs at which a report may be asked for.
    pub vmpls: Vec<u32>,
    /// SNP-61: lowest guest SVN.
    pub guest_svn_floor: u32,
    /// SNP-62: the family id that the ID block must name.
    pub family_id: Option<Hex<16>>,
    /// SNP-62: the image id that the ID block must name.
    pub image_id: Option<Hex<16>>,
    /// SNP-63: digests of ID keys that are accepted besides none.
    pub id_keys: Allowed<Hex<48>>,
    /// SNP-63: digests of author keys that are accepted besides none.
    pub author_keys: Allowed<Hex<48>>,
    /// SNP-63: demand an ID key.
    pub require_id_key: bool,
    /// SNP-65: floors of REPORTED_TCB.
    pub reported_tcb_floor: Option<TcbFloors>,
    /// SNP-66: floors of COMMITTED_TCB: below these the platform cannot go back.
    pub committed_tcb_floor: Option<TcbFloors>,
    /// SNP-67: floors of LAUNCH_TCB.
    pub launch_tcb_floor: Option<TcbFloors>,
    /// SNP-69: refuse firmware that is not committed; otherwise it is a warning.
    pub require_committed_firmware: bool,
    /// SNP-70: floors of the committed firmware version.
    pub firmware_floor: Option<PerProduct<FirmwareFloor>>,
    /// SNP-71: mitigations demanded at launch and now; report version 5.
    pub required_mitigations: Vec<Bit>,
    /// SNP-72: the only chips that are accepted. A loaded key (VLEK) names no chip and is in no list.
    pub chips: Option<Vec<ChipId>>,
    /// SNP-73: the only providers that are accepted. Without a list, all but the vendor's test identities.
    pub csps: Option<Vec<String>>,
    /// SNP-73: accept the vendor's test identities where there is no list.
    pub allow_test_csps: bool,
    /// SNP-74: accept chip keys (VCEK).
    pub allow_vcek: bool,
    /// SNP-74: accept loaded keys (VLEK): these move trust to the provider.
    pub allow_vlek: bool,
}

/// A demand on a switch of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// No demand.
    Any,
    /// It must be on.
    On,
    /// It must be off.
    Off,
}

impl Thresholds {
    /// The rule book's defaults.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            minimum_report_version: 2,
            allow_masked_chip: false,
            denied_chips: Vec::new(),
            denied_csps: Vec::new(),
            denied_certificates: Vec::new(),
            host_data: Allowed::none(),
            allow_migration: false,
            require_smt_off: false,
            require_single_socket: false,
            allow_cxl: false,
            require_xts: false,
            require_rapl_disabled: false,
            require_ciphertext_hiding: false,
            require_page_swap_disabled: false,
            abi_floor: None,
            require_alias_check: false,
            require_tsme: false,
            require_ecc: false,
            trusted_io: Switch::Any,
            require_iommu_write_safe: false,
            allowed_platform_info_bits: Vec::new(),
            vmpls: vec![0],
            guest_svn_floor: 0,
            family_id: None,
            image_id: None,
            id_keys: Allowed::none(),
            author_keys: Allowed::none(),
            require_id_key: false,
            reported_tcb_floor: None,
            committed_tcb_floor: None,
            launch_tcb_floor: None,
            require_committed_firmware: false,
            firmware_floor: None,
            required_mitigations: Vec::new(),
            chips: None,
            csps: None,
            allow_test_csps: false,
            allow_vcek: true,
            allow_vlek: true,
        }
    }

    /// Any VMPL, test providers, no reference values.
    #[must_use]
    pub fn corpus() -> Self {
        Self {
            vmpls: vec![0, 1, 2, 3],
            host_data: Allowed::Any,
            id_keys: Allowed::Any,
            author_keys: Allowed::Any,
            allow_test_csps: true,
            ..Self::strict()
        }
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::strict()
    }
}

#[cfg(test)]
mod tests;
