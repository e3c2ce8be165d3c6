//! Which manifests are a device's: those of its version, for its product, newest signer first.
//!
//! NVIDIA issues manifests again under the same id and tag, sometimes with other golden values. A file is
//! therefore named by its digest; of several that are in force the one whose signer's certificate began last
//! counts.

use super::compare::{Device, RimResult, Runtime, compare};
use super::error::RimProblem;
use super::stored::{StoredRim, TrustedRim};
use crate::claims::CollateralUse;
use crate::verify::Context;
use hanzo_attestation_evidence::nvidia::OcspResponse;
use hanzo_attestation_evidence::nvidia::rim::Edition;
use hanzo_attestation_evidence::{Finding, UnixTime};
use std::cmp::Reverse;

/// Most manifests of one id that are tried: each costs four signatures. Three issues of one id have been
/// published.
const MAX_CANDIDATES: usize = 4;

/// A device beside its manifests, and what that rests on.
#[derive(Debug)]
pub struct Appraised {
    /// The comparison, for claims and policy.
    pub result: RimResult,
    /// Manifests that it rests on.
    pub uses: Vec<CollateralUse>,
    /// Waivers.
    pub findings: Vec<Finding>,
    /// Earliest end of validity of a manifest.
    pub not_after: UnixTime,
    /// Whether a manifest ends in a lab's root.
    pub lab: bool,
}

/// Finds a device's manifests and compares it with them. `stapled` are the OCSP responses that came with the
/// device: some may be about its manifests.
#[must_use]
pub fn appraise(runtime: &Runtime<'_>, stapled: &[OcspResponse<'_>], context: &Context<'_>) -> Appraised {
    let mut problems = Vec::new();
    let (driver, firmware) = match runtime.device {
        Device::Gpu => (
            choose("driver", runtime.driver_version, runtime, stapled, context, &mut problems),
            choose("VBIOS", runtime.firmware_version, runtime, stapled, context, &mut problems),
        ),
        Device::Switch => {
            (None, choose("switch BIOS", runtime.firmware_version, runtime, stapled, context, &mut problems))
        }
    };
    let at_hand = context.collateral.nvidia_rims().len();
    let result = compare(runtime, driver.as_ref(), firmware.as_ref()).with_problems(problems, at_hand);
    let trusted = || driver.iter().chain(&firmware);
    Appraised {
        result,
        uses: trusted().map(TrustedRim::collateral_use).collect(),
        findings: trusted().filter_map(|rim| rim.finding().cloned()).collect(),
        not_after: trusted().map(TrustedRim::not_after).fold(UnixTime::MAX, UnixTime::min),
        lab: trusted().any(TrustedRim::is_lab),
    }
}

/// The trusted manifest of one component, or why there is none.
fn choose(
    component: &'static str,
    version: Option<&str>,
    runtime: &Runtime<'_>,
    stapled: &[OcspResponse<'_>],
    context: &Context<'_>,
    problems: &mut Vec<RimProblem>,
) -> Option<TrustedRim> {
    let Some(version) = version else {
        problems.push(RimProblem::VersionUnknown(component));
        return None;
    };
    let stored = context.collateral.nvidia_rims().iter().map(AsRef::as_ref);
    let of_version = stored.filter(|rim: &&StoredRim| {
        rim.stated().is_some_and(|stated| stated.version.eq_ignore_ascii_case(version))
    });
    let (mut fitting, others): (Vec<&StoredRim>, Vec<&StoredRim>) =
        of_version.partition(|rim| is_for(rim, runtime));
    fitting.sort_by_key(|rim| Reverse(rim.issued()));
    fitting.truncate(MAX_CANDIDATES);
    let mut refused = None;
    for rim in fitting {
        match rim.prove(stapled, context) {
            Ok(trusted) => return Some(trusted),
            Err(error) => refused = refused.or(Some((rim.sha256(), error))),
        }
    }
    let version = version.to_owned();
    problems.push(match (refused, others.first()) {
        (Some((sha256, error)), _) => {
            RimProblem::NotTrusted { component, version, sha256, error: Box::new(error) }
        }
        (None, Some(other)) => RimProblem::Product {
            component,
            version,
            sha256: other.sha256(),
            found: other
                .stated()
                .map(|stated| format!("{:?} {}", stated.edition, stated.product))
                .unwrap_or_default(),
            product: runtime.product.to_owned(),
        },
        (None, None) => RimProblem::Missing { component, version },
    });
    None
}

/// NVR-42: asked for the wrong id, NVIDIA's service has answered with a signed manifest of another product.
fn is_for(rim: &StoredRim, runtime: &Runtime<'_>) -> bool {
    let edition = match runtime.device {
        Device::Gpu => Edition::Gpu,
        Device::Switch => Edition::Switch,
    };
    rim.stated()
        .is_some_and(|stated| stated.edition == edition && same_product(&stated.product, runtime.product))
}

/// Products are equal but for their case, and for the hyphen-like sign in `LS_10`.
fn same_product(manifest: &str, device: &str) -> bool {
    let letters = |name: &str| name.replace('_', "").to_ascii_uppercase();
    letters(manifest) == letters(device)
}
