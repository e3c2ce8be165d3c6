//! The smallest change that turns a decision, found by deciding again.

use super::candidates::candidates;
use super::change::{Change, Proposal};
use super::world::World;

/// Most candidates of which pairs are tried: two thousand decisions, a tenth of a second.
const MAX_PAIRED: usize = 64;
/// Most candidates of which sets of three are tried: as many.
const MAX_TRIPLED: usize = 24;
/// Most proposals that are told.
const MAX_PROPOSALS: usize = 16;

/// What was found.
pub(super) struct Found {
    pub(super) proposals: Vec<Proposal>,
    pub(super) tried: usize,
}

/// Looks for sets of one, then two, then three changes that turn the decision; where sets of one size do, no
/// larger ones are tried, so that none of the changes of a set can be left out. What loosens a rule is tried
/// apart, and told last.
pub(super) fn search(world: World<'_>, granted: bool) -> Found {
    let all = candidates(&world);
    let (loosening, meeting): (Vec<_>, Vec<_>) = all.into_iter().partition(Change::loosens);
    let mut search = Search { world, granted, tried: 0, found: Vec::new() };
    search.sets(&meeting, 1);
    // What takes a grant away is told one by one: it is what the grant hangs on.
    if !granted {
        if search.found.is_empty() {
            search.sets(meeting.get(..MAX_PAIRED).unwrap_or(&meeting), 2);
        }
        if search.found.is_empty() {
            search.sets(meeting.get(..MAX_TRIPLED).unwrap_or(&meeting), 3);
        }
        let met = search.found.len();
        search.sets(&loosening, 1);
        if met == 0 && search.found.is_empty() {
            let mixed: Vec<Change> = meeting.iter().take(MAX_TRIPLED).chain(&loosening).cloned().collect();
            search.sets(mixed.get(..MAX_PAIRED).unwrap_or(&mixed), 2);
        }
    }
    let Search { mut found, tried, .. } = search;
    found.sort_by_key(|changes| (changes.iter().any(Change::loosens), changes.len(), weight(changes)));
    found.truncate(MAX_PROPOSALS);
    Found { proposals: found.into_iter().map(Proposal::of).collect(), tried }
}

fn weight(changes: &[Change]) -> u32 {
    changes.iter().map(Change::weight).sum()
}

struct Search<'a> {
    world: World<'a>,
    granted: bool,
    tried: usize,
    found: Vec<Vec<Change>>,
}

impl Search<'_> {
    /// Tries every set of `size` of the candidates.
    fn sets(&mut self, candidates: &[Change], size: usize) {
        let world = self.world.clone();
        self.extend(&world, candidates, size, &mut Vec::new());
    }

    fn extend(&mut self, world: &World<'_>, candidates: &[Change], size: usize, chosen: &mut Vec<Change>) {
        let Some(left) = size.checked_sub(1) else {
            self.tried = self.tried.saturating_add(1);
            if world.yes() != self.granted {
                self.found.push(chosen.clone());
            }
            return;
        };
        for (index, change) in candidates.iter().enumerate() {
            let Some(next) = world.with(change) else { continue };
            let rest = candidates.get(index.saturating_add(1)..).unwrap_or(&[]);
            chosen.push(change.clone());
            self.extend(&next, rest, left, chosen);
            chosen.pop();
        }
    }
}
