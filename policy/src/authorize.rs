//! The arrow from acceptable evidence to a permit.

use crate::appraised::Appraised;
use crate::decide::decide;
use crate::decision::Denial;
use crate::permit::{Earned, KeyScope, Permit};
use crate::policies::Policies;
use crate::references::References;
use hanzo_attestation_evidence::UnixTime;
use std::time::Duration;

/// May this node have this key, now?
///
/// In this order: the key's minimum tier, its demand for a CPU TEE, the policies. The first no is the
/// answer. The permit ends after `lifetime`, or when what the evidence rests on ends, if that is earlier.
///
/// # Errors
/// [`Denial`], with a code of [`DenialCode`](crate::DenialCode).
pub fn authorize(
    appraised: &Appraised,
    scope: &KeyScope,
    policies: &Policies,
    references: &References,
    now: UnixTime,
    lifetime: Duration,
) -> Result<Permit, Denial> {
    let node = appraised.node();
    let decided = decide(node, scope, policies, references, now)?;
    let earned = Earned {
        tier: node.tier,
        cpu_tee: node.cpu_tee,
        recipient: appraised.recipient().clone(),
        evidence_digest: appraised.evidence_digest(),
        not_after: appraised.not_after(),
        hardware: appraised.hardware(),
        lab: appraised.lab(),
    };
    Permit::issue(earned, scope, decided, now, lifetime)
}
