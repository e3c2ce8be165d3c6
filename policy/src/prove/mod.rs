//! Invariants of policies, by trying every case that they can tell apart.
//!
//! An invariant is a condition under which no key may be released, e.g. that a lab vouches for the node and the
//! key's minimum tier is 2 or more. Policies compare attributes with constants, so that they can tell apart only finitely many nodes and
//! keys: every attribute that a permit, the condition or a forbid reads takes each value that one of them
//! names, the values beside it, and one that none names. All combinations are put to the same engine that
//! decides. If none is permitted, none ever is: the combinations are more than real evidence can show (an
//! SEV-SNP guest with a TD's claims is among them), never fewer.
//!
//! What is not of that form is not decided, and said so: two attributes compared with each other, arithmetic, two
//! patterns for one text, more combinations than [`MAX_COMBINATIONS`].

mod choices;
mod collect;
mod world;

use crate::policies::{Policies, PolicySource};
use crate::problem::PolicyProblem;
use cedar_policy::{Authorizer, Decision, Effect, Policy, PolicyId, PolicySet};
use cedar_policy_core::ast;
use collect::Reads;
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
    /// How it was found.
    pub method: &'static str,
    /// Combinations that were tried.
    pub combinations: u64,
    /// What was found about each permit.
    pub permits: Vec<PermitProof>,
}

/// What was found about one permit.
#[derive(Clone, Debug, Serialize)]
pub struct PermitProof {
    /// The policy.
    pub policy: String,
    /// What was found.
    #[serde(flatten)]
    pub verdict: Verdict,
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
    },
    /// It is not of the form that can be decided.
    Undecided {
        /// What is not.
        why: String,
    },
}

/// Looks for a case in which the policies permit a release while the condition, in Cedar, holds.
///
/// # Errors
/// The problems of the policies, and those of the condition under the name `condition`.
pub fn never(sources: &[PolicySource], condition: &str) -> Result<Proof, Vec<PolicyProblem>> {
    Policies::compile(sources)?;
    let guard = guard(condition)?;
    let mut all = Vec::new();
    for source in sources {
        all.extend(parse(source)?);
    }
    let forbids: Vec<&Told> = all.iter().filter(|told| told.effect == Effect::Forbid).collect();
    let mut combinations = 0;
    let mut permits = Vec::new();
    for permit in all.iter().filter(|told| told.effect == Effect::Permit) {
        let verdict = decide(permit, &guard, &forbids, &mut combinations);
        permits.push(PermitProof { policy: permit.name.clone(), verdict });
    }
    let holds = permits.iter().all(|permit| permit.verdict == Verdict::Holds);
    Ok(Proof {
        holds,
        method: "every combination of the values that the policies tell apart",
        combinations,
        permits,
    })
}

/// What forbids everything while the condition does not hold.
fn guard(condition: &str) -> Result<Told, Vec<PolicyProblem>> {
    let one = || vec![PolicyProblem::at(CONDITION, condition, 0, "one condition is expected")];
    if condition.trim().is_empty() {
        return Err(one());
    }
    let text = format!("forbid (principal, action, resource) unless {{\n{condition}\n}};");
    let source = PolicySource { name: CONDITION.to_owned(), version: 1, text };
    // The condition begins on the second line of that text.
    let as_given =
        |problem: PolicyProblem| PolicyProblem { line: problem.line.saturating_sub(1).max(1), ..problem };
    let given = |problems: Vec<PolicyProblem>| problems.into_iter().map(as_given).collect::<Vec<_>>();
    Policies::compile(std::slice::from_ref(&source)).map_err(given)?;
    let mut told = parse(&source)?;
    match (told.pop(), told.is_empty()) {
        (Some(guard), true) => Ok(guard),
        _ => Err(one()),
    }
}

/// A policy with what it reads, or why that is not covered.
struct Told {
    name: String,
    effect: Effect,
    policy: Policy,
    reads: Result<Reads, String>,
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
            effect: policy.effect(),
            policy: policy.new_id(PolicyId::new(format!("{}#{number}", source.name))),
            reads: Reads::of(tree),
        });
    }
    Ok(found)
}

/// First without the forbids, which can only take away; with them where that is not enough.
fn decide(permit: &Told, guard: &Told, forbids: &[&Told], combinations: &mut u64) -> Verdict {
    let alone = search(&[permit, guard], combinations);
    if !matches!(alone, Verdict::Fails { .. }) || forbids.is_empty() {
        return alone;
    }
    let all: Vec<&Told> = [permit, guard].into_iter().chain(forbids.iter().copied()).collect();
    search(&all, combinations)
}

fn search(policies: &[&Told], combinations: &mut u64) -> Verdict {
    let mut reads = Reads::default();
    let mut set = PolicySet::new();
    for told in policies {
        match &told.reads {
            Ok(own) => reads.merge(own),
            Err(why) => return Verdict::Undecided { why: format!("{}: {why}", told.name) },
        }
        if let Err(error) = set.add(told.policy.clone()) {
            return Verdict::Undecided { why: error.to_string() };
        }
    }
    let choices = match choices::of(&reads) {
        Ok(choices) => choices,
        Err(why) => return Verdict::Undecided { why },
    };
    let authorizer = Authorizer::new();
    let mut picks = vec![0_usize; choices.len()];
    loop {
        *combinations = combinations.saturating_add(1);
        let assigned = world::Assigned::new(&choices, &picks);
        match assigned.ask() {
            Ok(None) => {}
            Ok(Some((request, entities))) => {
                let response = authorizer.is_authorized(&request, &set, &entities);
                if let Some(error) = response.diagnostics().errors().next() {
                    return Verdict::Undecided { why: error.to_string() };
                }
                if response.decision() == Decision::Allow {
                    return Verdict::Fails { example: assigned.example() };
                }
            }
            Err(why) => return Verdict::Undecided { why },
        }
        if !next(&choices, &mut picks) {
            return Verdict::Holds;
        }
    }
}

/// The next combination, as an odometer counts.
fn next(choices: &[choices::Variable], picks: &mut [usize]) -> bool {
    for (variable, pick) in choices.iter().zip(picks) {
        let following = pick.saturating_add(1);
        if following < variable.len() {
            *pick = following;
            return true;
        }
        *pick = 0;
    }
    false
}

#[cfg(test)]
mod tests;
