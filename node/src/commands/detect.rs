//! `detect`: what this machine really has.

use super::tpm::ask;
use crate::args::DetectArgs;
use crate::config::{self, IdentityChoice, TpmChoice};
use crate::exit::{Answer, Failure};
use crate::output::{self, Format};
use hanzo_node_attester::detect::NamedKey;
use hanzo_node_attester::nvidia::{self, Gpus};
use hanzo_node_attester::{Detected, Seen, detect};
use serde::Serialize;
use serde_json::Value;
use std::path::Path;

pub(crate) async fn run(args: &DetectArgs, format: Format) -> Result<Answer, Failure> {
    // A root that cannot be listed would read as a machine that has nothing.
    std::fs::read_dir(&args.root)
        .map_err(|error| Failure::unusable(format!("{}: {error}", args.root.display())))?;
    let choice = IdentityChoice::read(args.config.as_deref(), &args.identity)?;
    let seen = detect(&args.root).with_identity(choice.as_ref().map_or(Seen::Absent, named));
    let tpm = TpmChoice::read(args.config.as_deref(), &args.tpm)?;
    let asked = ask(tpm.as_ref(), &seen, Path::new(&args.root)).await;
    let seen = seen.with_tpm(asked, tpm.is_some());
    let wanted = config::wanted(args.config.as_deref(), args.gpu_evidence.as_ref())?;
    // NVML answers for the machine that it runs on, and for no other root.
    let nvml = if args.root == Path::new("/") { nvidia::observe(&seen) } else { Seen::Absent };
    let seen = seen.with_nvml(nvml, wanted);
    match format {
        Format::Json => output::json(&seen)?,
        Format::Table => output::result(&tables(&seen))?,
    }
    Ok(Answer::Yes)
}

/// Whether the key that the configuration names can sign.
fn named(choice: &IdentityChoice) -> Seen<NamedKey> {
    match choice.load() {
        Ok(identity) => Seen::Present(NamedKey {
            key_id: identity.key_id().to_string(),
            algorithm: identity.public().algorithm,
        }),
        Err(error) => Seen::Unreadable { path: choice.key.display().to_string(), reason: error.to_string() },
    }
}

fn tables(seen: &Detected) -> String {
    let here = |(): &()| "present".to_owned();
    let rows = [
        ["kind".to_owned(), seen.kind.words().to_owned()],
        [
            "cpu".to_owned(),
            told(&seen.cpu, |cpu| format!("{} {} [{}]", cpu.vendor, cpu.model, cpu.flags.join(" "))),
        ],
        ["kvm_amd sev_snp".to_owned(), told(&seen.kvm_amd_sev_snp, |p| format!("{p:?}").to_lowercase())],
        ["kvm_intel tdx".to_owned(), told(&seen.kvm_intel_tdx, |p| format!("{p:?}").to_lowercase())],
        [
            "configfs-tsm".to_owned(),
            told(&seen.configfs_tsm, |tsm| match tsm.providers.as_slice() {
                [] => "present (provider not asked)".to_owned(),
                some => format!("present ({})", some.join(", ")),
            }),
        ],
        ["/dev/sev-guest".to_owned(), told(&seen.sev_guest, here)],
        ["/dev/tdx_guest".to_owned(), told(&seen.tdx_guest, here)],
        ["/dev/tpmrm0".to_owned(), told(&seen.tpm_device, here)],
        [
            "tpm".to_owned(),
            told(&seen.tpms, |tpms| {
                let each = tpms
                    .iter()
                    .map(|t| format!("{} version {}", t.name, told(&t.version_major, Clone::clone)));
                each.collect::<Vec<_>>().join(", ")
            }),
        ],
        ["tpm's own words".to_owned(), told(&seen.tpm, super::tpm::words)],
        [
            "gpu".to_owned(),
            told(&seen.gpus, |gpus| {
                let each = gpus.iter().map(|gpu| {
                    let device = told(&gpu.device, Clone::clone);
                    format!("{} {}:{device}", gpu.address, gpu.vendor)
                });
                each.collect::<Vec<_>>().join("\n")
            }),
        ],
        ["nvml".to_owned(), told(&seen.nvml, nvml_words)],
        ["ccel event log".to_owned(), told(&seen.ccel, |ccel| told(&ccel.event_log, here))],
        [
            "identity".to_owned(),
            told(&seen.identity, |key| format!("{} ({})", key.key_id, key.algorithm.name())),
        ],
    ];
    let tiers = seen.tiers.iter().map(|gap| {
        let missing = if gap.missing.is_empty() { "nothing".to_owned() } else { gap.missing.join("\n") };
        [format!("{} {}", gap.tier, gap.name), missing]
    });
    format!("{}\n\n{}", output::table(["what", "found"], rows), output::table(["tier", "missing"], tiers))
}

/// What NVML says, a line a GPU.
fn nvml_words(gpus: &Gpus) -> String {
    let on = |flag: &Seen<bool>| told(flag, |on| if *on { "on" } else { "off" }.to_owned());
    let mut lines = vec![
        format!("driver {}", told(&gpus.driver_version, Clone::clone)),
        format!("confidential computing {}", on(&gpus.confidential_computing)),
        format!("protected PCIe {}", on(&gpus.protected_pcie)),
        format!("devtools {}", on(&gpus.dev_tools)),
        format!("environment {}", told(&gpus.environment, word)),
        format!("several GPUs {}", told(&gpus.multi_gpu, word)),
        format!("TDISP {}", told(&gpus.tdisp, word)),
        format!("accepting work {}", on(&gpus.accepting_work)),
    ];
    lines.extend(gpus.devices.iter().map(|gpu| {
        let [address, name, architecture, vbios, pdi] =
            [&gpu.address, &gpu.name, &gpu.architecture, &gpu.vbios_version, &gpu.pdi]
                .map(|seen| told(seen, Clone::clone));
        format!("{address} {name}, {architecture}, VBIOS {vbios}, PDI {pdi}")
    }));
    lines.extend(match &gpus.switches {
        Seen::Present(switches) => switches
            .iter()
            .map(|switch| format!("NVSwitch {}, {}", switch.label, told(&switch.mode, word)))
            .collect(),
        Seen::Unreadable { reason, .. } => vec![format!("NVSwitches unreadable: {reason}")],
        Seen::Absent => Vec::new(),
    });
    lines.join("\n")
}

/// A value as it stands in JSON, without the quotes of a string.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}

fn told<T>(seen: &Seen<T>, tell: impl FnOnce(&T) -> String) -> String {
    match seen {
        Seen::Present(value) => tell(value),
        Seen::Absent => "absent".to_owned(),
        Seen::Unreadable { reason, .. } => format!("unreadable: {reason}"),
    }
}
