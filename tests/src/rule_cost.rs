//! What deciding and replaying cost: policies, reference values, recorded facts. No evidence, no store.

use crate::measure::median;
use anyhow::{Context as _, Result, anyhow, ensure};
use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Collateral, Revocation, Roots, verify};
use hanzo_attestation_evidence::{Binding, Document, Hex, Kem, Recipient, UnixTime};
use hanzo_attestation_lab::{Lab, SnpOrder};
use hanzo_policy::replay::{Answer, Replay, Subject};
use hanzo_policy::{
    Appraisal, Circumstances, KeyId, KeyScope, Policies, PolicySource, ReferenceSet, ReferenceValue,
    References, Tier, Validity, appraise,
};
use serde_json::{Value, json};
use std::time::Duration;

/// Reference values of every measurement here.
const VALUES: u32 = 10_000;
/// Sets that hold them.
const SETS: u32 = 20;

/// What policies demand of the launch measurement: that it is in one of the sets.
fn of_a_set(n: usize) -> String {
    format!("principal.measurement in ReferenceSet::\"set{}\"", n % 20)
}

/// Policies that read claims and the time as well, so that nothing is remembered between questions.
fn policies(count: usize, about: fn(usize) -> String, demand: fn(usize) -> String) -> Result<Policies> {
    let text = |n: usize| {
        let (about, demand) = (about(n), demand(n));
        format!(
            "permit (principal, action == Action::\"release\", resource{about}) when {{ {demand} && \
             principal has snp && principal.snp.guest_svn >= 3 && principal.lab && context.now > 0 }};"
        )
    };
    compile((0..count).map(text))
}

fn compile(texts: impl Iterator<Item = String>) -> Result<Policies> {
    let source = |(text, n): (String, usize)| PolicySource { name: format!("p{n}"), version: 1, text };
    let sources: Vec<_> = texts.zip(0..).map(source).collect();
    Policies::compile(&sources).map_err(|problems| anyhow!("{problems:?}"))
}

fn references() -> Result<References> {
    let value = |set: u32, n: u32| {
        let mut digest = [0x11; 48];
        let (head, _) = digest.split_at_mut(4);
        head.copy_from_slice(&(n * SETS + set).to_be_bytes());
        ReferenceValue {
            tee: "sev-snp".to_owned(),
            register: "measurement".to_owned(),
            digest: Hex(digest).into(),
            entry: None,
            note: None,
            validity: Validity::ALWAYS,
        }
    };
    let sets = (0..SETS).map(|set| ReferenceSet {
        name: format!("set{set}"),
        values: (0..VALUES / SETS).map(|n| value(set, n)).collect(),
    });
    Ok(References::new(sets.collect())?)
}

/// Facts of a lab's SEV-SNP guest, as the broker keeps them, and the key that it asks for.
struct Guest {
    facts: Value,
    scope: KeyScope,
}

impl Guest {
    fn new() -> Result<Self> {
        let lab = Lab::fixture();
        let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![9; 32])?;
        let binding = Binding::new("a challenge", &recipient, None, &[])?;
        let report_data = *binding.cpu_report_data();
        let mut measurement = [0x11; 48];
        measurement[..4].fill(0);
        let item = lab.snp(&SnpOrder { version: 5, report_data, measurement, ..SnpOrder::default() })?;
        let evidence = Document::from_json(Lab::document(vec![item]).to_string().as_bytes())?.parse()?;
        let context = Context {
            roots: &Roots::vendor().with_extra(lab.extra_roots()),
            collateral: &Collateral::default(),
            revocation: &Revocation::Waived { reason: "a benchmark".to_owned() },
            now: lab.validity().not_before.after(Duration::from_secs(86_400)),
            cache: Cache::off(),
        };
        let attested = verify(evidence, &context).and_then(|verified| verified.bind(&binding));
        let appraised = attested.and_then(|attested| appraise(attested, &Appraisal::strict()));
        let appraised = appraised.map_err(|refused| anyhow!("{}", refused.finding.rule))?;
        let facts = serde_json::from_slice(&appraised.facts()?.to_bytes()?)?;
        let key = KeyId::parse("acme/key0")?;
        Ok(Self { facts, scope: KeyScope { key, minimum: Tier::Confidential, require_cpu_tee: false } })
    }

    /// The guest with another security version: other facts.
    fn with_svn(&self, svn: usize) -> Vec<u8> {
        let mut facts = self.facts.clone();
        facts["attributes"]["snp"]["guest_svn"] = json!(svn + 3);
        facts.to_string().into_bytes()
    }
}

