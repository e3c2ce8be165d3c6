//! A candidate for the rules, tried on what was recorded.

use crate::broker::Unsealed;
use crate::judge::Judge;
use crate::problem::{Code, Problem};
use crate::rules::{Rules, reference_set};
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_kbs_log::Outcome;
use hanzo_kbs_protocol::Candidate;
use hanzo_kbs_vault::{MAX_PAST, PastDecision, StoreError, Vault};
use hanzo_policy::replay::{Replay, Report, Subject, Verdict};
use hanzo_policy::{Circumstances, DenialCode, KeyId, KeyScope, Policies, PolicySource, References, Tier};
use std::collections::HashMap;
use std::sync::Arc;
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
    /// Only decisions up to this number.
    pub(crate) last: u64,
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
    let mut known = Known::new(runtime, vault);
    let (mut after, mut left) = (window.after, window.most);
    loop {
        let page = runtime.block_on(vault.past(after, MAX_PAST))?;
        known.load(&page)?;
        if page.is_empty() {
            return Ok(Part { report, next: None });
        }
        for past in &page {
            after = past.seq;
            if after > window.last {
                return Ok(Part { report, next: None });
            }
            let late = window.until.is_some_and(|until| past.at >= until);
            if late || window.since.is_some_and(|since| past.at < since) {
                continue;
            }
            let Some((subject, scope)) = known.of(past, &mut report)? else { continue };
            let at = Circumstances { now: past.at, live_grants: past.live_grants };
            let ask = |rules: &mut Replay<'_>| rules.answer(subject, &scope, at);
            report.take(&Verdict {
                decision: past.seq,
                at: past.at,
                key: &scope.key,
                tier: subject.tier().number(),
                granted: said_yes(past),
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

/// Whether the policies said yes: what came after them may still have kept the key back.
pub(crate) fn said_yes(past: &PastDecision) -> bool {
    past.outcome == Outcome::Granted || !DenialCode::is_no(&past.code)
}

/// What became of the facts of a decision.
enum Document {
    /// They are no longer kept.
    Gone,
    /// They are of another form than this broker reads.
    Unreadable,
    Read(Box<Subject>),
}

/// What is known while decisions are made again.
pub(crate) struct Known<'a> {
    runtime: &'a Handle,
    vault: &'a Vault,
    documents: HashMap<Hex<32>, Document>,
    scopes: HashMap<String, Option<KeyScope>>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(runtime: &'a Handle, vault: &'a Vault) -> Self {
        Self { runtime, vault, documents: HashMap::new(), scopes: HashMap::new() }
    }

    /// What a decision was about; `None`, and counted, where that is not known any more.
    pub(crate) fn of(
        &mut self,
        past: &PastDecision,
        report: &mut Report,
    ) -> Result<Option<(&Subject, KeyScope)>, StoreError> {
        let scope = self.scope(past)?;
        match (self.documents.get(&past.facts_digest), scope) {
            (Some(Document::Read(subject)), Some(scope)) => Ok(Some((subject, scope))),
            (Some(Document::Unreadable), Some(_)) => {
                report.unreadable();
                Ok(None)
            }
            _ => {
                report.not_kept();
                Ok(None)
            }
        }
    }

    /// Reads the documents of a page that are not known yet.
    pub(crate) fn load(&mut self, page: &[PastDecision]) -> Result<(), StoreError> {
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
