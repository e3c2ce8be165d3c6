//! Each rule alone: one fact or threshold is changed, and exactly that rule answers.

use super::*;
use crate::appraisal::checks::Checks;
use crate::appraisal::{Appraisal, appraise_claims};
use crate::sample;
use hanzo_attestation::event_log::{
    BootAggregate, EventFacts, EventProblem, ImaFacts, ImaFile, SecureBootState, ccel, ima,
};
use hanzo_attestation_evidence::Hex;
use hanzo_attestation_evidence::event_log::PcrBank;
use hanzo_attestation_lab::event_log::ima::ImaList;
use hanzo_attestation_lab::event_log::{EventKind, LabLog};

type Change = fn(&mut EventFacts);
type Limit = fn(&mut Thresholds);

const APP_ID: &[u8] = b"\x01\x00\x00\x08:app-id:\x01\xab";

/// The facts of a TD's usual boot, with one agent's event and a list of files.
fn facts() -> EventFacts {
    let mut log = LabLog::usual_td();
    log.event(3, EventKind::DSTACK_RUNTIME, APP_ID);
    let facts = ccel(&log.bytes(), &log.rtmrs().map(Hex)).unwrap();
    EventFacts { ima: Some(files()), ..facts }
}

fn files() -> ImaFacts {
    let boot = LabLog::usual_tpm(&[PcrBank::Sha256]);
    let mut list = ImaList::new();
    list.boot_aggregate(PcrBank::Sha256, &boot.pcrs()).file("/usr/bin/init", b"init");
    let mut quoted = boot.pcrs();
    quoted.insert((PcrBank::Sha256, 10), list.pcr10(PcrBank::Sha256).as_slice().try_into().unwrap());
    ima(&list.bytes(), PcrBank::Sha256, &quoted).unwrap()
}

fn limits(change: Limit) -> Thresholds {
    let mut limits = Thresholds::strict();
    change(&mut limits);
    limits
}

fn refusals(log: Option<&EventFacts>, limits: &Thresholds) -> Vec<String> {
    let mut checks = Checks::default();
    check(log, limits, &mut checks);
    checks.finish().iter().map(|finding| finding.rule.to_string()).collect()
}

fn with(change: Change, limits: &Thresholds) -> Vec<String> {
    let mut facts = facts();
    change(&mut facts);
    refusals(Some(&facts), limits)
}

fn none(_: &mut EventFacts) {}

#[test]
fn a_usual_log_and_no_log_are_acceptable_by_default() {
    for limits in [Thresholds::strict(), Thresholds::corpus()] {
        assert_eq!(with(none, &limits), Vec::<String>::new());
        assert_eq!(refusals(None, &limits), Vec::<String>::new());
    }
}

/// LOG-15, LOG-16, LOG-17, LOG-23, LOG-26: refused by default, and accepted by name only.
#[test]
fn what_weakens_a_log_is_refused_by_default() {
    const REGISTER: Register = Register::Rtmr(0);
    let cases: [(&str, Change, Limit); 5] = [
        (
            "LOG-15 EventDataDigestMismatch",
            |facts| {
                let kind = EventKind::EFI_VARIABLE_DRIVER_CONFIG;
                facts.problems = vec![EventProblem::DataDigest { register: REGISTER, kind }];
            },
            |limits| limits.allow_unmeasured_data = true,
        ),
        (
            "LOG-16 EventLogSeparatorMissing",
            |facts| facts.problems = vec![EventProblem::Separator { register: REGISTER, problem: "none" }],
            |limits| limits.allow_missing_separators = true,
        ),
        (
            "LOG-17 EventLogAmbiguous",
            |facts| facts.problems = vec![EventProblem::Ambiguous { fact: "SecureBoot" }],
            |limits| limits.allow_ambiguous_facts = true,
        ),
        (
            "LOG-23 ImaViolation",
            |facts| violate(facts, "/var/log/journal"),
            |limits| limits.ima.violations = vec!["/var/log/journal".to_owned()],
        ),
        (
            "LOG-26 ImaBootAggregate",
            |facts| facts.ima.as_mut().unwrap().boot_aggregate = BootAggregate::Differs,
            |limits| limits.ima.allow_other_boot = true,
        ),
    ];
    for (rule, change, allow) in cases {
        assert_eq!(with(change, &Thresholds::strict()), [rule]);
        assert_eq!(with(change, &Thresholds::corpus()), [rule]);
        assert_eq!(with(change, &limits(allow)), Vec::<String>::new(), "{rule}");
        for (other, _, allow_other) in cases.iter().filter(|(other, ..)| *other != rule) {
            assert_eq!(with(change, &limits(*allow_other)), [rule], "{other}");
        }
    }
    for state in [BootAggregate::Missing, BootAggregate::NotQuoted] {
        let mut facts = facts();
        facts.ima.as_mut().unwrap().boot_aggregate = state;
        assert_eq!(refusals(Some(&facts), &Thresholds::strict()), ["LOG-26 ImaBootAggregate"]);
    }
}

