use super::*;
use crate::circumstances::Circumstances;
use crate::decide::Question;
use crate::explain::NodeFacts;
use crate::key_id::KeyId;
use crate::permit::KeyScope;
use crate::policies::{Policies, PolicySource};
use crate::references::{ReferenceSet, ReferenceValue, References, Validity};
use crate::sample;
use crate::tier::Tier;
use hanzo_attestation_evidence::Hex;
use proptest::prelude::*;

fn sources(texts: &[String]) -> Vec<PolicySource> {
    let source =
        |(text, n): (&String, usize)| PolicySource { name: format!("p{n}"), version: 1, text: text.clone() };
    texts.iter().zip(0..).map(source).collect()
}

fn compile(texts: &[String]) -> Policies {
    Policies::compile(&sources(texts)).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn about(demand: &str) -> String {
    format!("permit (principal, action, resource) when {{ {demand} }};")
}

fn references() -> References {
    let value = ReferenceValue {
        tee: "sev-snp".into(),
        register: "measurement".into(),
        digest: Hex([0x11; 48]).into(),
        entry: None,
        note: None,
        validity: Validity::ALWAYS,
    };
    References::new(vec![ReferenceSet { name: "images".into(), values: vec![value] }]).unwrap()
}

fn scope() -> KeyScope {
    KeyScope { key: KeyId::parse("acme/disk").unwrap(), minimum: Tier::Confidential, require_cpu_tee: false }
}

fn snp() -> Node {
    sample::node(&[sample::snp_item(sample::snp())])
}

/// Names of the policies that are asked about a node.
fn asked(texts: &[String], node: &Node) -> BTreeSet<String> {
    asked_at(texts, node, sample::circumstances())
}

fn asked_at(texts: &[String], node: &Node, at: Circumstances) -> BTreeSet<String> {
    let policies = compile(texts);
    let scope = scope();
    let groups: Vec<&Group> = policies.about(&scope.key).collect();
    let references = references();
    let question = Question::new(node, &scope, groups, &references, at).unwrap();
    let parts = question.parts(|_| &[]);
    parts.iter().flat_map(|part| part.policies.policies()).map(|policy| policy.id().to_string()).collect()
}

/// Some policies that are asked about every node, so that there are enough for an index.
fn with_others(texts: &[&str]) -> Vec<String> {
    let others = (0..SMALL).map(|n| about(&format!("principal.tier >= {}", n % 4)));
    texts.iter().map(|text| about(text)).chain(others).collect()
}

#[test]
fn only_policies_whose_demands_can_hold_are_asked() {
    for (demand, is_asked) in [
        ("principal.measurement in ReferenceSet::\"images\"", true),
        ("principal.measurement in ReferenceSet::\"others\"", false),
        ("principal.tee == \"sev-snp\"", true),
        ("\"tdx\" == principal.tee", false),
        ("principal.tier >= 2 && principal.tee == \"tdx\"", false),
        ("principal.lab && principal.tier >= 1", false),
        ("!principal.lab && principal.tier >= 1", true),
        ("!(principal.lab || principal.tee == \"tdx\")", true),
        ("[\"tdx\", \"sgx\"].contains(principal.tee)", false),
        ("[\"tdx\", \"sev-snp\", \"sev-snp\"].contains(principal.tee)", true),
        ("principal has snp && principal.snp.policy.debug", false),
        ("principal has snp && !principal.snp.policy.debug", true),
        ("principal has tdx && principal.tdx.td_attributes.debug", false),
        // A demand behind something that can fail is not looked up.
        ("context.now * 2 > 1 && principal.tee == \"tdx\"", true),
        ("principal.measurement.digest == \"none\" && principal.tee == \"tdx\"", true),
        ("principal.tee == \"tdx\" && context.now * 2 > 1", false),
        // No demand: either of two, the contrary of a value, an attribute of another entity.
        ("principal.tee == \"tdx\" || principal.tier >= 2", true),
        ("principal.tee != \"sev-snp\"", true),
        ("principal.measurement.digest == \"none\"", true),
    ] {
        let found = asked(&with_others(&[demand]), &snp());
        assert_eq!(found.contains("p0"), is_asked, "{demand}: {found:?}");
        assert_eq!(found.len(), SMALL + usize::from(is_asked), "{demand}");
    }
}

#[test]
fn a_policy_is_filed_under_the_demand_that_fewest_share() {
    let texts: Vec<String> = (0..100)
        .map(|n| {
            let chip = if n == 7 { "ab".repeat(64) } else { format!("{n:0128x}") };
            about(&format!(
                "principal.measurement in ReferenceSet::\"images\" && principal.tee == \"sev-snp\" && \
                 principal has chip && principal.chip == \"{chip}\""
            ))
        })
        .collect();
    let mut attributes = sample::snp_item(sample::snp());
    attributes.1.chip = Some("ab".repeat(64));
    assert_eq!(asked(&texts, &sample::node(&[attributes])), BTreeSet::from(["p7".to_owned()]));
}

/// Facts of an older broker lack claims: a policy that reads one fails, and is not passed over.
#[test]
fn of_a_node_that_lacks_a_claim_every_policy_is_asked() {
    let bytes = NodeFacts::of(&snp()).unwrap().to_bytes().unwrap();
    let mut facts: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert!(facts["attributes"].as_object_mut().unwrap().remove("lab").is_some());
    let node = NodeFacts::read(facts.to_string().as_bytes()).unwrap().node();
    let texts = with_others(&["principal.lab && principal.tee == \"tdx\""]);
    assert_eq!(asked(&texts, &node).len(), SMALL + 1);
    assert_eq!(asked(&texts, &snp()).len(), SMALL);
}

/// What older brokers recorded has no count of live grants: a policy that reads it fails as well.
#[test]
fn where_nobody_counted_every_policy_is_asked() {
    let uncounted = Circumstances { live_grants: None, ..sample::circumstances() };
    let texts = with_others(&["context.live_grants < 3 && principal.tee == \"tdx\""]);
    assert_eq!(asked_at(&texts, &snp(), uncounted).len(), SMALL + 1);
    assert_eq!(asked(&texts, &snp()).len(), SMALL);
    // Nothing here reads it.
    assert_eq!(asked_at(&with_others(&["principal.tee == \"tdx\""]), &snp(), uncounted).len(), SMALL);
}

fn atom() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "principal.measurement in ReferenceSet::\"images\"",
        "principal.measurement in ReferenceSet::\"others\"",
        "principal.tee == \"sev-snp\"",
        "principal.tee == \"tdx\"",
        "[\"tdx\", \"sgx\"].contains(principal.tee)",
        "principal.lab",
        "principal.tier >= 2",
        "principal has snp && principal.snp.policy.debug",
        "principal has snp && !principal.snp.policy.debug",
        "principal has tdx && principal.tdx.td_attributes.debug",
        "principal has chip && principal.chip like \"a*\"",
        "context.now * 9223372036854775807 > principal.tier",
        "context.now > 0",
        "principal.measurement.digest like \"11*\"",
        "resource.minimum_tier == 2",
        "resource.tenant == Tenant::\"acme\"",
    ])
    .prop_map(str::to_owned)
}

