use crate::case::TestCase;
use crate::circumstances::Circumstances;
use crate::decide::decide;
use crate::policies::{Policies, PolicySource};
use crate::references::References;
use crate::replay::{Answer, Replay, Subject};
use crate::sample;
use serde_json::{Value, json};

const ALL: &str = "permit (principal, action, resource);";
const THREE: &str = "forbid (principal, action, resource) when { context.live_grants >= 3 };";
const PERMIT: &str = "permit (principal, action, resource) when { context.live_grants < 3 };";

fn policies(texts: &[&str]) -> Policies {
    let texts = texts.iter().zip(1..);
    let sources: Vec<_> = texts
        .map(|(text, n)| PolicySource { name: format!("p{n}"), version: 1, text: (*text).to_owned() })
        .collect();
    Policies::compile(&sources).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn case(more: &Value) -> TestCase {
    let mut case = json!({
        "name": "c", "expect": "granted", "key": {"id": "acme/disk", "minimum_tier": 2},
        "node": {"tee": "sev-snp", "measurement": "11".repeat(48)},
    });
    case.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    TestCase::read(case.to_string().as_bytes()).unwrap().remove(0)
}

/// The code, and the message of a denial.
fn ask(texts: &[&str], live_grants: Option<u32>) -> (&'static str, String) {
    let case = case(&json!({}));
    let (node, scope) = (case.facts().unwrap().node(), case.scope());
    let at = Circumstances { live_grants, ..sample::circumstances() };
    match decide(&node, &scope, &policies(texts), &References::new(Vec::new()).unwrap(), at) {
        Ok(decided) => ("granted", format!("{:?}", decided.live_grants)),
        Err(denial) => (denial.code, format!("{}: {}", denial.message, denial.reasons.join("; "))),
    }
}

#[test]
fn the_number_of_live_grants_is_a_bound_and_is_named() {
    for texts in [&[ALL, THREE][..], &[PERMIT]] {
        for (live, code) in
            [(0, "granted"), (2, "granted"), (3, "TooManyGrants"), (u32::MAX, "TooManyGrants")]
        {
            assert_eq!(ask(texts, Some(live)).0, code, "{live} by {texts:?}");
        }
    }
    let told = "the key acme/disk has 5 live grants of at most 3: policy `p2` forbids";
    assert_eq!(ask(&[ALL, THREE], Some(5)).1, told);
    let told = "the key acme/disk has 3 live grants of at most 3: policy `p1` does not apply";
    assert_eq!(ask(&[PERMIT], Some(3)).1, told);
}

/// A bound is told as the cause only where it alone is in the way.
#[test]
fn what_more_is_in_the_way_is_told_first() {
    let never = "forbid (principal, action, resource) when { principal has snp };";
    assert_eq!(ask(&[ALL, THREE, never], Some(5)).0, "PolicyForbids");
    assert_eq!(ask(&[THREE], Some(5)).0, "NoPolicy");
    let more = "permit (principal, action, resource) when { context.live_grants > 7 };";
    assert_eq!(ask(&[more], Some(5)).0, "PolicyDenied");
    assert_eq!(ask(&[more], Some(8)).0, "granted");
    // Between two bounds the answer turns where it is asked, not at the first constant.
    let between = "permit (principal, action, resource) when { context.live_grants * 2 < 9 };";
    assert!(
        ask(&[between], Some(6)).1.contains("6 live grants of at most 5"),
        "{:?}",
        ask(&[between], Some(6))
    );
}

/// A permit remembers the number only where a policy can have asked for it, however the policy writes it.
#[test]
fn the_number_is_remembered_where_it_may_count() {
    assert_eq!(ask(&[ALL], Some(4)), ("granted", "None".to_owned()));
    assert_eq!(ask(&[ALL, THREE], Some(2)), ("granted", "Some(2)".to_owned()));
    let hidden = "permit (principal, action, resource) when { context[\"live\\u{5f}grants\"] < 3 };";
    assert_eq!(ask(&[hidden], Some(2)), ("granted", "Some(2)".to_owned()));
    assert_eq!(ask(&[hidden], Some(3)).0, "TooManyGrants");
}

/// Attack: a number that nobody counted is never taken for a small one.
#[test]
fn nobody_counted_is_a_no() {
    for texts in [&[ALL, THREE][..], &[PERMIT]] {
        let (code, told) = ask(texts, None);
        assert_eq!(code, "PolicyError");
        assert!(told.contains("live_grants"), "{told}");
    }
    assert_eq!(ask(&[ALL], None).0, "granted");
}

/// What older brokers recorded has no number: a candidate that asks for one is not answered by a guess.
#[test]
fn a_replay_without_the_number_is_unknown() {
    let none = References::new(Vec::new()).unwrap();
    let case = case(&json!({}));
    let subject = Subject::read(&case.facts().unwrap().to_bytes().unwrap()).unwrap();
    let answer = |texts: &[&str], live_grants| {
        let at = Circumstances { live_grants, ..sample::circumstances() };
        Replay::new(&policies(texts), &none).answer(&subject, &case.scope(), at).name()
    };
    assert_eq!(answer(&[ALL, THREE], None), "unknown");
    assert_eq!(answer(&[PERMIT], None), "unknown");
    assert_eq!(answer(&[ALL], None), "granted");
    assert_eq!(answer(&[ALL, THREE], Some(2)), "granted");
    assert_eq!(answer(&[ALL, THREE], Some(3)), "PolicyForbids");
    let policies = policies(&[ALL, THREE]);
    let mut replay = Replay::new(&policies, &none);
    for (live, expected) in [(2, Answer::Granted), (3, Answer::Denied(crate::DenialCode::PolicyForbids))] {
        let at = sample::circumstances().with_live_grants(live);
        assert_eq!(replay.answer(&subject, &case.scope(), at), expected, "an answer is not remembered");
    }
}

#[test]
fn a_case_states_how_many_grants_are_live() {
    let none = References::new(Vec::new()).unwrap();
    for (more, actual) in [
        (json!({}), "granted"),
        (json!({"live_grants": 2}), "granted"),
        (json!({"live_grants": 3, "expect": "TooManyGrants"}), "TooManyGrants"),
    ] {
        let report = case(&more).run(&policies(&[ALL, THREE]), &none, sample::now());
        assert!(report.passed && report.actual == actual, "{report:?}");
    }
    for wrong in [json!(-1), json!("3"), json!(4_294_967_296_u64), json!(1.5)] {
        let mut text = json!({
            "name": "c", "expect": "granted", "key": {"id": "acme/disk", "minimum_tier": 2},
            "node": {"tee": "none"},
        });
        text["live_grants"] = wrong;
        assert!(TestCase::read(text.to_string().as_bytes()).is_err(), "{text}");
    }
}
