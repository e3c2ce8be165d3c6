//! Whether a manifest's certificates are revoked: all but the root (NVR-29, NV-22 to NV-28).
//!
//! Answers come with a device, or from collateral. For these certificates the vendor's responder knows what
//! was issued: one that it does not know is refused.

use super::super::error::{NvidiaError, Place};
use super::super::proved::Proved;
use super::super::revocation::{Asked, Issuer};
use super::chain::Chain;
use super::error::RimProofError;
use crate::collateral::Revocation;
use crate::crypto::Budget;
use crate::verify::Context;
use hanzo_attestation_evidence::nvidia::OcspResponse;
use hanzo_attestation_evidence::{Broken as _, Finding, Severity, UnixTime};

const PLACES: [Place; 3] = [Place::RimSigner, Place::RimAuthority, Place::RimFamily];

/// What is known of a chain.
#[derive(Debug)]
pub(super) struct Verdict {
    /// The waiver, if nothing is known of one of them.
    pub(super) waived: Option<Finding>,
    /// Earliest end of the answers.
    pub(super) not_after: UnixTime,
}

/// Looks up every certificate that can be revoked: in what came along, and in what collateral has in force.
pub(super) fn check(
    chain: &Chain,
    stapled: &[OcspResponse<'_>],
    context: &Context<'_>,
    proved: &mut Proved<'_>,
    budget: &mut Budget,
) -> Result<Verdict, RimProofError> {
    let wrong = |error: NvidiaError| RimProofError::Ocsp(Box::new(error));
    let mut verdict = Verdict { waived: None, not_after: UnixTime::MAX };
    let issuers = chain.links.iter().skip(1);
    for ((certificate, issuer), place) in chain.links.iter().zip(issuers).zip(PLACES) {
        let issuer = Issuer { subject: &issuer.subject, point: &issuer.key };
        let asked = Asked { place, serial: &certificate.serial, issuer };
        let stored = context.collateral.nvidia_ocsp_about(&certificate.serial, context.now);
        let stored: Vec<OcspResponse<'_>> = stored.filter_map(|der| OcspResponse::parse(der).ok()).collect();
        let mut known = asked.look_up(stapled, context, proved, budget).map_err(wrong)?;
        known = asked.look_up(&stored, context, proved, budget).map_err(wrong)?.or(known);
        match known {
            Some((_, until)) => verdict.not_after = verdict.not_after.min(until),
            None => verdict.waived = Some(waiver(place, context.revocation)?),
        }
    }
    Ok(verdict)
}

fn waiver(place: Place, revocation: &Revocation) -> Result<Finding, RimProofError> {
    let unchecked = RimProofError::RevocationUnchecked(place);
    match revocation {
        Revocation::Required => Err(unchecked),
        Revocation::Waived { reason } => {
            let message =
                format!("the revocation of a manifest's certificates was not checked, waived: {reason}");
            Ok(Finding::new(unchecked.rule(), Severity::Warn, message))
        }
    }
}
