//! The solver and the trying of every combination never contradict each other; and what the solver alone
//! decides.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failure here is the failure of the test")]

use hanzo_attestation_evidence::UnixTime;
use hanzo_policy::prove::{Invariant, Method, PermitProof, Proof, Verdict};
use hanzo_policy::template::TEMPLATES;
use hanzo_policy::{Policies, PolicySource, References, TestCase};
use hanzo_policy_symbolic::{DEFAULT_SOLVER, Solver, SolverError, prove};
use proptest::prelude::*;
use std::path::Path;
use std::time::Duration;

fn solver() -> Solver {
    Solver { program: DEFAULT_SOLVER.into(), timeout: Duration::from_secs(60) }
}

fn source(name: &str, text: &str) -> PolicySource {
    PolicySource { name: name.to_owned(), version: 1, text: text.to_owned() }
}

fn permit(condition: &str) -> String {
    format!("permit (principal, action, resource) when {{ {condition} }};")
}

fn symbolic(invariant: &Invariant) -> Proof {
    prove(invariant, &solver()).unwrap_or_else(|error| match error {
        SolverError::Missing(_) => {
            panic!("{error}: the Debian package cvc5 has it, and `./dev test` installs it")
        }
        _ => panic!("{error}"),
    })
}

fn proof(texts: &[&str], condition: &str) -> Proof {
    let sources: Vec<_> =
        texts.iter().zip(b'a'..).map(|(t, n)| source(&char::from(n).to_string(), t)).collect();
    symbolic(
        &Invariant::new(&sources, condition).unwrap_or_else(|problems| panic!("{texts:?}: {problems:?}")),
    )
}

/// Whether both decided. If so, they say the same.
fn agree(one: &PermitProof, other: &PermitProof) -> Result<bool, String> {
    match (&one.verdict, &other.verdict) {
        (Verdict::Undecided { .. }, _) | (_, Verdict::Undecided { .. }) => Ok(false),
        (Verdict::Holds, Verdict::Holds) | (Verdict::Fails { .. }, Verdict::Fails { .. }) => Ok(true),
        _ => Err(format!("{one:?}\n{other:?}")),
    }
}

/// How many permits both ways decided; and every case that is written is granted by these policies.
fn compare(sources: &[PolicySource], condition: &str) -> Result<(usize, usize), String> {
    let invariant = Invariant::new(sources, condition).map_err(|problems| format!("{problems:?}"))?;
    let (solved, tried) = (symbolic(&invariant), invariant.exhaustive());
    let (policies, none) = (Policies::compile(sources).unwrap(), References::new(Vec::new()).unwrap());
    let mut both = 0;
    for (one, other) in solved.permits.iter().zip(&tried.permits) {
        if let Some(why) = &one.unproved {
            // Arithmetic that overflows is a fault in both; nothing else is unproved here.
            if !why.starts_with("PolicyFault") {
                return Err(why.clone());
            }
            continue;
        }
        both += usize::from(agree(one, other)?);
        for case in [one, other].into_iter().filter_map(|permit| permit.verdict.case()) {
            let case =
                TestCase::read(case.to_string().as_bytes()).map_err(|error| error.to_string())?.remove(0);
            let report = case.run(&policies, &none, UnixTime::from_seconds(0).unwrap());
            if (report.passed, report.actual.as_str()) != (false, "granted") {
                return Err(format!("{report:?}"));
            }
        }
    }
    Ok((solved.permits.len(), both))
}

const DEBUG: &str = "principal has snp && principal.snp.policy.debug && resource.minimum_tier >= 2";
const CONDITIONS: [&str; 9] = [
    DEBUG,
    "context.live_grants >= 3",
    "principal.lab && resource.minimum_tier >= 2",
    "resource.tenant != Tenant::\"acme\"",
    "resource.tenant == Tenant::\"acme\" && principal.tier < 2",
    "principal.tee == \"registered-key\" && resource.minimum_tier >= 2",
    "!(principal.measurement in ReferenceSet::\"acme-images\")",
    "context.now >= 1796083200",
    "resource == Key::\"acme/disk\" && principal.lab",
];

