//! Each rule alone: one statement of the rating or threshold is changed, and exactly that rule answers.

use super::*;
use crate::appraisal::{Appraisal, appraise_claims, tdx};
use crate::sample;
use hanzo_attestation::dcap::Rating;
use hanzo_attestation_evidence::Severity;

type Change = fn(&mut Rating);
type Limit = fn(&mut Thresholds);

fn at(text: &str) -> UnixTime {
    UnixTime::parse(text).unwrap()
}

fn rating() -> Rating {
    Rating {
        platform_status: TcbStatus::UpToDate,
        module_status: Some(TcbStatus::UpToDate),
        qe_status: TcbStatus::UpToDate,
        status: TcbStatus::UpToDate,
        platform_tcb_date: Some(at("2024-11-13T00:00:00Z")),
        module_tcb_date: Some(at("2024-12-13T00:00:00Z")),
        qe_tcb_date: at("2025-01-13T00:00:00Z"),
        superseded: None,
        superseded_days: None,
        advisories: Vec::new(),
        tcb_info_eval: 18,
        qe_identity_eval: 17,
        pck_crl_this_update: None,
        root_crl_this_update: None,
    }
}

/// Rules and severities that answer.
fn findings(rating: Rating, thresholds: &Thresholds) -> Vec<(String, Severity)> {
    let mut td = sample::td();
    let status = rating.status;
    td.dcap.rating = Some(rating);
    let (claims, mut facts) = sample::td_item(td);
    facts.tcb_status = status;
    let tdx = tdx::Thresholds { dcap: thresholds.clone(), ..tdx::Thresholds::strict() };
    let appraisal = Appraisal { tdx, ..Appraisal::strict() };
    let found = appraise_claims(&claims, &facts, &appraisal);
    found.into_iter().map(|finding| (finding.rule.to_string(), finding.severity)).collect()
}

fn refusals(change: Change, limit: Limit) -> Vec<String> {
    let (mut rating, mut thresholds) = (rating(), Thresholds::strict());
    change(&mut rating);
    limit(&mut thresholds);
    let found = findings(rating, &thresholds).into_iter();
    found.filter(|(_, severity)| *severity == Severity::Refuse).map(|(rule, _)| rule).collect()
}

const NOTHING: [String; 0] = [];

fn usual(_: &mut Thresholds) {}

fn with(rating: &mut Rating, status: TcbStatus) {
    (rating.platform_status, rating.status) = (status, status);
}

#[test]
fn a_platform_that_is_up_to_date_is_accepted() {
    assert_eq!(refusals(|_| (), usual), NOTHING);
    assert_eq!(refusals(|r| with(r, TcbStatus::SwHardeningNeeded), usual), NOTHING);
}

/// DCAP-58: every other status is refused by the strict default, and accepted where it is named.
#[test]
fn a_status_is_accepted_by_name_alone() {
    let cases: [(Change, Limit); 4] = [
        (|r| with(r, TcbStatus::ConfigurationNeeded), |l| l.statuses.push(Status::ConfigurationNeeded)),
        (
            |r| with(r, TcbStatus::ConfigurationAndSwHardeningNeeded),
            |l| l.statuses.push(Status::ConfigurationAndSwHardeningNeeded),
        ),
        (|r| with(r, TcbStatus::OutOfDate), |l| l.statuses.push(Status::OutOfDate)),
        (
            |r| with(r, TcbStatus::OutOfDateConfigurationNeeded),
            |l| l.statuses.push(Status::OutOfDateConfigurationNeeded),
        ),
    ];
    for (change, limit) in cases {
        assert_eq!(refusals(change, usual), ["DCAP-58 TcbStatusNotAllowed"]);
        assert_eq!(refusals(change, limit), NOTHING);
    }
    // The looser profile takes the two that configuration decides, and no more.
    let corpus: Limit = |l| *l = Thresholds::corpus();
    assert_eq!(refusals(cases[0].0, corpus), NOTHING);
    assert_eq!(refusals(cases[1].0, corpus), NOTHING);
    assert_eq!(refusals(cases[2].0, corpus), ["DCAP-58 TcbStatusNotAllowed"]);
}

