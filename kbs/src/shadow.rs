//! A candidate beside the rules in force: it is asked about every decision, and never heeded.
//!
//! What it would have decided otherwise is found in the record: what was decided there, and by which facts. So a
//! restart loses nothing, and the decisions of every broker on the store are counted. The store has the candidate
//! and how far it was asked; the log hears of a difference at once.

use crate::broker::Unsealed;
use crate::judge::Judge;
use crate::problem::{Code, Problem};
use crate::replay::{Known, Tried, said_yes};
use crate::rules::{Rules, index};
use hanzo_attestation_evidence::{UnixTime, json};
use hanzo_kbs_protocol::Candidate;
use hanzo_kbs_vault::{MAX_PAST, PastDecision, ReferenceSet, StoredShadow, Vault};
use hanzo_policy::replay::{Answer, Replay, Report, Subject, Verdict};
use hanzo_policy::{Appraised, Circumstances, DenialCode, KeyScope};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;

/// Most decisions that one call asks about: the caller asks for the next part then.
const PART: usize = 20_000;
/// Most decisions that are listed, the newest: a person looks at a few, and all are counted.
const MAX_LISTED: usize = 100;
/// How often a count is begun again because another broker was faster: each of them makes it shorter.
const ATTEMPTS: usize = 4;

/// The candidate of this broker.
#[derive(Default)]
pub(crate) struct Shadow {
    watch: Mutex<Option<Arc<Watch>>>,
    /// One count at a time: two would ask the same.
    counting: tokio::sync::Mutex<()>,
}

/// A candidate that compiles.
struct Watch {
    tried: Tried,
    names: Vec<String>,
    /// The decision that set it.
    decision: u64,
}

/// What a candidate would have decided otherwise.
pub(crate) struct Counted {
    pub(crate) names: Vec<String>,
    pub(crate) since: UnixTime,
    /// Everything up to this decision is counted.
    pub(crate) seen: u64,
    /// Whether there may be more decisions to ask about.
    pub(crate) more: bool,
    pub(crate) report: Report,
}

impl Watch {
    fn compile(stored: &StoredShadow) -> Result<Self, String> {
        let candidate: Candidate =
            json::from_slice(stored.candidate.as_bytes()).map_err(|error| error.to_string())?;
        let names = candidate.policies.iter().map(|policy| policy.name.clone()).collect();
        Ok(Self { tried: Tried::compile(candidate)?, names, decision: stored.decision })
    }
}

impl Shadow {
    /// Goes on with the candidate of the store.
    pub(crate) async fn resume(&self, vault: &Vault) -> Result<(), String> {
        let stored = vault.shadow().await.map_err(|error| error.to_string())?;
        self.current(stored.as_ref()).map(drop)
    }

    /// The candidate of the store, compiled once.
    fn current(&self, stored: Option<&StoredShadow>) -> Result<Option<Arc<Watch>>, String> {
        let Some(stored) = stored else {
            self.set(None);
            return Ok(None);
        };
        if let Some(watch) = self.get().filter(|watch| watch.decision == stored.decision) {
            return Ok(Some(watch));
        }
        let watch = Arc::new(Watch::compile(stored)?);
        self.set(Some(Arc::clone(&watch)));
        Ok(Some(watch))
    }

    fn set(&self, watch: Option<Arc<Watch>>) {
        *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = watch;
    }

    fn get(&self) -> Option<Arc<Watch>> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the candidate about a decision that was just made, and logs a difference.
    pub(crate) fn watch(
        &self,
        appraised: &Appraised,
        scope: &KeyScope,
        in_force: &Rules,
        denied: Option<&str>,
        at: Circumstances,
        request_id: &str,
    ) {
        let Some(watch) = self.get() else { return };
        let facts = appraised.facts().and_then(|facts| facts.to_bytes());
        let Ok(subject) = facts.and_then(|bytes| Subject::read(&bytes)) else { return };
        let references = watch.tried.references(in_force);
        let candidate = Replay::new(&watch.tried.policies, references).answer(&subject, scope, at);
        // Which no it was is not compared: only whether it was one.
        let granted = !denied.is_some_and(DenialCode::is_no);
        if candidate != Answer::Unknown && granted != (candidate == Answer::Granted) {
            let (key, decided) = (scope.key.as_str(), denied.unwrap_or("Granted"));
            tracing::warn!(request_id, key, decided, candidate = candidate.name(), "the shadow differs");
        }
    }
}

