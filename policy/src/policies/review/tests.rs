use crate::policies::{Policies, PolicySource};
use crate::problem::PolicyProblem;

fn source(name: &str, text: &str) -> PolicySource {
    PolicySource { name: name.into(), version: 1, text: text.into() }
}

fn when(condition: &str) -> String {
    format!("permit (principal, action, resource)\nwhen {{\n  {condition}\n}};")
}

fn problems(text: &str) -> Vec<PolicyProblem> {
    Policies::compile(&[source("p", text)]).err().unwrap_or_default()
}

fn warnings(text: &str) -> Vec<PolicyProblem> {
    Policies::compile(&[source("p", text)]).unwrap().warnings().to_vec()
}

#[test]
fn a_value_that_no_claim_has_is_an_error_at_its_place() {
    let digest = "ab".repeat(48);
    for (condition, column, part) in [
        ("principal.tier > 4".to_owned(), 3, "`principal.tier > 4` never holds: `principal.tier` is 0 to 4"),
        ("principal.tier >= 5".to_owned(), 3, "never holds"),
        ("principal.tier < 0".to_owned(), 3, "never holds"),
        ("5 <= principal.tier".to_owned(), 3, "`principal.tier >= 5` never holds"),
        ("principal.tier == 7".to_owned(), 21, "is 0 to 4, never 7"),
        ("[2, 9].contains(principal.tier)".to_owned(), 7, "never 9"),
        ("resource.minimum_tier == 5".to_owned(), 28, "never 5"),
        ("principal.tee == \"snp\"".to_owned(), 20, "did you mean `sev-snp`?"),
        ("principal.tee != \"TDX\"".to_owned(), 20, "did you mean `tdx`?"),
        ("[\"sgx\", \"enclave\"].contains(principal.tee)".to_owned(), 11, "never \"enclave\""),
        ("principal.tee like \"amd-*\"".to_owned(), 3, "never holds: it is one of"),
        ("principal has product && principal.product == \"Genoa\"".to_owned(), 49, "did you mean `genoa`?"),
        (
            "principal has tcb_status && principal.tcb_status == \"UptoDate\"".to_owned(),
            55,
            "did you mean `UpToDate`?",
        ),
        (
            "principal has gpus && principal.gpus.architectures.contains(\"Hopper\")".to_owned(),
            63,
            "did you mean `HOPPER`?",
        ),
        (format!("principal.measurement.digest == \"{}\"", digest.to_uppercase()), 35, "upper-case digits"),
        (format!("principal.measurement.digest == \"{}\"", &digest[1..]), 35, "and this has 95"),
        (
            format!("principal.measurement.digest == \"sha384:{}\"", &digest[8..]),
            35,
            "is lower-case hex, never",
        ),
        ("principal has snp && principal.snp.image_id == \"00\"".to_owned(), 50, "has 32 hex digits"),
        ("principal has chip && principal.chip == \"AB\"".to_owned(), 43, "upper-case digits"),
        ("principal has chip && principal.chip like \"AB*\"".to_owned(), 25, "it is lower-case hex"),
        ("principal has snp && principal.snp.vmpl < 0".to_owned(), 24, "is 0 to 4294967295"),
        ("context.now > 1793491200000".to_owned(), 3, "`context.now` is 0 to 253402300799"),
        ("context.live_grants < 0".to_owned(), 3, "`context.live_grants` is 0 to 4294967295"),
    ] {
        let found = problems(&when(&condition));
        let [problem] = &found[..] else { panic!("{condition}: {found:?}") };
        assert_eq!((problem.line, problem.column), (3, column), "{condition}: {problem}");
        assert!(problem.message.contains(part), "{condition}: {problem}");
    }
}

