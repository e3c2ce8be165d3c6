use super::*;
use crate::sample;
use std::collections::BTreeMap;

fn source(name: &str, text: &str) -> PolicySource {
    PolicySource { name: name.into(), version: 1, text: text.into() }
}

fn problems(text: &str) -> Vec<PolicyProblem> {
    Policies::compile(&[source("p", text)]).unwrap_err()
}

#[test]
fn the_schema_is_cedar_and_covers_every_claim() {
    schema().unwrap();
    let text = Policies::schema_text();
    for line in
        ["entity Node {", "  measurement: Measurement,", "  snp?: SnpClaims,", "  rtmr3: Measurement,"]
    {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    // What verification yields and policies cannot name, each for a reason.
    let left_out = BTreeMap::from([
        ("report_data", "the challenge's"),
        ("product", "principal.product"),
        ("measurement", "principal.measurement"),
        ("host_data", "principal.host_data"),
        ("chip_id", "principal.chip"),
        ("hardware_id", "principal.chip, and the lists of the appraisal when the report masks it"),
        ("mr_td", "principal.measurement"),
        ("mr_config_id", "principal.host_data"),
        ("rtmr", "one by one"),
        ("tee_type", "always 0x81 for a TD"),
    ]);
    for (claims, record) in [
        (serde_json::to_value(sample::snp()).unwrap(), "SnpClaims"),
        (serde_json::to_value(sample::vlek()).unwrap(), "SnpClaims"),
        (serde_json::to_value(sample::snp().policy).unwrap(), "SnpGuestPolicy"),
        (serde_json::to_value(sample::snp().platform_info).unwrap(), "SnpPlatformInfo"),
        (serde_json::to_value(sample::td()).unwrap(), "TdxClaims"),
        (serde_json::to_value(sample::td().td_attributes).unwrap(), "TdAttributes"),
        (serde_json::to_value(sample::td().dcap).unwrap(), "DcapClaims"),
    ] {
        let declared = text.split(&format!("type {record} = {{")).nth(1).unwrap();
        let declared = declared.split("};").next().unwrap();
        for claim in claims.as_object().unwrap().keys() {
            let named = declared.lines().any(|line| {
                line.trim_start().trim_start_matches(claim.as_str()).trim_start_matches('?').starts_with(": ")
            });
            assert!(named || left_out.contains_key(claim.as_str()), "{record} lacks {claim}");
        }
    }
}

#[test]
fn a_misspelt_claim_is_an_error_with_its_place_and_a_proposal() {
    let text = "permit (principal, action == Action::\"release\", resource)\nwhen {\n    principal.measurment in ReferenceSet::\"images\"\n};\n";
    let found = problems(text);
    let [problem] = &found[..] else { panic!("{found:?}") };
    assert_eq!((problem.policy.as_str(), problem.line, problem.column), ("p", 3, 5));
    assert!(problem.message.contains("`measurment`"), "{problem}");
    assert!(problem.message.contains("did you mean `measurement`"), "{problem}");
}

#[test]
fn each_slip_is_an_error_with_its_line() {
    let when = |condition: &str| format!("permit (principal, action, resource)\nwhen {{\n{condition}\n}};");
    let mut wrong = Vec::new();
    for (text, line, part) in [
        (when("principal.tier >= \"2\""), 3, "unexpected type"),
        (when("principal.product == \"genoa\""), 3, "optional attribute"),
        (when("principal.snp.guest_svn > 2"), 3, "optional attribute"),
        (when("principal has snp && principal.snp.guest_svm > 2"), 3, "guest_svm"),
        (when("principal in ReferenceSet::\"images\""), 1, "impossible"),
        (when("principal.measurement in Referenceset::\"images\""), 3, "Referenceset"),
        (when("resource == Key::\"acme//disk\""), 3, "can be no key"),
        (when("resource in Tenant::\"Acme\""), 3, "can be no tenant"),
        (
            when("principal.measurement == Measurement::\"sev-snp/measurement/00\""),
            3,
            "can be no measurement",
        ),
        (when("principal == Node::\"a\""), 3, "nodes have no names"),
        (when("context.time > 3"), 3, "time"),
        ("permit (principal, action == Action::\"relaese\", resource);".into(), 1, "relaese"),
        ("permit (principal, action, resource == Tenant::\"acme\");".into(), 1, ""),
        ("permit (principal, action, resource == ?resource);".into(), 1, "template"),
        ("permit (principal, action, resource)\nwhen { true }".into(), 2, "unexpected end of input"),
        ("permit (principal, action,\n  resource when".into(), 2, "unexpected token"),
        ("allow (principal, action, resource);".into(), 1, "allow"),
        ("\u{1F600}".into(), 1, "invalid token"),
    ] {
        let found = problems(&text);
        let line_is = found.first().is_some_and(|problem| problem.line == line);
        if !line_is || !found.iter().any(|problem| problem.message.contains(part)) {
            wrong.push((text, line, part, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn all_problems_of_all_policies_are_reported_and_nothing_is_used() {
    let found = Policies::compile(&[
        source("a", "permit (principal, action, resource) when { principal.x };"),
        source("b", "permit (principal, action, resource);"),
        source("c", "permit (principal, action, resource) when { principal.y || principal.z };"),
        source("b", "permit (principal, action, resource);"),
    ])
    .unwrap_err();
    let names: BTreeSet<_> = found.iter().map(|problem| problem.policy.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["a", "b", "c"]));
}

#[test]
fn bounds_hold() {
    let long = format!("// {}\npermit (principal, action, resource);", "x".repeat(MAX_POLICY_TEXT));
    assert!(problems(&long)[0].message.contains("longer than"));
    let nested = format!(
        "permit (principal, action, resource) when {{ {}true{} }};",
        "(".repeat(60_000),
        ")".repeat(60_000)
    );
    assert!(!problems(&nested).is_empty());
    let many: Vec<_> = (0..=MAX_POLICIES).map(|n| source(&n.to_string(), "")).collect();
    assert!(Policies::compile(&many).unwrap_err()[0].message.contains("more than 10000"));
}

#[test]
fn a_policy_that_can_never_apply_is_an_error() {
    for text in [
        "permit (principal, action, resource) when { principal has identiti };",
        "forbid (principal, action, resource) when { principal has snpp && principal.snpp.provisional };",
        "forbid (principal, action, resource) when { principal in ReferenceSet::\"revoked\" };",
        "permit (principal, action, resource) when { false };",
    ] {
        let found = problems(text);
        let [problem] = &found[..] else { panic!("{found:?}") };
        assert_eq!((problem.policy.as_str(), problem.line), ("p", 1));
        assert!(problem.message.contains("impossible"), "{problem}");
    }
}

#[test]
fn letters_that_look_alike_are_a_warning() {
    let text = "permit (principal, action, resource) when { principal has identity && principal.identity == \"t\u{501}x\" };";
    let policies = Policies::compile(&[source("p", text)]).unwrap();
    assert_eq!(policies.warnings().len(), 1, "{:?}", policies.warnings());
}

#[test]
fn no_policies_compile_to_nothing() {
    let policies = Policies::compile(&[]).unwrap();
    assert!(policies.about(&KeyId::parse("acme/disk").unwrap()).all(|group| group.permits.is_empty()));
    assert!(Policies::compile(&[source("empty", "// nothing yet\n")]).is_ok());
}

#[test]
fn only_policies_that_can_apply_are_asked() {
    let policies = Policies::compile(&[
        source("any", "permit (principal, action, resource);"),
        source("key", "permit (principal, action, resource == Key::\"acme/disk\");"),
        source("tenant", "permit (principal, action, resource in Tenant::\"acme\");"),
        source("is", "permit (principal, action, resource is Key in Tenant::\"other\");"),
        source("two", "permit (principal, action, resource);\nforbid (principal, action, resource);\npermit (principal, action, resource);"),
    ])
    .unwrap();
    let about = |key| {
        let key = KeyId::parse(key).unwrap();
        let groups = policies.about(&key).flat_map(|group| group.permits.clone());
        groups.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(about("acme/disk"), ["any", "key", "tenant", "two#1", "two#3"]);
    assert_eq!(about("acme/other"), ["any", "tenant", "two#1", "two#3"]);
    assert_eq!(about("other/disk"), ["any", "is", "two#1", "two#3"]);
}

#[test]
fn the_digest_names_the_texts_and_versions() {
    let digest = |sources: &[PolicySource]| Policies::compile(sources).unwrap().digest();
    let (a, b) = (source("a", "permit (principal, action, resource);"), source("b", ""));
    let one = digest(&[a.clone(), b.clone()]);
    assert_eq!(one, digest(&[b.clone(), a.clone()]));
    assert_ne!(one, digest(std::slice::from_ref(&a)));
    assert_ne!(one, digest(&[PolicySource { version: 2, ..a.clone() }, b.clone()]));
    assert_ne!(one, digest(&[PolicySource { text: "permit (principal,action, resource);".into(), ..a }, b]));
}