#[test]
fn both_ways_agree_on_every_example() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut examples: Vec<PolicySource> = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "cedar") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            examples.push(source(&name, &std::fs::read_to_string(&path).unwrap()));
        }
    }
    examples.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(examples.len() >= 6, "{}", examples.len());
    let (mut permits, mut both) = (0, 0);
    for condition in CONDITIONS {
        let (all, decided) = compare(&examples, condition).unwrap_or_else(|why| panic!("{condition}: {why}"));
        permits += all;
        both += decided;
    }
    println!("{permits} claims about the examples, {both} decided both ways");
    assert!(permits >= 32 && both * 2 >= permits, "{both} of {permits}");
}

#[test]
fn both_ways_agree_on_every_template() {
    let filled = |template: &hanzo_policy::template::Template| {
        let given = template.parameters.iter().map(|parameter| {
            use hanzo_policy::template::Kind;
            let value = match parameter.kind {
                Kind::Scope | Kind::Tenant => "acme",
                Kind::Set => "images",
                Kind::Tier => "2",
                Kind::Time if parameter.name == "from" => "2026-12-01T00:00:00Z",
                Kind::Time => "2027-01-01T00:00:00Z",
                Kind::Chips => "a1b2",
                Kind::Name => "runner",
                Kind::Limit => "3",
                Kind::Count => "1",
            };
            (parameter.name.to_owned(), value.to_owned())
        });
        source(template.name, &template.fill(&given.collect()).unwrap_or_else(|error| panic!("{error}")))
    };
    let mut both = 0;
    for template in TEMPLATES {
        for condition in CONDITIONS {
            let sources = [filled(&template)];
            both += compare(&sources, condition).unwrap_or_else(|why| panic!("{}: {why}", template.name)).1;
        }
    }
    println!("{} templates, {both} claims decided both ways", TEMPLATES.len());
    assert!(both > 0);
}

/// What policies and conditions of the generated cases are made of. `<` and `==` about the same attributes,
/// so that they meet.
const ATOMS: [&str; 28] = [
    "context.live_grants < 3",
    "principal.lab",
    "principal.tier >= 2",
    "principal.tier == 1",
    "resource.minimum_tier > 2",
    "resource.require_cpu_tee",
    "principal.tee == \"tdx\"",
    "[\"tdx\", \"sgx\"].contains(principal.tee)",
    "(principal has snp && principal.snp.policy.debug)",
    "(principal has snp && principal.snp.guest_svn >= 3)",
    "(principal has snp && principal.snp.guest_svn == 3)",
    "(principal has snp && principal.snp has cpuid && principal.snp.cpuid.model < 5)",
    "principal has snp.cpuid",
    "principal has identity",
    "(principal has identity && principal.identity like \"acme-*\")",
    "(principal has identity && principal.identity like \"*e*\")",
    "(principal has identity && principal.identity == \"acme-1\")",
    "(principal has gpus && principal.gpus.modes.contains(\"mpt\"))",
    "(principal has gpus && [\"mpt\", \"spt\"].containsAll(principal.gpus.modes))",
    "(principal has gpus && principal.gpus.modes == [\"mpt\"])",
    "principal.measurement in ReferenceSet::\"a\"",
    "principal.measurement in [ReferenceSet::\"a\", ReferenceSet::\"b\"]",
    "(principal has tdx && principal.tdx.rtmr1 in ReferenceSet::\"b\")",
    "resource in Tenant::\"acme\"",
    "resource.tenant == Tenant::\"acme\"",
    "resource == Key::\"acme/disk\"",
    "[Key::\"acme/disk\", Key::\"other/disk\"].contains(resource)",
    "context.now < 1796083200",
];

const SCOPES: [&str; 3] = ["resource", "resource in Tenant::\"acme\"", "resource == Key::\"acme/disk\""];