/// DCAP-56, DCAP-57, TDX-05: whatever is configured.
#[test]
fn a_platform_that_is_unknown_or_withdrawn_is_never_accepted() {
    let cases: [(&str, Change); 4] = [
        ("DCAP-56 PlatformTcbUnrecognized", |r| with(r, TcbStatus::NotRecognized)),
        ("DCAP-57 TcbRevoked", |r| with(r, TcbStatus::Revoked)),
        ("DCAP-57 TcbRevoked", |r| (r.qe_status, r.status) = (TcbStatus::Revoked, TcbStatus::Revoked)),
        ("TDX-05 TdModuleTcbUnrecognized", |r| {
            (r.module_status, r.status) = (Some(TcbStatus::NotRecognized), TcbStatus::NotRecognized);
        }),
    ];
    for (rule, change) in cases {
        for limit in [usual, |l: &mut Thresholds| *l = Thresholds::corpus()] {
            assert_eq!(refusals(change, limit), [rule]);
        }
    }
}

/// TDX-06: a module that is alone at fault.
#[test]
fn a_module_counts_by_itself() {
    let change: Change = |r| (r.module_status, r.status) = (Some(TcbStatus::OutOfDate), TcbStatus::OutOfDate);
    assert_eq!(refusals(change, usual), ["TDX-06 TdModuleTcbNotAllowed"]);
    assert_eq!(refusals(change, |l| *l = Thresholds::corpus()), ["TDX-06 TdModuleTcbNotAllowed"]);
    assert_eq!(refusals(change, |l| l.statuses.push(Status::OutOfDate)), NOTHING);
    let both: Change = |r| {
        with(r, TcbStatus::OutOfDate);
        r.module_status = Some(TcbStatus::OutOfDate);
    };
    assert_eq!(refusals(both, usual), ["DCAP-58 TcbStatusNotAllowed", "TDX-06 TdModuleTcbNotAllowed"]);
}

/// TDX-07: denied by default, accepted by name.
#[test]
fn a_relaunch_that_is_advised_is_refused_unless_it_is_named() {
    let cases: [(Change, Limit); 2] = [
        (|r| r.status = TcbStatus::TdRelaunchAdvised, |l| l.statuses.push(Status::TdRelaunchAdvised)),
        (
            |r| r.status = TcbStatus::TdRelaunchAdvisedConfigurationNeeded,
            |l| l.statuses.push(Status::TdRelaunchAdvisedConfigurationNeeded),
        ),
    ];
    for (change, limit) in cases {
        assert_eq!(refusals(change, usual), ["TDX-07 TdRelaunchAdvised"]);
        assert_eq!(refusals(change, |l| l.statuses.push(Status::OutOfDate)), ["TDX-07 TdRelaunchAdvised"]);
        assert_eq!(refusals(change, limit), NOTHING);
    }
}

/// DCAP-59, DCAP-60: each document has its own floor.
#[test]
fn evaluation_numbers_have_floors() {
    assert_eq!(refusals(|_| (), |l| l.tcb_evaluation_floor = Some(18)), NOTHING);
    assert_eq!(refusals(|_| (), |l| l.tcb_evaluation_floor = Some(19)), ["DCAP-59 TcbEvaluationTooOld"]);
    assert_eq!(refusals(|_| (), |l| l.qe_evaluation_floor = Some(17)), NOTHING);
    assert_eq!(
        refusals(|_| (), |l| l.qe_evaluation_floor = Some(18)),
        ["DCAP-60 QeIdentityEvaluationTooOld"]
    );
}

