//! The GPUs: do they report?

use super::checks::probe;
use super::{Check, Verdict};
use crate::commands::ROOT;
use crate::config::Config;
use hanzo_node_attester::nvidia::{self, GpuError, Wanted};
use hanzo_node_attester::{CollectError, EvidenceSource as _, Source, detect};
use serde_json::Value;
use std::path::Path;

const CHECK: &str = "gpu";

/// Asks the GPUs for reports, where there are any or the configuration requires them.
pub(super) async fn reports(config: &Config) -> Option<Check> {
    let machine = detect(Path::new(ROOT));
    let asked = nvidia::observe(&machine).is_present() || config.gpus == Wanted::Required;
    if config.gpus == Wanted::Off || !asked {
        return None;
    }
    let binding = match probe(config) {
        Ok(binding) => binding,
        Err(reason) => {
            return Some(Check::new(CHECK, Verdict::Fail, reason, "check the system's random source"));
        }
    };
    let source = config.with_gpus(Source::Nothing, Path::new(ROOT));
    Some(match source.collect(&binding).await {
        Ok(document) => match document.pointer("/evidence/0/devices").and_then(Value::as_array) {
            Some(devices) => Check::ok(CHECK, format!("{} GPUs gave reports", devices.len())),
            None => Check::ok(CHECK, "the GPUs are not confidential: no evidence of them, tier 2 at most"),
        },
        Err(CollectError::Gpu(error)) => Check::new(CHECK, Verdict::Fail, error.to_string(), cure(&error)),
        Err(error) => {
            Check::new(CHECK, Verdict::Fail, error.to_string(), "look at the kernel's log (`dmesg`)")
        }
    })
}

/// What helps against one failure.
pub(super) fn cure(error: &GpuError) -> &'static str {
    match error {
        GpuError::Library { .. } => "install NVIDIA's driver, whose library is libnvidia-ml.so.1",
        GpuError::NotConfidential { .. } => {
            "switch confidential computing on from the host, and use a GPU and driver that have it"
        }
        GpuError::DevTools | GpuError::Simulation => "switch devtools mode off from the host",
        GpuError::Incomplete { .. } => "bind every GPU to NVIDIA's driver, or take it out of the guest",
        GpuError::TooMany { .. } => "give the guest fewer GPUs",
        GpuError::SwitchLibrary { .. } | GpuError::Nscq { .. } | GpuError::NoSwitch => {
            "install NVIDIA's libnvidia-nscq for this driver, start its fabric manager, and give the guest all switches"
        }
        GpuError::Nvml { .. } | GpuError::Nonce { .. } | GpuError::CertificateText { .. } => {
            "look at what `nvidia-smi conf-compute -q` and the kernel's log say"
        }
    }
}
