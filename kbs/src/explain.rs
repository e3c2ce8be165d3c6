//! Why a past decision came out as it did: made again from what was kept about it.
//!
//! What policies decided is made again exactly, from the facts, policies and reference values of then. A
//! proof that was refused before is verified again as of then, by the roots, lists and thresholds of now,
//! with one thing changed at a time.

use crate::judge::{Grounds, NotProved, Proof, attest};
use hanzo_attestation::{Revocation, Roots};
use hanzo_attestation_evidence::UnixTime;
use hanzo_kbs_log::Decision;
use hanzo_policy::explain::{
    Change, ExplainedAppraisal, Mark, Proposal, ProposedChange, Step, explain_appraisal,
};
use hanzo_policy::{Explanation, appraise};
use std::time::Duration;

/// How far from the time of the decision a proof is tried, in seconds: from a clock that is off to a list
/// that nobody fetched for years. Each is one verification.
const DISTANCES: [u64; 12] = [
    300,
    3600,
    21_600,
    86_400,
    259_200,
    604_800,
    1_209_600,
    2_592_000,
    7_776_000,
    15_552_000,
    31_536_000,
    157_680_000,
];

/// What is known from the row alone.
pub(crate) fn recorded(row: &Decision) -> Explanation {
    let entry = &row.entry;
    Explanation {
        granted: false,
        code: entry.code.clone(),
        message: entry.reason.clone(),
        reasons: Vec::new(),
        steps: vec![leaf(Mark::No, format!("{}: {}", entry.code, entry.reason))],
        proposals: Vec::new(),
        tried: 0,
    }
}

/// Takes the refusal of a proof apart. The second value says what differs from the record.
pub(crate) fn refused_proof(
    grounds: &Grounds,
    roots: &Roots,
    proof: &Proof,
    row: &Decision,
) -> (Explanation, Option<String>) {
    let bench = Bench { grounds, roots, proof };
    let at = row.entry.at;
    let again = match bench.judge(&grounds.revocation, at) {
        Ok(()) => {
            let note = "the same proof is accepted as of then by what is in force now".to_owned();
            return (recorded(row), Some(note));
        }
        Err(refused) => refused,
    };
    let note = (again.code != row.entry.code)
        .then(|| format!("by what is in force now it is refused as {}: {}", again.code, again.reason));
    let (ExplainedAppraisal { steps, proposals, tried }, genuine) = bench.explain(at);
    let mut all = vec![leaf(Mark::from(genuine), "signatures, chains, freshness and binding".to_owned())];
    if genuine {
        all.extend(steps);
    } else {
        all.push(leaf(Mark::No, format!("{}: {}", again.code, again.reason)));
    }
    (Explanation { steps: all, proposals, tried, ..recorded(row) }, note)
}

fn leaf(mark: Mark, text: String) -> Step {
    Step { mark, text, steps: Vec::new() }
}

struct Bench<'a> {
    grounds: &'a Grounds,
    roots: &'a Roots,
    proof: &'a Proof,
}

impl Bench<'_> {
    /// The whole chain, as of a time. Whether the broker's clock and bundle count is not asked: where they do
    /// not, nothing was verified, and no proof was kept.
    fn judge(&self, revocation: &Revocation, at: UnixTime) -> Result<(), NotProved> {
        let attested = attest(self.grounds, self.roots, revocation, self.proof, at)?;
        appraise(attested, &self.grounds.appraisal).map(drop).map_err(NotProved::refused)
    }

    /// What would make the proof hold, and whether it is genuine as it is.
    fn explain(&self, at: UnixTime) -> (ExplainedAppraisal, bool) {
        let genuine = attest(self.grounds, self.roots, &self.grounds.revocation, self.proof, at);
        if let Ok(attested) = genuine {
            return (explain_appraisal(attested.items(), &self.grounds.appraisal), true);
        }
        let mut tried = 0_usize;
        let mut changes = Vec::new();
        let mut holds = |revocation: &Revocation, at| {
            tried = tried.saturating_add(1);
            self.judge(revocation, at).is_ok()
        };
        let distances = || DISTANCES.into_iter().map(Duration::from_secs);
        let sides: [fn(UnixTime, Duration) -> UnixTime; 2] = [UnixTime::before, UnixTime::after];
        for side in sides {
            let mut times = distances().map(|distance| side(at, distance));
            if let Some(at) = times.find(|at| holds(&self.grounds.revocation, *at)) {
                changes.push(Change::Renewed { at });
            }
        }
        let waived = Revocation::Waived { reason: "tried to explain a refusal".to_owned() };
        if self.grounds.revocation == Revocation::Required && holds(&waived, at) {
            changes.push(Change::Revocation);
        }
        let alone = |change| Proposal { changes: vec![ProposedChange::from(change)] };
        let proposals = changes.into_iter().map(alone).collect();
        (ExplainedAppraisal { steps: Vec::new(), proposals, tried }, false)
    }
}
