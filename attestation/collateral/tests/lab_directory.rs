//! Lab directories: what is read, and what is refused by name.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use hanzo_attestation::Collateral;
use hanzo_attestation_collateral::{AmdCrlError, FileError, LabDirError, read_amd_crl, read_lab};
use hanzo_attestation_lab::{Lab, SnpProduct};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn written() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    Lab::fixture().write(directory.path()).unwrap();
    directory
}

fn with_index(index: &str) -> TempDir {
    let directory = written();
    fs::write(directory.path().join("lab.json"), index).unwrap();
    directory
}

fn refusal(directory: &TempDir) -> LabDirError {
    read_lab(directory.path()).unwrap_err()
}

#[test]
fn reads_what_the_lab_wrote() {
    let directory = written();
    let (roots, collateral) = read_lab(directory.path()).unwrap();
    let lab = Lab::fixture();
    assert_eq!(roots, lab.extra_roots());
    assert_eq!(format!("{collateral:?}"), format!("{:?}", lab.collateral()));
    assert_eq!(roots.amd.len(), SnpProduct::ALL.len());
}

#[test]
fn reads_no_private_key() {
    let directory = written();
    fs::remove_dir_all(directory.path().join("private")).unwrap();
    assert!(read_lab(directory.path()).is_ok());
}

#[test]
fn an_absent_directory_is_unreadable() {
    let error = read_lab(Path::new("/nonexistent/lab")).unwrap_err();
    assert!(matches!(error, LabDirError::File(FileError::Unreadable { .. })), "{error}");
}

#[test]
fn an_index_with_unknown_fields_is_malformed() {
    for index in ["", "{", "7", r#"{"amd":[],"arm":[]}"#, r#"{"intel":[{"root":"a","crl":"b"}]}"#, "{} {}"] {
        assert!(matches!(refusal(&with_index(index)), LabDirError::Index { .. }), "{index}");
    }
}

