//! What each device must show, in the order of `docs/nvidia-rules.md`.

use super::{Thresholds, mode};
use crate::appraisal::Allowed;
use crate::appraisal::checks::Checks;
use hanzo_attestation::nvidia::{Claims, DeviceClaims, FwidMatch};
use hanzo_attestation_evidence::Rule;
use hanzo_attestation_evidence::nvidia::{Architecture, Class};

const FWID_ABSENT: Rule = Rule::new("NV-71", "FwidAbsent");
const DRIVER_BELOW_FLOOR: Rule = Rule::new("NV-72", "DriverBelowFloor");
const FIRMWARE_BELOW_FLOOR: Rule = Rule::new("NV-73", "FirmwareBelowFloor");
const MODE_NOT_ALLOWED: Rule = Rule::new("NV-74", "ModeNotAllowed");
const PDI_NOT_ALLOWED: Rule = Rule::new("NV-77", "PdiNotAllowed");
const SERIAL_DENIED: Rule = Rule::new("NV-95", "DeviceSerialDenied");
const FWID_DENIED: Rule = Rule::new("NV-96", "FwidDenied");
const KIND: Rule = Rule::new("NV-82", "DeviceKindMismatch");
const RIM_DENIED: Rule = Rule::new("NVR-48", "RimDenied");
const RIM_SIGNER_DENIED: Rule = Rule::new("NVR-49", "RimSignerDenied");
const RIM_FORM: Rule = Rule::new("NV-79", "RimFormUnsupported");

pub(in crate::appraisal) fn check(claims: &Claims, limits: &Thresholds, checks: &mut Checks) {
    for (index, device) in claims.devices.iter().enumerate() {
        kind(index, device, claims.class, checks);
        manifests(index, device, checks);
        denied_manifests(index, device, limits, checks);
        checks.refuse(limits.require_fwid && lacks_fwid(device), FWID_ABSENT, || {
            format!("device {index}: the report does not state the firmware id of its certificate")
        });
        versions(index, device, claims.class, limits, checks);
        identity(index, device, claims.class, limits, checks);
    }
}

/// NV-82: what an item declares is nobody's signed word, and a switch that counted as a GPU would stand for one.
fn kind(index: usize, device: &DeviceClaims, declared: Class, checks: &mut Checks) {
    let signed = if device.architecture == Architecture::Ls10 { Class::Switch } else { Class::Gpu };
    checks.refuse(signed != declared, KIND, || {
        format!("device {index} is a {}, and its item is of {}", signed.tee(), declared.tee())
    });
}

/// NVR-40 to NVR-47, and NV-79 where no manifest of a known form exists.
fn manifests(index: usize, device: &DeviceClaims, checks: &mut Checks) {
    if let Some(other) = other_manifests(device) {
        checks.refuse(true, RIM_FORM, || {
            format!(
                "device {index}: {other} has manifests of another form, which this build does not compare"
            )
        });
        return;
    }
    for mut finding in device.rim.findings() {
        finding.message = format!("device {index}: {}", finding.message);
        checks.add(finding);
    }
}

/// NVR-48, NVR-49: a manifest that its vendor has not revoked and the operator has.
fn denied_manifests(index: usize, device: &DeviceClaims, limits: &Thresholds, checks: &mut Checks) {
    for used in device.rim.driver.iter().chain(&device.rim.firmware) {
        checks.refuse(limits.denied_manifests.contains(&used.sha256), RIM_DENIED, || {
            format!("device {index}: the manifest {} is on the deny list", used.sha256)
        });
        let signer = &used.signer.serial;
        checks.refuse(limits.denied_manifest_signers.contains(signer), RIM_SIGNER_DENIED, || {
            format!("device {index}: the signer {signer} of the manifest {} is on the deny list", used.sha256)
        });
    }
}

/// Devices whose golden values are published as CoRIM alone.
fn other_manifests(device: &DeviceClaims) -> Option<&'static str> {
    let on_fsp = device.hwmodel.split(' ').any(|word| word == "FSP");
    match device.architecture {
        Architecture::Rubin => Some("Rubin"),
        Architecture::Blackwell if on_fsp => Some("Blackwell's FSP"),
        Architecture::Hopper | Architecture::Blackwell | Architecture::Ls10 => None,
    }
}

/// A switch's report has no place for it.
fn lacks_fwid(device: &DeviceClaims) -> bool {
    device.fwid == FwidMatch::Absent && device.architecture != Architecture::Ls10
}

fn versions(index: usize, device: &DeviceClaims, class: Class, limits: &Thresholds, checks: &mut Checks) {
    let driver = device.fields.driver_version.as_deref().unwrap_or_default();
    let floor = limits.minimum_driver.as_ref().filter(|_| class == Class::Gpu);
    if let Some(floor) = floor {
        checks.refuse(!floor.admits_driver(driver), DRIVER_BELOW_FLOOR, || {
            format!("device {index}: the driver `{driver}` is not at or above {}", floor.as_str())
        });
    }
    let firmware = device.fields.vbios_version.as_deref().unwrap_or_default();
    if let Some(floor) = limits.minimum_firmware.get(&device.architecture) {
        checks.refuse(!floor.admits_firmware(firmware), FIRMWARE_BELOW_FLOOR, || {
            format!("device {index}: the firmware `{firmware}` is not at or above {}", floor.as_str())
        });
    }
}

fn identity(index: usize, device: &DeviceClaims, class: Class, limits: &Thresholds, checks: &mut Checks) {
    let mode_allowed = match (&limits.modes, mode(device)) {
        (Allowed::Any, _) => true,
        (modes, Some(mode)) => modes.admits(&mode),
        (Allowed::Listed(_), None) => false,
    };
    checks.refuse(class == Class::Gpu && !mode_allowed, MODE_NOT_ALLOWED, || match mode(device) {
        Some(mode) => format!("device {index}: its mode is {mode:?}").to_lowercase(),
        None => format!("device {index}: it states no mode"),
    });
    let allowed = limits.pdis.admits(&device.pdi) && !limits.denied_pdis.contains(&device.pdi);
    checks.refuse(!allowed, PDI_NOT_ALLOWED, || format!("device {index}: {} is not accepted", device.pdi));
    let serial = &device.device_serial;
    let denied = limits.denied_device_serials.iter().any(|denied| denied.to_string() == *serial);
    checks.refuse(denied, SERIAL_DENIED, || {
        format!("device {index}: the serial number {serial} of its authority is on the deny list")
    });
    if let Some(fwid) = device.fwid_certificate.filter(|fwid| limits.denied_fwids.contains(fwid)) {
        checks.refuse(true, FWID_DENIED, || {
            format!("device {index}: its firmware id {fwid} is on the deny list")
        });
    }
}
