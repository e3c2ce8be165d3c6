//! Lab directories: what is written is what is opened, and nothing is overwritten.

use hanzo_attestation_lab::{DevicesOrder, Lab, LabError, SnpOrder, SnpProduct};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

fn written() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    Lab::fixture().write(directory.path()).unwrap();
    directory
}

fn refusal(directory: &TempDir) -> LabError {
    Lab::open(directory.path()).err().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_written_is_what_is_opened() {
    let directory = written();
    let (lab, opened) = (Lab::fixture(), Lab::open(directory.path()).unwrap());
    assert_eq!(opened.extra_roots(), lab.extra_roots());
    assert_eq!(opened.amd_lists(), lab.amd_lists());
    assert_eq!(opened.intel_collateral(), lab.intel_collateral());
    assert_eq!(opened.tpm_authority(), lab.tpm_authority());
    assert_eq!(opened.tpm_manufacturer(), lab.tpm_manufacturer());
    assert_eq!(opened.nvidia_manifests(), lab.nvidia_manifests());
    assert_eq!(opened.validity(), lab.validity());
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(directory.path().join("lab.json")).unwrap()).unwrap();
    assert_eq!(index["amd"][0]["crls"][1], "amd/milan/vlek.crl");
    assert_eq!(index["intel"][0]["root"], "intel/root.der");
    assert_eq!(index["nvidia"]["roots"][0], "nvidia/root.der");
    assert_eq!(index["nvidia_rim"]["manifests"].as_array().unwrap().len(), lab.nvidia_manifests().len());
}

/// The keys are those of the certificates beside them: what the opened lab signs is verified under its roots.
#[test]
fn an_opened_lab_signs_for_devices() {
    let directory = written();
    let opened = Lab::open(directory.path()).unwrap();
    let order = DevicesOrder { gpus: 2, ..DevicesOrder::default() };
    let devices = opened.devices(&order).unwrap();
    assert_eq!((devices.items.len(), devices.digests.len()), (1, 2));
    assert_eq!(opened.nvidia_root(), Lab::fixture().nvidia_root());
}

/// A lab of the program's first versions: no NVIDIA in `lab.json`, and none of its files.
#[test]
fn a_lab_of_an_older_program_opens_and_has_no_devices() {
    let directory = written();
    let path = directory.path().join("lab.json");
    let mut index: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for field in ["nvidia", "nvidia_rim"] {
        index.as_object_mut().unwrap().remove(field);
    }
    fs::write(&path, index.to_string()).unwrap();
    fs::remove_dir_all(directory.path().join("nvidia")).unwrap();
    for entry in fs::read_dir(directory.path().join("private")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("nvidia-") {
            fs::remove_file(path).unwrap();
        }
    }
    let old = Lab::open(directory.path()).unwrap();
    assert!(old.snp(&SnpOrder::default()).is_ok());
    assert!(matches!(old.devices(&DevicesOrder::default()), Err(LabError::NoNvidia)));
    assert!(old.extra_roots().nvidia.is_empty() && old.nvidia_manifests().is_empty());
    let again = directory.path().join("again");
    old.write(&again).unwrap();
    assert!(!again.join("nvidia").exists() && Lab::open(&again).is_ok());
}

#[test]
fn private_keys_are_for_their_owner_alone() {
    let directory = written();
    let private = directory.path().join("private");
    assert_eq!(mode(&private), 0o700);
    for entry in fs::read_dir(&private).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    let public = fs::read_to_string(directory.path().join("lab.json")).unwrap();
    assert!(!public.contains("private"));
}

#[test]
fn nothing_is_overwritten() {
    let directory = written();
    let before = fs::read(directory.path().join("private/intel-root.pk8")).unwrap();
    let error = Lab::fixture().write(directory.path()).unwrap_err();
    assert!(matches!(error, LabError::NotEmpty(_)), "{error}");
    assert_eq!(fs::read(directory.path().join("private/intel-root.pk8")).unwrap(), before);
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Lab::fixture().write(&file.join("lab")).unwrap_err();
    assert!(matches!(error, LabError::Write { .. }), "{error}");
}

