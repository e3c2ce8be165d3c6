//! The devices beside a CPU, as policies see them.

use crate::appraisal::nvidia::mode;
use crate::schema::shape::{record, wire_name};
use hanzo_attestation::nvidia::rim::Outcome;
use hanzo_attestation::nvidia::{Claims, DeviceClaims, FwidMatch, Source};
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
    /// Whether the vendor's own word on revocation was verified for every certificate.
    pub(crate) revocation_checked: bool,
    /// Whether a named guest accepted the interface of each of them (tier 4); false for switches.
    pub(crate) tee_io: bool,
}

record!(Devices as "NvidiaDevices" {
    count, architectures, modes, driver_versions, firmware_versions, pdis, mode_stated, fwid_stated,
    manifests_match, revocation_checked, tee_io,
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
            revocation_checked: all(|device| {
                device.revocation.iter().all(|standing| standing.source != Source::Unchecked)
            }),
            tee_io: false,
        }
    }
}
