//! What other rules would have decided: recorded decisions, made again.
//!
//! A [`Replay`] holds one set of policies and reference values, and answers for one node and key after the
//! other. Nodes that show the same are one node: their answer for a key is found once, as long as no policy
//! about the key asks what time it is, and no reference value has dates.

mod report;

pub use report::{Counts, Flip, MAX_LISTED, Report, Verdict};

use crate::circumstances::Circumstances;
use crate::decide::Question;
use crate::decision::DenialCode;
use crate::explain::{FactsError, NodeFacts};
use crate::node::Node;
use crate::permit::KeyScope;
use crate::policies::{Group, Policies};
use crate::references::References;
use crate::tier::Tier;
use hanzo_attestation_evidence::Hex;
use std::collections::HashMap;

/// Most answers that are remembered: some tens of megabytes. Beyond it, they are found again.
const MAX_REMEMBERED: usize = 200_000;

/// A node, ready to be asked about.
#[derive(Debug)]
pub struct Subject {
    digest: Hex<32>,
    node: Node,
}

impl Subject {
    /// Reads the facts of a node.
    ///
    /// # Errors
    /// [`FactsError`].
    pub fn read(bytes: &[u8]) -> Result<Self, FactsError> {
        let facts = NodeFacts::read(bytes)?;
        Ok(Self { digest: NodeFacts::digest(bytes), node: facts.node() })
    }

    /// The tier that it proved.
    #[must_use]
    pub const fn tier(&self) -> Tier {
        self.node.tier
    }
}

/// What rules say. The same order of questions as a decision, without the search for causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Answer {
    /// A permit.
    Granted,
    /// A denial, by its code. That a measurement is unknown, or expired, is not told apart: [`DenialCode::PolicyDenied`].
    Denied(DenialCode),
    /// The facts lack a claim that a policy reads, or the row how many grants were live: they are of an older
    /// broker.
    Unknown,
}

impl Answer {
    /// `granted`, a code, or `unknown`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Denied(code) => code.as_str(),
            Self::Unknown => "unknown",
        }
    }
}

/// One set of rules, asked often.
#[derive(Debug)]
pub struct Replay<'a> {
    policies: &'a Policies,
    references: &'a References,
    /// Whether reference values count only at some times.
    dated: bool,
    known: HashMap<(Hex<32>, String, u8, bool), Answer>,
    asked: u64,
}

impl<'a> Replay<'a> {
    /// A replay by these rules.
    #[must_use]
    pub fn new(policies: &'a Policies, references: &'a References) -> Self {
        Self { policies, references, dated: references.is_dated(), known: HashMap::new(), asked: 0 }
    }

    /// What these rules say of a node that asks for a key under these circumstances.
    pub fn answer(&mut self, subject: &Subject, scope: &KeyScope, at: Circumstances) -> Answer {
        let Subject { node, digest } = subject;
        if node.tier < scope.minimum {
            return Answer::Denied(DenialCode::TierTooLow);
        }
        if scope.require_cpu_tee && !node.cpu_tee {
            return Answer::Denied(DenialCode::CpuTeeRequired);
        }
        let groups: Vec<&Group> = self.policies.about(&scope.key).collect();
        if groups.iter().all(|group| group.permits.is_empty()) {
            return Answer::Denied(DenialCode::NoPolicy);
        }
        let timed = self.dated || groups.iter().any(|group| group.timed);
        let key = (*digest, scope.key.to_string(), scope.minimum.number(), scope.require_cpu_tee);
        if let Some(known) = self.known.get(&key).filter(|_| !timed) {
            return *known;
        }
        self.asked = self.asked.saturating_add(1);
        let answer = ask(node, scope, groups, self.references, at);
        if !timed && self.known.len() < MAX_REMEMBERED {
            self.known.insert(key, answer);
        }
        answer
    }

    /// How many answers were found by asking the policies.
    #[must_use]
    pub const fn asked(&self) -> u64 {
        self.asked
    }
}

fn ask(
    node: &Node,
    scope: &KeyScope,
    groups: Vec<&Group>,
    references: &References,
    at: Circumstances,
) -> Answer {
    let question = Question::new(node, scope, groups, references, at);
    let Ok(answer) = question.and_then(|question| question.ask_with(|_| &[])) else {
        return Answer::Denied(DenialCode::PolicyError);
    };
    if answer.yes() {
        return Answer::Granted;
    }
    if !answer.forbids.is_empty() {
        return Answer::Denied(DenialCode::PolicyForbids);
    }
    match (answer.errors.is_empty(), node.complete && at.live_grants.is_some()) {
        (true, _) => Answer::Denied(DenialCode::PolicyDenied),
        (false, true) => Answer::Denied(DenialCode::PolicyError),
        (false, false) => Answer::Unknown,
    }
}

#[cfg(test)]
mod tests;
