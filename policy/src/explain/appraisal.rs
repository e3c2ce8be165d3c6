//! Why genuine evidence is not acceptable, and what would make it so: another platform, or other thresholds.
//!
//! As for policies, nothing is guessed: every change is applied to a copy of the verified claims or of the
//! thresholds, and the appraisal is made again.

mod platform;
mod thresholds;

use super::change::{Change, Proposal};
use super::tree::{Mark, Step};
use crate::appraisal::{Appraisal, appraise_claims, appraise_devices};
use hanzo_attestation::{Claims, Facts, VerifiedItem};
use hanzo_attestation_evidence::{Finding, Severity};

/// Most changes that are combined: each rule that is broken asks for one.
const MAX_TOGETHER: usize = 3;
/// Most proposals that are told.
const MAX_PROPOSALS: usize = 16;

/// What was verified of one item.
type Item = (Claims, Facts);

/// An appraisal, made again and taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appraised {
    /// The findings that refuse, each a step; one step that holds where there are none.
    pub steps: Vec<Step>,
    /// What would make the evidence acceptable, smallest first.
    pub proposals: Vec<Proposal>,
    /// How many changes were tried.
    pub tried: usize,
}

/// Takes the appraisal of verified items apart.
#[must_use]
pub fn explain_appraisal(items: &[VerifiedItem], appraisal: &Appraisal) -> Appraised {
    let items: Vec<Item> = items.iter().map(|item| (item.claims().clone(), item.facts().clone())).collect();
    explain_items(&items, appraisal)
}

fn explain_items(items: &[Item], appraisal: &Appraisal) -> Appraised {
    let refusals = refusals(items, appraisal);
    if refusals.is_empty() {
        let text = "what was verified is acceptable".to_owned();
        return Appraised { steps: vec![Step::leaf(Mark::Yes, text)], proposals: Vec::new(), tried: 0 };
    }
    let steps = refusals.iter().map(|finding| {
        let Finding { rule, message, .. } = finding;
        Step::leaf(Mark::No, format!("{} {}: {message}", rule.id, rule.code))
    });
    let mut search = Search { items, appraisal, refusals: refusals.len(), tried: 0, found: Vec::new() };
    search.run(platform::ALL);
    search.run(thresholds::ALL);
    let Search { found, tried, .. } = search;
    let proposals = found.into_iter().take(MAX_PROPOSALS).map(Proposal::of).collect();
    Appraised { steps: steps.collect(), proposals, tried }
}

/// What refuses, without what only warns.
fn refusals(items: &[Item], appraisal: &Appraisal) -> Vec<Finding> {
    let alone = items.iter().flat_map(|(claims, facts)| appraise_claims(claims, facts, appraisal));
    let together = appraise_devices(items.iter().map(|(claims, _)| claims), appraisal);
    let all = alone.chain(together.into_iter().map(|(_, finding)| finding));
    all.filter(|finding| finding.severity == Severity::Refuse).collect()
}

/// One thing that could be otherwise.
struct Candidate {
    what: fn(&[Item], &Appraisal) -> Change,
    make: fn(&mut Vec<Item>, &mut Appraisal),
}

struct Search<'a> {
    items: &'a [Item],
    appraisal: &'a Appraisal,
    refusals: usize,
    tried: usize,
    found: Vec<Vec<Change>>,
}

impl Search<'_> {
    /// Tries the candidates of one table: those that settle a finding, alone and together.
    fn run(&mut self, table: &[Candidate]) {
        let alone: Vec<(&Candidate, usize)> = table.iter().map(|only| (only, self.left(&[only]))).collect();
        let helping = || alone.iter().filter(|(_, left)| *left < self.refusals);
        let enough: Vec<&Candidate> =
            helping().filter(|(_, left)| *left == 0).map(|(candidate, _)| *candidate).collect();
        let helping: Vec<&Candidate> = helping().map(|(candidate, _)| *candidate).collect();
        for candidate in &enough {
            self.tell(&[candidate]);
        }
        for size in 2..=MAX_TOGETHER {
            if enough.is_empty() && self.together(&helping, size, &mut Vec::new()) {
                break;
            }
        }
    }

    /// Whether any set of `size` of the candidates is enough; the first that is found is told.
    fn together<'c>(&mut self, all: &[&'c Candidate], size: usize, chosen: &mut Vec<&'c Candidate>) -> bool {
        let Some(left) = size.checked_sub(1) else {
            let enough = self.left(chosen) == 0;
            if enough {
                self.tell(chosen);
            }
            return enough;
        };
        for (index, candidate) in all.iter().enumerate() {
            chosen.push(candidate);
            let rest = all.get(index.saturating_add(1)..).unwrap_or(&[]);
            if self.together(rest, left, chosen) {
                return true;
            }
            chosen.pop();
        }
        false
    }

    /// How many findings refuse with these changes made.
    fn left(&mut self, changes: &[&Candidate]) -> usize {
        self.tried = self.tried.saturating_add(1);
        let (mut items, mut appraisal) = (self.items.to_vec(), self.appraisal.clone());
        for candidate in changes {
            (candidate.make)(&mut items, &mut appraisal);
        }
        refusals(&items, &appraisal).len()
    }

    fn tell(&mut self, changes: &[&Candidate]) {
        let changes = changes.iter().map(|candidate| (candidate.what)(self.items, self.appraisal));
        self.found.push(changes.collect());
    }
}

#[cfg(test)]
mod tests;
