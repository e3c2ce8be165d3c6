//! What a decision costs. Not a gate: run it by hand, in release.
//!
//! `cargo test --release -p hanzo-policy --test cost -- --ignored --nocapture`
#![expect(clippy::unwrap_used, reason = "a failure here is the failure of the test")]

use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_policy::{Policies, PolicySource, ReferenceSet, ReferenceValue, References, TestCase, Validity};
use std::time::{Duration, Instant};

fn policies(count: usize, about: impl Fn(usize) -> String) -> Policies {
    let sources: Vec<_> = (0..count)
        .map(|n| PolicySource {
            name: format!("p{n}"),
            version: 1,
            text: format!(
                "permit (principal, action == Action::\"release\", {}) when {{ principal.measurement in ReferenceSet::\"set{}\" && principal has snp && principal.snp.guest_svn >= 3 && !principal.lab }};",
                about(n),
                n % 20,
            ),
        })
        .collect();
    Policies::compile(&sources).unwrap()
}

fn references(count: u32) -> References {
    let sets = (0..20_u32).map(|set| ReferenceSet {
        name: format!("set{set}"),
        values: (0..count / 20)
            .map(|n| {
                let mut digest = [0x11; 48];
                digest[..4].copy_from_slice(&(n * 20 + set).to_be_bytes());
                ReferenceValue {
                    tee: "sev-snp".into(),
                    register: "measurement".into(),
                    digest: Hex(digest).into(),
                    entry: None,
                    note: None,
                    validity: Validity::ALWAYS,
                }
            })
            .collect(),
    });
    References::new(sets.collect()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn measure(case: &TestCase, policies: &Policies, references: &References) -> Duration {
    let now = UnixTime::parse("2026-11-01T00:00:00Z").unwrap();
    let rounds = 200;
    let start = Instant::now();
    for _ in 0..rounds {
        assert!(case.run(policies, references, now).passed);
    }
    start.elapsed() / rounds
}

#[test]
#[ignore = "a measurement"]
fn cost_of_a_decision() {
    let case = |digest: String, expect: &str| {
        let file = format!(
            r#"{{"name":"c","node":{{"tee":"sev-snp","measurement":"{digest}","snp":{{"guest_svn":3}}}},"key":{{"id":"acme/key0","minimum_tier":2}},"expect":"{expect}"}}"#
        );
        TestCase::read(file.as_bytes()).unwrap().remove(0)
    };
    let known = case(format!("00000000{}", "11".repeat(44)), "granted");
    let unknown = case("22".repeat(48), "MeasurementUnknown");
    let references = references(10_000);
    for count in [10, 200, 1_000, 10_000] {
        let any = policies(count, |_| "resource".to_owned());
        let own = policies(count, |n| format!("resource == Key::\"acme/key{n}\""));
        println!(
            "{count} policies, 10000 values: granted {:?} (policies of any key), {:?} (one policy a key); refused and explained {:?}",
            measure(&known, &any, &references),
            measure(&known, &own, &references),
            measure(&unknown, &own, &references),
        );
    }
}
