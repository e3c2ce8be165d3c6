//! Guest or host, and of which technology.

use super::{Detected, Parameter};
use serde::Serialize;

/// What kind of machine this is, by what the kernel says of it. Only evidence proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An SEV-SNP guest.
    SnpGuest,
    /// A TDX guest.
    TdxGuest,
    /// A guest without memory encryption that the kernel knows of.
    PlainGuest,
    /// A host that can start SEV-SNP guests.
    SnpHost,
    /// A host that can start TDX guests.
    TdxHost,
    /// A machine without a hypervisor below it, and without confidential guests.
    PlainHost,
    /// `/proc/cpuinfo` does not say.
    Unknown,
}

impl Kind {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::SnpGuest => "SEV-SNP guest",
            Self::TdxGuest => "TDX guest",
            Self::PlainGuest => "virtual machine without confidential computing",
            Self::SnpHost => "host of SEV-SNP guests",
            Self::TdxHost => "host of TDX guests",
            Self::PlainHost => "machine without confidential computing",
            Self::Unknown => "unknown",
        }
    }

    /// Whether this is a guest of a CPU TEE.
    #[must_use]
    pub const fn is_cpu_tee(self) -> bool {
        matches!(self, Self::SnpGuest | Self::TdxGuest)
    }
}

pub(super) fn kind(seen: &Detected) -> Kind {
    let flag = |name: &str| seen.cpu.present().is_some_and(|cpu| cpu.has(name));
    let provider =
        |name: &str| seen.configfs_tsm.present().is_some_and(|tsm| tsm.providers.iter().any(|p| p == name));
    // A driver's device is there only in its own kind of guest. It is there too when it may not be opened.
    let there = |device: &crate::Seen<()>| !matches!(device, crate::Seen::Absent);
    if flag("tdx_guest") || there(&seen.tdx_guest) || provider("tdx_guest") {
        return Kind::TdxGuest;
    }
    // Guest and host both show `sev_snp`; the hypervisor bit tells them apart.
    if there(&seen.sev_guest) || provider("sev_guest") || (flag("hypervisor") && flag("sev_snp")) {
        return Kind::SnpGuest;
    }
    if seen.kvm_amd_sev_snp.present() == Some(&Parameter::On) {
        return Kind::SnpHost;
    }
    if seen.kvm_intel_tdx.present() == Some(&Parameter::On) {
        return Kind::TdxHost;
    }
    match seen.cpu.present() {
        None => Kind::Unknown,
        Some(cpu) if cpu.has("hypervisor") => Kind::PlainGuest,
        Some(_) => Kind::PlainHost,
    }
}