#[test]
fn every_missing_file_is_named() {
    let names = [
        "amd/genoa/ask.der",
        "amd/turin/vlek.crl",
        "intel/platform-ca.der",
        "intel/tcb-signer.der",
        "intel/root.crl",
        "intel/tdx-tcb-info.json",
        "intel/qe-identity.sig",
        "tpm/authority.der",
        "nvidia/root.der",
        "nvidia/ls10-provisioner.der",
        "nvidia/rim/gb100-vbios.xml",
        "private/nvidia-rim-signer.pk8",
        "lab.json",
        "private/tpm-ek.pk8",
        "private/intel-tcb-signing.pk8",
        "private/amd-milan-ark.pk8",
        "private/intel-pck.pk8",
        "private/validity.json",
    ];
    for name in names {
        let directory = written();
        fs::remove_file(directory.path().join(name)).unwrap();
        match refusal(&directory) {
            LabError::Read { path, .. } => assert!(path.ends_with(name), "{}", path.display()),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_key_of_another_kind_is_rejected() {
    let swaps = [("amd-milan-ark.pk8", "intel-root.pk8"), ("amd-genoa-vek.pk8", "intel-pck.pk8")];
    for (name, other) in swaps {
        let directory = written();
        let private = directory.path().join("private");
        fs::copy(private.join(other), private.join(name)).unwrap();
        assert!(matches!(refusal(&directory), LabError::KeyRejected(_)), "{name}");
    }
    let directory = written();
    fs::write(directory.path().join("private/intel-attestation.pk8"), "no key").unwrap();
    assert!(matches!(refusal(&directory), LabError::KeyRejected(_)));
}

#[test]
fn a_file_larger_than_any_of_a_lab_is_refused() {
    let directory = written();
    fs::write(directory.path().join("amd/milan/ark.der"), vec![0; (64 << 10) + 1]).unwrap();
    assert!(matches!(refusal(&directory), LabError::TooLarge { .. }));
}

#[test]
fn a_signature_of_another_length_is_refused() {
    for length in [0, 63, 65] {
        let directory = written();
        fs::write(directory.path().join("intel/tdx-tcb-info.sig"), vec![1; length]).unwrap();
        assert!(matches!(refusal(&directory), LabError::Signature(_)), "{length}");
    }
}

#[test]
fn the_objects_that_tools_exchange_have_the_same_bytes() {
    let directory = written();
    let read = |name: &str| fs::read(directory.path().join("intel").join(name)).unwrap();
    for (object, body, list) in [
        ("tdx-platform.json", "tdx-tcb-info.json", "platform-ca.crl"),
        ("tdx-processor.json", "tdx-tcb-info.json", "processor-ca.crl"),
        ("sgx-platform.json", "sgx-tcb-info.json", "platform-ca.crl"),
        ("sgx-processor.json", "sgx-tcb-info.json", "processor-ca.crl"),
    ] {
        let object: serde_json::Value = serde_json::from_slice(&read(object)).unwrap();
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(object.as_object().unwrap().len(), 9);
        assert_eq!(object["tcb_info"].as_str().unwrap().as_bytes(), read(body));
        assert_eq!(object["pck_crl"], hex(&read(list)));
        assert_eq!(object["root_ca_crl"], hex(&read("root.crl")));
        assert_eq!(
            object["qe_identity_issuer_chain"].as_str().unwrap().as_bytes(),
            read("tcb-signing-chain.pem")
        );
    }
}

#[test]
fn dates_that_are_none_are_refused() {
    let unknown = r#"{"not_before":"2025-01-01T00:00:00Z","not_after":"2026-01-01T00:00:00Z","grace":1}"#;
    for text in ["", "{}", r#"{"not_before":"yesterday","not_after":"2049-12-31T23:59:59Z"}"#, unknown] {
        let directory = written();
        fs::write(directory.path().join("private/validity.json"), text).unwrap();
        assert!(matches!(refusal(&directory), LabError::Validity(_)), "{text}");
    }
}

#[test]
fn each_product_has_its_own_root() {
    let lab = Lab::fixture();
    let [milan, genoa, turin] = SnpProduct::ALL.map(|product| lab.amd_root(product).to_vec());
    assert!(milan != genoa && genoa != turin && milan != turin);
}