fn violate(facts: &mut EventFacts, path: &str) {
    let digest = Hex([0; 32]).into();
    let file = ImaFile {
        path: path.to_owned(),
        algorithm: "sha256".to_owned(),
        digest,
        violation: true,
        signature: Vec::new(),
    };
    facts.ima.as_mut().unwrap().files.push(file);
}

/// A threshold that needs a reference value, with a fact that meets it and one that does not.
const REFERENCES: [(&str, Limit, Change); 9] = [
    (
        "LOG-18 SecureBootNotProven",
        |limits| limits.require_secure_boot = true,
        |facts| facts.secure_boot.state = SecureBootState::Disabled,
    ),
    (
        "LOG-18 SecureBootNotProven",
        |limits| limits.require_secure_boot = true,
        |facts| facts.secure_boot.state = SecureBootState::Unknown,
    ),
    (
        "LOG-18 SecureBootNotProven",
        |limits| limits.secure_boot_db = Some(vec![facts().secure_boot.db.unwrap()]),
        |facts| facts.secure_boot.db = facts.secure_boot.dbx,
    ),
    (
        "LOG-18 SecureBootNotProven",
        |limits| limits.secure_boot_dbx = Some(vec![facts().secure_boot.dbx.unwrap()]),
        |facts| facts.secure_boot.dbx = None,
    ),
    (
        "LOG-19 BootComponentUnknown",
        |limits| {
            let own = facts().boot_components.into_iter().filter(|part| part.register == Register::Rtmr(2));
            limits.boot_components =
                BTreeMap::from([(Register::Rtmr(2), own.map(|part| part.digest).collect())]);
        },
        |facts| facts.boot_components.last_mut().unwrap().digest = Hex([7; 48]).into(),
    ),
    (
        "LOG-19 BootComponentUnknown",
        |limits| limits.kernel_cmdlines = Some(vec![facts().kernel_cmdline.unwrap()]),
        |facts| facts.kernel_cmdline = Some("init=/bin/sh".to_owned()),
    ),
    (
        "LOG-19 BootComponentUnknown",
        |limits| limits.kernel_cmdlines = Some(vec![facts().kernel_cmdline.unwrap()]),
        |facts| facts.kernel_cmdline = None,
    ),
    (
        "LOG-20 RuntimeEventDigest",
        |limits| limits.runtime_events = app_id(),
        |facts| facts.runtime_events.clear(),
    ),
    (
        "LOG-20 RuntimeEventDigest",
        |limits| limits.runtime_events = app_id(),
        |facts| {
            let mut other = facts.runtime_events[0].clone();
            other.payload = "02".to_owned();
            facts.runtime_events.push(other);
        },
    ),
];

fn app_id() -> BTreeMap<String, Vec<String>> {
    BTreeMap::from([("app-id".to_owned(), vec!["01ab".to_owned()])])
}

/// LOG-18, LOG-19, LOG-20, and TDX-27: whoever asks what a log says gets no answer from its absence.
#[test]
fn reference_values_are_held_against_facts_and_never_against_their_absence() {
    for (rule, limit, breaks) in REFERENCES {
        assert_eq!(with(none, &limits(limit)), Vec::<String>::new(), "{rule}");
        assert_eq!(with(breaks, &limits(limit)), [rule]);
        assert_eq!(with(breaks, &Thresholds::strict()), Vec::<String>::new(), "{rule} is off by default");
        assert_eq!(refusals(None, &limits(limit)), ["TDX-27 TdEventLogMissing"], "{rule}");
    }
    assert_eq!(refusals(None, &limits(|limits| limits.require_log = true)), ["TDX-27 TdEventLogMissing"]);
    // An empty list admits nothing.
    assert_eq!(
        with(none, &limits(|limits| limits.boot_components = BTreeMap::from([(Register::Rtmr(2), vec![])]))),
        ["LOG-19 BootComponentUnknown"]
    );
}

