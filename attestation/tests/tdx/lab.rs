//! A lab's quotes: what is well made is authentic, and each defect meets the rule that it breaks.

use super::{code, judge};
use hanzo_attestation::event_log::SecureBootState;
use hanzo_attestation::{Claims, Roots, TcbStatus, Verified};
use hanzo_attestation_evidence::tdx::BodyKind;
use hanzo_attestation_evidence::{Binding, Kem, Recipient, Severity, UnixTime};
use hanzo_attestation_lab::event_log::LabLog;
use hanzo_attestation_lab::{Lab, PckAuthority, TdxBody, TdxDefect, TdxOrder};

fn roots() -> Roots {
    Roots::vendor().with_extra(Lab::fixture().extra_roots())
}

/// An instant at which the lab's certificates are valid.
fn now() -> UnixTime {
    let validity = Lab::fixture().validity();
    UnixTime::from_seconds(validity.not_before.seconds() + 86_400).unwrap()
}

fn order(order: &TdxOrder) -> Result<Verified, String> {
    let item = Lab::fixture().tdx(order).unwrap();
    judge(&Lab::document(vec![item]), &roots(), now())
}

#[test]
fn every_layout_and_authority_is_authentic_and_marked_as_lab() {
    for (version, body) in [(4, TdxBody::Td10), (5, TdxBody::Td10), (5, TdxBody::Td15)] {
        for pck_authority in [PckAuthority::Platform, PckAuthority::Processor] {
            let wanted =
                TdxOrder { version, body, pck_authority, report_data: [7; 64], ..TdxOrder::default() };
            let verified = order(&wanted).unwrap();
            assert!(verified.lab());
            let [item] = verified.items() else { panic!("one item") };
            assert!(item.facts().lab);
            assert_eq!(item.facts().tcb_status, TcbStatus::Unknown);
            assert!(item.findings().iter().all(|finding| finding.severity == Severity::Warn));
            let Claims::Tdx(claims) = item.claims() else { panic!("TDX claims") };
            assert_eq!(claims.report_data.0, [7; 64]);
            assert_eq!(claims.mr_td.0, wanted.mr_td);
            assert_eq!(claims.rtmr.map(|register| register.0), wanted.rtmr);
            assert_eq!(claims.dcap.quote_version, version);
            assert_eq!(claims.dcap.ppid.0, wanted.ppid());
            assert_eq!(claims.mr_service_td.is_some(), claims.body == BodyKind::Td15);
            let platform = pck_authority == PckAuthority::Platform;
            assert_eq!(claims.dcap.platform_instance_id.is_some(), platform);
            assert!(verified.not_after() <= Lab::fixture().validity().not_after);
        }
    }
}

/// Defects that only a policy or the binding refuses: the quote itself is genuine.
fn is_authentic(defect: TdxDefect) -> bool {
    let binding = ["DCAP-70", "DCAP-71"];
    // These compare with the identity of the quoting enclave, which is not at hand here.
    let collateral = ["DCAP-44", "DCAP-45", "DCAP-46", "DCAP-47", "DCAP-49"];
    let policy = ["TDX-09", "TDX-10", "TDX-12", "TDX-13", "TDX-14", "TDX-15", "TDX-18", "TDX-24"];
    binding.contains(&defect.rule()) || collateral.contains(&defect.rule()) || policy.contains(&defect.rule())
}

#[test]
fn every_defect_meets_its_rule() {
    for (version, body) in [(4, TdxBody::Td10), (5, TdxBody::Td15)] {
        for defect in TdxDefect::ALL {
            let wanted = TdxOrder { version, body, ..TdxOrder::default() }.with_defect(*defect);
            let found = order(&wanted).map(|_| ());
            let expected = if is_authentic(*defect) { Ok(()) } else { Err(defect.expects().to_owned()) };
            assert_eq!(found, expected, "{} in version {version}", defect.name());
        }
    }
}

#[test]
fn a_lab_is_refused_where_it_is_not_configured() {
    let item = Lab::fixture().tdx(&TdxOrder::default()).unwrap();
    let refused = judge(&Lab::document(vec![item]), &Roots::vendor(), now()).unwrap_err();
    assert_eq!(refused, "PckRootNotPinned");
}

