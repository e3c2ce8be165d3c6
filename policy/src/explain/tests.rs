use super::*;
use crate::case::TestCase;
use crate::decision::DenialCode;
use crate::explain::world::World;
use crate::policies::PolicySource;
use crate::references::{ReferenceSet, ReferenceValue, Validity};
use crate::sample;
use hanzo_attestation_evidence::Hex;
use serde_json::{Value, json};

const IMAGES: &str =
    "permit (principal, action, resource) when { principal.measurement in ReferenceSet::\"images\" };";
const ALL: &str = "permit (principal, action, resource);";

struct Bench {
    facts: NodeFacts,
    scope: KeyScope,
    policies: Policies,
    references: References,
    at: Circumstances,
}

impl Bench {
    fn new(node: Value, minimum_tier: u8, texts: &[&str]) -> Self {
        let key = json!({"id": "acme/disk", "minimum_tier": minimum_tier});
        let case = json!({"name": "c", "node": node, "key": key, "expect": "granted"});
        let case = TestCase::read(case.to_string().as_bytes()).unwrap().remove(0);
        let value = |tee: &str, register: &str, byte: u8| ReferenceValue {
            tee: tee.into(),
            register: register.into(),
            digest: Hex([byte; 48]).into(),
            entry: None,
            note: None,
            validity: Validity::ALWAYS,
        };
        let values = vec![value("sev-snp", "measurement", 0x11), value("tdx", "mr_td", 0x22)];
        let sources: Vec<_> = texts
            .iter()
            .zip(1..)
            .map(|(text, n)| PolicySource { name: format!("p{n}"), version: 1, text: (*text).to_owned() })
            .collect();
        Self {
            facts: case.facts().unwrap(),
            scope: case.scope(),
            policies: Policies::compile(&sources).unwrap_or_else(|problems| panic!("{problems:#?}")),
            references: References::new(vec![ReferenceSet { name: "images".into(), values }]).unwrap(),
            at: sample::circumstances(),
        }
    }

    fn situation(&self) -> Situation<'_> {
        Situation {
            facts: &self.facts,
            scope: &self.scope,
            policies: &self.policies,
            references: &self.references,
            at: self.at,
        }
    }

    /// Explains, and proves of every proposal that it turns the decision and that none of its changes can be
    /// left out.
    fn explain(&self) -> Explanation {
        let found = explain(&self.situation()).unwrap();
        for proposal in &found.proposals {
            let made = |without: Option<usize>| {
                let kept = proposal.changes.iter().enumerate().filter(|(n, _)| Some(*n) != without);
                let start = World::of(&self.situation());
                kept.fold(start, |world, (_, proposed)| world.with(&proposed.change).unwrap()).yes()
            };
            assert_eq!(made(None), !found.granted, "{proposal:?}");
            for n in 0..proposal.changes.len() {
                assert_eq!(made(Some(n)), found.granted, "{n} is not needed in {proposal:?}");
            }
            let written = serde_json::to_value(proposal).unwrap();
            assert_eq!(serde_json::from_value::<Proposal>(written).unwrap(), *proposal);
        }
        let written = serde_json::to_vec(&found).unwrap();
        assert_eq!(serde_json::from_slice::<Explanation>(&written).unwrap(), found);
        found
    }
}

fn guest(byte: &str) -> Value {
    json!({"tee": "sev-snp", "product": "genoa", "measurement": byte.repeat(48), "snp": {"guest_svn": 3}})
}

/// The texts of the first proposal.
fn first(found: &Explanation) -> Vec<&str> {
    found.proposals[0].changes.iter().map(|change| change.text.as_str()).collect()
}

fn refused(node: Value, minimum: u8, texts: &[&str], code: DenialCode) -> Explanation {
    let found = Bench::new(node, minimum, texts).explain();
    assert_eq!((found.granted, found.code.as_str()), (false, code.as_str()), "{found:#?}");
    found
}

