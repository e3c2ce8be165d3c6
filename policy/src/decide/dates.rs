//! Until when reference values bear a decision.

use super::Question;
use crate::circumstances::Circumstances;
use crate::node::Node;
use crate::permit::KeyScope;
use crate::policies::Policies;
use crate::references::{References, Register};
use hanzo_attestation_evidence::UnixTime;
use std::collections::BTreeSet;

/// Most instants that are asked about: each is one more evaluation. A set of a TPM's 22 registers has as many
/// at most, and one set is usual. What would be asked beyond it counts as the end.
const MAX_ASKED: usize = 32;

/// The first instant after now, and before `until`, at which dates of reference values turn a yes into a no,
/// with the value that does. What the decision does not need shortens nothing: the policies are asked again as
/// of each date.
pub(crate) fn end_of_references(
    node: &Node,
    scope: &KeyScope,
    policies: &Policies,
    references: &References,
    at: Circumstances,
    until: UnixTime,
) -> Option<(UnixTime, String)> {
    let groups: Vec<_> = policies.about(&scope.key).collect();
    let named = groups.iter().flat_map(|group| &group.whole.measurements);
    let reachable: BTreeSet<&Register> = node.registers.iter().chain(named).collect();
    let mut dates: BTreeSet<UnixTime> =
        reachable.into_iter().flat_map(|register| references.dates_of(register)).collect();
    dates.retain(|date| at.now < *date && *date < until);
    if dates.is_empty() {
        return None;
    }
    // A question that cannot be put bears nothing: the first date ends it.
    let question = Question::new(node, scope, groups, references, at).ok();
    let holds = |date: UnixTime| {
        let question = question.as_ref()?;
        let (groups, request) = (question.groups.clone(), question.request.clone());
        let later = Question { dated: Some(date), groups, request, ..*question };
        later.flips(&[]).then_some(())
    };
    let asked = dates.into_iter().zip(1_usize..);
    let end = asked.into_iter().find(|(date, number)| *number > MAX_ASKED || holds(*date).is_none())?.0;
    Some((end, why(references, node, end)))
}

/// The value whose date it is.
fn why(references: &References, node: &Node, end: UnixTime) -> String {
    let mut ended = references.undated(&node.registers, end);
    match ended.find(|value| value.validity.expires_at == Some(end)) {
        Some(value) => value.reason(end),
        None => format!("reference values count otherwise from {end}"),
    }
}

#[cfg(test)]
mod tests;
