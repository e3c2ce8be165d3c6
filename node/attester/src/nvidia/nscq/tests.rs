//! Against a library with NSCQ's names and layouts, built from `library.c`.

use super::*;
use crate::nvidia::SwitchMode;
use crate::nvidia::built::{self, REPORT};
use crate::nvidia::evidence::item;
use hanzo_attestation_evidence::{Tee, encoding};

const NONCE: [u8; 32] = [0x5a; 32];

fn open(defines: &[&str]) -> Result<Nscq, GpuError> {
    let folder = tempfile::tempdir().unwrap();
    let defaults = ["-DSWITCHES=4", "-DCREATE=0", "-DFAIL=0"];
    // The loader keeps what it has mapped after the file is gone.
    Nscq::open(built::library(folder.path(), "nscq/library.c", LIBRARY, defines, &defaults).as_os_str())
}

#[test]
fn every_switch_gives_its_mode_report_and_certificates() {
    let nscq = open(&[]).unwrap();
    let labels = nscq.switches().unwrap();
    assert_eq!(labels, ["SWX-A0", "SWX-A1", "SWX-A2", "SWX-A3"]);
    for label in &labels {
        assert_eq!(nscq.mode(label).map(SwitchMode::from), Ok(SwitchMode::Locked));
    }
    let device = nscq.evidence("SWX-A2", &NONCE).unwrap();
    let expected = [&REPORT[..4], &NONCE, &REPORT[36..]].concat();
    let item = item(Tee::NvidiaSwitch, &[device]);
    assert_eq!(item["type"], "nvidia-switch");
    assert_eq!(item["devices"][0]["report"], encoding::base64_encode(&expected));
    assert_eq!(item["devices"][0]["certs"], "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n");
}

#[test]
fn a_machine_without_switches_has_none_and_one_with_too_many_is_refused() {
    assert_eq!(open(&["-DSWITCHES=0"]).unwrap().switches(), Ok(Vec::new()));
    assert_eq!(open(&["-DSWITCHES=16"]).unwrap().switches().map(|all| all.len()), Ok(16));
    let refused = open(&["-DSWITCHES=17"]).unwrap().switches();
    let reason = "overflow (-4)".to_owned();
    assert_eq!(refused, Err(GpuError::Nscq { function: "nscq_session_path_observe", reason }));
}

#[test]
fn a_switch_that_is_not_there_and_a_code_of_the_driver_are_named() {
    let observe =
        |reason: &str| GpuError::Nscq { function: "nscq_session_path_observe", reason: reason.to_owned() };
    let unknown = open(&[]).unwrap().mode("SWX-B0");
    assert_eq!(unknown, Err(observe("resource not mountable (-3)")));
    let failing = open(&["-DFAIL=-7"]).unwrap().evidence("SWX-A0", &NONCE);
    assert_eq!(failing, Err(observe("driver error (-7)")));
    let warning = open(&["-DFAIL=1"]).unwrap().evidence("SWX-A0", &NONCE);
    assert_eq!(warning, Err(observe("warning: the driver's table was not initialised (1)")));
}

#[test]
fn a_size_beyond_the_buffer_is_no_report() {
    for size in ["-DSIZE=0x2001", "-DSIZE=0xffffffff", "-DSIZE=0", "-DSIZE=35"] {
        let refused = open(&[size]).unwrap().evidence("SWX-A1", &NONCE);
        assert_eq!(refused, Err(GpuError::Nonce { device: "switch SWX-A1".to_owned() }), "{size}");
    }
}

#[test]
fn a_library_that_is_absent_or_opens_no_session_is_named() {
    let absent = Nscq::open(OsStr::new("/nowhere/libnvidia-nscq.so.2")).map(drop);
    assert!(matches!(absent, Err(GpuError::SwitchLibrary { .. })));
    let reason = "nscq_session_create: unsupported driver (-6)".to_owned();
    assert_eq!(open(&["-DCREATE=-6"]).map(drop), Err(GpuError::SwitchLibrary { reason }));
}
