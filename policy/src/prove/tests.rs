use super::*;

fn source(name: &str, text: &str) -> PolicySource {
    PolicySource { name: name.into(), version: 1, text: text.into() }
}

fn prove(texts: &[&str], condition: &str) -> Proof {
    let sources: Vec<_> =
        texts.iter().zip(b'a'..).map(|(t, n)| source(&char::from(n).to_string(), t)).collect();
    never(&sources, condition).unwrap()
}

const IMAGES: &str = "permit (principal, action, resource in Tenant::\"acme\") when { principal.measurement in ReferenceSet::\"images\" };";
const NO_DEBUG: &str =
    "forbid (principal, action, resource) when { principal has snp && principal.snp.policy.debug };";
const DEBUG: &str = "principal has snp && principal.snp.policy.debug && resource.minimum_tier >= 2";

#[test]
fn a_guard_makes_the_difference() {
    let without = prove(&[IMAGES], DEBUG);
    let [PermitProof { policy, verdict: Verdict::Fails { example, .. }, .. }] = &without.permits[..] else {
        panic!("{without:?}")
    };
    assert_eq!(policy, "a:1");
    assert!(!without.holds && without.combinations > 0);
    assert_eq!(example["principal.snp.policy.debug"], "true");
    assert_eq!(example["principal.measurement"], "any other measurement, in images");
    assert!(example["resource"].starts_with("acme/"), "{example:?}");
    let with = prove(&[IMAGES, NO_DEBUG], DEBUG);
    assert!(with.holds, "{with:?}");
    assert_eq!(with.permits.len(), 1, "a forbid is no permit");
}

#[test]
fn tenants_are_apart() {
    let other = "resource.tenant != Tenant::\"acme\"";
    assert!(prove(&[IMAGES], other).holds);
    let any = IMAGES.replace(" in Tenant::\"acme\"", "");
    let proof = prove(&[IMAGES, &any], other);
    assert!(!proof.holds);
    assert_eq!(proof.permits[0].verdict, Verdict::Holds);
    let Verdict::Fails { example, .. } = &proof.permits[1].verdict else { panic!("{proof:?}") };
    assert_eq!(example["resource"], "another-tenant/another-key");
}

/// However the tenant is compared, keys of every tenant that is named are tried.
#[test]
fn a_tenant_on_either_side_is_tried() {
    for condition in
        ["Tenant::\"acme\" == resource.tenant", "resource in Tenant::\"acme\"", "resource == Key::\"acme/k\""]
    {
        let any = "permit (principal, action, resource) when { !principal.lab };";
        assert!(!prove(&[any], condition).holds, "{condition}");
        let not = format!("forbid (principal, action, resource) when {{ {condition} }};");
        assert!(prove(&[any, &not], condition).holds, "{condition}");
    }
}