#[test]
fn values_that_claims_have_pass_without_a_word() {
    let digest = "ab".repeat(48);
    for condition in [
        "principal.tier >= 3".to_owned(),
        "principal.tier == 0 || 4 == principal.tier".to_owned(),
        "principal.tee == \"az-snp-vtpm\" || principal.tee == \"registered-key\" || principal.tee == \"none\"".to_owned(),
        "principal has tcb_status && principal.tcb_status != \"SWHardeningNeeded\"".to_owned(),
        format!("principal.measurement.digest == \"{digest}\""),
        "principal.measurement.register == \"mr_td\" && principal.measurement.tee == \"tdx\"".to_owned(),
        "principal has chip && principal.chip like \"ab*\"".to_owned(),
        "principal has gpus && principal.gpus.modes.containsAny([\"mpt\", \"ppcie\"])".to_owned(),
        "principal has identity && principal.identity == \"Any Name\"".to_owned(),
        "principal has tpm && principal.tpm.ak_trust == \"activation\"".to_owned(),
        "context.now >= 1793491200 && context.now < 1796083200".to_owned(),
        "if principal.lab then principal.tier == 1 else principal.tier == 2".to_owned(),
    ] {
        assert_eq!(problems(&when(&condition)), [], "{condition}");
        assert_eq!(warnings(&when(&condition)), [], "{condition}");
    }
}

#[test]
fn a_comparison_that_always_holds_is_a_warning() {
    for condition in
        ["principal.tier >= 0", "principal.tier <= 4", "principal.tier < 9", "context.now < 1796083200000"]
    {
        let found = warnings(&when(condition));
        let [problem] = &found[..] else { panic!("{condition}: {found:?}") };
        assert_eq!((problem.line, problem.column), (3, 3), "{problem}");
        assert!(problem.message.contains("always holds"), "{problem}");
    }
}

#[test]
fn demands_that_exclude_each_other_are_an_error() {
    let scoped = |scope: &str, condition: &str| {
        format!("forbid (principal, action, resource {scope})\nwhen {{\n  {condition}\n}};")
    };
    let acme = "in Tenant::\"acme\"";
    for text in [
        when("principal.tier >= 3 && principal.tier < 2"),
        when("principal.tier >= 3 && !(principal.tier > 2)"),
        when("principal.tier == 3 && principal.tier == 2"),
        when("principal.tee == \"tdx\" && principal.tee == \"sev-snp\""),
        when("principal.tee == \"tdx\" && principal.tee != \"tdx\""),
        when("[\"tdx\", \"sgx\"].contains(principal.tee) && principal.tee == \"tpm\""),
        when("principal.lab && !principal.lab"),
        when("principal.lab == true && !principal.lab"),
        when("!(principal.lab || principal.tier < 2) && principal.tier == 1"),
        when("principal has chip && !(principal has chip)"),
        when("context.now >= 1796083200 && context.now < 1793491200"),
        when("resource == Key::\"acme/a\" && resource == Key::\"acme/b\""),
        when("resource == Key::\"acme/a\" && resource.tenant == Tenant::\"other\""),
        scoped(acme, "resource == Key::\"other/disk\""),
        scoped(acme, "resource.tenant == Tenant::\"other\""),
        scoped(acme, "resource in Tenant::\"other\""),
        scoped(acme, "resource.tenant != Tenant::\"acme\""),
        scoped("== Key::\"acme/disk\"", "resource != Key::\"acme/disk\""),
        scoped("is Key in Tenant::\"acme\"", "resource == Key::\"acm/disk\""),
        "permit (principal, action, resource) when { principal.lab } unless { principal.lab };".to_owned(),
    ] {
        let found = problems(&text);
        let [problem] = &found[..] else { panic!("{text}: {found:?}") };
        assert!(
            problem.message.contains("can never apply") || problem.message.contains("impossible"),
            "{problem}"
        );
    }
    for text in [
        when("principal.tier >= 2 && principal.tier < 3"),
        when("principal.tee == \"tdx\" || principal.tee == \"sev-snp\""),
        when("principal.tee != \"tdx\" && principal.tee != \"sgx\""),
        when("(principal.lab && principal.tier == 1) || !principal.lab"),
        scoped(acme, "resource == Key::\"acme/disk\""),
        scoped(acme, "resource.tenant == Tenant::\"acme\" && resource != Key::\"acme/disk\""),
    ] {
        assert_eq!(problems(&text), [], "{text}");
    }
}

fn review(texts: &[&str]) -> Vec<String> {
    let sources: Vec<_> =
        texts.iter().zip(b'a'..).map(|(text, name)| source(&char::from(name).to_string(), text)).collect();
    Policies::review(&sources).iter().map(ToString::to_string).collect()
}

const IMAGES: &str = "permit (principal, action, resource in Tenant::\"acme\")\nwhen { principal.measurement in ReferenceSet::\"images\" };";

