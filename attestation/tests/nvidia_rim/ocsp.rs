//! Revocation of a manifest's certificates: OCSP responses in collateral, or that came with a device.

use super::{lab_roots, now, time, vendor};
use hanzo_attestation::nvidia::rim::{RimProofError, TrustedRim, verify_rim};
use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Collateral, Revocation, RimHold};
use hanzo_attestation_evidence::{Broken as _, UnixTime};
use hanzo_attestation_lab::{CrlDefect, CrlOrder, OcspDefect, OcspOrder, RimOrder, RimProduct};

fn order(index: usize) -> OcspOrder {
    OcspOrder { index, device_serial: Vec::new(), sha384: false, by_issuer: false, now: now(), defect: None }
}

fn answer(order: &OcspOrder) -> Vec<u8> {
    vendor().ocsp(RimProduct::Gh100, order).unwrap()
}

fn good() -> Vec<Vec<u8>> {
    (0..3).map(|index| answer(&order(index))).collect()
}

fn judge_with(
    responses: &[Vec<u8>],
    revocation: &Revocation,
    now: UnixTime,
    cache: &Cache,
) -> Result<TrustedRim, RimProofError> {
    let collateral = responses.iter().cloned().fold(Collateral::default(), Collateral::with_nvidia_ocsp);
    let xml = vendor().manifest(&RimOrder::default()).unwrap();
    verify_rim(&xml, &Context { roots: &lab_roots(), collateral: &collateral, revocation, now, cache })
}

/// The rule and code, without a waiver.
fn judge(responses: &[Vec<u8>]) -> String {
    let judged = judge_with(responses, &Revocation::Required, now(), Cache::off());
    judged.map_or_else(|error| error.rule().to_string(), |_| "ok".to_owned())
}

/// NVR-29: a good answer about each of the three is enough, and no fewer.
#[test]
fn good_answers_about_all_three_need_no_waiver() {
    for (sha384, by_issuer) in [(false, false), (true, false), (false, true)] {
        let responses: Vec<_> =
            (0..3).map(|index| answer(&OcspOrder { sha384, by_issuer, ..order(index) })).collect();
        let trusted = judge_with(&responses, &Revocation::Required, now(), Cache::off()).unwrap();
        assert!(trusted.findings().next().is_none());
        assert_eq!(trusted.not_after(), time("2026-06-02T00:00:00Z"), "the answers end before the chain");
        for missing in 0..3 {
            let mut fewer = responses.clone();
            fewer.remove(missing);
            assert_eq!(judge(&fewer), "NVR-29 RimRevocationUnchecked", "{missing}");
        }
    }
    assert_eq!(judge(&[]), "NVR-29 RimRevocationUnchecked");
}

/// NV-24, NV-25, NV-27, NV-28: what is at hand is enforced, whether it is demanded or waived. A hold is a
/// revocation.
#[test]
fn a_bad_answer_refuses_whoever_waives() {
    let waived = Revocation::Waived { reason: "a test".to_owned() };
    for (defect, expected) in [
        (OcspDefect::Revoked, "NV-27 CertificateRevoked"),
        (OcspDefect::Hold, "NV-27 CertificateRevoked"),
        (OcspDefect::Unknown, "NV-28 CertificateUnknown"),
        (OcspDefect::Signature, "NV-25 OcspSignature"),
        (OcspDefect::ResponderPurpose, "NV-24 OcspResponder"),
        (OcspDefect::ResponderIssuer, "NV-24 OcspResponder"),
        (OcspDefect::ResponderSignature, "NV-24 OcspResponder"),
        (OcspDefect::ResponderExpired, "NV-24 OcspResponder"),
        (OcspDefect::ResponderAbsent, "NV-24 OcspResponder"),
    ] {
        for index in 0..3 {
            let mut responses = good();
            responses[index] = answer(&OcspOrder { defect: Some(defect), ..order(index) });
            for revocation in [&Revocation::Required, &waived] {
                let refused = judge_with(&responses, revocation, now(), Cache::off()).unwrap_err();
                assert_eq!(refused.rule().to_string(), expected, "{index}");
                assert!(refused.to_string().contains("manifest"), "{refused}");
            }
        }
    }
}

/// NVR-29: what is out of date, of another certificate or cannot be read says nothing.
#[test]
fn an_answer_that_does_not_count_is_none() {
    for defect in [OcspDefect::Expired, OcspDefect::NotYet, OcspDefect::OtherSerial, OcspDefect::Malformed] {
        let mut responses = good();
        responses[1] = answer(&OcspOrder { defect: Some(defect), ..order(1) });
        assert_eq!(judge(&responses), "NVR-29 RimRevocationUnchecked");
        responses.push(answer(&order(1)));
        assert_eq!(judge(&responses), "ok", "beside a good one it does no harm");
    }
    let late = judge_with(&good(), &Revocation::Required, time("2026-06-02T00:00:01Z"), Cache::off());
    assert_eq!(late.unwrap_err().rule().code, "RimRevocationUnchecked");
}

