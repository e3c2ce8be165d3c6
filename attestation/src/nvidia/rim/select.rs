//! Which manifests are a device's: those of its version, for its product, newest signer first.
//!
//! NVIDIA issues manifests again under the same id and tag, sometimes with other golden values. A file is
//! therefore named by its digest; of several that are in force the one whose signer's certificate began last
//! counts.

use super::super::proved::Proved;
use super::compare::{Device, RimResult, Runtime, compare};
use super::error::{RimProblem, RimProofError};
use super::stored::{StoredRim, TrustedRim};
use crate::claims::CollateralUse;
use crate::verify::Context;
use hanzo_attestation_evidence::nvidia::OcspResponse;
use hanzo_attestation_evidence::nvidia::rim::Edition;
use hanzo_attestation_evidence::{Finding, Hex, UnixTime};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

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
    Manifests::new(stapled, context).appraise(runtime)
}

/// The manifests at hand for the devices of one item. Each is proved once, whoever needs it: for all of them
/// the roots, the instant and the responses are the same.
pub(in super::super) struct Manifests<'a> {
    stapled: &'a [OcspResponse<'a>],
    context: &'a Context<'a>,
    signatures: Proved<'a>,
    proved: BTreeMap<Hex<32>, Result<Arc<TrustedRim>, RimProofError>>,
}

impl<'a> Manifests<'a> {
    pub(in super::super) fn new(stapled: &'a [OcspResponse<'a>], context: &'a Context<'a>) -> Self {
        let signatures = Proved::new(&context.cache.nvidia_certificates);
        Self { stapled, context, signatures, proved: BTreeMap::new() }
    }

    /// A device beside its manifests.
    pub(in super::super) fn appraise(&mut self, runtime: &Runtime<'_>) -> Appraised {
        let mut problems = Vec::new();
        let mut choose = |component, version| match self.choose(component, version, runtime) {
            Ok(trusted) => Some(trusted),
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        let (driver, firmware) = match runtime.device {
            Device::Gpu => {
                (choose("driver", runtime.driver_version), choose("VBIOS", runtime.firmware_version))
            }
            Device::Switch => (None, choose("switch BIOS", runtime.firmware_version)),
        };
        let (driver, firmware) = (driver.as_deref(), firmware.as_deref());
        let at_hand = self.context.collateral.nvidia_rims().len();
        let result = compare(runtime, driver, firmware).with_problems(problems, at_hand);
        let trusted = || driver.into_iter().chain(firmware);
        Appraised {
            result,
            uses: trusted().flat_map(TrustedRim::collateral_uses).collect(),
            findings: trusted().flat_map(TrustedRim::findings).cloned().collect(),
            not_after: trusted().map(TrustedRim::not_after).fold(UnixTime::MAX, UnixTime::min),
            lab: trusted().any(TrustedRim::is_lab),
        }
    }

    /// The trusted manifest of one component, or why there is none.
    fn choose(
        &mut self,
        component: &'static str,
        version: Option<&str>,
        runtime: &Runtime<'_>,
    ) -> Result<Arc<TrustedRim>, RimProblem> {
        let Some(version) = version else { return Err(RimProblem::VersionUnknown(component)) };
        let stored = self.context.collateral.nvidia_rims().iter();
        let of_version = stored
            .filter(|rim| rim.stated().is_some_and(|stated| stated.version.eq_ignore_ascii_case(version)));
        let (mut fitting, others): (Vec<_>, Vec<_>) = of_version.partition(|rim| is_for(rim, runtime));
        fitting.sort_by_key(|rim| Reverse(rim.issued()));
        fitting.truncate(MAX_CANDIDATES);
        let mut refused = None;
        for rim in fitting {
            match self.prove(rim) {
                Ok(trusted) => return Ok(trusted),
                Err(error) => refused = refused.or(Some((rim.sha256(), error))),
            }
        }
        let version = version.to_owned();
        Err(match (refused, others.first()) {
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
        })
    }

    fn prove(&mut self, rim: &StoredRim) -> Result<Arc<TrustedRim>, RimProofError> {
        if let Some(known) = self.proved.get(&rim.sha256()) {
            return known.clone();
        }
        let found = rim.prove(self.stapled, self.context, &mut self.signatures).map(Arc::new);
        self.proved.insert(rim.sha256(), found.clone());
        found
    }
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
