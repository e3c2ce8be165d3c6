//! TDX quotes, end to end through the public interface: a lab's, each with one defect; and real ones, with
//! every byte changed in turn.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside a #[test] function")]

#[cfg(test)]
mod collateral;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod named;
#[cfg(test)]
mod real;
#[cfg(test)]
mod second_reader;

use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Collateral, Refused, Revocation, Roots, Verified, verify};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_evidence::{Document, Tee, UnixTime};
use serde_json::{Value, json};

/// The document of one quote.
fn document(quote: &[u8]) -> Value {
    json!({"evidence": [{"type": "tdx", "quote": base64_encode(quote)}]})
}

/// Parses and verifies a document without collateral; a refusal is its code, whichever step it comes from.
fn judge(document: &Value, roots: &Roots, now: UnixTime) -> Result<Verified, String> {
    judge_with(document, roots, &Collateral::default(), now).map_err(code)
}

/// Parses and verifies a document with collateral.
fn judge_with(
    document: &Value,
    roots: &Roots,
    collateral: &Collateral,
    now: UnixTime,
) -> Result<Verified, Refused> {
    let document = Document::from_json(document.to_string().as_bytes()).unwrap();
    let evidence = document.parse().map_err(|error| Refused::new(Tee::Tdx, &error))?;
    let revocation = Revocation::Required;
    verify(evidence, &Context { roots, collateral, revocation: &revocation, now, cache: Cache::off() })
}

fn code(refused: Refused) -> String {
    refused.finding.rule.code.to_owned()
}
