//! What no TDX quote can show: the header of version 3, and each thing that a QE report must not say.

use super::*;
use hanzo_attestation_evidence::dcap::{EnclaveReport, INTEL_QE_VENDOR_ID};

/// A quote of version 3 with platform identifiers: its header's QE SVN, and its QE report.
fn version_3(qe_svn: u16, qe_report: &[u8; EnclaveReport::LENGTH]) -> Quote {
    let mut bytes = vec![3, 0, 2, 0, 0, 0, 0, 0];
    bytes.extend(qe_svn.to_le_bytes());
    bytes.extend([0; 2]);
    bytes.extend(INTEL_QE_VENDOR_ID.0);
    bytes.extend([0; 20 + EnclaveReport::LENGTH]);
    let mut data = vec![0; 128];
    data.extend(qe_report);
    data.extend([0; 64 + 2]);
    data.extend([3, 0, 4, 0, 0, 0, 1, 2, 3, 4]);
    bytes.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    bytes.extend(data);
    Quote::parse(&bytes).unwrap()
}

fn report(change: impl FnOnce(&mut [u8; EnclaveReport::LENGTH])) -> [u8; EnclaveReport::LENGTH] {
    let mut report = [0; EnclaveReport::LENGTH];
    report[258] = 7;
    change(&mut report);
    report
}

#[test]
fn a_header_that_repeats_another_qe_svn_is_worth_a_warning() {
    assert_eq!(qe_svn_finding(&version_3(7, &report(|_| {}))), None);
    for stated in [0, 6, 8, 0x0700] {
        let finding = qe_svn_finding(&version_3(stated, &report(|_| {}))).unwrap();
        assert_eq!((finding.rule.id, finding.severity), ("DCAP-55", Severity::Warn));
    }
}

#[test]
fn what_no_genuine_quoting_enclave_reports_is_refused() {
    let check = |report| check_qe_report(&version_3(7, &report).qe_report);
    assert_eq!(check(report(|_| {})), Ok(()));
    assert_eq!(check(report(|bytes| bytes[48] = 2)), Err(DcapError::QeDebug));
    for offset in [21, 31, 96, 127, 160, 191, 262, 303] {
        assert_eq!(check(report(|bytes| bytes[offset] = 1)), Err(DcapError::QeReportReserved(offset)));
    }
    for offset in [352, 383] {
        assert_eq!(check(report(|bytes| bytes[offset] = 1)), Err(DcapError::QeReportDataUpperHalf));
    }
}

#[test]
fn the_binding_is_a_hash_of_key_and_authentication_data() {
    let key_and_data = digest::digest(&digest::SHA256, &[0; 64]);
    let bound = report(|bytes| bytes[320..352].copy_from_slice(key_and_data.as_ref()));
    assert_eq!(check_binding(&version_3(7, &bound)), Ok(()));
    let mut other_data = version_3(7, &bound);
    other_data.qe_auth_data = vec![0];
    let mut other_key = version_3(7, &bound);
    other_key.attestation_key[63] = 1;
    for quote in [other_data, other_key, version_3(7, &report(|_| {}))] {
        assert_eq!(check_binding(&quote), Err(DcapError::QeReportBinding));
    }
}
