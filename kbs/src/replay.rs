//! A candidate for the rules: tried on what was recorded, or beside the rules in force.

use crate::broker::Unsealed;
use crate::judge::Judge;
use crate::problem::{Code, Problem};
use crate::rules::{Rules, reference_set};
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_kbs_log::Outcome;
use hanzo_kbs_protocol::Candidate;
use hanzo_kbs_vault::{MAX_PAST, PastDecision, StoreError, Vault};
use hanzo_policy::replay::{Answer, Replay, Report, Subject, Verdict};
use hanzo_policy::{Appraised, DenialCode, KeyId, KeyScope, Policies, PolicySource, References, Tier};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;

/// Most documents that are held at once, at some kilobytes each.
const MAX_DOCUMENTS: usize = 8192;

/// A candidate that compiles.
#[derive(Debug)]
pub(crate) struct Tried {
    pub(crate) policies: Policies,
    /// `None`: those in force.
    pub(crate) references: Option<References>,
}

impl Tried {
    /// Compiles a candidate; what is wrong with it, in one text, else.
    pub(crate) fn compile(candidate: Candidate) -> Result<Self, String> {
        let source = |policy: hanzo_kbs_protocol::CandidatePolicy| PolicySource {
            name: policy.name,
            version: 0,
            text: policy.text,
        };
        let sources: Vec<_> = candidate.policies.into_iter().map(source).collect();
        let policies = Policies::compile(&sources).map_err(|problems| {
            let lines: Vec<String> = problems.iter().take(16).map(ToString::to_string).collect();
            lines.join("; ")
        })?;
        let references = candidate
            .references
            .map(|sets| {
                References::new(sets.into_iter().map(|set| reference_set(set.name, set.values)).collect())
            })
            .transpose()
            .map_err(|error| error.to_string())?;
        Ok(Self { policies, references })
    }

    pub(crate) fn references<'a>(&'a self, in_force: &'a Rules) -> &'a References {
        self.references.as_ref().unwrap_or(&in_force.references)
    }
}

/// Which decisions are made again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Only decisions after this number.
    pub(crate) after: u64,
    pub(crate) since: Option<UnixTime>,
    pub(crate) until: Option<UnixTime>,
    /// At most so many of them.
    pub(crate) most: u64,
}

/// A part of a replay, and where the next one begins.
pub(crate) struct Part {
    pub(crate) report: Report,
    pub(crate) next: Option<u64>,
}

/// Makes recorded decisions again by a candidate. It counts among the verifications.
pub(crate) async fn replay(
    judge: &Judge,
    open: &Unsealed,
    tried: Arc<Tried>,
    window: Window,
) -> Result<Part, Problem> {
    let in_force = open.rules.current(&open.vault).await?;
    let vault = open.vault.clone();
    let made = judge.run(move |_| made_again(&Handle::current(), &vault, &in_force, &tried, window)).await?;
    made.map_err(|error| {
        tracing::error!(%error, "the replay cannot read what was recorded");
        Code::Unavailable.into()
    })
}

fn made_again(
    runtime: &Handle,
    vault: &Vault,
    in_force: &Rules,
    tried: &Tried,
    window: Window,
) -> Result<Part, StoreError> {
    let mut report = Report::default();
    let mut now = Replay::new(&in_force.policies, &in_force.references);
    let mut then = Replay::new(&tried.policies, tried.references(in_force));
    let mut known = Known { runtime, vault, documents: HashMap::new(), scopes: HashMap::new() };
    let (mut after, mut left) = (window.after, window.most);
    loop {
        let page = runtime.block_on(vault.past(after, MAX_PAST))?;
        known.load(&page)?;
        if page.is_empty() {
            return Ok(Part { report, next: None });
        }
        for past in &page {
            after = past.seq;
            let late = window.until.is_some_and(|until| past.at >= until);
            if late || window.since.is_some_and(|since| past.at < since) {
                continue;
            }
            let scope = known.scope(past)?;
            let (subject, scope) = match (known.documents.get(&past.facts_digest), scope) {
                (Some(Document::Read(subject)), Some(scope)) => (subject, scope),
                (Some(Document::Unreadable), Some(_)) => {
                    report.unreadable();
                    continue;
                }
                _ => {
                    report.not_kept();
                    continue;
                }
            };
            let ask = |rules: &mut Replay<'_>| rules.answer(subject, &scope, past.at);
            report.take(&Verdict {
                decision: past.seq,
                at: past.at,
                key: &scope.key,
                tier: subject.tier().number(),
                granted: past.outcome == Outcome::Granted || !DenialCode::is_no(&past.code),
                code: &past.code,
                in_force: ask(&mut now),
                candidate: ask(&mut then),
            });
            left = left.saturating_sub(1);
            if left == 0 {
                return Ok(Part { report, next: Some(after) });
            }
        }
    }
}