#[test]
fn a_policy_that_says_the_same_as_another_is_named_with_both_places() {
    let other_order = "\n\npermit (principal, action, resource) when { principal.measurement in ReferenceSet::\"i\" && !principal.lab };";
    let one = "permit (principal, action, resource) when { !principal.lab } when { principal.measurement in ReferenceSet::\"i\" };";
    assert_eq!(review(&[one, other_order]), ["b:3:1: says the same as `a` line 1"]);
    assert_eq!(
        review(&[IMAGES, IMAGES, IMAGES]),
        ["b:1:1: says the same as `a` line 1", "c:1:1: says the same as `a` line 1"]
    );
    let other_set = IMAGES.replace("images", "others");
    let opposite = IMAGES.replace("permit", "forbid");
    assert!(review(&[IMAGES, &other_set]).is_empty());
    assert!(review(&[IMAGES, &opposite]).iter().all(|told| !told.contains("says the same")));
}

#[test]
fn a_policy_that_another_covers_adds_nothing() {
    let narrower = "permit (principal, action, resource == Key::\"acme/disk\")\nwhen { principal.measurement in ReferenceSet::\"images\" && principal.tier >= 3 };";
    assert_eq!(review(&[IMAGES, narrower]), ["b:1:1: adds nothing: `a` line 1 applies whenever it does"]);
    let elsewhere = narrower.replace("acme/disk", "other/disk");
    assert!(review(&[IMAGES, &elsewhere]).is_empty());
    let forbid = "forbid (principal, action, resource);";
    assert_eq!(review(&[IMAGES, forbid]), ["a:1:1: never grants: `b` line 1 forbids all of it"]);
    let forbid_lab = "forbid (principal, action, resource) when { principal.lab };";
    let forbid_lab_acme = "forbid (principal, action, resource in Tenant::\"acme\") when { principal.lab && principal.tier == 2 };";
    assert_eq!(
        review(&[forbid_lab, forbid_lab_acme]),
        ["b:1:1: adds nothing: `a` line 1 applies whenever it does"]
    );
    assert!(review(&[forbid_lab, IMAGES]).is_empty(), "a forbid with a condition takes a part");
}

#[test]
fn a_permit_that_asks_nothing_of_what_runs_is_a_warning() {
    for bare in [
        "permit (principal, action, resource);",
        "permit (principal, action, resource == Key::\"acme/disk\") when { true };",
        "permit (principal, action, resource) when { principal.tier >= 3 && !principal.lab };",
        "permit (principal, action, resource) when { principal has snp && principal.tee == \"sev-snp\" };",
        "permit (principal, action, resource) when { context.now > 1793491200 };",
        "permit (principal, action, resource) when { resource.minimum_tier <= 2 };",
    ] {
        let told = review(&[bare]);
        assert_eq!(told.len(), 1, "{bare}: {told:?}");
        assert!(told[0].contains("whatever it runs"), "{told:?}");
    }
    for asks in [
        IMAGES,
        "permit (principal, action, resource) when { principal has identity && principal.identity == \"ci\" };",
        "permit (principal, action, resource) when { principal has snp && principal.snp.guest_svn > 3 };",
        "permit (principal, action, resource) when { resource.minimum_tier < 2 };",
        "forbid (principal, action, resource);",
    ] {
        assert_eq!(review(&[asks]), [] as [&str; 0], "{asks}");
    }
}

#[test]
fn the_review_of_many_policies_stays_cheap_and_still_finds_what_is_repeated() {
    let text = |n: usize| {
        format!(
            "permit (principal, action, resource == Key::\"acme/k{n}\") when {{ principal.measurement in ReferenceSet::\"i\" }};"
        )
    };
    let mut sources: Vec<_> = (0..3_000).map(|n| source(&format!("p{n:04}"), &text(n))).collect();
    sources.push(source("z", &text(7)));
    let told = Policies::review(&sources);
    assert_eq!(
        told.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["z:1:1: says the same as `p0007` line 1"]
    );
}

#[test]
fn what_does_not_compile_is_left_to_the_compiler() {
    assert_eq!(review(&["permit (principal,", "", "// nothing\n"]), [] as [&str; 0]);
    let deep = format!(
        "permit (principal, action, resource) when {{ {}true{} }};",
        "(".repeat(5_000),
        ")".repeat(5_000)
    );
    assert_eq!(review(&[&deep]), [] as [&str; 0]);
}