#[test]
fn boundaries_of_numbers_words_and_patterns_are_found() {
    for (permit, condition, holds) in [
        ("principal.tier >= 3", "principal.tier < 3", true),
        ("context.live_grants < 5", "context.live_grants >= 5", true),
        ("context.live_grants <= 5", "context.live_grants >= 5", false),
        ("principal.tier >= 3", "principal.tier <= 3", false),
        ("principal.tier > 1 && principal.tier < 3", "principal.tier != 2", true),
        ("context.now < 1796083200", "context.now >= 1796083200", true),
        ("context.now <= 1796083200", "context.now >= 1796083200", false),
        ("principal.tee == \"tdx\"", "principal.tee == \"sev-snp\"", true),
        ("principal.tee != \"tdx\"", "principal.tee == \"sev-snp\"", false),
        ("[\"tdx\", \"sgx\"].contains(principal.tee)", "principal.tee == \"sgx\"", false),
        (
            "principal has identity && principal.identity like \"acme-*\"",
            "principal has identity && principal.identity == \"acme-1\"",
            false,
        ),
        (
            "principal has identity && principal.identity like \"acme-*\"",
            "principal has identity && principal.identity == \"other\"",
            true,
        ),
        // A pattern that the text which stands for all others would match, too.
        (
            "principal has identity && !(principal.identity like \"*e*\")",
            "principal has identity && principal.identity != \"acme\"",
            false,
        ),
        ("principal has identity && principal.identity like \"*\"", "principal has identity", false),
        // A set that has more than what is named.
        (
            "principal has gpus && principal.gpus.modes.contains(\"mpt\")",
            "principal has gpus && principal.gpus.modes != [\"mpt\"]",
            false,
        ),
        (
            "principal has gpus && ![\"mpt\"].containsAll(principal.gpus.modes)",
            "principal has gpus && !principal.gpus.modes.contains(\"mpt\")",
            false,
        ),
        ("principal has identity", "!(principal has identity)", true),
        ("!principal.lab", "principal.lab", true),
        ("principal.tier >= 2", "resource.minimum_tier > principal.tier", false),
        (
            "principal has gpus && principal.gpus.modes.containsAll([\"mpt\"])",
            "principal has gpus && principal.gpus.modes.contains(\"spt\")",
            false,
        ),
        (
            "principal has gpus && principal.gpus.modes.containsAll([\"mpt\"])",
            "principal has gpus && !principal.gpus.modes.contains(\"mpt\")",
            true,
        ),
        (
            "principal.measurement in ReferenceSet::\"a\" && principal.measurement in ReferenceSet::\"b\"",
            "!(principal.measurement in ReferenceSet::\"a\")",
            true,
        ),
        (
            "if principal.lab then principal.tier == 1 else principal.tier == 2",
            "principal.lab && principal.tier == 2",
            true,
        ),
        ("resource.minimum_tier == 4", "principal.tier < 4", true),
    ] {
        let text = format!("permit (principal, action, resource) when {{ {permit} }};");
        let proof = prove(&[&text], condition);
        assert_eq!(proof.holds, holds, "{permit} / {condition}: {proof:?}");
    }
}

#[test]
fn what_is_not_of_the_form_is_undecided_and_never_holds() {
    for (permit, condition, part) in [
        ("principal has snp && principal.snp.vek_not_after > context.now", "principal.lab", "no comparison"),
        ("context.now + 1 > 5", "principal.lab", "no comparison"),
        ("principal.measurements.contains(principal.measurement)", "principal.lab", "no comparison"),
        (
            "principal has identity && (principal.identity like \"a*\" || principal.identity like \"*b\")",
            "principal.lab",
            "several patterns",
        ),
    ] {
        let text = format!("permit (principal, action, resource) when {{ {permit} }};");
        let proof = prove(&[&text], condition);
        assert!(!proof.holds, "{permit}");
        let Verdict::Undecided { why } = &proof.permits[0].verdict else { panic!("{permit}: {proof:?}") };
        assert!(why.contains(part), "{permit}: {why}");
    }
    let wide: Vec<String> = (0..8)
        .map(|n| format!("principal.tpm.reset_count == {n}0 || principal.tpm.restart_count == {n}0"))
        .collect();
    let wide = format!(
        "permit (principal, action, resource) when {{ principal has tpm && principal has snp && ({}) && principal.snp.guest_svn > 3 && principal.tee != \"tdx\" }};",
        wide.join(" || ")
    );
    let proof = prove(&[&wide], "principal.tier == 2 && resource.minimum_tier == 2 && principal.lab");
    assert!(
        matches!(&proof.permits[0].verdict, Verdict::Undecided { why } if why.contains("more than 200000")),
        "{proof:?}"
    );
}

#[test]
fn problems_are_told_before_anything_is_tried() {
    let broken = never(&[source("a", "permit (")], "principal.lab").unwrap_err();
    assert_eq!(broken[0].policy, "a");
    for condition in [
        "principal.laab",
        "principal.tier > 4",
        "true }; permit (principal, action, resource) when { true",
        "",
    ] {
        let refused = never(&[source("a", IMAGES)], condition);
        assert!(refused.is_err(), "{condition}: {refused:?}");
    }
    let nothing = never(&[], "principal.lab").unwrap();
    assert!(nothing.holds && nothing.permits.is_empty());
}

