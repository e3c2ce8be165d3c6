//! Reference integrity manifests of NVIDIA devices: real ones, a lab's with every defect, attacks on their
//! XML, and devices beside them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "says how many cases were judged")]

mod attacks;
mod compare;
mod corpus;
mod lab;
mod ocsp;
mod select;

use hanzo_attestation::nvidia::rim::{RimProofError, TrustedRim, verify_rim};
use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Collateral, Revocation, Roots};
use hanzo_attestation_evidence::{Broken as _, UnixTime};
use hanzo_attestation_lab::{RimVendor, Validity};
use std::sync::LazyLock;

fn time(text: &str) -> UnixTime {
    UnixTime::parse(text).unwrap()
}

/// Inside the lab's validity.
fn now() -> UnixTime {
    time("2026-06-01T00:00:00Z")
}

fn waived() -> Revocation {
    Revocation::Waived { reason: "a test".to_owned() }
}

/// One vendor for all tests: its keys are fresh in each run.
fn vendor() -> &'static RimVendor {
    static VENDOR: LazyLock<RimVendor> = LazyLock::new(|| {
        let validity =
            Validity { not_before: time("2026-01-01T00:00:00Z"), not_after: time("2027-01-01T00:00:00Z") };
        RimVendor::generate(validity).unwrap()
    });
    &VENDOR
}

fn lab_roots() -> Roots {
    Roots::vendor().with_extra(vendor().extra_roots())
}

fn verify_with(
    xml: &[u8],
    roots: &Roots,
    now: UnixTime,
    revocation: &Revocation,
) -> Result<TrustedRim, RimProofError> {
    let collateral = Collateral::default();
    verify_rim(xml, &Context { roots, collateral: &collateral, revocation, now, cache: Cache::off() })
}

/// At the lab's time, under its root, revocation waived.
fn verify(xml: &[u8]) -> Result<TrustedRim, RimProofError> {
    verify_with(xml, &lab_roots(), now(), &waived())
}

/// The code of a refusal, or `ok`.
fn code(result: &Result<TrustedRim, RimProofError>) -> &'static str {
    result.as_ref().map_or_else(|error| error.rule().code, |_| "ok")
}