/// LOG-13: a register that policy asks about is explained to its last event.
#[test]
fn an_unexplained_register_is_no_register_without_events() {
    let unexplained: Change = |facts| facts.unexplained = vec![Register::Rtmr(3)];
    assert_eq!(with(unexplained, &Thresholds::strict()), Vec::<String>::new());
    let asking: [Limit; 3] = [
        |limits| limits.require_log = true,
        |limits| limits.runtime_events = app_id(),
        |limits| limits.boot_components = BTreeMap::from([(Register::Rtmr(3), vec![])]),
    ];
    for limit in asking {
        assert_eq!(with(unexplained, &limits(limit)), ["LOG-13 EventLogIncomplete"]);
    }
}

/// LOG-24, LOG-25: a list must be there if asked for, and name listed files only.
#[test]
fn files_are_those_of_the_list() {
    let allowed: Limit = |limits| {
        let file = files().files.remove(0);
        limits.ima.files = Some(vec![AllowedFile { path: file.path, digest: file.digest }]);
    };
    assert_eq!(with(none, &limits(allowed)), Vec::<String>::new());
    let changes: [Change; 2] = [
        |facts| facts.ima.as_mut().unwrap().files[0].path = "/usr/bin/other".to_owned(),
        |facts| facts.ima.as_mut().unwrap().files[0].digest = Hex([7; 32]).into(),
    ];
    for change in changes {
        assert_eq!(with(change, &limits(allowed)), ["LOG-25 ImaFileNotAllowed"]);
        assert_eq!(with(change, &Thresholds::strict()), Vec::<String>::new());
    }
    let asking: [Limit; 2] = [allowed, |limits| limits.ima.require_list = true];
    for limit in asking {
        assert_eq!(with(|facts| facts.ima = None, &limits(limit)), ["LOG-24 ImaReplayMismatch"]);
        assert_eq!(refusals(None, &limits(limit)), ["LOG-24 ImaReplayMismatch"]);
    }
}

/// TDX-22: RTMR3 is zero, listed, or explained by a log whose events policy asks about.
#[test]
fn a_log_explains_rtmr3_when_policy_says_what_its_events_must_be() {
    let judge = |log: Option<EventFacts>, change: Limit| {
        let mut td = sample::td();
        td.rtmr[3] = Hex([1; 48]);
        td.log = log;
        let (claims, facts) = sample::td_item(td);
        let mut appraisal = Appraisal::strict();
        change(&mut appraisal.tdx.log);
        let findings = appraise_claims(&claims, &facts, &appraisal);
        findings.iter().map(|finding| finding.rule.to_string()).collect::<Vec<_>>()
    };
    let asked: Limit = |limits| limits.runtime_events = app_id();
    assert_eq!(judge(Some(facts()), asked), Vec::<String>::new());
    assert_eq!(judge(Some(facts()), |_| ()), ["TDX-22 TdRtmrUnknown"], "nobody says what events are good");
    assert_eq!(judge(None, asked), ["TDX-22 TdRtmrUnknown", "TDX-27 TdEventLogMissing"]);
    let mut unexplained = facts();
    unexplained.unexplained = vec![Register::Rtmr(3)];
    assert_eq!(judge(Some(unexplained), asked), ["TDX-22 TdRtmrUnknown", "LOG-13 EventLogIncomplete"]);
    let mut other = facts();
    other.runtime_events[0].payload = "02".to_owned();
    assert_eq!(judge(Some(other), asked), ["LOG-20 RuntimeEventDigest"]);
}

/// COL-26: thresholds are read from configuration, by their names and in their one spelling.
#[test]
fn thresholds_are_read_by_name() {
    let digest = "07".repeat(48);
    let text = format!(
        r#"{{"require_log":true,"boot_components":{{"rtmr2":["{digest}"]}},"kernel_cmdlines":["ro"],
        "runtime_events":{{"app-id":["01ab"]}},"ima":{{"files":[{{"path":"/init","digest":"{digest}"}}]}}}}"#
    );
    let read: Thresholds = serde_json::from_str(&text).unwrap();
    assert_eq!(read.boot_components.keys().collect::<Vec<_>>(), [&Register::Rtmr(2)]);
    for wrong in [
        r#"{"require_logs":true}"#,
        r#"{"boot_components":{"rtmr4":[]}}"#,
        r#"{"boot_components":{"pcr24":[]}}"#,
        r#"{"boot_components":{"PCR1":[]}}"#,
        r#"{"boot_components":{"pcr01":[]}}"#,
        r#"{"secure_boot_db":["AB"]}"#,
        r#"{"ima":{"file":[]}}"#,
    ] {
        assert!(serde_json::from_str::<Thresholds>(wrong).is_err(), "{wrong}");
    }
}