/// What is found to hold is held by the decision itself, for cases stated as nodes.
#[test]
fn an_example_is_granted_and_what_holds_is_refused() {
    use crate::case::TestCase;
    use crate::references::References;
    use crate::sample;
    let run = |texts: &[&str]| {
        let sources: Vec<_> =
            texts.iter().zip(b'a'..).map(|(t, n)| source(&char::from(n).to_string(), t)).collect();
        let case = serde_json::json!({
            "name": "debug", "node": {"tee": "sev-snp", "snp": {"policy": {"debug": true}, "guest_svn": 3}},
            "key": {"id": "acme/disk", "minimum_tier": 2}, "expect": "granted",
        });
        let case = TestCase::read(case.to_string().as_bytes()).unwrap().remove(0);
        let policies = Policies::compile(&sources).unwrap();
        (
            case.run(&policies, &References::new(Vec::new()).unwrap(), sample::now()).passed,
            prove(texts, DEBUG).holds,
        )
    };
    let svn =
        "permit (principal, action, resource) when { principal has snp && principal.snp.guest_svn >= 3 };";
    assert_eq!(run(&[svn]), (true, false));
    assert_eq!(run(&[svn, NO_DEBUG]), (false, true));
}

/// What every failure is written as: a case that fails as long as the policies grant, and passes after.
#[test]
fn a_failure_is_a_case_that_must_be_denied() {
    use crate::case::TestCase;
    use crate::references::References;
    use crate::sample;
    let none = References::new(Vec::new()).unwrap();
    let any = "permit (principal, action, resource) when {";
    for (permit, condition, guard) in [
        (IMAGES.to_owned(), DEBUG, "principal has snp && principal.snp.policy.debug"),
        (IMAGES.to_owned(), "resource.tenant == Tenant::\"acme\"", "resource in Tenant::\"acme\""),
        (
            format!(
                "{any} principal.measurement in ReferenceSet::\"a\" && !(principal.measurement in ReferenceSet::\"b\") }};"
            ),
            "principal.tee == \"tdx\"",
            "principal has tdx",
        ),
        (
            format!(
                "{any} principal has gpus && principal.gpus has driver_rim && principal.gpus.driver_rim in ReferenceSet::\"d\" }};"
            ),
            "principal.tier >= 3 && principal.tee == \"sev-snp\"",
            "principal has gpus",
        ),
        (
            format!(
                "{any} principal has tpm && principal.tpm has pcr4 && principal.tpm.pcr4 in ReferenceSet::\"boot\" }};"
            ),
            "context.now >= 1796083200 && resource.require_cpu_tee",
            "context.now > 5",
        ),
        (
            format!("{any} principal has identity }};"),
            "principal.tee == \"registered-key\"",
            "principal has identity",
        ),
        (
            format!(
                "{any} principal has tdx && principal.tdx.rtmr1 in ReferenceSet::\"k\" && principal has product && principal.product == \"inteltdx\" }};"
            ),
            "principal.lab && resource == Key::\"acme/disk\"",
            "principal.lab",
        ),
    ] {
        let failing = prove(&[&permit], condition);
        assert_eq!(failing.method, Method::Exhaustive, "{permit}: {failing:?}");
        let case = failing.permits[0].verdict.case();
        let case = case.unwrap_or_else(|| panic!("{permit}: no case of {failing:?}"));
        let case = TestCase::read(case.to_string().as_bytes()).unwrap().remove(0);
        let run = |texts: &[&str]| {
            let sources: Vec<_> =
                texts.iter().zip(b'a'..).map(|(t, n)| source(&char::from(n).to_string(), t)).collect();
            case.run(&Policies::compile(&sources).unwrap(), &none, sample::now())
        };
        let granted = run(&[&permit]);
        assert_eq!((granted.passed, granted.actual.as_str()), (false, "granted"), "{permit}: {granted:?}");
        let guard = format!("forbid (principal, action, resource) when {{ {guard} }};");
        let denied = run(&[&permit, &guard]);
        assert_eq!((denied.passed, denied.actual.as_str()), (true, "PolicyForbids"), "{permit}: {denied:?}");
    }
}

/// Such a node can be in no case: then there is an example, and no file.
#[test]
fn a_failure_that_no_case_can_state_has_none() {
    let permit =
        "permit (principal, action, resource) when { principal has tcb_date && principal.tcb_date > 5 };";
    let proof = prove(&[permit], "principal.lab");
    assert!(matches!(&proof.permits[0].verdict, Verdict::Fails { case: None, .. }), "{proof:?}");
}
