//! A lab's quotes: what is well made is authentic, and each defect meets the rule that it breaks.

use super::{code, judge};
use hanzo_attestation::{Claims, Collateral, Roots, Verified};
use hanzo_attestation_evidence::{Binding, Kem, Recipient, UnixTime};
use hanzo_attestation_lab::{Lab, SgxDefect, SgxOrder};

pub(crate) fn roots() -> Roots {
    Roots::vendor().with_extra(Lab::fixture().extra_roots())
}

/// An instant at which the lab's certificates are valid.
pub(crate) fn now() -> UnixTime {
    let validity = Lab::fixture().validity();
    UnixTime::from_seconds(validity.not_before.seconds() + 86_400).unwrap()
}

fn order(order: &SgxOrder) -> Result<Verified, String> {
    let item = Lab::fixture().sgx(order).unwrap();
    judge(&Lab::document(vec![item]), &roots(), &Collateral::default(), now())
}

#[test]
fn every_version_is_authentic_and_marked_as_lab() {
    for version in [3, 4, 5] {
        let wanted = SgxOrder { version, report_data: [7; 64], ..SgxOrder::default() };
        let verified = order(&wanted).unwrap();
        assert!(verified.lab());
        let [item] = verified.items() else { panic!("one item") };
        let Claims::Sgx(claims) = item.claims() else { panic!("SGX claims") };
        assert_eq!((claims.report_data.0, claims.mr_enclave.0), ([7; 64], wanted.mr_enclave));
        assert_eq!(claims.dcap.quote_version, version);
        assert_eq!(item.facts().host_data, None, "no CONFIGID without KSS");
    }
}

/// SGX-13, SGX-14: with KSS its fields are claims, and CONFIGID is what the loader chose.
#[test]
fn an_enclave_with_kss_states_its_configuration() {
    let plain = SgxOrder::default();
    let wanted =
        SgxOrder { attributes: plain.attributes | SgxOrder::KSS, config_id: [9; 64], config_svn: 3, ..plain };
    let verified = order(&wanted).unwrap();
    let [item] = verified.items() else { panic!("one item") };
    let Claims::Sgx(claims) = item.claims() else { panic!("SGX claims") };
    assert!(claims.attributes.kss);
    assert_eq!((claims.config_id.0, claims.config_svn), ([9; 64], 3));
    assert_eq!(item.facts().host_data, Some("09".repeat(64)));
}

/// SGX-01, SGX-06, SGX-13: hard rules of the report. What only a policy or the binding refuses is authentic.
#[test]
fn every_defect_meets_its_rule() {
    let not_here = ["SGX-02", "SGX-03", "SGX-04", "SGX-05", "SGX-07", "SGX-08", "DCAP-70", "DCAP-71"];
    for version in [3, 4, 5] {
        for defect in SgxDefect::ALL.iter().copied() {
            let wanted = SgxOrder { version, defect: Some(defect), ..SgxOrder::default() };
            let answer = order(&wanted).map(|_| ());
            let expected =
                if not_here.contains(&defect.rule()) { Ok(()) } else { Err(defect.expects().to_owned()) };
            assert_eq!(answer, expected, "version {version}, {defect:?}");
        }
    }
}

/// DCAP-70, DCAP-71: report data is compared over all 64 bytes.
#[test]
fn report_data_is_compared_over_all_64_bytes() {
    let expected = [7; 64];
    let verified = order(&SgxOrder { report_data: expected, ..SgxOrder::default() }).unwrap();
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
fn only_the_binding_that_the_enclave_reported_binds() {
    let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![1; 32]).unwrap();
    let other = Recipient::new(Kem::X25519HkdfSha256, vec![2; 32]).unwrap();
    let binding = Binding::new("nonce", &recipient, None, &[]).unwrap();
    let wanted = SgxOrder { report_data: *binding.cpu_report_data(), ..SgxOrder::default() };
    assert!(order(&wanted).unwrap().bind(&binding).unwrap().lab());
    for wrong in [
        Binding::new("nonce2", &recipient, None, &[]).unwrap(),
        Binding::new("nonce", &other, None, &[]).unwrap(),
    ] {
        let refused = order(&wanted).unwrap().bind(&wrong).map(|_| ()).map_err(code);
        assert_eq!(refused, Err("QuoteReportDataMismatch".to_owned()));
    }
}
