//! TPM quotes, end to end through the public interface: a lab's, each with one defect; real ones; every byte
//! changed.

#[cfg(test)]
mod activation;
#[cfg(test)]
mod bytes;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod trust;

use hanzo_attestation::tpm::Claims;
use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Collateral, Refused, Revocation, Roots, Verified, verify};
use hanzo_attestation_evidence::{Broken, Document, UnixTime};
use hanzo_attestation_lab::{Lab, TpmOrder};
use serde_json::{Value, json};

/// What every order of these tests asks to be bound.
const NONCE: [u8; 32] = [0x5a; 32];

/// Inside the published lab's validity.
fn now() -> UnixTime {
    UnixTime::from_seconds(Lab::fixture().validity().not_before.seconds() + 86_400).unwrap_or(UnixTime::MAX)
}

/// The usual order over [`NONCE`].
fn order() -> TpmOrder {
    TpmOrder { qualifying_data: NONCE.to_vec(), ..TpmOrder::default() }
}

/// Roots that trust the lab's authority over attestation keys.
fn roots() -> Roots {
    Roots::vendor().with_tpm_ca(Lab::fixture().tpm_authority().to_vec())
}

/// Parses and verifies items; a refusal is its code, whichever step it comes from.
fn judge(items: &[Value], roots: &Roots, now: UnixTime) -> Result<Verified, String> {
    let document = json!({"evidence": items}).to_string();
    let document = Document::from_json(document.as_bytes()).map_err(|error| error.rule().code.to_owned())?;
    let evidence = document.parse().map_err(|error| error.rule().code.to_owned())?;
    let (collateral, revocation) = (Collateral::default(), Revocation::Required);
    let context =
        Context { roots, collateral: &collateral, revocation: &revocation, now, cache: Cache::off() };
    verify(evidence, &context).map_err(code)
}

fn code(refused: Refused) -> String {
    refused.finding.rule.code.to_owned()
}

/// The claims of the only item.
fn claims(verified: &Verified) -> Option<&Claims> {
    match verified.items() {
        [item] => match item.claims() {
            hanzo_attestation::Claims::Tpm(claims) => Some(claims),
            _ => None,
        },
        _ => None,
    }
}
