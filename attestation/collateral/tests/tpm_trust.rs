//! TPM-11: keys and authorities from files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use hanzo_attestation_collateral::{FileError, TpmTrustError, read_tpm_cas, read_trusted_ak};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_lab::{Lab, SnpProduct};
use std::path::PathBuf;

fn file(folder: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn pem(der: &[u8]) -> String {
    let text = base64_encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// TPM-11: an authority is one certificate in DER, or up to five in PEM.
#[test]
fn authorities_are_read_from_der_and_pem() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::fixture();
    let (one, two) = (lab.amd_root(SnpProduct::Milan), lab.intel_root());
    let der = read_tpm_cas(&file(&folder, one)).unwrap();
    assert_eq!((der.len(), der[0].der()), (1, one));
    let both = read_tpm_cas(&file(&folder, (pem(one) + &pem(two)).as_bytes())).unwrap();
    assert_eq!([both[0].der(), both[1].der()], [one, two]);
}

/// TPM-11: what cannot be an authority is named when it is configured.
#[test]
fn what_is_no_authority_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = pem(Lab::fixture().intel_root());
    assert!(matches!(read_tpm_cas(&file(&folder, b"")), Err(TpmTrustError::Count { actual: 0, .. })));
    let many = file(&folder, root.repeat(6).as_bytes());
    assert!(matches!(read_tpm_cas(&many), Err(TpmTrustError::Count { actual: 6, .. })));
    let more = file(&folder, format!("{root}more").as_bytes());
    assert!(matches!(read_tpm_cas(&more), Err(TpmTrustError::Pem { .. })));
    let binary = file(&folder, b"\xff\xff");
    assert!(matches!(read_tpm_cas(&binary), Err(TpmTrustError::NotText { .. })));
    let cut = file(&folder, &Lab::fixture().intel_root()[..100]);
    assert!(matches!(read_tpm_cas(&cut), Err(TpmTrustError::Certificate { .. })));
    let absent = read_tpm_cas(&folder.path().join("absent"));
    assert!(matches!(absent, Err(TpmTrustError::File(FileError::Unreadable { .. }))));
}

/// TPM-11: a certificate is no key, nor is an empty text.
#[test]
fn what_is_no_attestation_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = pem(Lab::fixture().intel_root());
    for text in [root.as_str(), "", "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n"] {
        assert!(matches!(read_trusted_ak(&file(&folder, text.as_bytes())), Err(TpmTrustError::Key { .. })));
    }
    assert!(matches!(read_trusted_ak(&file(&folder, b"\xff")), Err(TpmTrustError::NotText { .. })));
}
