//! How many grants of a key may be live: found by asking again with fewer.

use super::{Question, request};

impl Question<'_> {
    /// How many grants are live, and of how many at most, if that number alone is in the way of a yes. The most
    /// is where the answer turns: with one live grant less than that it is a yes, and with that many a no.
    pub(crate) fn crowded(&self) -> Option<(u32, u32)> {
        // Where no policy speaks of the circumstances, no number of them is in the way.
        let live = self.at.live_grants.filter(|_| self.groups.iter().any(|group| group.timed))?;
        if live == 0 || !self.yes_with(0) {
            return None;
        }
        // INVARIANT: a yes with `enough`, a no with `most`. Halved at most 32 times, for as many bits.
        let (mut enough, mut most) = (0, live);
        while most.saturating_sub(enough) > 1 {
            let between = enough.midpoint(most);
            if self.yes_with(between) { enough = between } else { most = between }
        }
        Some((live, most))
    }

    fn yes_with(&self, live_grants: u32) -> bool {
        let at = self.at.with_live_grants(live_grants);
        let Ok(request) = request(self.scope, at) else { return false };
        let asked = Question { request, at, groups: self.groups.clone(), ..*self };
        asked.flips(&[])
    }
}

#[cfg(test)]
mod tests;