/// Asks the candidate about the decisions that it was not asked about yet, a part of them, and writes down how far
/// it came. It counts among the verifications.
///
/// # Errors
/// `Unavailable` if the store does not answer, or holds what this broker cannot read.
pub(crate) async fn count(judge: &Judge, open: &Arc<Unsealed>) -> Result<Option<Counted>, Problem> {
    let _one = open.shadow.counting.lock().await;
    for _ in 0..ATTEMPTS {
        let stored = open.vault.shadow().await.map_err(|error| failed(&error))?;
        let watch = open.shadow.current(stored.as_ref()).map_err(|error| failed(&error))?;
        let (Some(stored), Some(watch)) = (stored, watch) else { return Ok(None) };
        let head = open.vault.head().await.map_err(|error| failed(&error))?.seq;
        let (names, vault, known) = (watch.names.clone(), open.vault.clone(), stored.clone());
        let asked = judge.run(move |_| asked(&Handle::current(), &vault, &known, &watch.tried, head)).await?;
        let Asked { report, seen, more } = asked.map_err(|error| failed(&error))?;
        let counted = Counted { names, since: stored.since, seen, more, report };
        if seen == stored.seen {
            return Ok(Some(counted));
        }
        let written = serde_json::to_string(&counted.report).map_err(|error| failed(&error))?;
        if open.vault.advance_shadow(&stored, seen, written).await.map_err(|error| failed(&error))? {
            return Ok(Some(counted));
        }
    }
    Err(Code::Unavailable.into())
}

fn failed(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "the candidate beside the rules in force cannot be asked");
    Code::Unavailable.into()
}

struct Asked {
    report: Report,
    seen: u64,
    more: bool,
}

/// Versions of the reference sets at some time.
type Versions = Vec<(String, u64)>;

fn asked(
    runtime: &Handle,
    vault: &Vault,
    stored: &StoredShadow,
    tried: &Tried,
    head: u64,
) -> Result<Asked, String> {
    let mut report = match stored.report.as_str() {
        "" => Report::default(),
        text => serde_json::from_str(text).map_err(|error| error.to_string())?,
    };
    let mut known = Known::new(runtime, vault);
    let mut after = stored.seen;
    let mut done: usize = 0;
    let next = |after| runtime.block_on(vault.past(after, MAX_PAST)).map_err(|error| error.to_string());
    let mut page = next(after)?;
    while let Some(first) = page.first() {
        let (versions, sets) = references_at(runtime, vault, tried, first.seq)?;
        let then = index(sets).map_err(|error| error.to_string())?;
        let mut replay = Replay::new(&tried.policies, tried.references.as_ref().unwrap_or(&then));
        while let Some(last) = page.last() {
            // Versions only grow: what is the same at both ends is the same between them.
            let constant = references_at(runtime, vault, tried, last.seq)?.0 == versions;
            let mut count = if constant { page.len() } else { 0 };
            while !constant && count < page.len() {
                let Some(past) = page.get(count) else { break };
                if references_at(runtime, vault, tried, past.seq)?.0 != versions {
                    break;
                }
                count = count.saturating_add(1);
            }
            let now: Vec<PastDecision> = page.drain(..count).collect();
            known.load(&now).map_err(|error| error.to_string())?;
            for past in &now {
                after = past.seq;
                let asked = known.of(past, &mut report).map_err(|error| error.to_string())?;
                let Some((subject, scope)) = asked else { continue };
                let at = Circumstances { now: past.at, live_grants: past.live_grants };
                let candidate = replay.answer(subject, &scope, at);
                let tier = subject.tier().number();
                report.take_newest(&verdict(past, &scope, tier, candidate), MAX_LISTED);
            }
            done = done.saturating_add(now.len());
            if done >= PART {
                return Ok(Asked { report, seen: after, more: true });
            }
            if !constant {
                break;
            }
            page = next(after)?;
        }
    }
    Ok(Asked { report, seen: after.max(head), more: false })
}

/// The reference sets that were in force at a decision, not indexed yet: most calls only compare their versions.
/// None are read where the candidate has its own.
fn references_at(
    runtime: &Handle,
    vault: &Vault,
    tried: &Tried,
    decision: u64,
) -> Result<(Versions, Vec<ReferenceSet>), String> {
    if tried.references.is_some() {
        return Ok((Vec::new(), Vec::new()));
    }
    let rules = runtime.block_on(vault.rules_at(decision)).map_err(|error| error.to_string())?;
    let versions = rules.references.iter().map(|set| (set.name.clone(), set.version)).collect();
    Ok((versions, rules.references))
}

/// A decision as it was made, beside the candidate's answer.
fn verdict<'a>(past: &'a PastDecision, scope: &'a KeyScope, tier: u8, candidate: Answer) -> Verdict<'a> {
    let granted = said_yes(past);
    // Which no it was is not compared: only whether it was one.
    let in_force = if granted { Answer::Granted } else { Answer::Denied(DenialCode::PolicyDenied) };
    let (decision, at, key, code) = (past.seq, past.at, &scope.key, past.code.as_str());
    Verdict { decision, at, key, tier, granted, code, in_force, candidate }
}
