//! NVIDIA devices, end to end through the public interface: a lab's, each with one defect; and real ones,
//! with every byte changed in turn.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, outside a #[test] function")]

#[cfg(test)]
mod binding;
#[cfg(test)]
mod cache;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod crl;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod ocsp;
#[cfg(test)]
mod policy_input;
#[cfg(test)]
mod tdi;

use hanzo_attestation::roots::ExtraRoots;
use hanzo_attestation::{
    Cache, Claims, Collateral, Context, Refused, Revocation, Roots, Verified, nvidia, verify,
};
use hanzo_attestation_evidence::{Broken, Document, UnixTime};
use hanzo_attestation_lab::{DeviceOrder, LabChip, LabDevice, NvidiaLab, Validity};
use serde_json::{Value, json};

/// A vendor of one chip, and a verifier that accepts its root.
struct Bench {
    lab: NvidiaLab,
    roots: Roots,
    revocation: Revocation,
    now: UnixTime,
}

impl Bench {
    fn new(chip: LabChip) -> Self {
        let now = UnixTime::parse("2026-06-01T00:00:00Z").unwrap();
        let validity = Validity {
            not_before: UnixTime::parse("2026-01-01T00:00:00Z").unwrap(),
            not_after: UnixTime::parse("9999-12-31T23:59:59Z").unwrap(),
        };
        let lab = NvidiaLab::generate(chip, validity).unwrap();
        let extra = ExtraRoots { nvidia: vec![lab.root().to_vec()], ..ExtraRoots::default() };
        let revocation = Revocation::Waived { reason: "a test".to_owned() };
        Self { lab, roots: Roots::vendor().with_extra(extra), revocation, now }
    }

    fn judge(&self, items: &[Value]) -> Result<Verified, String> {
        judge(items, &self.roots, &Collateral::default(), &self.revocation, self.now)
    }

    fn device(&self, order: &DeviceOrder) -> LabDevice {
        self.lab.device(order).unwrap()
    }

    fn judge_gpu(&self, order: &DeviceOrder) -> Result<Verified, String> {
        self.judge(&[NvidiaLab::item("nvidia-gpu", &[self.device(order)], &[])])
    }
}

/// A Hopper GPU, and a bench that demands to know what is revoked.
struct Asked {
    bench: Bench,
    device: LabDevice,
}

impl Asked {
    fn new() -> Self {
        let mut bench = Bench::new(LabChip::Gh100);
        bench.revocation = Revocation::Required;
        let device = bench.device(&DeviceOrder::default());
        Self { bench, device }
    }
}

/// Parses and verifies; a refusal is its rule and code, whichever step it comes from.
fn judge(
    items: &[Value],
    roots: &Roots,
    collateral: &Collateral,
    revocation: &Revocation,
    now: UnixTime,
) -> Result<Verified, String> {
    let document = json!({"evidence": items}).to_string();
    let document = Document::from_json(document.as_bytes()).map_err(|error| error.rule().to_string())?;
    let evidence = document.parse().map_err(|error| error.rule().to_string())?;
    verify(evidence, &Context { roots, collateral, revocation, now, cache: Cache::off() }).map_err(code)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn code(refused: Refused) -> String {
    refused.finding.rule.to_string()
}

/// The claims of one item.
fn claims(verified: &Verified, index: usize) -> &nvidia::Claims {
    match verified.items()[index].claims() {
        Claims::Nvidia(claims) => claims,
        _ => panic!("NVIDIA claims"),
    }
}