#[test]
fn an_index_with_a_key_twice_is_malformed() {
    let error = refusal(&with_index(r#"{"intel":[],"intel":[{"root":"intel/root.der"}]}"#));
    assert!(matches!(error, LabDirError::Index { .. }), "{error}");
}

#[test]
fn an_index_without_roots_is_refused() {
    assert!(matches!(refusal(&with_index(r#"{"amd":[],"intel":[]}"#)), LabDirError::NoRoot { .. }));
}

#[test]
fn an_unknown_product_is_malformed() {
    let error = refusal(&with_index(r#"{"amd":[{"product":"venice","ark":"amd/milan/ark.der","crls":[]}]}"#));
    assert!(matches!(error, LabDirError::Index { .. }), "{error}");
}

#[test]
fn paths_that_lead_out_are_refused() {
    for name in ["../root.der", "/etc/passwd", "intel/../../root.der", "", "./intel/root.der"] {
        let index = format!(r#"{{"intel":[{{"root":"{name}"}}]}}"#);
        assert!(matches!(refusal(&with_index(&index)), LabDirError::Outside { .. }), "{name}");
    }
}

#[test]
fn more_roots_than_any_lab_has_are_refused() {
    let entry = r#"{"root":"intel/root.der"}"#;
    let index = format!(r#"{{"intel":[{}]}}"#, [entry; 9].join(","));
    assert!(matches!(refusal(&with_index(&index)), LabDirError::TooMany { limit: 8, .. }));
}

#[test]
fn a_certificate_that_is_no_root_is_refused() {
    for root in ["intel/platform-ca.der", "amd/milan/ark.der", "amd/milan/vcek.crl", "lab.json"] {
        let index = format!(r#"{{"intel":[{{"root":"{root}"}}]}}"#);
        assert!(matches!(refusal(&with_index(&index)), LabDirError::Root { .. }), "{root}");
    }
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let directory = written();
    fs::write(directory.path().join("intel/root.der"), vec![0x30; 9 << 10]).unwrap();
    assert!(matches!(refusal(&directory), LabDirError::File(FileError::TooLarge { .. })));
}

#[test]
fn a_directory_in_the_place_of_a_file_is_refused() {
    let directory = written();
    fs::remove_file(directory.path().join("intel/root.der")).unwrap();
    fs::create_dir(directory.path().join("intel/root.der")).unwrap();
    assert!(matches!(refusal(&directory), LabDirError::File(FileError::NotAFile { .. })));
}

#[test]
fn a_list_is_checked_for_its_form() {
    let directory = written();
    let path = directory.path().join("amd/milan/vcek.crl");
    assert!(read_amd_crl(&path).is_ok());
    let mut bytes = fs::read(&path).unwrap();
    bytes.push(0);
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(read_amd_crl(&path), Err(AmdCrlError::Malformed { .. })));
    assert!(matches!(refusal(&directory), LabDirError::Crl(AmdCrlError::Malformed { .. })));
    fs::write(&path, vec![0; (1 << 20) + 1]).unwrap();
    assert!(matches!(read_amd_crl(&path), Err(AmdCrlError::File(FileError::TooLarge { .. }))));
}

#[test]
fn intel_collateral_of_an_older_lab_is_absent_and_its_root_is_read() {
    let directory = with_index(r#"{"intel":[{"root":"intel/root.der"}]}"#);
    let (roots, collateral) = read_lab(directory.path()).unwrap();
    assert_eq!(roots.intel, Lab::fixture().extra_roots().intel);
    assert_eq!(format!("{collateral:?}"), format!("{:?}", Collateral::default()));
}

#[test]
fn documents_without_their_signer_are_refused() {
    let document = r#"{"body":"intel/tdx-tcb-info.json","signature":"intel/tdx-tcb-info.sig"}"#;
    for kind in ["tcb_infos", "qe_identities"] {
        let index = format!(r#"{{"intel":[{{"root":"intel/root.der","{kind}":[{document}]}}]}}"#);
        assert!(matches!(refusal(&with_index(&index)), LabDirError::NoSigner { .. }), "{kind}");
    }
}

#[test]
fn a_signature_of_another_length_is_refused() {
    for length in [0, 63, 65] {
        let directory = written();
        fs::write(directory.path().join("intel/qe-identity.sig"), vec![1; length]).unwrap();
        assert!(matches!(refusal(&directory), LabDirError::Signature { .. }), "{length}");
    }
}

#[test]
fn authorities_over_tpm_keys_are_certificates_that_sign_themselves() {
    let lab = Lab::fixture();
    let directory = with_index(r#"{"tpm":{"authorities":["tpm/authority.der"]}}"#);
    let (roots, _) = read_lab(directory.path()).unwrap();
    assert_eq!((roots.tpm, roots.tpm_manufacturers), (vec![lab.tpm_authority().to_vec()], Vec::new()));
    for (list, name) in [("authorities", "intel/platform-ca.der"), ("manufacturers", "amd/milan/vcek.crl")] {
        let index = format!(r#"{{"tpm":{{"{list}":["{name}"]}},"intel":[{{"root":"intel/root.der"}}]}}"#);
        assert!(matches!(refusal(&with_index(&index)), LabDirError::Root { vendor: "TPM", .. }), "{name}");
    }
    let many = [r#""tpm/authority.der""#; 9].join(",");
    let index = format!(r#"{{"tpm":{{"authorities":[{many}]}}}}"#);
    assert!(matches!(refusal(&with_index(&index)), LabDirError::TooMany { limit: 8, .. }));
}

#[test]
fn roots_of_gpus_and_of_manifests_are_certificates_that_sign_themselves() {
    let lab = Lab::fixture();
    let directory = with_index(r#"{"nvidia":{"roots":["nvidia/root.der"]}}"#);
    let (roots, _) = read_lab(directory.path()).unwrap();
    assert_eq!((roots.nvidia, roots.nvidia_rim), (lab.extra_roots().nvidia, Vec::new()));
    for field in ["nvidia", "nvidia_rim"] {
        for name in ["nvidia/gh100-product.der", "intel/root.der", "lab.json"] {
            let index = format!(r#"{{"{field}":{{"roots":["{name}"]}}}}"#);
            assert!(matches!(refusal(&with_index(&index)), LabDirError::Root { .. }), "{field} {name}");
        }
        let many = [r#""nvidia/root.der""#; 9].join(",");
        let index = format!(r#"{{"{field}":{{"roots":[{many}]}}}}"#);
        assert!(matches!(refusal(&with_index(&index)), LabDirError::TooMany { limit: 8, .. }), "{field}");
    }
    let index = r#"{"nvidia":{"roots":["nvidia/root.der"],"manifests":[]}}"#;
    assert!(matches!(refusal(&with_index(index)), LabDirError::Index { .. }));
}

#[test]
fn more_documents_than_any_lab_has_are_refused() {
    let document = r#"{"body":"intel/tdx-tcb-info.json","signature":"intel/tdx-tcb-info.sig"}"#;
    for kind in ["tcb_infos", "qe_identities"] {
        let many = [document; 5].join(",");
        let index = format!(r#"{{"intel":[{{"root":"intel/root.der","{kind}":[{many}]}}]}}"#);
        assert!(matches!(refusal(&with_index(&index)), LabDirError::TooMany { limit: 4, .. }), "{kind}");
    }
    let lists = [r#""intel/root.crl""#; 5].join(",");
    let index = format!(r#"{{"intel":[{{"root":"intel/root.der","crls":[{lists}]}}]}}"#);
    assert!(matches!(refusal(&with_index(&index)), LabDirError::TooMany { limit: 4, .. }));
}

#[test]
fn documents_outside_the_directory_are_refused() {
    for (body, signature, chain) in [
        ("../body", "intel/qe-identity.sig", "intel/tcb-signing-chain.pem"),
        ("intel/qe-identity.json", "/etc/passwd", "intel/tcb-signing-chain.pem"),
        ("intel/qe-identity.json", "intel/qe-identity.sig", "../chain.pem"),
    ] {
        let index = format!(
            r#"{{"intel":[{{"root":"intel/root.der","qe_identities":[{{"body":"{body}","signature":"{signature}"}}],
                "tcb_signing_chain":"{chain}"}}]}}"#
        );
        assert!(matches!(refusal(&with_index(&index)), LabDirError::Outside { .. }), "{body}");
    }
}
