//! What each tier still lacks, in words.

use super::{Detected, Gpu, Kind};
use crate::Seen;
use crate::nvidia::Wanted;
use serde::Serialize;

/// One tier, and what stands between it and this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TierGap {
    /// The tier, 1 to 4. Tier 0 lacks nothing.
    pub tier: u8,
    /// Its name.
    pub name: &'static str,
    /// What is missing; empty if this machine can ask for evidence of that tier. Whether the evidence
    /// holds is the broker's to say.
    pub missing: Vec<String>,
}

pub(super) fn gaps(seen: &Detected) -> Vec<TierGap> {
    let cpu = cpu_tee(seen);
    let root = hardware_root(seen, &cpu);
    let mut gpu = cpu;
    gpu.extend(gpus(&seen.gpus).or_else(|| gpu_evidence(seen)));
    let mut tee_io = gpu.clone();
    tee_io.push("TEE-I/O (TDISP) proof of the GPUs: this version collects none".to_owned());
    vec![
        TierGap { tier: 1, name: "encrypted", missing: identity(seen, &root) },
        TierGap { tier: 2, name: "confidential", missing: root },
        TierGap { tier: 3, name: "gpu-cc", missing: gpu },
        TierGap { tier: 4, name: "tee-io", missing: tee_io },
    ]
}

/// A hardware root proves more than an identity does: who reaches tier 2 lacks nothing for tier 1.
fn identity(seen: &Detected, root: &[String]) -> Vec<String> {
    match &seen.identity {
        _ if root.is_empty() => Vec::new(),
        Seen::Present(_) => Vec::new(),
        Seen::Absent => vec![
            "an authenticated identity: no registered key is configured ([identity] in the configuration, or \
             --identity-key-id and --identity-key)"
                .to_owned(),
        ],
        Seen::Unreadable { reason, .. } => vec![format!("an authenticated identity: {reason}")],
    }
}

/// A CPU TEE or a TPM's quote; without either, what both lack.
fn hardware_root(seen: &Detected, cpu: &[String]) -> Vec<String> {
    let quoted = seen.tpm_quotes && seen.tpm.is_present();
    if cpu.is_empty() || quoted {
        return Vec::new();
    }
    let mut missing = cpu.to_vec();
    missing.push(tpm(seen));
    missing
}

fn cpu_tee(seen: &Detected) -> Vec<String> {
    let mut missing = Vec::new();
    match seen.kind {
        Kind::SnpGuest if seen.configfs_tsm.is_present() || seen.sev_guest.is_present() => return missing,
        Kind::TdxGuest if seen.configfs_tsm.is_present() => return missing,
        Kind::SnpGuest => {
            missing.extend(seen.configfs_tsm.missing("report interface (configfs-tsm)"));
            missing.extend(seen.sev_guest.missing("guest device /dev/sev-guest"));
        }
        Kind::TdxGuest => missing.extend(seen.configfs_tsm.missing("report interface (configfs-tsm)")),
        Kind::SnpHost | Kind::TdxHost => missing.push(format!(
            "a confidential guest: this is a {}, and evidence is about the guests that it starts",
            seen.kind.words()
        )),
        Kind::PlainGuest | Kind::PlainHost => {
            missing.push("no SEV-SNP or TDX guest: the processor shows no such flag here".to_owned());
        }
        Kind::Unknown => missing.extend(seen.cpu.missing("processor description (/proc/cpuinfo)")),
    }
    missing
}

/// Why no quote of a TPM goes with the evidence.
fn tpm(seen: &Detected) -> String {
    if let Seen::Unreadable { path, reason } = &seen.tpm {
        return format!("TPM quote: {path}: {reason}");
    }
    kernels_tpm(seen).unwrap_or_else(|| {
        "TPM quote: there is a TPM 2.0, and the configuration does not ask for its quotes ([tpm], or --tpm)"
            .to_owned()
    })
}

/// Why the kernel has no TPM 2.0 to ask, or `None`.
fn kernels_tpm(seen: &Detected) -> Option<String> {
    if let Seen::Present(tpms) = &seen.tpms {
        let version_two = tpms.iter().any(|tpm| tpm.version_major.present().is_some_and(|v| v == "2"));
        return if version_two {
            seen.tpm_device.missing("TPM device /dev/tpmrm0")
        } else {
            Some("no TPM 2.0".to_owned())
        };
    }
    seen.tpms.missing("TPM")
}

/// Why the GPUs on the bus give no evidence, or `None` if they do.
fn gpu_evidence(seen: &Detected) -> Option<String> {
    if seen.gpu_evidence == Wanted::Off {
        return Some("GPU evidence: the configuration asks for none ([gpu], or --gpu-evidence)".to_owned());
    }
    match &seen.nvml {
        Seen::Present(gpus) => gpus.obstacle(seen.nvidia_on_bus()).map(|why| format!("GPU evidence: {why}")),
        Seen::Absent => Some("GPU evidence: NVML was not asked".to_owned()),
        Seen::Unreadable { path, reason } => Some(format!("GPU evidence: {path}: {reason}")),
    }
}

fn gpus(gpus: &Seen<Vec<Gpu>>) -> Option<String> {
    match gpus {
        Seen::Present(found) if found.iter().any(|gpu| gpu.nvidia) => None,
        Seen::Present(_) => Some("no NVIDIA GPU on the PCI bus".to_owned()),
        seen => seen.missing("NVIDIA GPU on the PCI bus"),
    }
}