#[test]
fn a_new_image_is_one_reference_value_away() {
    let found = refused(guest("33"), 2, &[IMAGES], DenialCode::MeasurementUnknown);
    let measurement = format!("sev-snp/measurement/{}", "33".repeat(48));
    let change = Change::Reference { set: "images".into(), measurement };
    assert_eq!(found.proposals[0].changes, [ProposedChange::from(change)]);
    assert_eq!(found.proposals[0].changes[0].by, By::Administrator);
}

#[test]
fn two_conditions_that_fail_are_two_changes() {
    let both = "permit (principal, action, resource) when { principal.measurement in \
                ReferenceSet::\"images\" && principal has snp && principal.snp.guest_svn >= 5 };";
    let found = refused(guest("33"), 2, &[both], DenialCode::PolicyDenied);
    let texts = first(&found);
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].contains("reference set `images`"), "{texts:?}");
    assert_eq!(texts[1], "the node's `snp.guest_svn` is 5");
    let by: Vec<By> = found.proposals[0].changes.iter().map(|change| change.by).collect();
    assert_eq!(by, [By::Administrator, By::Node]);
}

#[test]
fn three_conditions_that_fail_are_three_changes() {
    let all = "permit (principal, action, resource) when { principal.measurement in \
               ReferenceSet::\"images\" && principal has snp && principal.snp.guest_svn >= 5 && \
               principal.snp.policy.single_socket };";
    let found = refused(guest("33"), 2, &[all], DenialCode::PolicyDenied);
    assert_eq!(first(&found).len(), 3, "{found:#?}");
}

#[test]
fn a_forbid_is_met_before_it_is_loosened() {
    let forbid =
        "forbid (principal, action, resource) when { principal has snp && principal.snp.policy.debug };";
    let mut node = guest("11");
    node["snp"] = json!({"policy": {"debug": true}});
    let found = refused(node, 2, &[ALL, forbid], DenialCode::PolicyForbids);
    assert_eq!(first(&found), ["the node's `snp.policy.debug` is false"]);
    let last = found.proposals.last().unwrap();
    assert_eq!(last.changes[0].change, Change::WithoutForbid { policy: "p2".into() });
}

#[test]
fn what_fails_is_marked_and_what_is_not_reached_is_not_asked() {
    let text = "permit (principal, action, resource) when { principal.lab && principal.tier >= 2 } \
                unless { principal.tee == \"sgx\" || principal has tpm };";
    let found = refused(guest("11"), 2, &[text], DenialCode::PolicyDenied);
    let policies = found.steps.last().unwrap();
    assert_eq!((policies.mark, policies.text.as_str()), (Mark::No, "the policies"));
    let policy = &policies.steps[0];
    assert_eq!(policy.text, "policy `p1` does not apply");
    let [when, unless] = &policy.steps[..] else { panic!("{policy:#?}") };
    assert_eq!((when.mark, unless.mark), (Mark::No, Mark::Skipped));
    let parts: Vec<_> = when.steps[0].steps.iter().map(|step| (step.mark, step.text.as_str())).collect();
    assert_eq!(parts, [(Mark::No, "principal.lab"), (Mark::Skipped, "principal.tier >= 2")]);
}

#[test]
fn an_unless_demands_the_contrary() {
    let text = "permit (principal, action, resource) unless { principal.tee == \"sev-snp\" };";
    let found = refused(guest("11"), 2, &[text], DenialCode::PolicyDenied);
    let unless = &found.steps.last().unwrap().steps[0].steps[0];
    assert_eq!((unless.mark, unless.text.as_str(), unless.steps[0].mark), (Mark::No, "unless", Mark::Yes));
    assert_eq!(first(&found), ["the node's `tee` is another than \"sev-snp\""]);
}

#[test]
fn a_failing_policy_is_told_as_such() {
    let text = "permit (principal, action, resource) when { context.now * 9223372036854775807 > 0 };";
    let found = refused(guest("11"), 2, &[ALL, text], DenialCode::PolicyError);
    let marks: Vec<Mark> = found.steps.last().unwrap().steps.iter().map(|step| step.mark).collect();
    assert!(marks.contains(&Mark::Error), "{found:#?}");
}

