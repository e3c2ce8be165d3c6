//! Azure evidence, end to end through the public interface: a lab's, each with one defect; and real ones,
//! where they are at hand.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod lab;

use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Collateral, Refused, Revocation, Roots, Verified, verify};
use hanzo_attestation_evidence::{Broken, Document, UnixTime};
use serde_json::Value;

/// Parses and verifies a document; a refusal is its code, whichever step it comes from.
fn judge(
    document: &Value,
    roots: &Roots,
    collateral: &Collateral,
    now: UnixTime,
) -> Result<Verified, String> {
    let document = Document::from_json(document.to_string().as_bytes()).map_err(|error| error.to_string())?;
    let evidence = document.parse().map_err(|error| error.rule().code.to_owned())?;
    let revocation = Revocation::Waived { reason: "no AMD list is published for these".to_owned() };
    verify(evidence, &Context { roots, collateral, revocation: &revocation, now, cache: Cache::off() })
        .map_err(code)
}

fn code(refused: Refused) -> String {
    refused.finding.rule.code.to_owned()
}