fn expression(most: usize) -> impl Strategy<Value = String> {
    let atom = (prop::sample::select(&ATOMS[..]), any::<bool>());
    let atom = atom.prop_map(|(atom, yes)| if yes { atom.to_owned() } else { format!("!({atom})") });
    (prop::collection::vec(atom, 1..=most), prop::collection::vec(0_u8..3, most)).prop_map(
        |(atoms, joints)| {
            let mut atoms = atoms.into_iter();
            let first = atoms.next().unwrap_or_else(|| "true".to_owned());
            atoms.zip(joints).fold(first, |all, (atom, joint)| match joint {
                0 => format!("({all} && {atom})"),
                1 => format!("({all} || {atom})"),
                _ => format!("(if {atom} then {all} else !({all}))"),
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Policies that do not compile, e.g. because they can never apply, are left out.
    #[test]
    fn both_ways_agree_on_generated_policies(
        scope in prop::sample::select(&SCOPES[..]),
        grants in expression(3),
        forbids in prop::option::of(expression(2)),
        condition in expression(2),
    ) {
        let text = format!("permit (principal, action, {scope}) when {{ {grants} }};");
        let mut sources = vec![source("p", &text)];
        if let Some(forbids) = &forbids {
            let text = format!("forbid (principal, action, resource) when {{ {forbids} }};");
            sources.push(source("f", &text));
        }
        prop_assume!(Invariant::new(&sources, &condition).is_ok());
        if let Err(why) = compare(&sources, &condition) {
            return Err(TestCaseError::fail(format!("{sources:?}\nnever {condition}\n{why}")));
        }
    }
}

/// Permits are asked about in groups; one that fails among those that hold is found, and the others hold.
#[test]
fn one_of_many_permits_fails() {
    let mut texts: Vec<String> =
        (1..=130).map(|n| permit(&format!("principal.tier >= 2 && context.now < {n}"))).collect();
    texts[70] = permit("principal.tier >= 1");
    let guard =
        "forbid (principal, action, resource) when { context.now >= 1000 && !principal.lab };".to_owned();
    texts.push(guard);
    let sources: Vec<_> = texts.iter().zip(0..).map(|(text, n)| source(&n.to_string(), text)).collect();
    let found = symbolic(&Invariant::new(&sources, "principal.tier == 1").unwrap());
    assert_eq!((found.holds, found.method, found.permits.len()), (false, Method::Symbolic, 130));
    for permit in &found.permits {
        let fails = matches!(permit.verdict, Verdict::Fails { .. });
        assert_eq!((fails, permit.method), (permit.policy == "70:1", Method::Symbolic), "{permit:?}");
    }
}

/// A formula that would be too deep for the stack is refused by name, and tried.
#[test]
fn too_many_forbids_are_named() {
    let forbid = |n: usize| format!("forbid (principal, action, resource) when {{ context.now == {n} }};\n");
    let sources: Vec<_> = (0..3)
        .map(|k| source(&k.to_string(), &(0..700).map(|n| forbid(1000 * k + n)).collect::<String>()))
        .collect();
    let mut few = sources[..1].to_vec();
    few.push(source("p", &permit("principal.lab")));
    let found = symbolic(&Invariant::new(&few, "!principal.lab").unwrap());
    assert_eq!((found.holds, found.method), (true, Method::Symbolic), "{found:?}");
    let mut many = sources;
    many.push(source("p", &permit("principal.lab")));
    let found = symbolic(&Invariant::new(&many, "!principal.lab").unwrap());
    assert_eq!((found.holds, found.method), (true, Method::Exhaustive), "{found:?}");
    let unproved = found.permits[0].unproved.as_deref().unwrap_or_default();
    assert!(unproved.starts_with("Unsupported: more than 2000 policies"), "{unproved}");
}

/// Arithmetic, attributes compared with each other, two patterns, sets of measurements: no trying decides
/// these.
#[test]
fn the_solver_decides_what_trying_does_not() {
    for (grants, condition, holds) in [
        (
            "principal has snp && principal.snp.vek_not_after > context.now",
            "principal has snp && principal.snp.vek_not_after <= context.now",
            true,
        ),
        ("principal has snp && principal.snp.vek_not_after > context.now", "context.now > 5", false),
        ("context.now + 1 > 5", "context.now < 4", true),
        ("context.now + 1 > 5", "context.now < 6", false),
        (
            "principal.measurements.contains(principal.measurement)",
            "!(principal.measurements.contains(principal.measurement))",
            true,
        ),
        (
            "principal has identity && (principal.identity like \"a*\" || principal.identity like \"*b\")",
            "principal has identity && principal.identity like \"c*d\"",
            true,
        ),
        (
            "principal has identity && (principal.identity like \"a*\" || principal.identity like \"*b\")",
            "principal has identity && principal.identity like \"c*\"",
            false,
        ),
        ("principal.advisories.isEmpty()", "principal.advisories.contains(\"INTEL-SA-1\")", true),
    ] {
        let found = proof(&[&permit(grants)], condition);
        assert_eq!(
            (found.holds, found.method),
            (holds, Method::Symbolic),
            "{grants} / {condition}: {found:?}"
        );
        let tried = Invariant::new(&[source("p", &permit(grants))], condition).unwrap().exhaustive();
        assert!(matches!(tried.permits[0].verdict, Verdict::Undecided { .. }), "{grants}: {tried:?}");
    }
}

/// Far more combinations than are tried.
#[test]
fn many_attributes_are_no_obstacle() {
    let wide: Vec<String> = (0..8)
        .map(|n| format!("(principal.tpm.reset_count == {n}0 || principal.tpm.restart_count == {n}0)"))
        .collect();
    let grants = format!(
        "principal has tpm && principal has snp && ({}) && principal.snp.guest_svn > 3 && !principal.tee_io",
        wide.join(" || ")
    );
    let tried =
        Invariant::new(&[source("p", &permit(&grants))], "principal.lab && principal.tier == 2").unwrap();
    assert!(matches!(tried.exhaustive().permits[0].verdict, Verdict::Undecided { .. }));
    let low = "principal has snp && principal.snp.guest_svn <= 3";
    let found = proof(&[&permit(&grants)], low);
    assert_eq!((found.holds, found.method), (true, Method::Symbolic), "{found:?}");
    assert!(!proof(&[&permit(&grants)], "principal.lab").holds);
}

/// A policy that overflows is a no of the broker, and no case of a release; what follows is not decided.
#[test]
fn a_policy_that_fails_in_the_case_is_named() {
    let grants = "principal.tier >= 2";
    let forbid = "forbid (principal, action, resource) when { context.now * 9223372036854775807 == 7 };";
    let found = proof(&[&permit(grants), forbid], "context.now == 3");
    let unproved = found.permits[0].unproved.as_deref().unwrap_or_else(|| panic!("{found:?}"));
    assert!(unproved.starts_with("PolicyFault"), "{unproved}");
    assert_eq!((found.holds, found.method), (false, Method::Undecided), "{found:?}");
}

/// What is assumed of tenants and keys, and no more.
#[test]
fn keys_are_in_their_tenants_and_tiers_reach_their_minimum() {
    let acme = "permit (principal, action, resource in Tenant::\"acme\") when { principal.tier >= 1 };";
    for (condition, holds) in [
        ("resource.tenant != Tenant::\"acme\"", true),
        ("resource.tenant == Tenant::\"acme\"", false),
        ("resource == Key::\"other/disk\"", true),
        ("resource == Key::\"acme/disk\"", false),
        ("principal.tier < resource.minimum_tier", true),
        ("principal.tier == resource.minimum_tier", false),
        ("principal.tier > 3 && resource.minimum_tier == 4", false),
        ("context.now < 0", true),
    ] {
        // The engine takes no comparison that is always or never true; those that it takes are decided.
        let Ok(invariant) = Invariant::new(&[source("p", acme)], condition) else {
            assert_eq!(condition, "context.now < 0");
            continue;
        };
        let found = symbolic(&invariant);
        assert_eq!((found.holds, found.method), (holds, Method::Symbolic), "{condition}: {found:?}");
    }
}
