//! What the devices of one node must show together.
//!
//! Everything is compared with identities that certificates prove: a list that a report states counts only
//! when the devices it names have reported, too.

use super::{Thresholds, mode};
use crate::appraisal::checks::Checks;
use hanzo_attestation::nvidia::{Claims, DeviceClaims};
use hanzo_attestation_evidence::nvidia::{Mode, Toggle};
use hanzo_attestation_evidence::{Hex, Rule};
use std::collections::BTreeSet;

const DUPLICATE: Rule = Rule::new("NV-70", "DeviceDuplicate");
const MODES_MIXED: Rule = Rule::new("NV-75", "ModesMixed");
const COUNT: Rule = Rule::new("NV-76", "DeviceCount");
const TOPOLOGY: Rule = Rule::new("NV-78", "TopologyOpen");
const NONCES: Rule = Rule::new("NV-80", "NoncesDiffer");
const DRIVERS: Rule = Rule::new("NV-81", "DriversDiffer");

/// LOCK_STATUS of a switch whose configuration nobody can change.
const LOCKED: u16 = 1;

type Pdis = BTreeSet<Hex<8>>;

pub(in crate::appraisal) fn check(
    gpus: Option<&Claims>,
    switches: Option<&Claims>,
    limits: &Thresholds,
    checks: &mut Checks,
) {
    let (gpus, switches) = (devices(gpus), devices(switches));
    distinct(gpus, switches, checks);
    checks.refuse(limits.gpus.is_some_and(|expected| expected != gpus.len()), COUNT, || {
        format!("{} GPUs, and {} are expected", gpus.len(), limits.gpus.unwrap_or_default())
    });
    modes(gpus, checks);
    let protected = gpus.iter().any(|gpu| mode(gpu) == Some(Mode::Ppcie));
    let judged = if switches.is_empty() { protected && limits.require_switches } else { !gpus.is_empty() };
    if judged && let Err(open) = topology(gpus, switches) {
        checks.refuse(true, TOPOLOGY, || open);
    }
}

fn devices(claims: Option<&Claims>) -> &[DeviceClaims] {
    claims.map_or(&[], |claims| &claims.devices)
}

/// NV-70, NV-80, NV-81. One device twice would stand for one that is absent.
fn distinct(gpus: &[DeviceClaims], switches: &[DeviceClaims], checks: &mut Checks) {
    let all = || gpus.iter().chain(switches);
    let mut seen = Pdis::new();
    if let Some(twice) = all().find(|device| !seen.insert(device.pdi)) {
        checks.refuse(true, DUPLICATE, || format!("the device {} is there more than once", twice.pdi));
    }
    let nonces: BTreeSet<Hex<32>> = all().map(|device| device.nonce).collect();
    checks.refuse(nonces.len() > 1, NONCES, || "the devices answer several challenges".to_owned());
    let drivers: BTreeSet<Option<&str>> =
        gpus.iter().map(|gpu| gpu.fields.driver_version.as_deref()).collect();
    checks.refuse(drivers.len() > 1, DRIVERS, || "the GPUs run several versions of the driver".to_owned());
}

/// NV-75: several GPUs of one machine are all in one mode, which is one for several GPUs.
fn modes(gpus: &[DeviceClaims], checks: &mut Checks) {
    let modes: BTreeSet<Option<Mode>> = gpus.iter().map(mode).collect();
    checks.refuse(modes.len() > 1, MODES_MIXED, || "the GPUs are in several modes".to_owned());
    let for_several = modes.iter().all(|mode| matches!(mode, Some(Mode::Mpt | Mode::Ppcie)));
    checks.refuse(gpus.len() > 1 && modes.len() == 1 && !for_several, MODES_MIXED, || {
        format!("{} GPUs, in a mode for one", gpus.len())
    });
}

/// NV-78: GPUs and switches name each other, and nobody else.
///
/// # Errors
/// What is open.
fn topology(gpus: &[DeviceClaims], switches: &[DeviceClaims]) -> Result<(), String> {
    if switches.is_empty() {
        return Err("GPUs in protected PCIe mode, and no switch has reported".to_owned());
    }
    let identities = |devices: &[DeviceClaims]| devices.iter().map(|device| device.pdi).collect::<Pdis>();
    let (all_gpus, all_switches) = (identities(gpus), identities(switches));
    let named = |pdis: &[Hex<8>]| pdis.iter().copied().filter(|pdi| !pdi.is_zero()).collect::<Pdis>();
    for gpu in gpus {
        let pdi = gpu.pdi;
        if mode(gpu) != Some(Mode::Ppcie) || gpu.fields.protected_pcie != Some(Toggle::On) {
            return Err(format!("the GPU {pdi} is not in protected PCIe mode"));
        }
        if named(&gpu.fields.switch_pdis) != all_switches {
            return Err(format!("the GPU {pdi} is not connected to exactly the switches that reported"));
        }
    }
    for switch in switches {
        let pdi = switch.pdi;
        if switch.fields.device_pdi != Some(pdi) {
            return Err(format!("the switch {pdi} does not state its own PDI"));
        }
        if switch.fields.lock_status != Some(LOCKED) {
            return Err(format!("the switch {pdi} is not locked"));
        }
        if named(&switch.fields.gpu_pdis) != all_gpus {
            return Err(format!("the switch {pdi} is not connected to exactly the GPUs that reported"));
        }
    }
    Ok(())
}
