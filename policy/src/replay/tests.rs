use super::*;
use crate::case::TestCase;
use crate::key_id::KeyId;
use crate::policies::PolicySource;
use crate::sample;
use crate::tier::Tier;
use serde_json::{Value, json};
use std::time::Duration;

fn policies(texts: &[&str]) -> Policies {
    let sources: Vec<_> = texts
        .iter()
        .zip(1..)
        .map(|(text, n)| PolicySource { name: format!("p{n}"), version: 1, text: (*text).to_owned() })
        .collect();
    Policies::compile(&sources).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn bytes(node: Value) -> Vec<u8> {
    let key = json!({"id": "acme/disk", "minimum_tier": 2});
    let case = json!({"name": "c", "node": node, "key": key, "expect": "granted"});
    TestCase::read(case.to_string().as_bytes()).unwrap()[0].facts().unwrap().to_bytes().unwrap()
}

fn guest(svn: u32) -> Vec<u8> {
    bytes(json!({"tee": "sev-snp", "measurement": "11".repeat(48), "snp": {"guest_svn": svn}}))
}

fn scope(key: &str, minimum: Tier) -> KeyScope {
    KeyScope { key: KeyId::parse(key).unwrap(), minimum, require_cpu_tee: false }
}

const ALL: &str = "permit (principal, action, resource);";
const SVN: &str =
    "permit (principal, action, resource) when { principal has snp && principal.snp.guest_svn >= 3 };";

#[test]
fn a_replay_answers_as_a_decision_does() {
    let none = References::new(Vec::new()).unwrap();
    let forbid = "forbid (principal, action, resource) when { principal.tier < 4 };";
    let failing = "permit (principal, action, resource) when { context.now * 9223372036854775807 > 0 };";
    let disk = || scope("acme/disk", Tier::Confidential);
    let cpu = KeyScope { require_cpu_tee: true, ..scope("acme/disk", Tier::Encrypted) };
    let runner = bytes(json!({"tee": "registered-key", "identity": "x"}));
    for (bytes, scope, texts, expected) in [
        (guest(3), disk(), &[SVN][..], "granted"),
        (guest(2), disk(), &[SVN], "PolicyDenied"),
        (guest(2), scope("acme/disk", Tier::GpuCc), &[ALL], "TierTooLow"),
        (runner, cpu, &[ALL], "CpuTeeRequired"),
        (guest(3), disk(), &[], "NoPolicy"),
        (guest(3), disk(), &[ALL, forbid], "PolicyForbids"),
        (guest(3), disk(), &[ALL, failing], "PolicyError"),
    ] {
        let subject = Subject::read(&bytes).unwrap();
        let policies = policies(texts);
        let answer = Replay::new(&policies, &none).answer(&subject, &scope, sample::circumstances());
        assert_eq!(answer.name(), expected);
        let decided = crate::decide::decide(&subject.node, &scope, &policies, &none, sample::circumstances());
        assert_eq!(decided.map_or_else(|denial| denial.code, |_| "granted"), expected);
    }
}

#[test]
fn equal_facts_are_asked_about_once_unless_the_time_counts() {
    let none = References::new(Vec::new()).unwrap();
    let (one, other) = (Subject::read(&guest(3)).unwrap(), Subject::read(&guest(4)).unwrap());
    let later = sample::now().after(Duration::from_secs(60));
    let timed = format!("permit (principal, action, resource) when {{ context.now < {} }};", later.seconds());
    for (text, asked, last) in
        [(SVN, 3, Answer::Granted), (&timed, 5, Answer::Denied(DenialCode::PolicyDenied))]
    {
        let policies = policies(&[text]);
        let mut replay = Replay::new(&policies, &none);
        let disk = scope("acme/disk", Tier::Confidential);
        for subject in [&one, &other, &one] {
            assert_eq!(replay.answer(subject, &disk, sample::circumstances()), Answer::Granted);
        }
        replay.answer(&one, &scope("acme/other", Tier::Confidential), sample::circumstances());
        assert_eq!(replay.answer(&one, &disk, sample::when(later)), last);
        assert_eq!(replay.asked(), asked, "{text}");
    }
}

/// A claim that older facts lack is no no: nobody knows.
#[test]
fn facts_that_lack_a_claim_are_unknown() {
    let none = References::new(Vec::new()).unwrap();
    let mut document: Value = serde_json::from_slice(&guest(3)).unwrap();
    document["attributes"]["snp"].as_object_mut().unwrap().remove("guest_svn");
    let subject = Subject::read(document.to_string().as_bytes()).unwrap();
    let disk = scope("acme/disk", Tier::Confidential);
    for (text, answer) in [(SVN, Answer::Unknown), (ALL, Answer::Granted)] {
        let policies = policies(&[text]);
        assert_eq!(Replay::new(&policies, &none).answer(&subject, &disk, sample::circumstances()), answer);
    }
    assert!(Subject::read(b"{}").is_err());
}

#[test]
fn flips_are_counted_in_both_directions() {
    let key = KeyId::parse("acme/disk").unwrap();
    let no = Answer::Denied(DenialCode::PolicyDenied);
    let verdict = |decision, granted, in_force, candidate| Verdict {
        decision,
        at: sample::now(),
        key: &key,
        tier: 2,
        granted,
        code: if granted { "Granted" } else { "PolicyDenied" },
        in_force,
        candidate,
    };
    let mut report = Report::default();
    assert!(report.no_flips());
    report.take(&verdict(1, true, Answer::Granted, Answer::Granted));
    report.take(&verdict(2, true, Answer::Granted, no));
    report.take(&verdict(3, false, no, Answer::Granted));
    // The rules in force would decide otherwise by now as well: the candidate changes nothing.
    report.take(&verdict(4, true, no, no));
    report.take(&verdict(5, true, Answer::Unknown, no));
    assert_eq!((report.decisions, report.unknown), (4, 1));
    assert_eq!(report.from_record, Counts { to_granted: 1, to_refused: 2 });
    assert_eq!(report.from_in_force, Counts { to_granted: 1, to_refused: 1 });
    assert_eq!(report.by_tenant["acme"], report.from_in_force);
    assert_eq!(
        (report.by_key["acme/disk"], report.by_tier[&2]),
        (report.from_in_force, report.from_in_force)
    );
    let listed: Vec<u64> = report.flips.iter().map(|flip| flip.decision).collect();
    assert_eq!(listed, [2, 3, 4]);
    assert!(!report.no_flips());
    let mut both = report.clone();
    both.merge(report.clone());
    assert_eq!((both.decisions, both.flips.len()), (8, 6));
    assert_eq!(both.by_key["acme/disk"], Counts { to_granted: 2, to_refused: 2 });
    let written = serde_json::to_vec(&both).unwrap();
    assert_eq!(serde_json::from_slice::<Report>(&written).unwrap(), both);
}

#[test]
fn only_so_many_flips_are_listed_and_all_are_counted() {
    let key = KeyId::parse("acme/disk").unwrap();
    let mut report = Report::default();
    for decision in 1..=1_003 {
        report.take(&Verdict {
            decision,
            at: sample::now(),
            key: &key,
            tier: 2,
            granted: true,
            code: "Granted",
            in_force: Answer::Granted,
            candidate: Answer::Denied(DenialCode::NoPolicy),
        });
    }
    assert_eq!((report.flips.len(), report.not_listed), (MAX_LISTED, 3));
    assert_eq!(report.from_in_force.to_refused, 1_003);
}

#[test]
fn a_report_that_goes_on_lists_the_newest() {
    let key = KeyId::parse("acme/disk").unwrap();
    let mut report = Report::default();
    for decision in 1..=5 {
        report.take_newest(
            &Verdict {
                decision,
                at: sample::now(),
                key: &key,
                tier: 2,
                granted: true,
                code: "Granted",
                in_force: Answer::Granted,
                candidate: if decision == 4 {
                    Answer::Granted
                } else {
                    Answer::Denied(DenialCode::PolicyDenied)
                },
            },
            2,
        );
    }
    let listed: Vec<u64> = report.flips.iter().map(|flip| flip.decision).collect();
    assert_eq!((listed, report.not_listed, report.decisions), (vec![3, 5], 2, 5));
    assert_eq!(report.from_in_force, Counts { to_granted: 0, to_refused: 4 });
}

#[test]
fn a_code_tells_whether_the_policies_said_no() {
    for code in ["TierTooLow", "PolicyDenied", "MeasurementUnknown", "NoPolicy", "PolicyForbids"] {
        assert!(DenialCode::is_no(code), "{code}");
    }
    for code in ["Granted", "EvidenceExpired", "VersionNotEnabled", "SnpDebugAllowed", ""] {
        assert!(!DenialCode::is_no(code), "{code}");
    }
}
