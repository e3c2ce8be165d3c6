//! Why a past decision came out as it did: made again from what was kept about it.
//!
//! What policies decided is made again exactly, from the facts, policies and reference values of then. A
//! proof that was refused before is verified again as of then, by the roots, lists and thresholds of now,
//! with one thing changed at a time.

use crate::judge::{Grounds, NotProved, Proof, attest};
use hanzo_attestation::{Attested, Collateral, Revocation, RimHold, Roots, VerifiedItem};
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

/// The waivers that a row names: checks that configuration let pass, a lab's root, and rules that were changed
/// without their quorum.
pub(crate) fn waivers(row: &Decision) -> Vec<String> {
    let entry = &row.entry;
    let lab = entry.lab.then(|| "a chain ends in a lab's root, which configuration accepts".to_owned());
    let broken = entry.break_glass.iter().map(|id| {
        format!("the change {id} of the rules was applied without its quorum, and nobody had acknowledged it")
    });
    entry.waivers.iter().cloned().chain(lab).chain(broken).collect()
}

/// The waivers under which a proof is genuine as of a time, by what is in force now.
pub(crate) fn proof_waivers(grounds: &Grounds, roots: &Roots, proof: &Proof, at: UnixTime) -> Vec<String> {
    let attested = attest(grounds, roots, (&grounds.revocation, &grounds.collateral), proof, at);
    let items = attested.as_ref().map(Attested::items).unwrap_or_default();
    let waived = items.iter().flat_map(VerifiedItem::findings).filter(|finding| finding.waived);
    waived
        .map(|waiver| format!("{}: {}", waiver.rule, waiver.message))
        .chain(grounds.bundle_waiver(at))
        .collect()
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
    let again = match bench.judge((&grounds.revocation, &grounds.collateral), at) {
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
    fn judge(&self, by: (&Revocation, &Collateral), at: UnixTime) -> Result<(), NotProved> {
        let attested = attest(self.grounds, self.roots, by, self.proof, at)?;
        appraise(attested, &self.grounds.appraisal).map(drop).map_err(NotProved::refused)
    }

    /// What would make the proof hold, and whether it is genuine as it is.
    fn explain(&self, at: UnixTime) -> (ExplainedAppraisal, bool) {
        let Grounds { revocation, collateral, .. } = self.grounds;
        let (waivers, mut tried) = self.waivers(at);
        if let Ok(attested) = attest(self.grounds, self.roots, (revocation, collateral), self.proof, at) {
            let mut explained = explain_appraisal(attested.items(), &self.grounds.appraisal);
            // Waivers loosen what the thresholds' search may not have to: they are told after it.
            explained.proposals.extend(waivers);
            explained.tried = explained.tried.saturating_add(tried);
            return (explained, true);
        }
        let mut proposals = Vec::new();
        let distances = || DISTANCES.into_iter().map(Duration::from_secs);
        let sides: [fn(UnixTime, Duration) -> UnixTime; 2] = [UnixTime::before, UnixTime::after];
        for side in sides {
            let mut times = distances().map(|distance| side(at, distance));
            let renewed = times.find(|at| {
                tried = tried.saturating_add(1);
                self.judge((revocation, collateral), *at).is_ok()
            });
            proposals.extend(renewed.map(|at| proposal([Change::Renewed { at }])));
        }
        proposals.extend(waivers);
        (ExplainedAppraisal { steps: Vec::new(), proposals, tried }, false)
    }

    /// Every waiver that configuration knows and does not make, tried alone, and together where none is enough.
    fn waivers(&self, at: UnixTime) -> (Vec<Proposal>, usize) {
        let Grounds { revocation, collateral, .. } = self.grounds;
        let waived = Revocation::Waived { reason: "tried to explain a refusal".to_owned() };
        let held = collateral.clone().with_nvidia_rim_hold(RimHold::Accept);
        let demanded = *revocation == Revocation::Required;
        let refused = collateral.nvidia_rim_hold() == RimHold::Refuse;
        let (mut found, mut tried) = (Vec::new(), 0_usize);
        let mut holds = |revocation: &Revocation, collateral: &Collateral| {
            tried = tried.saturating_add(1);
            self.judge((revocation, collateral), at).is_ok()
        };
        if demanded && holds(&waived, collateral) {
            found.push(proposal([Change::Revocation]));
        }
        if refused && holds(revocation, &held) {
            found.push(proposal([Change::ManifestHold]));
        }
        if demanded && refused && found.is_empty() && holds(&waived, &held) {
            found.push(proposal([Change::Revocation, Change::ManifestHold]));
        }
        (found, tried)
    }
}

fn proposal<const N: usize>(changes: [Change; N]) -> Proposal {
    Proposal { changes: changes.into_iter().map(ProposedChange::from).collect() }
}
