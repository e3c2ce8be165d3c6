use super::end_of_references;
use crate::case::TestCase;
use crate::policies::{Policies, PolicySource};
use crate::references::{ReferenceSet, ReferenceValue, References, Validity};
use crate::sample;
use hanzo_attestation_evidence::{Hex, UnixTime};
use serde_json::json;

const IN_BOTH: &str = "permit (principal, action, resource) when { principal.measurement in ReferenceSet::\"a\" && principal.measurement in ReferenceSet::\"b\" };";
const IN_A: &str =
    "permit (principal, action, resource) when { principal.measurement in ReferenceSet::\"a\" };";
const IN_B: &str =
    "permit (principal, action, resource) when { principal.measurement in ReferenceSet::\"b\" };";
const ALL: &str = "permit (principal, action, resource);";
const WITHDRAWN: &str =
    "forbid (principal, action, resource) when { principal.measurement in ReferenceSet::\"b\" };";

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(sample::now().seconds() + seconds).unwrap()
}

/// The node's measurement in the sets `a` and `b`, with these dates in seconds from now.
fn references(a: (Option<i64>, Option<i64>), b: (Option<i64>, Option<i64>)) -> References {
    let set = |name: &str, (from, end): (Option<i64>, Option<i64>)| ReferenceSet {
        name: name.to_owned(),
        values: vec![ReferenceValue {
            tee: "sev-snp".to_owned(),
            register: "measurement".to_owned(),
            digest: Hex([0x11; 48]).into(),
            entry: None,
            note: None,
            validity: Validity { not_before: from.map(at), expires_at: end.map(at) },
        }],
    };
    References::new(vec![set("a", a), set("b", b)]).unwrap()
}

/// Seconds until the decision's reference values end, asked for an hour.
fn end(texts: &[&str], references: &References) -> Option<i64> {
    let case = json!({
        "name": "c", "expect": "granted", "key": {"id": "acme/disk", "minimum_tier": 2},
        "node": {"tee": "sev-snp", "measurement": "11".repeat(48)},
    });
    let case = TestCase::read(case.to_string().as_bytes()).unwrap().remove(0);
    let sources: Vec<_> = texts
        .iter()
        .zip(1..)
        .map(|(text, n)| PolicySource { name: format!("p{n}"), version: 1, text: (*text).to_owned() })
        .collect();
    let policies = Policies::compile(&sources).unwrap();
    let (node, scope) = (case.facts().unwrap().node(), case.scope());
    end_of_references(&node, &scope, &policies, references, sample::circumstances(), at(3600))
        .map(|(end, _)| end.seconds() - sample::now().seconds())
}

#[test]
fn the_first_date_that_turns_the_decision_ends_it() {
    let ever = (None, None);
    for (texts, a, b, expected) in [
        (&[IN_A][..], (None, Some(600)), ever, Some(600)),
        (&[IN_BOTH], (None, Some(900)), (None, Some(300)), Some(300)),
        // What the decision does not need shortens nothing.
        (&[IN_A], ever, (None, Some(300)), None),
        (&[IN_A, IN_B], (None, Some(300)), ever, None),
        (&[IN_A, IN_B], (None, Some(300)), (None, Some(900)), Some(900)),
        (&[ALL], (None, Some(300)), (None, Some(300)), None),
        // Later than what is asked for.
        (&[IN_A], (None, Some(3600)), ever, None),
        (&[IN_A], (None, Some(3599)), ever, Some(3599)),
        // A forbid that rests on a set begins with it.
        (&[ALL, WITHDRAWN], ever, (Some(300), None), Some(300)),
    ] {
        assert_eq!(end(texts, &references(a, b)), expected, "{texts:?} {a:?} {b:?}");
    }
}

#[test]
fn the_value_is_named() {
    let references = references((None, Some(600)), (None, None));
    let case = json!({
        "name": "c", "expect": "granted", "key": {"id": "acme/disk", "minimum_tier": 2},
        "node": {"tee": "sev-snp", "measurement": "11".repeat(48)},
    });
    let case = TestCase::read(case.to_string().as_bytes()).unwrap().remove(0);
    let source = [PolicySource { name: "p".to_owned(), version: 1, text: IN_A.to_owned() }];
    let policies = Policies::compile(&source).unwrap();
    let (node, scope) = (case.facts().unwrap().node(), case.scope());
    let ended = end_of_references(&node, &scope, &policies, &references, sample::circumstances(), at(3600));
    let name = format!("the reference value sev-snp/measurement/{} of the set `a`", "11".repeat(48));
    assert_eq!(ended, Some((at(600), format!("{name} expired at {}", at(600)))));
}
