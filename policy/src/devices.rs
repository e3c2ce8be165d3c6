//! The devices beside a CPU, as policies see them.

use crate::appraisal::nvidia::mode;
use crate::references::Register;
use crate::schema::shape::{record, wire_name};
use hanzo_attestation::nvidia::rim::{Outcome, RimResult, RimUse};
use hanzo_attestation::nvidia::{Claims, DeviceClaims, FwidMatch, Source};
use hanzo_attestation_evidence::Tee;
use hanzo_attestation_evidence::nvidia::Class;
use std::collections::BTreeSet;

/// Devices of one class: what each states, as a set of what is stated.
#[derive(Clone, Debug)]
pub(crate) struct Devices {
    /// How many there are.
    pub(crate) count: u32,
    /// `HOPPER`, `BLACKWELL`, `RUBIN`, `LS10`.
    pub(crate) architectures: Vec<String>,
    /// `spt`, `mpt`, `ppcie`; none where a device states none.
    pub(crate) modes: Vec<String>,
    pub(crate) driver_versions: Vec<String>,
    /// Of VBIOS, or of a switch's BIOS.
    pub(crate) firmware_versions: Vec<String>,
    /// Identities, hex.
    pub(crate) pdis: Vec<String>,
    /// Whether every device states a mode.
    pub(crate) mode_stated: bool,
    /// Whether every device states the firmware id of its certificate.
    pub(crate) fwid_stated: bool,
    /// Whether every device measures what its manifests say.
    pub(crate) manifests_match: bool,
    /// The one manifest of the driver that every device measures to; none if they differ, or if one does not.
    pub(crate) driver_rim: Option<Register>,
    /// Of a GPU's VBIOS, likewise.
    pub(crate) vbios_rim: Option<Register>,
    /// Of a switch's BIOS, likewise.
    pub(crate) bios_rim: Option<Register>,
    /// Whether the vendor's own word on revocation was verified for every certificate.
    pub(crate) revocation_checked: bool,
    /// Whether a named guest accepted the interface of each of them (tier 4); false for switches.
    pub(crate) tee_io: bool,
}

record!(Devices as "NvidiaDevices" {
    count, architectures, modes, driver_versions, firmware_versions, pdis, mode_stated, fwid_stated,
    manifests_match, driver_rim, vbios_rim, bios_rim, revocation_checked, tee_io,
});

impl Devices {
    pub(crate) fn of(claims: &Claims) -> Self {
        let devices = &claims.devices;
        let set = |read: fn(&DeviceClaims) -> Option<String>| {
            devices.iter().filter_map(read).collect::<BTreeSet<_>>().into_iter().collect()
        };
        let all = |holds: fn(&DeviceClaims) -> bool| devices.iter().all(holds);
        Self {
            count: u32::try_from(devices.len()).unwrap_or(u32::MAX),
            architectures: set(|device| Some(device.architecture.name().to_owned())),
            modes: set(|device| wire_name(&mode(device)?)),
            driver_versions: set(|device| device.fields.driver_version.clone()),
            firmware_versions: set(|device| device.fields.vbios_version.clone()),
            pdis: set(|device| Some(device.pdi.to_string())),
            mode_stated: all(|device| mode(device).is_some()),
            fwid_stated: all(|device| device.fwid == FwidMatch::Match),
            manifests_match: all(|device| device.rim.outcome == Outcome::Success),
            driver_rim: one_manifest(claims, "driver_rim", |rim| rim.driver.as_ref()),
            vbios_rim: one_manifest(claims, "vbios_rim", |rim| rim.firmware.as_ref()),
            bios_rim: one_manifest(claims, "bios_rim", |rim| rim.firmware.as_ref()),
            revocation_checked: all(|device| {
                device.revocation.iter().all(|standing| standing.source != Source::Unchecked)
            }),
            tee_io: false,
        }
    }
}

impl Devices {
    /// The manifests as registers, which reference sets can hold.
    pub(crate) fn registers(&self) -> impl Iterator<Item = Register> {
        [self.driver_rim, self.vbios_rim, self.bios_rim].into_iter().flatten()
    }
}

/// The manifest that every device measures to without a fault, if there is one and this class has its register.
fn one_manifest(claims: &Claims, name: &str, read: fn(&RimResult) -> Option<&RimUse>) -> Option<Register> {
    let of = |device: &DeviceClaims| {
        let whole = device.rim.outcome == Outcome::Success;
        read(&device.rim).filter(|_| whole).map(|found| found.sha256)
    };
    let first = of(claims.devices.first()?)?;
    let same = claims.devices.iter().all(|device| of(device) == Some(first));
    let tee = match claims.class {
        Class::Gpu => Tee::NvidiaGpu,
        Class::Switch => Tee::NvidiaSwitch,
    };
    Register::named(tee.name(), name, first.into()).filter(|_| same)
}
