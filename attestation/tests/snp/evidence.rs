//! A report and certificates as an evidence document, judged by the vendor's roots.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hanzo_attestation::{Cache, Collateral, Context, Refused, Revocation, Roots, Verified, verify};
use hanzo_attestation_evidence::{Broken, Document, UnixTime};
use serde_json::{Value, json};

pub(crate) fn document(report: &[u8], certs: &[Vec<u8>]) -> Value {
    let certs: Vec<String> = certs.iter().map(|der| STANDARD.encode(der)).collect();
    json!({"evidence": [{"type": "sev-snp", "report": STANDARD.encode(report), "certs": certs}]})
}

/// Verifies with the vendor's roots and no revocation list; the error is the rule's id and code.
pub(crate) fn judge(report: &[u8], certs: &[Vec<u8>], now: UnixTime) -> Result<Verified, String> {
    let document = Document::from_json(document(report, certs).to_string().as_bytes())
        .map_err(|error| error.rule().to_string())?;
    let evidence = document.parse().map_err(|error| error.rule().to_string())?;
    let (roots, collateral) = (Roots::vendor(), Collateral::default());
    let revocation = Revocation::Waived { reason: "no list is published with the evidence".to_owned() };
    let context =
        Context { roots: &roots, collateral: &collateral, revocation: &revocation, now, cache: Cache::off() };
    verify(evidence, &context).map_err(|refused: Refused| refused.finding.rule.to_string())
}