fn now() -> Result<Circumstances> {
    Ok(Circumstances { now: UnixTime::parse("2026-11-01T00:00:00Z")?, live_grants: Some(0) })
}

/// One decision among so many policies and ten thousand reference values, medians in microseconds: by policies
/// of one key each; by policies that all speak of every key, and of twenty sets of images; and by as many that
/// demand nothing which can be looked up, so that the engine evaluates every one.
///
/// # Errors
/// When the node is not granted.
pub fn decisions(runs: usize) -> Result<Vec<Value>> {
    let (references, now) = (references()?, now()?);
    let guest = Guest::new()?;
    let subject = Subject::read(&guest.with_svn(0))?;
    let measured = |policies: &Policies| -> Result<f64> {
        let mut replay = Replay::new(policies, &references);
        let time = median(runs, || {
            ensure!(replay.answer(&subject, &guest.scope, now) == Answer::Granted, "not granted");
            Ok(())
        })?;
        Ok(time.as_secs_f64() * 1e6)
    };
    let line = |count: usize| {
        let (any, own) = (|_| String::new(), |n| format!(" == Key::\"acme/key{n}\""));
        let nothing = |n| format!("principal.tier >= {}", n % 3);
        Ok(json!({
            "policies": count,
            "own_us": measured(&policies(count, own, of_a_set)?)?,
            "any_us": measured(&policies(count, any, of_a_set)?)?,
            "every_us": measured(&policies(count, any, nothing)?)?,
        }))
    };
    [10, 200, 1_000, 10_000].into_iter().map(line).collect()
}

/// A replay of so many decisions by 200 policies of one key each, in seconds on one thread: of one machine,
/// of a hundred, and of as many as there are decisions. Both sets of rules are asked; facts are read from
/// their bytes, the store is not part of it.
///
/// # Errors
/// When facts cannot be read.
pub fn replay(decisions: usize) -> Result<Value> {
    let (references, now) = (references()?, now()?);
    // Nothing reads the time here: then equal facts are asked about once.
    let untimed = |n: usize| {
        let demand = of_a_set(n);
        format!(
            "permit (principal, action, resource == Key::\"acme/key{n}\") when {{ {demand} && principal has \
             snp && principal.snp.guest_svn >= 3 }};"
        )
    };
    let (policies, guest) = (compile((0..200).map(untimed))?, Guest::new()?);
    let mut seconds = json!({"decisions": decisions});
    for (name, machines) in [("one_s", 1), ("hundred_s", 100), ("distinct_s", decisions)] {
        let documents: Vec<_> = (0..machines).map(|n| guest.with_svn(n)).collect();
        let time = median(1, || {
            let mut in_force = Replay::new(&policies, &references);
            let mut candidate = Replay::new(&policies, &references);
            // The broker reads a document once as long as it holds it.
            let mut read = Vec::new();
            for n in 0..decisions {
                let bytes = documents.get(n % machines).context("no document")?;
                if machines == decisions {
                    read.clear();
                }
                if n < machines {
                    read.push(Subject::read(bytes)?);
                }
                let subject = if machines == decisions { read.last() } else { read.get(n % machines) };
                let subject = subject.context("no subject")?;
                let answers = (
                    in_force.answer(subject, &guest.scope, now),
                    candidate.answer(subject, &guest.scope, now),
                );
                ensure!(answers == (Answer::Granted, Answer::Granted), "not granted");
            }
            Ok(())
        })?;
        seconds[name] = time.as_secs_f64().into();
    }
    Ok(seconds)
}
