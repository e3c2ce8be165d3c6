//! Which checks configuration waives: what the strict profile would have refused, and was let pass.

use crate::appraisal::{Appraisal, appraise_claims, appraise_devices};
use hanzo_attestation::{Claims, Facts};
use hanzo_attestation_evidence::{Finding, Severity};

/// The waivers of verification among its findings, and those of thresholds that are looser than strict.
pub(crate) fn waivers<'a>(
    items: impl Iterator<Item = (&'a Claims, &'a Facts)> + Clone,
    findings: &[Finding],
    appraisal: &Appraisal,
) -> Vec<Finding> {
    let mut waivers: Vec<Finding> = findings.iter().filter(|finding| finding.waived).cloned().collect();
    let strict = Appraisal::strict();
    if *appraisal == strict {
        return waivers;
    }
    let alone = items.clone().flat_map(|(claims, facts)| appraise_claims(claims, facts, &strict));
    let together = appraise_devices(items.map(|(claims, _)| claims), &strict);
    let refused = alone.chain(together.into_iter().map(|(_, finding)| finding));
    for finding in refused.filter(|finding| finding.severity == Severity::Refuse) {
        // What is a waiver of verification already is named once.
        if waivers.iter().all(|waiver| waiver.rule != finding.rule) {
            let message = format!("{}; the configured thresholds accept it", finding.message);
            waivers.push(Finding::new(finding.rule, Severity::Warn, message).waived());
        }
    }
    waivers
}