#[test]
fn where_nothing_helps_nothing_is_proposed() {
    let never = "forbid (principal, action, resource) when { context.now * 9223372036854775807 > 0 };";
    let found = refused(guest("11"), 2, &[ALL, never], DenialCode::PolicyError);
    let loosening = |p: &Proposal| p.changes.iter().any(|c| matches!(c.change, Change::WithoutForbid { .. }));
    assert!(found.proposals.iter().all(loosening), "{found:#?}");
    assert!(found.tried > 0);
}

#[test]
fn a_grant_says_what_it_hangs_on() {
    let text =
        "permit (principal, action, resource) when { principal has snp && principal.snp.guest_svn >= 3 };";
    let found = Bench::new(guest("11"), 2, &[text]).explain();
    assert!(found.granted);
    assert_eq!(
        (found.code.as_str(), &found.reasons[..]),
        ("Granted", &["policy `p1` permits".to_owned()][..])
    );
    let texts: Vec<&str> = found.proposals.iter().map(|p| p.changes[0].text.as_str()).collect();
    assert!(texts.contains(&"the node's `snp.guest_svn` is 2"), "{texts:?}");
}

/// Incidents at the policies: the cause that is named, and the change that is proposed first.
#[test]
fn incidents_name_their_cause_and_the_change_that_turns_them() {
    let fourth = "permit (principal, action, resource) when { principal.tier >= 4 };";
    let gpus =
        "permit (principal, action, resource) when { principal has gpus && principal.gpus.count >= 8 };";
    let product = "permit (principal, action, resource) when { principal has product && [\"milan\"].contains(principal.product) };";
    let chip =
        "forbid (principal, action, resource) when { principal has chip && principal.chip == \"abab\" };";
    let dates = "permit (principal, action, resource) when { context.now < 1577836800 };";
    let lab = "forbid (principal, action, resource) when { principal.lab };";
    let tcb = "forbid (principal, action, resource) unless { principal has tcb_status && principal.tcb_status == \"UpToDate\" };";
    let mine = "permit (principal, action, resource in Tenant::\"other\");";
    let runner = "permit (principal, action, resource) when { principal has identity && principal.identity == \"ci\" };";
    let modes = "permit (principal, action, resource) when { principal has gpus && principal.gpus.modes.contains(\"spt\") };";
    let stated = |name: &str, value: Value| {
        let mut node = guest("11");
        node[name] = value;
        node
    };
    let td = json!({"tee": "tdx", "measurement": "22".repeat(48), "registers": {"rtmr1": "a1".repeat(48)}});
    let kernel = "permit (principal, action, resource) when { principal has tdx && principal.tdx.rtmr1 in ReferenceSet::\"kernels\" };";
    /// What happens, the node, the key's minimum tier, the policies; the code, and a part of the change.
    type Incident<'a> = (&'a str, Value, u8, Vec<&'a str>, DenialCode, &'a str);
    let cases: Vec<Incident<'_>> = vec![
        (
            "wrong image",
            guest("33"),
            2,
            vec![IMAGES],
            DenialCode::MeasurementUnknown,
            "reference set `images`",
        ),
        ("a CPU where GPUs are asked for", guest("11"), 3, vec![ALL], DenialCode::TierTooLow, "prove tier 3"),
        ("no evidence", json!({"tee": "none"}), 2, vec![ALL], DenialCode::TierTooLow, "prove tier 2"),
        ("too few GPUs", guest("11"), 2, vec![gpus], DenialCode::PolicyDenied, "`gpus.count` is 8"),
        ("another mode", guest("11"), 2, vec![modes], DenialCode::PolicyDenied, "`gpus.modes` is [\"spt\"]"),
        (
            "another product",
            guest("11"),
            2,
            vec![product],
            DenialCode::PolicyDenied,
            "`product` is \"milan\"",
        ),
        (
            "a denied chip",
            stated("chip", json!("abab")),
            2,
            vec![ALL, chip],
            DenialCode::PolicyForbids,
            "`chip`",
        ),
        ("too late", guest("11"), 2, vec![dates], DenialCode::PolicyDenied, "it is 2019-12-31T23:59:59Z"),
        ("a lab", stated("lab", json!(true)), 2, vec![ALL, lab], DenialCode::PolicyForbids, "`lab` is false"),
        (
            "old firmware",
            stated("tcb_status", json!("OutOfDate")),
            2,
            vec![ALL, tcb],
            DenialCode::PolicyForbids,
            "`tcb_status` is \"UpToDate\"",
        ),
        ("another tenant", guest("11"), 2, vec![mine], DenialCode::NoPolicy, "ask for the key other/disk"),
        ("no policy at all", guest("11"), 2, vec![], DenialCode::NoPolicy, "add the policy: permit"),
        (
            "another runner",
            json!({"tee": "registered-key", "identity": "x"}),
            1,
            vec![runner],
            DenialCode::PolicyDenied,
            "`identity` is \"ci\"",
        ),
        ("another kernel", td, 2, vec![kernel], DenialCode::MeasurementUnknown, "tdx/rtmr1/a1a1"),
        ("a tier below the policy's", guest("11"), 2, vec![fourth], DenialCode::PolicyDenied, "prove tier 4"),
    ];
    for (name, node, minimum, texts, code, change) in cases {
        let found = refused(node, minimum, &texts, code);
        assert!(first(&found)[0].contains(change), "{name}: {:?}", first(&found));
    }
}