/// What became of the facts of a decision.
enum Document {
    /// They are no longer kept.
    Gone,
    /// They are of another form than this broker reads.
    Unreadable,
    Read(Box<Subject>),
}

/// What is known while a replay runs.
struct Known<'a> {
    runtime: &'a Handle,
    vault: &'a Vault,
    documents: HashMap<Hex<32>, Document>,
    scopes: HashMap<String, Option<KeyScope>>,
}

impl Known<'_> {
    /// Reads the documents of a page that are not known yet.
    fn load(&mut self, page: &[PastDecision]) -> Result<(), StoreError> {
        if self.documents.len() > MAX_DOCUMENTS {
            self.documents.clear();
        }
        let mut missing: Vec<Hex<32>> = page.iter().map(|past| past.facts_digest).collect();
        missing.retain(|digest| !self.documents.contains_key(digest));
        missing.sort_unstable();
        missing.dedup();
        let rows = self.runtime.block_on(self.vault.all_kept(&missing))?;
        self.documents.extend(missing.into_iter().map(|digest| (digest, Document::Gone)));
        for row in rows {
            let read = Subject::read(&row.body).map(Box::new);
            self.documents.insert(row.digest, read.map_or(Document::Unreadable, Document::Read));
        }
        Ok(())
    }

    /// The key with the demands of then.
    fn scope(&mut self, past: &PastDecision) -> Result<Option<KeyScope>, StoreError> {
        let stored = match self.scopes.get(&past.key_id) {
            Some(known) => known.clone(),
            None => {
                let found = match KeyId::parse(&past.key_id) {
                    Ok(key) => self.runtime.block_on(self.vault.key_scope(&key))?,
                    Err(_) => None,
                };
                self.scopes.insert(past.key_id.clone(), found.clone());
                found
            }
        };
        let minimum = Tier::from_number(past.minimum_tier).ok();
        Ok(stored.zip(minimum).map(|(scope, minimum)| KeyScope { minimum, ..scope }))
    }
}

/// A candidate beside the rules in force: it is asked about every decision, and never heeded. It is forgotten
/// when the vault is sealed.
#[derive(Default)]
pub(crate) struct Shadow(Mutex<Option<Arc<Watch>>>);

/// A candidate, and what it would have decided otherwise.
pub(crate) struct Watch {
    tried: Tried,
    pub(crate) names: Vec<String>,
    pub(crate) since: UnixTime,
    report: Mutex<Report>,
}

impl Watch {
    pub(crate) fn new(tried: Tried, names: Vec<String>, since: UnixTime) -> Self {
        Self { tried, names, since, report: Mutex::new(Report::default()) }
    }

    pub(crate) fn report(&self) -> Report {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Shadow {
    pub(crate) fn set(&self, watch: Option<Arc<Watch>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = watch;
    }

    pub(crate) fn get(&self) -> Option<Arc<Watch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the candidate about a decision that was just made, counts a difference and logs it.
    pub(crate) fn watch(
        &self,
        appraised: &Appraised,
        scope: &KeyScope,
        in_force: &Rules,
        denied: Option<&str>,
        now: UnixTime,
        request_id: &str,
    ) {
        let Some(watch) = self.get() else { return };
        let facts = appraised.facts().and_then(|facts| facts.to_bytes());
        let Ok(subject) = facts.and_then(|bytes| Subject::read(&bytes)) else { return };
        let candidate =
            Replay::new(&watch.tried.policies, watch.tried.references(in_force)).answer(&subject, scope, now);
        // Which no it was is not compared: only whether it was one.
        let no = denied.is_some_and(DenialCode::is_no);
        let decided = if no { Answer::Denied(DenialCode::PolicyDenied) } else { Answer::Granted };
        let verdict = Verdict {
            decision: 0,
            at: now,
            key: &scope.key,
            tier: subject.tier().number(),
            granted: decided == Answer::Granted,
            code: denied.unwrap_or("Granted"),
            in_force: decided,
            candidate,
        };
        if watch.report.lock().unwrap_or_else(PoisonError::into_inner).count(&verdict) {
            let (key, decided) = (scope.key.as_str(), verdict.code);
            tracing::warn!(request_id, key, decided, candidate = candidate.name(), "the shadow differs");
        }
    }
}
