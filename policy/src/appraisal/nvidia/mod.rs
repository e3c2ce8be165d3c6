//! Thresholds for NVIDIA devices (`docs/nvidia-rules.md`, NV-70 to NV-82, NV-95, NV-96).
//!
//! What nothing switches off: a device that no manifest vouches for, one device twice, and devices that do
//! not answer one challenge, run one driver and share one mode.

mod check;
mod together;
mod version;

pub(super) use check::check;
pub(super) use together::check as check_together;
pub use version::{Version, VersionError};

use super::Allowed;
use hanzo_attestation::nvidia::DeviceClaims;
use hanzo_attestation_evidence::Hex;
use hanzo_attestation_evidence::nvidia::{Architecture, Mode, Toggle};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What devices must show. [`Default`] is [`Thresholds::strict`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// NV-71: refuse a report that does not state its firmware id, as drivers before 545 and switches do not.
    pub require_fwid: bool,
    /// NV-72: lowest version of the driver, e.g. `570.124.06`.
    pub minimum_driver: Option<Version>,
    /// NV-73: lowest version of VBIOS or switch BIOS by family, e.g. `{ HOPPER = "96.00.9F.00.01" }`. A
    /// family that is not named has no floor.
    pub minimum_firmware: BTreeMap<Architecture, Version>,
    /// NV-74: modes of GPUs that are accepted; `"any"` accepts the unstated one, too.
    pub modes: Allowed<Mode>,
    /// NV-76: the exact number of GPUs. No GPU says how many there are.
    pub gpus: Option<usize>,
    /// NV-77: devices that are accepted, by PDI.
    pub pdis: Allowed<Hex<8>>,
    /// NV-77: devices that are refused, by PDI.
    pub denied_pdis: Vec<Hex<8>>,
    /// NV-95: devices that are refused, by the serial number of their own authority, e.g. that of a `GH100 A01
    /// GSP BROM`.
    pub denied_device_serials: Vec<Hex<9>>,
    /// NV-96: firmware that is refused, by the firmware id in a leaf's certificate.
    pub denied_fwids: Vec<Hex<48>>,
    /// NVR-48: manifests that no longer count, by SHA-256 of the file.
    pub denied_manifests: Vec<Hex<32>>,
    /// NVR-49: signers whose manifests no longer count, by serial number, lower-case hex without leading
    /// zeros.
    pub denied_manifest_signers: Vec<String>,
    /// NV-78: GPUs in protected PCIe mode come with every switch that they are connected to. Without it,
    /// switches that are there are judged all the same.
    pub require_switches: bool,
}

impl Thresholds {
    /// The defaults: firmware ids, and the switches of protected PCIe; floors and lists are an operator's
    /// own.
    #[must_use]
    pub const fn strict() -> Self {
        Self {
            require_fwid: true,
            minimum_driver: None,
            minimum_firmware: BTreeMap::new(),
            modes: Allowed::Any,
            gpus: None,
            pdis: Allowed::Any,
            denied_pdis: Vec::new(),
            denied_device_serials: Vec::new(),
            denied_fwids: Vec::new(),
            denied_manifests: Vec::new(),
            denied_manifest_signers: Vec::new(),
            require_switches: true,
        }
    }

    /// The published corpus has reports without a firmware id, and GPUs and switches apart.
    #[must_use]
    pub const fn corpus() -> Self {
        let mut limits = Self::strict();
        limits.require_fwid = false;
        limits.require_switches = false;
        limits
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::strict()
    }
}

/// The mode of a GPU: FEATURE_FLAG, or PROTECTED_PCIE_STATUS of firmware that has no flag.
pub(crate) fn mode(device: &DeviceClaims) -> Option<Mode> {
    let by_status = (device.fields.protected_pcie == Some(Toggle::On)).then_some(Mode::Ppcie);
    device.fields.mode.or(by_status)
}

#[cfg(test)]
pub(crate) mod tests;