#[test]
fn a_key_that_demands_a_cpu_tee_says_so() {
    let mut bench = Bench::new(json!({"tee": "registered-key", "identity": "x"}), 1, &[ALL]);
    bench.scope.require_cpu_tee = true;
    let found = bench.explain();
    assert_eq!(
        (found.code.as_str(), first(&found)),
        ("CpuTeeRequired", vec!["present the evidence of a CPU TEE"])
    );
    let marks: Vec<Mark> = found.steps.iter().map(|step| step.mark).collect();
    assert_eq!(marks, [Mark::Yes, Mark::No, Mark::Skipped]);
}

/// The bound on live grants is named as the cause, with what meets it and what loosens it, each tried.
#[test]
fn a_key_that_is_out_too_often_names_how_many_must_end() {
    let bound = "forbid (principal, action, resource) when { context.live_grants >= 3 };";
    let permit = "permit (principal, action, resource) when { 3 > context.live_grants };";
    for texts in [&[ALL, bound][..], &[permit]] {
        let mut bench = Bench::new(guest("11"), 2, texts);
        bench.at = bench.at.with_live_grants(5);
        let found = bench.explain();
        assert_eq!((found.code.as_str(), found.granted), ("TooManyGrants", false));
        assert_eq!(found.message, "the key acme/disk has 5 live grants of at most 3");
        let cause = found.steps.iter().find(|step| step.mark == Mark::No).unwrap();
        assert_eq!(cause.text, "5 live grants of at most 3");
        let [smallest] = &found.proposals[0].changes[..] else { panic!("{found:#?}") };
        assert_eq!(smallest.change, Change::LiveGrants { live: 5, most: 2 });
        assert!(smallest.text.starts_with("3 of the key's 5 live grants must end"), "{}", smallest.text);
        let policy = format!("p{}", texts.len());
        let limit = Change::GrantLimit { policy, from: 3, to: 6 };
        let loosens = found.proposals.iter().position(|proposal| proposal.changes[0].change == limit);
        assert!(loosens.is_some_and(|place| place > 0), "{found:#?}");
    }
    // A grant hangs on the same number.
    let mut bench = Bench::new(guest("11"), 2, &[ALL, bound]);
    bench.at = bench.at.with_live_grants(2);
    let found = bench.explain();
    assert!(found.granted);
    assert_eq!(found.proposals[0].changes[0].change, Change::LiveGrants { live: 2, most: 3 });
}

/// Decisions of brokers that did not count have no number, and none is made up.
#[test]
fn a_number_that_was_not_counted_is_not_explained_away() {
    let bound = "forbid (principal, action, resource) when { context.live_grants >= 3 };";
    let mut bench = Bench::new(guest("11"), 2, &[ALL, bound]);
    bench.at.live_grants = None;
    let found = bench.explain();
    assert_eq!(found.code, "PolicyError");
    assert!(found.reasons[0].contains("live_grants"), "{found:#?}");
}
