//! A real report, and every change to it.

use crate::evidence::{document, judge};
use aws_lc_rs::digest::{SHA256, digest};
use hanzo_attestation::{Cache, Claims, Collateral, Context, Product, Revocation, Roots, TcbStatus, verify};
use hanzo_attestation_evidence::snp::{REPORT_LENGTH, SIGNED_LENGTH};
use hanzo_attestation_evidence::{Document, UnixTime};
use proptest::prelude::*;
use sev::firmware::guest::AttestationReport;
use sev::parser::ByteParser as _;
use std::time::Duration;

const REPORT: &[u8; REPORT_LENGTH] = include_bytes!("milan-v2/report.bin");
const VCEK: &[u8] = include_bytes!("milan-v2/vcek.der");

/// Offsets in a report (SEV-SNP ABI, table 23).
const MEASUREMENT: usize = 0x90;
const REPORTED_TCB: usize = 0x180;
const CHIP_ID: usize = 0x1A0;

fn now() -> UnixTime {
    UnixTime::parse("2026-11-01T00:00:00Z").unwrap()
}

fn rule(report: &[u8], vcek: &[u8]) -> String {
    judge(report, &[vcek.to_vec()], now()).map_or_else(|rule| rule, |_| "accepted".to_owned())
}

#[test]
fn it_is_genuine() {
    let verified = judge(REPORT, &[VCEK.to_vec()], now()).unwrap();
    let [item] = verified.items() else { panic!("one item") };
    let Claims::SevSnp(claims) = item.claims() else { panic!("SEV-SNP claims") };
    assert_eq!((claims.report_version, claims.product), (2, Product::Milan));
    assert_eq!(item.facts().measurements[0].digest, claims.measurement.into());
    assert_eq!(item.facts().tcb_status, TcbStatus::NotRated);
    assert!(!item.facts().lab && !verified.lab());
    assert_eq!(verified.not_after(), claims.vek_not_after, "the leaf ends first");
    let mut report_data = claims.report_data.0;
    assert!(verified.check_report_data(&report_data).is_ok());
    report_data[63] ^= 1;
    assert_eq!(verified.check_report_data(&report_data).unwrap_err().finding.rule.id, "SNP-40");
    report_data[0] ^= 1;
    assert_eq!(verified.check_report_data(&report_data).unwrap_err().finding.rule.id, "SNP-39");
}

/// SNP-20: AMD's certificate from a store, for the real report that comes without; not for the report of
/// another chip or of another TCB.
#[test]
fn its_key_certificate_may_come_from_a_store() {
    let roots = Roots::vendor();
    let collateral = Collateral::default().with_amd_vek(VCEK.to_vec());
    let revocation = Revocation::Waived { reason: "no list is published with the evidence".to_owned() };
    let cache = Cache::new(4);
    let judge = |report: &[u8], collateral: &Collateral| {
        let document = document(report, &[]).to_string();
        let evidence = Document::from_json(document.as_bytes()).unwrap().parse().unwrap();
        let (roots, revocation) = (&roots, &revocation);
        let context = Context { roots, collateral, revocation, now: now(), cache: &cache };
        verify(evidence, &context).map_err(|refused| refused.finding.rule.to_string())
    };
    // Twice: what was found is kept, and the answer is the same.
    for _ in 0..2 {
        let verified = judge(REPORT, &collateral).unwrap();
        let uses = &verified.items()[0].facts().collateral;
        assert_eq!(uses.iter().map(|used| used.kind).collect::<Vec<_>>(), ["amd-vek"]);
        assert_eq!(uses[0].sha256.0.as_slice(), digest(&SHA256, VCEK).as_ref());
        assert_eq!(judge(REPORT, &Collateral::default()).err(), Some("COL-10 CollateralMissing".to_owned()));
    }
    for offset in [CHIP_ID, REPORTED_TCB] {
        let mut other = *REPORT;
        other[offset] ^= 1;
        assert_eq!(judge(&other, &collateral).err(), Some("COL-10 CollateralMissing".to_owned()));
    }
    let mut altered = *REPORT;
    altered[MEASUREMENT] ^= 1;
    assert_eq!(judge(&altered, &collateral).err(), Some("SNP-38 SnpReportSignature".to_owned()));
}

#[test]
fn every_byte_of_the_report_counts() {
    for offset in 0..REPORT_LENGTH {
        let mut report = *REPORT;
        report[offset] ^= 0x01;
        let found = rule(&report, VCEK);
        assert_ne!(found, "accepted", "offset {offset:#x}");
        if offset >= SIGNED_LENGTH {
            assert!(["SNP-09", "SNP-38"].contains(&&found[..6]), "offset {offset:#x}: {found}");
        }
    }
}

#[test]
fn every_byte_of_the_key_certificate_counts() {
    for offset in 0..VCEK.len() {
        let mut vcek = VCEK.to_vec();
        vcek[offset] ^= 0x01;
        assert_ne!(rule(REPORT, &vcek), "accepted", "offset {offset}");
    }
}

