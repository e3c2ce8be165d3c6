//! Invariants of policies: conditions under which no key may ever be released.
//!
//! An invariant is a condition in Cedar, e.g. that a lab vouches for the node and the key's minimum tier is 2
//! or more. It holds if no permit can release a key while the condition holds, whatever a node proves. There
//! are two ways to find out:
//!
//! - *exhaustive*: every combination of the values that the policies tell apart, put to the engine that
//!   decides ([`Invariant::exhaustive`]). Not decided, and said so, are two attributes compared with each
//!   other, arithmetic, two patterns for one text, and more combinations than [`MAX_COMBINATIONS`].
//! - *symbolic*: policies and condition as formulas, put to a solver. That is a process of its own, and so a
//!   crate of its own (`hanzo-policy-symbolic`); what it needs of the policies is a [`Claim`], and every case
//!   that a solver finds is put to the engine here before it counts ([`Claim::judge`]).

mod choices;
mod claim;
mod collect;
mod exhaustive;
mod found;
mod mentions;
mod stated;
#[cfg(test)]
mod tests;
mod world;

pub use claim::{Claim, Judged, Together};

use crate::policies::{Policies, PolicySource};
use crate::problem::PolicyProblem;
use cedar_policy::{Effect, Policy, PolicyId, PolicySet};
use cedar_policy_core::ast;
use choices::Choice;
use collect::Reads;
use mentions::Mentions;
use serde::Serialize;
use std::collections::BTreeMap;

/// Most combinations that are tried for one permit: a few seconds.
pub const MAX_COMBINATIONS: u64 = 200_000;
/// The name under which the condition is compiled, so that its problems are found in it.
const CONDITION: &str = "condition";

/// What was found about an invariant.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    /// Whether no permit can release a key while the condition holds. `false` as well where that is not
    /// decided.
    pub holds: bool,
    /// How it was found: of a failure, how that was; else the weakest of the permits' methods.
    pub method: Method,
    /// Combinations that were tried.
    pub combinations: u64,
    /// The solver that was asked, by its own name and version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solver: Option<String>,
    /// What was found about each permit.
    pub permits: Vec<PermitProof>,
}

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Neither way told.
    Undecided,
    /// Every combination of the values that the policies tell apart, by the engine that decides.
    Exhaustive,
    /// The formulas, by a solver; a case that it finds is one by the engine that decides.
    Symbolic,
}

impl Method {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::Exhaustive => "exhaustive",
            Self::Symbolic => "symbolic",
        }
    }
}

/// What was found about one permit.
#[derive(Clone, Debug, Serialize)]
pub struct PermitProof {
    /// The policy.
    pub policy: String,
    /// How it was found.
    pub method: Method,
    /// What was found.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Why the solver did not tell, where one was asked: a name, and what is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unproved: Option<String>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// It never grants while the condition holds.
    Holds,
    /// It grants in this case; attributes that are not named do not matter.
    Fails {
        /// Attributes with their values.
        example: BTreeMap<String, String>,
        /// The same as a case for [`TestCase`](crate::TestCase), which expects that it is denied; none where
        /// no case can state such a node.
        #[serde(skip)]
        case: Option<serde_json::Value>,
    },
    /// It is not of the form that can be decided.
    Undecided {
        /// What is not.
        why: String,
    },
}

impl Verdict {
    /// The case in which it fails.
    #[must_use]
    pub const fn case(&self) -> Option<&serde_json::Value> {
        match self {
            Self::Fails { case, .. } => case.as_ref(),
            _ => None,
        }
    }
}

impl Proof {
    /// What the proofs of all permits come to.
    #[must_use]
    pub fn of(permits: Vec<PermitProof>, combinations: u64, solver: Option<String>) -> Self {
        let failing = permits.iter().find(|permit| matches!(permit.verdict, Verdict::Fails { .. }));
        let weakest = permits.iter().map(|permit| permit.method).min();
        // Without a permit there is one combination, and nothing to ask.
        let method = failing.map(|permit| permit.method).or(weakest).unwrap_or(Method::Exhaustive);
        let holds = permits.iter().all(|permit| permit.verdict == Verdict::Holds);
        Self { holds, method, combinations, solver, permits }
    }
}

/// Policies and a condition under which they may release no key.
#[derive(Debug)]
pub struct Invariant {
    condition: String,
    permits: Vec<Told>,
    forbids: Vec<Told>,
    /// What forbids everything while the condition does not hold.
    guard: Told,
    /// All policies and the guard: what a case of a failure is tried against.
    guarded: Policies,
}

