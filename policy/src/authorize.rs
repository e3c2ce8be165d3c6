//! The arrow from acceptable evidence to a permit.

use crate::appraised::Appraised;
use crate::circumstances::Circumstances;
use crate::decide::{decide, end_of_references};
use crate::decision::Denial;
use crate::permit::{Earned, KeyScope, Permit};
use crate::policies::Policies;
use crate::references::References;
use std::time::Duration;

/// May this node have this key, now?
///
/// In this order: the key's minimum tier, its demand for a CPU TEE, the policies. The first no is the
/// answer. The permit ends after `lifetime`, or when what the evidence rests on ends, or at the first date of a
/// reference value without which the answer would be no, whichever is first.
///
/// # Errors
/// [`Denial`], with a code of [`DenialCode`](crate::DenialCode).
pub fn authorize(
    appraised: &Appraised,
    scope: &KeyScope,
    policies: &Policies,
    references: &References,
    at: Circumstances,
    lifetime: Duration,
) -> Result<Permit, Denial> {
    let node = appraised.node();
    let decided = decide(node, scope, policies, references, at)?;
    let until = at.now.after(lifetime).min(appraised.not_after());
    let earned = Earned {
        tier: node.tier,
        cpu_tee: node.cpu_tee,
        recipient: appraised.recipient().clone(),
        evidence_digest: appraised.evidence_digest(),
        not_after: appraised.not_after(),
        references: end_of_references(node, scope, policies, references, at, until),
        hardware: appraised.hardware(),
        lab: appraised.lab(),
    };
    Permit::issue(earned, scope, decided, at.now, lifetime)
}