#[test]
fn validity_includes_both_ends_and_nothing_beyond() {
    let validity = Lab::fixture().validity();
    let at = |seconds| {
        let item = Lab::fixture().tdx(&TdxOrder::default()).unwrap();
        judge(&Lab::document(vec![item]), &roots(), UnixTime::from_seconds(seconds).unwrap()).map(|_| ())
    };
    let expired = Err("PckCertificateNotInValidity".to_owned());
    assert_eq!(at(validity.not_before.seconds()), Ok(()));
    assert_eq!(at(validity.not_before.seconds() - 1), expired);
    assert_eq!(at(validity.not_after.seconds()), Ok(()));
    assert_eq!(at(validity.not_after.seconds() + 1), expired);
}

#[test]
fn report_data_is_compared_over_all_64_bytes() {
    let expected = [7; 64];
    let verified = order(&TdxOrder { report_data: expected, ..TdxOrder::default() }).unwrap();
    assert_eq!(verified.check_report_data(&expected), Ok(()));
    for place in 0..64 {
        let mut other = expected;
        other[place] ^= 1;
        let refused = verified.check_report_data(&other).map_err(code);
        let rule = if place < 32 { "QuoteReportDataMismatch" } else { "QuoteReportDataUpperHalf" };
        assert_eq!(refused, Err(rule.to_owned()), "{place}");
    }
}

#[test]
fn only_the_binding_that_the_td_reported_binds() {
    let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![1; 32]).unwrap();
    let other = Recipient::new(Kem::X25519HkdfSha256, vec![2; 32]).unwrap();
    let binding = Binding::new("nonce", &recipient, None, &[]).unwrap();
    let wanted = TdxOrder { report_data: *binding.cpu_report_data(), ..TdxOrder::default() };
    let attested = order(&wanted).unwrap().bind(&binding).unwrap();
    assert_eq!(attested.nonce(), "nonce");
    assert!(attested.lab());
    let data = serde_json::json!({"purpose": "other"});
    for wrong in [
        Binding::new("nonce2", &recipient, None, &[]).unwrap(),
        Binding::new("nonce", &other, None, &[]).unwrap(),
        Binding::new("nonce", &recipient, Some(&data), &[]).unwrap(),
    ] {
        let refused = order(&wanted).unwrap().bind(&wrong).map(|_| ()).map_err(code);
        assert_eq!(refused, Err("QuoteReportDataMismatch".to_owned()));
    }
}

/// LOG-12, LOG-14: a log is replayed to the quote's registers, and one that does not replay refuses the item.
#[test]
fn an_event_log_is_replayed_to_the_quoted_registers() {
    let log = LabLog::usual_td();
    // A log of usual size is replayed before the quote is proven, one of more than 256 KiB after it.
    for fill in [0, 65536, 512 << 10] {
        let genuine =
            TdxOrder { rtmr: log.rtmrs(), event_log: Some(log.bytes_with_fill(fill)), ..TdxOrder::default() };
        let verified = order(&genuine).unwrap();
        let [item] = verified.items() else { panic!("one item") };
        let Claims::Tdx(claims) = item.claims() else { panic!("TDX claims") };
        let facts = claims.log.as_ref().unwrap();
        assert_eq!(facts.secure_boot.state, SecureBootState::Enabled);
        let other = TdxOrder { rtmr: TdxOrder::default().rtmr, ..genuine };
        assert_eq!(order(&other).map(|_| ()), Err("EventLogReplayMismatch".to_owned()), "{fill}");
    }
    for (bytes, code) in [(vec![1, 2, 3], "EventLogTruncated"), (Vec::new(), "EventLogTruncated")] {
        let wanted = TdxOrder { event_log: Some(bytes), ..TdxOrder::default() };
        assert_eq!(order(&wanted).map(|_| ()), Err(code.to_owned()));
    }
    let Claims::Tdx(claims) = order(&TdxOrder::default()).unwrap().items()[0].claims().clone() else {
        panic!("TDX claims")
    };
    assert_eq!(claims.log, None, "no log, no facts");
}