#[test]
fn every_truncation_and_any_addition_is_refused() {
    for length in 0..REPORT_LENGTH {
        assert_eq!(rule(&REPORT[..length], VCEK), "SNP-01 SnpReportLength");
    }
    for length in 0..VCEK.len() {
        assert_eq!(rule(REPORT, &VCEK[..length]), "COL-22 CertificateMalformed", "{length} bytes");
    }
    assert_eq!(rule(&[&REPORT[..], &[0]].concat(), VCEK), "SNP-01 SnpReportLength");
    assert_eq!(rule(&[&REPORT[..], REPORT].concat(), VCEK), "SNP-01 SnpReportLength");
    assert_eq!(rule(REPORT, &[VCEK, &[0]].concat()), "COL-22 CertificateMalformed");
    assert_eq!(rule(REPORT, &[VCEK, VCEK].concat()), "COL-22 CertificateMalformed");
}

#[test]
fn r_and_s_must_be_in_range() {
    let (r, s) = (SIGNED_LENGTH, SIGNED_LENGTH + 72);
    for (at, value) in [(r, 0), (s, 0), (r, 0xff), (s, 0xff)] {
        let mut report = *REPORT;
        report[at..at + 48].fill(value);
        assert_eq!(rule(&report, VCEK), "COL-20 SignatureNotCanonical");
    }
}

#[test]
fn it_is_genuine_only_in_the_validity_of_its_key() {
    let verified = judge(REPORT, &[VCEK.to_vec()], now()).unwrap();
    let end = verified.not_after();
    assert!(judge(REPORT, &[VCEK.to_vec()], end).is_ok());
    let refused = |now| judge(REPORT, &[VCEK.to_vec()], now).unwrap_err();
    assert_eq!(refused(end.after(Duration::from_secs(1))), "SNP-25 SnpCertificateNotInValidity");
    assert_eq!(
        refused(UnixTime::parse("2020-10-22T18:24:19Z").unwrap()),
        "SNP-25 SnpCertificateNotInValidity"
    );
    assert_eq!(refused(UnixTime::MAX), "SNP-25 SnpCertificateNotInValidity");
}

/// Claims agree with an independent reader of the same bytes.
#[test]
fn the_sev_crate_reads_the_same_fields() {
    let verified = judge(REPORT, &[VCEK.to_vec()], now()).unwrap();
    let Claims::SevSnp(ours) = verified.items()[0].claims() else { panic!("SEV-SNP claims") };
    let theirs = AttestationReport::from_bytes(REPORT).unwrap();
    assert_eq!(
        (ours.report_version, ours.guest_svn, ours.vmpl),
        (theirs.version, theirs.guest_svn, theirs.vmpl)
    );
    assert_eq!(ours.measurement.0[..], theirs.measurement[..]);
    assert_eq!(ours.report_data.0[..], theirs.report_data[..]);
    assert_eq!(ours.host_data.0[..], theirs.host_data[..]);
    assert_eq!(ours.report_id.0[..], theirs.report_id[..]);
    assert_eq!(ours.chip_id, Some(hex::encode(theirs.chip_id)));
    for (ours, theirs) in [
        (ours.tcb_reported, theirs.reported_tcb),
        (ours.tcb_current, theirs.current_tcb),
        (ours.tcb_committed, theirs.committed_tcb),
        (ours.tcb_launch, theirs.launch_tcb),
    ] {
        assert_eq!(
            (ours.fmc, ours.bootloader, ours.tee, ours.snp, ours.microcode),
            (theirs.fmc, theirs.bootloader, theirs.tee, theirs.snp, theirs.microcode)
        );
    }
    assert_eq!(
        (ours.policy.smt, ours.policy.debug),
        (theirs.policy.smt_allowed(), theirs.policy.debug_allowed())
    );
    let (fw, current) = (ours.fw_current, theirs.current);
    assert_eq!((fw.major, fw.minor, fw.build), (current.major, current.minor, current.build));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_change_is_accepted_or_makes_it_panic(
        in_report in proptest::collection::vec((0..REPORT_LENGTH, any::<u8>()), 0..3),
        in_key in proptest::collection::vec((0..VCEK.len(), any::<u8>()), 0..3),
    ) {
        let (mut report, mut vcek) = (*REPORT, VCEK.to_vec());
        in_report.into_iter().for_each(|(offset, value)| report[offset] = value);
        in_key.into_iter().for_each(|(offset, value)| vcek[offset] = value);
        let genuine = report == *REPORT && vcek == VCEK;
        prop_assert_eq!(judge(&report, &[vcek], now()).is_ok(), genuine);
    }

    #[test]
    fn no_certificates_make_it_panic(
        certs in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..400), 0..7),
    ) {
        prop_assert!(judge(REPORT, &certs, now()).is_err());
    }
}
