//! Whether a manifest's certificates are revoked: all but the root (NVR-29, NV-22 to NV-28).
//!
//! Answers come with a device, or from collateral. For these certificates the vendor's responder knows what
//! was issued: one that it does not know is refused. A list can only add a revocation: none is published that
//! would name all of them. On hold is revoked, unless the operator accepts manifests that NVIDIA holds back
//! for now, as it does with firmware of early access.

use super::super::error::{NvidiaError, Place};
use super::super::proved::Proved;
use super::super::revocation::{Asked, Issuer, Known};
use super::chain::Chain;
use super::error::RimProofError;
use crate::claims::CollateralUse;
use crate::collateral::Revocation;
use crate::crypto::Budget;
use crate::verify::Context;
use hanzo_attestation_evidence::nvidia::OcspResponse;
use hanzo_attestation_evidence::{Broken as _, Finding, Rule, Severity, UnixTime};

const PLACES: [Place; 3] = [Place::RimSigner, Place::RimAuthority, Place::RimFamily];

/// What is known of a chain.
#[derive(Debug)]
pub(super) struct Verdict {
    /// The waiver, if nothing is known of one of them.
    pub(super) waived: Option<Finding>,
    /// That a certificate is on hold, which the operator accepts.
    pub(super) held: Option<Finding>,
    /// Earliest end of the answers and the lists.
    pub(super) not_after: UnixTime,
    /// Lists.
    pub(super) uses: Vec<CollateralUse>,
}

/// NVR-30: what configuration accepts is said.
const HELD: Rule = Rule::new("NVR-30", "RimOnHold");

/// Looks up every certificate that can be revoked: in what came along, and in what collateral has in force.
pub(super) fn check(
    chain: &Chain,
    stapled: &[OcspResponse<'_>],
    context: &Context<'_>,
    proved: &mut Proved<'_>,
    budget: &mut Budget,
) -> Result<Verdict, RimProofError> {
    let wrong = |error: NvidiaError| RimProofError::Ocsp(Box::new(error));
    let mut verdict = Verdict { waived: None, held: None, not_after: UnixTime::MAX, uses: Vec::new() };
    let hold = context.collateral.nvidia_rim_hold();
    let issuers = chain.links.iter().skip(1);
    for ((certificate, issuer), place) in chain.links.iter().zip(issuers).zip(PLACES) {
        let issuer = Issuer {
            subject: &issuer.subject,
            point: &issuer.key,
            key_id: issuer.key_id.as_deref(),
            crl_sign: issuer.crl_sign,
        };
        let asked = Asked { place, serial: &certificate.serial, issuer, hold };
        let stored = context.collateral.nvidia_ocsp_about(&certificate.serial, context.now);
        let stored: Vec<OcspResponse<'_>> = stored.filter_map(|der| OcspResponse::parse(der).ok()).collect();
        let mut known = asked.look_up(stapled, context, proved, budget).map_err(wrong)?;
        let of_store = asked.look_up(&stored, context, proved, budget).map_err(wrong)?;
        known = match (known, of_store) {
            (Some(known), Some(other)) => Some(Known { held: known.held || other.held, ..other }),
            (known, other) => other.or(known),
        };
        let listed = asked.in_lists(context, proved, budget).map_err(wrong)?;
        if let Some((_, until)) = listed.dates {
            verdict.not_after = verdict.not_after.min(until);
        }
        verdict.uses.extend(listed.uses);
        match known {
            Some(known) => {
                verdict.not_after = verdict.not_after.min(known.until);
                if known.held {
                    verdict.held = Some(on_hold(place));
                }
            }
            None => verdict.waived = Some(waiver(place, context.revocation)?),
        }
    }
    Ok(verdict)
}

fn on_hold(place: Place) -> Finding {
    let message = format!("the {place} is on hold (certificateHold), which configuration accepts");
    Finding::new(HELD, Severity::Warn, message).waived()
}

fn waiver(place: Place, revocation: &Revocation) -> Result<Finding, RimProofError> {
    let unchecked = RimProofError::RevocationUnchecked(place);
    match revocation {
        Revocation::Required => Err(unchecked),
        Revocation::Waived { reason } => {
            let message =
                format!("the revocation of a manifest's certificates was not checked, waived: {reason}");
            Ok(Finding::new(unchecked.rule(), Severity::Warn, message).waived())
        }
    }
}
