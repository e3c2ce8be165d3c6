//! The whole way of evidence through the real verifier: parse, verify, compare report data, appraise.

use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Collateral, Revocation, Roots, Verified, verify};
use hanzo_attestation_evidence::{Broken, Document, Severity, UnixTime};
use hanzo_attestation_lab::Lab;
use hanzo_policy::{Appraisal, appraise_item};
use serde_json::Value;

/// Inside the published lab's validity.
pub(crate) const NOW: &str = "2026-11-20T12:00:00Z";
/// What every order of these tests asks to be bound.
pub(crate) const REPORT_DATA: [u8; 64] = [0x5a; 64];

/// The code of the first refusal, or what was verified. Everything is judged strictly.
pub(crate) fn judge(item: Value, collateral: &Collateral) -> Result<Verified, &'static str> {
    judge_under(&Lab::fixture(), item, collateral)
}

/// As [`judge`], under the roots of another lab.
pub(crate) fn judge_under(lab: &Lab, item: Value, collateral: &Collateral) -> Result<Verified, &'static str> {
    let verified = verify_under(lab, item, collateral)?;
    let appraisal = Appraisal::strict();
    let mut findings = verified.items().iter().flat_map(|item| appraise_item(item, &appraisal));
    match findings.find(|finding| finding.severity == Severity::Refuse) {
        Some(finding) => Err(finding.rule.code),
        None => Ok(verified),
    }
}

/// The code of the first refusal before appraisal, or what was verified.
pub(crate) fn authentic(item: Value, collateral: &Collateral) -> Result<Verified, &'static str> {
    verify_under(&Lab::fixture(), item, collateral)
}

fn verify_under(lab: &Lab, item: Value, collateral: &Collateral) -> Result<Verified, &'static str> {
    let document = Lab::document(vec![item]).to_string();
    let document = Document::from_json(document.as_bytes()).map_err(|error| error.rule().code)?;
    let evidence = document.parse().map_err(|error| error.rule().code)?;
    let roots = Roots::vendor().with_extra(lab.extra_roots());
    let context = Context {
        roots: &roots,
        collateral,
        revocation: &Revocation::Required,
        now: UnixTime::parse(NOW).unwrap(),
        cache: Cache::off(),
    };
    let verified = verify(evidence, &context).map_err(|refused| refused.finding.rule.code)?;
    verified.check_report_data(&REPORT_DATA).map_err(|refused| refused.finding.rule.code)?;
    Ok(verified)
}
