//! SGX quotes and RA-TLS certificates, end to end through the public interface: a lab's, each with one
//! defect; and real ones, with every byte changed in turn.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod ra_tls;
#[cfg(test)]
mod real;

use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Collateral, Refused, Revocation, Roots, Verified, verify};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_evidence::{Broken, Document, UnixTime};
use serde_json::{Value, json};

/// The document of one quote.
fn document(quote: &[u8]) -> Value {
    json!({"evidence": [{"type": "sgx", "quote": base64_encode(quote)}]})
}

/// Parses and verifies a document; a refusal is its code, whichever step it comes from.
fn judge(
    document: &Value,
    roots: &Roots,
    collateral: &Collateral,
    now: UnixTime,
) -> Result<Verified, String> {
    let document = Document::from_json(document.to_string().as_bytes()).map_err(|error| error.to_string())?;
    let evidence = document.parse().map_err(|error| error.rule().code.to_owned())?;
    let revocation = Revocation::Required;
    verify(evidence, &Context { roots, collateral, revocation: &revocation, now, cache: Cache::off() })
        .map_err(code)
}

fn code(refused: Refused) -> String {
    refused.finding.rule.code.to_owned()
}
