//! Every combination of the values that policies tell apart.
//!
//! Policies compare attributes with constants, so that they can tell apart only finitely many nodes and keys:
//! every attribute that a permit, the condition or a forbid reads takes each value that one of them names,
//! the values beside it, and one that none names. All combinations are put to the same engine that decides.
//! If none is permitted, none ever is: the combinations are more than real evidence can show (an SEV-SNP
//! guest with a TD's claims is among them), never fewer.

use super::collect::Reads;
use super::{Invariant, Told, Verdict, choices, world};
use cedar_policy::{Authorizer, Decision, PolicySet};

/// Most failing combinations after the first that are looked at for one that can be stated as a case: each
/// costs a decision or a few.
const MAX_STATED: usize = 16;

/// First without the forbids, which can only take away; with them where that is not enough.
pub(super) fn decide(invariant: &Invariant, permit: &Told, combinations: &mut u64) -> Verdict {
    let (guard, forbids) = (&invariant.guard, &invariant.forbids);
    let alone = search(invariant, permit, &[permit, guard], combinations);
    if !matches!(alone, Verdict::Fails { .. }) || forbids.is_empty() {
        return alone;
    }
    let all: Vec<&Told> = [permit, guard].into_iter().chain(forbids).collect();
    search(invariant, permit, &all, combinations)
}

fn search(invariant: &Invariant, permit: &Told, policies: &[&Told], combinations: &mut u64) -> Verdict {
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
    let (mut found, mut failing) = (None, 0_usize);
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
                    let verdict = invariant.fails(permit, &assigned.values());
                    failing = failing.saturating_add(1);
                    if verdict.case().is_some() || failing > MAX_STATED {
                        return found.filter(|_| verdict.case().is_none()).unwrap_or(verdict);
                    }
                    found.get_or_insert(verdict);
                }
            }
            Err(why) => return found.unwrap_or(Verdict::Undecided { why }),
        }
        if !next(&choices, &mut picks) {
            return found.unwrap_or(Verdict::Holds);
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