/// What was verified once is known by issuer and response; dates are judged every time.
#[test]
fn a_cache_knows_answers_and_judges_their_dates() {
    let cache = Cache::new(16);
    for _ in 0..2 {
        assert!(judge_with(&good(), &Revocation::Required, now(), &cache).is_ok());
    }
    let responses = good();
    assert!(judge_with(&responses, &Revocation::Required, now(), &cache).is_ok());
    let late = judge_with(&responses, &Revocation::Required, time("2026-06-03T00:00:00Z"), &cache);
    assert_eq!(late.unwrap_err().rule().code, "RimRevocationUnchecked");
    let mut revoked = responses;
    revoked[0] = answer(&OcspOrder { defect: Some(OcspDefect::Revoked), ..order(0) });
    let refused = judge_with(&revoked, &Revocation::Required, now(), &cache);
    assert_eq!(refused.unwrap_err().rule().code, "CertificateRevoked");
}

/// What is judged with the collateral of a case, without a waiver.
fn judge_collateral(collateral: &Collateral) -> Result<TrustedRim, String> {
    let xml = vendor().manifest(&RimOrder::default()).unwrap();
    let (roots, revocation, now) = (&lab_roots(), &Revocation::Required, now());
    let judged = verify_rim(&xml, &Context { roots, collateral, revocation, now, cache: Cache::off() });
    judged.map_err(|error| error.rule().to_string())
}

/// NVR-30: a hold is accepted where that is configured, and every answer says so. No other revocation is.
#[test]
fn a_hold_is_accepted_by_configuration_alone() {
    let with = |index, defect| {
        let mut responses = good();
        responses[index] = answer(&OcspOrder { defect: Some(defect), ..order(index) });
        responses.into_iter().fold(Collateral::default(), Collateral::with_nvidia_ocsp)
    };
    for index in 0..3 {
        let held = with(index, OcspDefect::Hold);
        let refused = judge_collateral(&held.clone().with_nvidia_rim_hold(RimHold::Refuse));
        assert_eq!(refused.map(drop), Err("NV-27 CertificateRevoked".to_owned()));
        let trusted = judge_collateral(&held.with_nvidia_rim_hold(RimHold::Accept)).unwrap();
        let said: Vec<_> = trusted.findings().map(|finding| finding.rule.to_string()).collect();
        assert_eq!(said, ["NVR-30 RimOnHold"]);
        assert_eq!(trusted.not_after(), time("2026-06-02T00:00:00Z"), "the answers end as others do");
        let revoked = with(index, OcspDefect::Revoked).with_nvidia_rim_hold(RimHold::Accept);
        assert_eq!(judge_collateral(&revoked).map(drop), Err("NV-27 CertificateRevoked".to_owned()));
    }
    let none = judge_collateral(
        &good()
            .into_iter()
            .fold(Collateral::default(), Collateral::with_nvidia_ocsp)
            .with_nvidia_rim_hold(RimHold::Accept),
    );
    assert_eq!(none.unwrap().findings().count(), 0, "nothing is on hold");
}

/// NVR-29, NV-34: a list adds a revocation of a manifest's certificates, and never stands in for an answer.
#[test]
fn a_list_adds_a_revocation_and_no_trust() {
    let list = |index, defect| {
        let order = CrlOrder { index, revoked: Vec::new(), now: now(), defect };
        vendor().crl(RimProduct::Gh100, &order).unwrap()
    };
    let answered = || good().into_iter().fold(Collateral::default(), Collateral::with_nvidia_ocsp);
    for index in 0..3 {
        assert!(judge_collateral(&answered().with_nvidia_crl(&list(index, None))).is_ok());
        for defect in CrlDefect::ALL {
            let refused = judge_collateral(&answered().with_nvidia_crl(&list(index, Some(*defect))));
            assert_eq!(refused.map(drop), Err(format!("{} {}", defect.rule(), defect.expects())), "{index}");
        }
    }
    let lists = (0..3).fold(Collateral::default(), |all, index| all.with_nvidia_crl(&list(index, None)));
    let refused = judge_collateral(&lists).map(drop);
    assert_eq!(refused, Err("NVR-29 RimRevocationUnchecked".to_owned()));
}
