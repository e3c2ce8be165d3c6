//! What this machine really has, from the kernel's own interfaces, without changing anything.

mod acpi;
mod cpu;
mod devices;
mod platform;
mod tiers;

pub use acpi::Ccel;
pub use cpu::{Cpu, Parameter};
pub use devices::{Gpu, Tpm, TsmReports};
pub use platform::Kind;
pub use tiers::TierGap;

use crate::CollectError;
use crate::identity::Algorithm;
use crate::nvidia::{Gpus, Wanted};
use crate::seen::Seen;
use crate::tpm::Properties;
use serde::Serialize;
use std::path::Path;

/// Everything that [`detect`] found. It is a description for people and for choosing a source, never
/// evidence: nothing here raises a tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detected {
    /// Guest or host, and of which technology.
    pub kind: Kind,
    /// The processor, from `/proc/cpuinfo`.
    pub cpu: Seen<Cpu>,
    /// `/sys/module/kvm_amd/parameters/sev_snp`: whether this host can start SEV-SNP guests.
    pub kvm_amd_sev_snp: Seen<Parameter>,
    /// `/sys/module/kvm_intel/parameters/tdx`: whether this host can start TDX guests.
    pub kvm_intel_tdx: Seen<Parameter>,
    /// `/sys/kernel/config/tsm/report`.
    pub configfs_tsm: Seen<TsmReports>,
    /// `/dev/sev-guest`: present if this process may read and write it.
    pub sev_guest: Seen<()>,
    /// `/dev/tdx_guest`: present if this process may read and write it.
    pub tdx_guest: Seen<()>,
    /// `/dev/tpmrm0`: present if this process may read and write it.
    pub tpm_device: Seen<()>,
    /// `/sys/class/tpm/*`.
    pub tpms: Seen<Vec<Tpm>>,
    /// What a TPM 2.0 says of itself, where one was asked.
    pub tpm: Seen<Properties>,
    /// Whether its quotes go with the evidence: the configuration says so.
    pub tpm_quotes: bool,
    /// Display controllers and accelerators on the PCI bus.
    pub gpus: Seen<Vec<Gpu>>,
    /// What NVML says of NVIDIA's, where it was asked.
    pub nvml: Seen<Gpus>,
    /// Whether evidence of them is collected: the configuration says so.
    pub gpu_evidence: Wanted,
    /// The firmware's event log of a TDX guest.
    pub ccel: Seen<Ccel>,
    /// The registered key that the configuration names: present if it can sign.
    pub identity: Seen<NamedKey>,
    /// For each tier above 0, what is missing to reach it.
    pub tiers: Vec<TierGap>,
}

/// A key that can sign as this machine's identity. Whether a broker knows it is the broker's to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedKey {
    /// The name that it signs under.
    pub key_id: String,
    /// Its algorithm.
    pub algorithm: Algorithm,
}

/// Looks at the machine whose filesystem begins at `root` (`/` for this one).
#[must_use]
pub fn detect(root: &Path) -> Detected {
    let cpu = cpu::cpu(root);
    let mut detected = Detected {
        kind: Kind::Unknown,
        kvm_amd_sev_snp: cpu::parameter(root, "sys/module/kvm_amd/parameters/sev_snp"),
        kvm_intel_tdx: cpu::parameter(root, "sys/module/kvm_intel/parameters/tdx"),
        configfs_tsm: devices::tsm_reports(root),
        sev_guest: devices::device(root, crate::sev_guest::DEVICE),
        tdx_guest: devices::device(root, "dev/tdx_guest"),
        tpm_device: devices::device(root, "dev/tpmrm0"),
        tpms: devices::tpms(root),
        tpm: Seen::Absent,
        tpm_quotes: false,
        gpus: devices::gpus(root),
        nvml: Seen::Absent,
        gpu_evidence: Wanted::default(),
        ccel: acpi::ccel(root),
        identity: Seen::Absent,
        tiers: Vec::new(),
        cpu,
    };
    detected.kind = platform::kind(&detected);
    detected.tiers = tiers::gaps(&detected);
    detected
}

/// How many NVIDIA GPUs are on the PCI bus.
pub(crate) fn nvidia_gpus(root: &Path) -> Result<usize, CollectError> {
    match devices::gpus(root) {
        Seen::Present(gpus) => Ok(devices::count_nvidia(&gpus)),
        Seen::Absent => Ok(0),
        Seen::Unreadable { path, reason } => Err(CollectError::Unavailable { path, reason }),
    }
}

impl Detected {
    /// The same machine with an identity: a registered key is told by the configuration, not by the machine.
    #[must_use]
    pub fn with_identity(mut self, identity: Seen<NamedKey>) -> Self {
        self.identity = identity;
        self.tiers = tiers::gaps(&self);
        self
    }

    /// The same machine with a TPM's own answers; `quotes` says whether its quotes go with the evidence.
    #[must_use]
    pub fn with_tpm(mut self, tpm: Seen<Properties>, quotes: bool) -> Self {
        self.tpm = tpm;
        self.tpm_quotes = quotes;
        self.tiers = tiers::gaps(&self);
        self
    }

    /// The same machine with what NVML says of its GPUs; `wanted` says when their reports go with the
    /// evidence.
    #[must_use]
    pub fn with_nvml(mut self, nvml: Seen<Gpus>, wanted: Wanted) -> Self {
        self.nvml = nvml;
        self.gpu_evidence = wanted;
        self.tiers = tiers::gaps(&self);
        self
    }

    /// NVIDIA GPUs on the PCI bus.
    pub(crate) fn nvidia_on_bus(&self) -> usize {
        self.gpus.present().map_or(0, |gpus| devices::count_nvidia(gpus))
    }

    /// What is missing for one tier, in words; empty for a tier that lacks nothing, or that is not there.
    #[must_use]
    pub fn missing(&self, tier: u8) -> String {
        self.tiers.iter().find(|gap| gap.tier == tier).map(|gap| gap.missing.join("; ")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
