//! What deciding and replaying cost: policies, reference values, recorded facts. No evidence, no store.

use crate::measure::median;
use anyhow::{Context as _, Result, anyhow, ensure};
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_policy::replay::{Answer, Replay, Subject};
use hanzo_policy::{
    KeyScope, Policies, PolicySource, ReferenceSet, ReferenceValue, References, TestCase, Validity,
};
use serde_json::{Value, json};

/// Reference values of every measurement here.
const VALUES: u32 = 10_000;
/// Sets that hold them.
const SETS: u32 = 20;

/// Policies that read a measurement, claims and the time, so that nothing is remembered between questions.
fn policies(count: usize, about: impl Fn(usize) -> String) -> Result<Policies> {
    let text = |n: usize| {
        format!(
            "permit (principal, action == Action::\"release\", {}) when {{ principal.measurement in \
             ReferenceSet::\"set{}\" && principal has snp && principal.snp.guest_svn >= 3 && \
             !principal.lab && context.now > 0 }};",
            about(n),
            n % 20,
        )
    };
    let sources: Vec<_> =
        (0..count).map(|n| PolicySource { name: format!("p{n}"), version: 1, text: text(n) }).collect();
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

/// The node of a case with an SEV-SNP guest's claims, as the broker would keep it.
fn facts(svn: usize) -> Result<(Vec<u8>, KeyScope)> {
    let case = json!({
        "name": "c", "expect": "granted",
        "node": {
            "tee": "sev-snp", "product": "genoa", "chip": "ab".repeat(64),
            "measurement": format!("00000000{}", "11".repeat(44)),
            "snp": {"guest_svn": svn + 3},
        },
        "key": {"id": "acme/key0", "minimum_tier": 2},
    });
    let mut cases = TestCase::read(case.to_string().as_bytes())?;
    let case = cases.pop().context("no case")?;
    Ok((case.facts().map_err(|error| anyhow!(error))?.to_bytes()?, case.scope()))
}

fn now() -> Result<UnixTime> {
    Ok(UnixTime::parse("2026-11-01T00:00:00Z")?)
}

/// One decision among so many policies and ten thousand reference values, medians in microseconds: by policies
/// that all speak of every key, and by policies of one key each.
///
/// # Errors
/// When the node is not granted.
pub fn decisions(runs: usize) -> Result<Vec<Value>> {
    let (references, now) = (references()?, now()?);
    let (bytes, scope) = facts(0)?;
    let subject = Subject::read(&bytes)?;
    let measured = |policies: &Policies| -> Result<f64> {
        let mut replay = Replay::new(policies, &references);
        let time = median(runs, || {
            ensure!(replay.answer(&subject, &scope, now) == Answer::Granted, "not granted");
            Ok(())
        })?;
        Ok(time.as_secs_f64() * 1e6)
    };
    let line = |count: usize| {
        let any = policies(count, |_| "resource".to_owned())?;
        let own = policies(count, |n| format!("resource == Key::\"acme/key{n}\""))?;
        Ok(json!({"policies": count, "any_us": measured(&any)?, "own_us": measured(&own)?}))
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
    let untimed = |count| {
        let text = |n: usize| {
            format!(
                "permit (principal, action, resource == Key::\"acme/key{n}\") when {{ principal.measurement \
                 in ReferenceSet::\"set{}\" && principal has snp && principal.snp.guest_svn >= 3 }};",
                n % 20
            )
        };
        let sources: Vec<_> =
            (0..count).map(|n| PolicySource { name: format!("p{n}"), version: 1, text: text(n) }).collect();
        Policies::compile(&sources).map_err(|problems| anyhow!("{problems:?}"))
    };
    let policies = untimed(200)?;
    let mut seconds = json!({"decisions": decisions});
    for (name, machines) in [("one_s", 1), ("hundred_s", 100), ("distinct_s", decisions)] {
        let documents: Vec<_> = (0..machines).map(facts).collect::<Result<_>>()?;
        let time = median(1, || {
            let mut in_force = Replay::new(&policies, &references);
            let mut candidate = Replay::new(&policies, &references);
            // The broker reads a document once as long as it holds it.
            let mut read = Vec::new();
            for n in 0..decisions {
                let (bytes, scope) = documents.get(n % machines).context("no document")?;
                if machines == decisions {
                    read.clear();
                }
                if n < machines {
                    read.push(Subject::read(bytes)?);
                }
                let subject = if machines == decisions { read.last() } else { read.get(n % machines) };
                let subject = subject.context("no subject")?;
                let answers = (in_force.answer(subject, scope, now), candidate.answer(subject, scope, now));
                ensure!(answers == (Answer::Granted, Answer::Granted), "not granted");
            }
            Ok(())
        })?;
        seconds[name] = time.as_secs_f64().into();
    }
    Ok(seconds)
}
