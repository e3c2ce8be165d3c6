use super::*;
use crate::case::TestCase;
use crate::sample::{self, node};
use proptest::prelude::*;
use serde_json::json;

fn nodes() -> Vec<Node> {
    vec![
        node(&[]),
        node(&[sample::snp_item(sample::snp())]),
        node(&[sample::snp_item(sample::vlek())]),
        node(&[sample::td_item(sample::td())]),
        node(&[sample::enclave_item(sample::enclave())]),
        node(&[sample::tpm_item(sample::tpm())]),
        node(&[sample::key_item()]),
        node(&[sample::snp_item(sample::snp()), sample::tpm_item(sample::tpm()), sample::key_item()]),
    ]
}

#[test]
fn what_is_written_is_read_back_as_the_same_node() {
    for node in nodes() {
        let facts = NodeFacts::of(&node).unwrap();
        let bytes = facts.to_bytes().unwrap();
        let read = NodeFacts::read(&bytes).unwrap();
        assert_eq!(read, facts);
        assert!(read.is_complete());
        let again = read.node();
        assert_eq!((again.tier, again.cpu_tee, &again.registers), (node.tier, node.cpu_tee, &node.registers));
        assert_eq!(NodeFacts::of(&again).unwrap(), facts, "every attribute survives");
        assert!(again.entity.deep_eq(&node.entity));
        assert_eq!(NodeFacts::digest(&bytes), NodeFacts::digest(&read.to_bytes().unwrap()));
    }
}

#[test]
fn nothing_of_the_challenge_is_in_it() {
    let (mut one, mut other) = (sample::snp(), sample::snp());
    (one.report_data, other.report_data) = (Hex([1; 64]), Hex([2; 64]));
    let bytes = |claims| NodeFacts::of(&node(&[sample::snp_item(claims)])).unwrap().to_bytes().unwrap();
    assert_eq!(bytes(one), bytes(other), "a machine that asks again is the same machine");
}

fn document() -> Value {
    let facts = NodeFacts::of(&node(&[sample::snp_item(sample::snp())])).unwrap();
    serde_json::from_slice(&facts.to_bytes().unwrap()).unwrap()
}

fn refused(document: &Value) -> FactsError {
    NodeFacts::read(document.to_string().as_bytes()).unwrap_err()
}

#[test]
fn each_rule_refuses_by_name() {
    let changed = |change: fn(&mut Value)| {
        let mut document = document();
        change(&mut document);
        refused(&document)
    };
    let member = |name: &str| FactsError::Member(name.to_owned());
    let kind = |name: &str| FactsError::Type(name.to_owned());
    assert_eq!(changed(|d| d["version"] = json!(2)), FactsError::Version("2".to_owned()));
    assert_eq!(changed(|d| d["version"] = json!("1")), FactsError::Version("\"1\"".to_owned()));
    assert_eq!(changed(|d| d["more"] = json!(1)), member("more"));
    assert_eq!(changed(|d| drop(d.as_object_mut().unwrap().remove("cpu_tee"))), member("cpu_tee"));
    assert_eq!(changed(|d| d["cpu_tee"] = json!(1)), kind("cpu_tee"));
    assert_eq!(changed(|d| d["attributes"]["tier"] = json!(5)), FactsError::Tier);
    assert_eq!(changed(|d| d["attributes"]["tier"] = json!(-1)), FactsError::Tier);
    assert_eq!(changed(|d| d["attributes"]["tier"] = json!("2")), kind("tier"));
    assert_eq!(changed(|d| d["attributes"]["lab"] = json!("no")), kind("lab"));
    assert_eq!(changed(|d| d["attributes"]["advisories"] = json!(["a", "a"])), kind("advisories"));
    assert_eq!(changed(|d| d["attributes"]["measurement"] = json!("sev-snp/x/00")), kind("measurement"));
    assert_eq!(
        changed(|d| d["attributes"]["snp"]["guest_svn"] = json!(null)),
        kind("snp.guest_svn"),
        "an absent claim is absent, not null"
    );
    assert_eq!(
        changed(|d| d["attributes"]["snp"]["gesut_svn"] = json!(1)),
        FactsError::Unknown("snp.gesut_svn".to_owned())
    );
    assert!(matches!(changed(|d| d["registers"] = json!(["sev-snp/mr_td/00"])), FactsError::Register(_)));
    let twice = |d: &mut Value| {
        let first = d["registers"][0].clone();
        d["registers"] = json!([first, first]);
    };
    assert!(matches!(changed(twice), FactsError::Register(_)));
    assert!(matches!(changed(|d| d["registers"] = json!(vec!["x"; 129])), FactsError::Register(_)));
    assert!(matches!(NodeFacts::read(b"[]"), Err(FactsError::Json(_))));
    assert!(matches!(NodeFacts::read(b"{\"version\":1,\"version\":1}"), Err(FactsError::Json(_))));
    let large = vec![b' '; MAX_FACTS + 1];
    assert_eq!(NodeFacts::read(&large), Err(FactsError::TooLarge(MAX_FACTS + 1)));
}