fn condition() -> impl Strategy<Value = String> {
    atom().prop_recursive(3, 8, 2, |inner| {
        (inner.clone(), inner, any::<bool>(), any::<bool>()).prop_map(|(a, b, and, not)| {
            let (join, not) = (if and { "&&" } else { "||" }, if not { "!" } else { "" });
            format!("{not}(({a}) {join} ({b}))")
        })
    })
}

fn text() -> impl Strategy<Value = String> {
    let effect = prop_oneof![3 => Just("permit"), 1 => Just("forbid")];
    let clause = prop_oneof![3 => Just("when"), 1 => Just("unless")];
    (effect, clause, condition()).prop_map(|(effect, clause, condition)| {
        format!("{effect} (principal, action, resource) {clause} {{ {condition} }};")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// The index changes no answer: neither who permits, nor who forbids, nor what fails.
    #[test]
    fn the_index_changes_no_answer(
        texts in prop::collection::vec(text(), 16..32),
        kind in 0..4,
        supposed in any::<bool>(),
    ) {
        // Policies that can never apply are refused when they are compiled.
        let good: Vec<String> =
            texts.into_iter().filter(|text| Policies::compile(&sources(std::slice::from_ref(text))).is_ok()).collect();
        prop_assume!(good.len() >= SMALL);
        let node = sample::node(&match kind {
            0 => vec![sample::snp_item(sample::snp())],
            1 => vec![sample::td_item(sample::td())],
            2 => vec![sample::key_item()],
            _ => vec![sample::snp_item(sample::vlek()), sample::key_item()],
        });
        let policies = compile(&good);
        let (scope, references) = (scope(), references());
        let groups: Vec<&Group> = policies.about(&scope.key).collect();
        prop_assert!(groups.iter().any(|group| group.index.is_some()));
        let whole: Vec<Group> =
            groups.iter().map(|group| Group { index: None, ..(*group).clone() }).collect();
        let more = |_: &Register| if supposed { &["others"][..] } else { &[] };
        let ask = |groups: Vec<&Group>| {
            let question = Question::new(&node, &scope, groups, &references, sample::circumstances()).unwrap();
            let answer = question.ask_with(more).unwrap();
            let errors: BTreeSet<String> = answer.errors.iter().cloned().collect();
            // Beside a forbid of the same part the engine names no permit.
            (answer.yes(), answer.yes().then_some(answer.permits), answer.forbids, errors)
        };
        prop_assert_eq!(ask(groups), ask(whole.iter().collect()));
    }
}
