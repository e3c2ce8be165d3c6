//! Against a library with NVML's names and layouts, built from `library.c`; the report and the certificates
//! that it hands out are those of a real GPU.

use super::*;
use crate::nvidia::built::{self, FIXTURE, REPORT};
use crate::nvidia::evidence::item;
use hanzo_attestation_evidence::{Tee, encoding};
use serde_json::json;

const CERTS: &str = include_str!("../../../../../fixtures/attestation/nvidia/hopper-550/certs.pem");

/// What the report was asked with.
fn nonce() -> [u8; 32] {
    REPORT[4..36].try_into().unwrap()
}

fn library(defines: &[&str]) -> (tempfile::TempDir, Library) {
    let folder = tempfile::tempdir().unwrap();
    let certs = format!("-DCERTS=\"{FIXTURE}/certs.pem\"");
    let defaults = ["-DENVIRONMENT=2", &certs];
    let path = built::library(folder.path(), "nvml/library.c", LIBRARY, defines, &defaults);
    let library = Library::load_from(path.as_os_str());
    (folder, library.unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn what_the_library_says_is_read_in_its_own_layouts() {
    let (_folder, library) = library(&[]);
    let gpus = library.observe().unwrap();
    let present = |text: &str| Seen::Present(text.to_owned());
    assert_eq!(gpus.driver_version, present("595.10.02"));
    assert_eq!(
        (&gpus.confidential_computing, &gpus.dev_tools),
        (&Seen::Present(true), &Seen::Present(false))
    );
    assert_eq!((&gpus.protected_pcie, &gpus.accepting_work), (&Seen::Present(false), &Seen::Present(true)));
    assert_eq!(gpus.environment, Seen::Present(Environment::Production));
    assert_eq!(gpus.multi_gpu, Seen::Present(MultiGpu::NvlinkEncryption));
    assert_eq!(gpus.tdisp, Seen::Present(Tdisp::Ready));
    let [gpu] = gpus.devices.as_slice() else { panic!("{gpus:?}") };
    assert_eq!((&gpu.name, &gpu.architecture), (&present("NVIDIA H100 80GB HBM3"), &present("Hopper")));
    assert_eq!((&gpu.vbios_version, &gpu.pdi), (&present("96.00.9F.00.01"), &present("1122334455667788")));
    assert_eq!(gpus.check(1), Ok(()));
}

#[test]
fn an_older_library_says_what_it_lacks_and_all_the_rest() {
    let (_folder, library) = library(&["-DOLD"]);
    let gpus = library.observe().unwrap();
    let lacks = |function: &str, seen: &dyn Fn() -> Option<(String, String)>| {
        let (path, reason) = seen().unwrap_or_else(|| panic!("{function} is there"));
        assert!(path == function && reason.contains("undefined symbol"), "{path}: {reason}");
    };
    lacks("nvmlSystemGetConfComputeSettings_v2", &|| unreadable_words(&gpus.tdisp));
    lacks("nvmlDeviceGetPdi", &|| unreadable_words(&gpus.devices[0].pdi));
    // What this library lacks because it is small, as a driver's may.
    assert!(unreadable_words(&gpus.devices[0].address).is_some());
    assert_eq!(gpus.environment, Seen::Present(Environment::Production));
    assert_eq!(gpus.check(1), Ok(()));
}

fn unreadable_words<T>(seen: &Seen<T>) -> Option<(String, String)> {
    match seen {
        Seen::Unreadable { path, reason } => Some((path.clone(), reason.clone())),
        Seen::Present(_) | Seen::Absent => None,
    }
}

#[test]
fn a_simulation_is_seen_and_refused() {
    let (_folder, library) = library(&["-DENVIRONMENT=1"]);
    let gpus = library.observe().unwrap();
    assert_eq!(gpus.environment, Seen::Present(Environment::Simulation));
    assert_eq!(gpus.check(1), Err(GpuError::Simulation));
}

#[test]
fn a_report_and_its_certificates_come_out_byte_for_byte() {
    let (_folder, library) = library(&[]);
    let device = library.evidence(0, &nonce()).unwrap();
    let expected = json!({"report": encoding::base64_encode(REPORT), "certs": CERTS});
    assert_eq!(item(Tee::NvidiaGpu, &[device])["devices"][0], expected);
}

#[test]
fn a_report_over_another_nonce_and_a_gpu_that_is_not_there_are_refused() {
    let (_folder, library) = library(&[]);
    assert_eq!(library.evidence(0, &[7; 32]), Err(GpuError::Nonce { device: "GPU 0".to_owned() }));
    let refused = library.evidence(1, &nonce());
    assert!(matches!(refused, Err(GpuError::Nvml { function: "nvmlDeviceGetHandleByIndex_v2", .. })));
}

#[test]
fn a_size_of_nothing_is_the_librarys_own_error() {
    let (_folder, library) = library(&["-DREPORT_SIZE=0"]);
    let refused = library.evidence(0, &nonce());
    let function = "nvmlDeviceGetConfComputeGpuAttestationReport";
    assert!(matches!(refused, Err(GpuError::Nvml { function: named, .. }) if named == function));
}

#[test]
fn a_file_that_is_no_library_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libnvidia-ml.so.1");
    std::fs::write(&path, "no library").unwrap();
    for path in [path, folder.path().join("absent.so")] {
        assert!(matches!(Library::load_from(path.as_os_str()), Err(GpuError::Library { .. })));
    }
}