#[test]
fn facts_of_an_older_broker_are_read_and_are_not_complete() {
    let mut document = document();
    document["attributes"]["snp"].as_object_mut().unwrap().remove("guest_svn");
    let facts = NodeFacts::read(document.to_string().as_bytes()).unwrap();
    assert!(!facts.is_complete());
    assert_eq!(
        facts.to_bytes().unwrap(),
        NodeFacts::read(&facts.to_bytes().unwrap()).unwrap().to_bytes().unwrap()
    );
}

#[test]
fn a_claim_can_be_changed_only_within_the_schema() {
    let facts = NodeFacts::of(&node(&[sample::snp_item(sample::snp())])).unwrap();
    let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    let debug = path("snp.policy.debug");
    let changed = facts.with(&debug, Some(Fact::Bool(true))).unwrap();
    assert_eq!(changed.get(&debug), Some(&Fact::Bool(true)));
    assert_eq!(changed.with(&debug, Some(Fact::Bool(false))), Some(facts.clone()));
    for (place, value) in [
        ("snp.policy.debug", Some(Fact::Long(1))),
        ("snp.policy.debug", None),
        ("snp.policy.debgu", Some(Fact::Bool(true))),
        ("nothing", Some(Fact::Bool(true))),
        ("", None),
    ] {
        assert_eq!(facts.with(&path(place), value), None, "{place}");
    }
    // What stands above an absent claim comes with it.
    let gpus = facts.with(&path("gpus.count"), Some(Fact::Long(8))).unwrap();
    assert!(gpus.is_complete());
    assert_eq!(gpus.get(&path("gpus.count")), Some(&Fact::Long(8)));
    assert_eq!(gpus.with(&path("gpus"), None), Some(facts));
}

#[test]
fn cases_have_facts_too() {
    let text = format!(
        r#"{{"name":"c","node":{{"tee":"tdx","measurement":"{}"}},"key":{{"id":"a/b","minimum_tier":2}},"expect":"granted"}}"#,
        "22".repeat(48)
    );
    let case = TestCase::read(text.as_bytes()).unwrap().remove(0);
    let facts = case.facts().unwrap();
    assert_eq!(NodeFacts::read(&facts.to_bytes().unwrap()), Ok(facts));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(NodeFacts::read(&bytes).is_err());
    }

    /// Whatever a changed document is read as is written and read again as the same.
    #[test]
    fn what_is_read_is_written_and_read_as_the_same(at in 0_usize..4096, byte in any::<u8>()) {
        let mut bytes = document().to_string().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(facts) = NodeFacts::read(&bytes) {
            prop_assert_eq!(NodeFacts::read(&facts.to_bytes().unwrap()), Ok(facts));
        }
    }
}

/// What is read back is, value by value, what the engine made of the claims.
#[test]
fn the_entity_read_back_is_the_one_that_was_decided_about() {
    for node in nodes() {
        let again = NodeFacts::of(&node).unwrap().node();
        let attributes = |node: &Node| {
            node.entity
                .attrs()
                .map(|(name, value)| (name.to_owned(), value.unwrap()))
                .collect::<BTreeMap<_, _>>()
        };
        assert_eq!(attributes(&again), attributes(&node));
        assert_eq!(again.entity.uid(), node.entity.uid());
        assert_eq!((again.launch, again.complete), (node.launch, node.complete));
        assert_eq!((&again.registers, again.tier, again.cpu_tee), (&node.registers, node.tier, node.cpu_tee));
    }
}