impl Invariant {
    /// Reads policies and a condition, in Cedar.
    ///
    /// # Errors
    /// The problems of the policies, and those of the condition under the name `condition`.
    pub fn new(sources: &[PolicySource], condition: &str) -> Result<Self, Vec<PolicyProblem>> {
        Policies::compile(sources)?;
        let mut guard_source = guard_source(condition)?;
        let guard = guard(&guard_source)?;
        let mut all = Vec::new();
        for source in sources {
            all.extend(parse(source)?);
        }
        while sources.iter().any(|source| source.name == guard_source.name) {
            guard_source.name.push('~');
        }
        let guarded: Vec<PolicySource> = sources.iter().cloned().chain([guard_source]).collect();
        let guarded = Policies::compile(&guarded)?;
        let (permits, forbids) = all.into_iter().partition(|told| told.policy.effect() == Effect::Permit);
        Ok(Self { condition: condition.to_owned(), permits, forbids, guard, guarded })
    }

    /// Decides by trying every combination.
    #[must_use]
    pub fn exhaustive(&self) -> Proof {
        let mut combinations = 0;
        let mut permits = Vec::new();
        for claim in self.claims() {
            permits.push(claim.exhaustive(&mut combinations));
        }
        Proof::of(permits, combinations, None)
    }

    /// What has to be shown: one claim for each permit.
    pub fn claims(&self) -> impl Iterator<Item = Claim<'_>> {
        self.permits.iter().map(|permit| Claim::new(self, permit))
    }

    /// The same in groups of permits, at most so many in each, and one at least.
    pub fn together(&self, most: usize) -> impl Iterator<Item = Together<'_>> {
        self.permits.chunks(most.max(1)).map(|permits| Together::new(self, permits))
    }

    /// The verdict about a case, by attributes, in which a permit grants although the condition holds.
    fn fails(&self, permit: &Told, values: &BTreeMap<String, Choice>) -> Verdict {
        let shown = values.iter().map(|(path, choice)| (path.clone(), choice.to_string()));
        Verdict::Fails { example: shown.collect(), case: stated::case(self, &permit.name, values) }
    }
}

/// Looks for a case in which the policies permit a release while the condition, in Cedar, holds: by trying
/// every combination.
///
/// # Errors
/// The problems of the policies, and those of the condition under the name `condition`.
pub fn never(sources: &[PolicySource], condition: &str) -> Result<Proof, Vec<PolicyProblem>> {
    Invariant::new(sources, condition).map(|invariant| invariant.exhaustive())
}

/// The policy that forbids everything while the condition does not hold.
fn guard_source(condition: &str) -> Result<PolicySource, Vec<PolicyProblem>> {
    if condition.trim().is_empty() {
        return Err(one_condition(condition));
    }
    let text = format!("forbid (principal, action, resource) unless {{\n{condition}\n}};");
    Ok(PolicySource { name: CONDITION.to_owned(), version: 1, text })
}

fn guard(source: &PolicySource) -> Result<Told, Vec<PolicyProblem>> {
    // The condition begins on the second line of that text.
    let as_given =
        |problem: PolicyProblem| PolicyProblem { line: problem.line.saturating_sub(1).max(1), ..problem };
    let given = |problems: Vec<PolicyProblem>| problems.into_iter().map(as_given).collect::<Vec<_>>();
    Policies::compile(std::slice::from_ref(source)).map_err(given)?;
    let mut told = parse(source)?;
    match (told.pop(), told.is_empty()) {
        // No policy has this id: theirs end in `#` and a number.
        (Some(guard), true) => Ok(Told { policy: guard.policy.new_id(PolicyId::new(CONDITION)), ..guard }),
        _ => Err(one_condition(&source.text)),
    }
}

fn one_condition(text: &str) -> Vec<PolicyProblem> {
    vec![PolicyProblem::at(CONDITION, text, 0, "one condition is expected")]
}

/// A policy with what it reads, or why that is not covered.
#[derive(Debug)]
struct Told {
    name: String,
    policy: Policy,
    reads: Result<Reads, String>,
    mentions: Mentions,
}

fn parse(source: &PolicySource) -> Result<Vec<Told>, Vec<PolicyProblem>> {
    let set: PolicySet = source.text.parse().map_err(|error: cedar_policy::ParseErrors| {
        vec![PolicyProblem::at(&source.name, &source.text, 0, error.to_string())]
    })?;
    let core: &ast::PolicySet = set.as_ref();
    let mut found = Vec::new();
    for (policy, number) in set.policies().zip(1_usize..) {
        let id: &str = policy.id().as_ref();
        let Some(tree) = core.policies().find(|tree| AsRef::<str>::as_ref(tree.id()) == id) else { continue };
        let line = tree.loc().map_or(0, |loc| loc.span.offset());
        let place = PolicyProblem::at(&source.name, &source.text, line, "");
        found.push(Told {
            name: format!("{}:{}", place.policy, place.line),
            policy: policy.new_id(PolicyId::new(format!("{}#{number}", source.name))),
            reads: Reads::of(tree),
            mentions: Mentions::of(tree),
        });
    }
    Ok(found)
}