/// DCAP-62: all but one is not all; a platform that is up to date has nothing to accept.
#[test]
fn every_advisory_is_accepted_by_name() {
    let change: Change = |r| {
        with(r, TcbStatus::SwHardeningNeeded);
        r.advisories = vec!["INTEL-SA-00334".to_owned(), "INTEL-SA-00615".to_owned()];
    };
    let refused = ["DCAP-62 AdvisoryNotAccepted"];
    let list = |ids: &[&str]| Allowed::Listed(ids.iter().map(|id| (*id).to_owned()).collect());
    assert_eq!(refusals(change, usual), refused);
    let mut thresholds = Thresholds::strict();
    let mut rating = rating();
    change(&mut rating);
    for (ids, accepted) in [
        (&["INTEL-SA-00615"][..], false),
        (&["INTEL-SA-00334"], false),
        (&["INTEL-SA-00334", "INTEL-SA-00615"], true),
    ] {
        thresholds.advisories = list(ids);
        assert_eq!(findings(rating.clone(), &thresholds).is_empty(), accepted, "{ids:?}");
    }
    assert_eq!(refusals(change, |l| l.advisories = Allowed::Any), NOTHING);
    assert_eq!(refusals(|r| r.advisories = vec!["INTEL-SA-00615".to_owned()], usual), NOTHING);
}

/// DCAP-63: the oldest level counts against the floor.
#[test]
fn the_oldest_level_has_a_floor() {
    let day: Limit = |l| l.tcb_date_floor = Some(at("2024-11-13T00:00:00Z"));
    let next: Limit = |l| l.tcb_date_floor = Some(at("2024-11-13T00:00:01Z"));
    let refused = ["DCAP-63 TcbDateTooOld"];
    assert_eq!(refusals(|_| (), day), NOTHING);
    assert_eq!(refusals(|_| (), next), refused);
    assert_eq!(refusals(|r| r.module_tcb_date = Some(at("2023-01-01T00:00:00Z")), day), refused);
    assert_eq!(refusals(|r| r.qe_tcb_date = at("2023-01-01T00:00:00Z"), day), refused);
}

/// DCAP-63: a patch window, to the day; it is said, and covers nothing that configuration decides.
#[test]
fn a_patch_window_ends() {
    let late: Change = |r| {
        with(r, TcbStatus::OutOfDate);
        r.superseded_days = Some(30);
    };
    assert_eq!(refusals(late, |l| l.out_of_date_grace_days = Some(30)), NOTHING);
    assert_eq!(refusals(late, |l| l.out_of_date_grace_days = Some(29)), ["DCAP-63 TcbDateTooOld"]);
    let (mut rating, mut limits) = (rating(), Thresholds::strict());
    late(&mut rating);
    limits.out_of_date_grace_days = Some(30);
    assert_eq!(findings(rating, &limits), [("DCAP-63 TcbDateTooOld".to_owned(), Severity::Warn)]);
    let unknown: Change = |r| with(r, TcbStatus::OutOfDate);
    assert_eq!(refusals(unknown, |l| l.out_of_date_grace_days = Some(30)), ["DCAP-63 TcbDateTooOld"]);
    let configuration: Change = |r| {
        with(r, TcbStatus::OutOfDateConfigurationNeeded);
        r.superseded_days = Some(1);
    };
    let refused = ["DCAP-58 TcbStatusNotAllowed"];
    assert_eq!(refusals(configuration, |l| l.out_of_date_grace_days = Some(30)), refused);
}

/// DCAP-31: a serial number that is listed, however many zeros it is written with.
#[test]
fn a_denied_pck_certificate_is_refused() {
    let deny = |serial: &str, limits: &mut Thresholds| {
        limits.denied_pck_serials.push(PckSerial::parse(serial).unwrap());
    };
    let denied = |serial: &str| {
        let mut thresholds = Thresholds::strict();
        deny("77", &mut thresholds);
        deny(serial, &mut thresholds);
        findings(rating(), &thresholds).into_iter().map(|(rule, _)| rule).collect::<Vec<_>>()
    };
    for serial in ["ab01", "00ab01", "0000ab01"] {
        assert_eq!(denied(serial), ["DCAP-31 PckRevoked"], "{serial}");
    }
    for other in ["ab0100", "ab", "01", "abab01"] {
        assert_eq!(denied(other), NOTHING, "{other}");
    }
    for wrong in ["", "0", "00", "AB01", "ab0", "zz", "0xab01", &"ab".repeat(21)] {
        assert!(PckSerial::parse(wrong).is_err(), "{wrong}");
    }
}
