//! The proof, in the order of trust: what needs no key first; then the hardware's own proof; then the vTPM's
//! quote under the key that the hardware binds.

use super::claims::{SnpClaims, TdxClaims, Vtpm};
use super::error::AzureError;
use crate::claims::{Claims, Facts};
use crate::crypto::Budget;
use crate::tpm::{AkTrust, Claims as TpmClaims, TpmKind};
use crate::verify::{Context, Refused, VerifiedItem};
use crate::{snp, tdx, tpm};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use hanzo_attestation_evidence::azure::{Hcl, SnpEvidence, TdxEvidence, Version, Vtpm as Carried};
use hanzo_attestation_evidence::{Hex, Tee};

/// Verifies an `az-snp-vtpm` item.
pub(crate) fn verify_snp(
    evidence: &SnpEvidence,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<VerifiedItem, Refused> {
    let refused = |error| Refused::new(Tee::AzSnpVtpm, &error);
    let body = evidence.snp.report.body();
    check_runtime_data(&evidence.vtpm.hcl, &body.report_data.0).map_err(refused)?;
    if body.vmpl != 0 {
        return Err(refused(AzureError::VmplNotZero(body.vmpl)));
    }
    check_vtpm(&evidence.vtpm).map_err(refused)?;
    let hardware =
        snp::verify(&evidence.snp, context, budget).map_err(|inner| refused(of_hardware(inner)))?;
    check_signature(&evidence.vtpm, budget).map_err(refused)?;
    let vtpm = vtpm_claims(&evidence.vtpm);
    Ok(item(Tee::AzSnpVtpm, hardware, vtpm))
}

/// Verifies an `az-tdx-vtpm` item.
pub(crate) fn verify_tdx(
    evidence: &TdxEvidence,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<VerifiedItem, Refused> {
    let refused = |error| Refused::new(Tee::AzTdxVtpm, &error);
    check_td(evidence).map_err(refused)?;
    check_vtpm(&evidence.vtpm).map_err(refused)?;
    let hardware =
        tdx::verify(&evidence.tdx, context, budget).map_err(|inner| refused(of_hardware(inner)))?;
    check_signature(&evidence.vtpm, budget).map_err(refused)?;
    let vtpm = vtpm_claims(&evidence.vtpm);
    Ok(item(Tee::AzTdxVtpm, hardware, vtpm))
}

/// AZ-22: equal length, constant time, no padding on either side.
pub(crate) fn check_qualifying_data(tee: Tee, actual: &[u8], expected: &[u8]) -> Result<(), Refused> {
    verify_slices_are_equal(actual, expected).map_err(|_| Refused::new(tee, &AzureError::NonceMismatch))
}

/// AZ-14, AZ-15.
fn check_runtime_data(hcl: &Hcl, report_data: &[u8; 64]) -> Result<(), AzureError> {
    let digest = hcl.runtime_digest();
    let (bound, rest) = report_data.split_at(digest.as_ref().len().min(report_data.len()));
    if bound != digest.as_ref() {
        return Err(AzureError::RuntimeDataHash);
    }
    if rest.iter().any(|byte| *byte != 0) { Err(AzureError::ReportDataUpperHalf) } else { Ok(()) }
}

/// AZ-14, AZ-15, AZ-19, AZ-20: the TDREPORT binds the runtime data, and the quote says what the TDREPORT
/// says.
fn check_td(evidence: &TdxEvidence) -> Result<(), AzureError> {
    let report_data = &evidence.td_report.report_data.0;
    check_runtime_data(&evidence.vtpm.hcl, report_data)?;
    if evidence.tdx.report_data() != report_data {
        return Err(AzureError::TdQuoteBinding);
    }
    evidence
        .td_report
        .differs_in(&evidence.tdx.quote.body)
        .map_or(Ok(()), |field| Err(AzureError::TdReportMismatch(field)))
}

/// AZ-24, AZ-25: what of the vTPM's quote needs no key.
fn check_vtpm(vtpm: &Carried) -> Result<(), AzureError> {
    tpm::check_pcr_digest(&vtpm.quote)?;
    let (Version::V2, Some(user_data)) = (vtpm.version, &vtpm.runtime.user_data) else { return Ok(()) };
    let extra_data = &vtpm.quote.attest.extra_data;
    let (stated, rest) = user_data.split_at_checked(extra_data.len()).ok_or(AzureError::UserData)?;
    if stated == extra_data && rest.iter().all(|byte| *byte == 0) {
        Ok(())
    } else {
        Err(AzureError::UserData)
    }
}

/// AZ-21.
fn check_signature(vtpm: &Carried, budget: &mut Budget) -> Result<(), AzureError> {
    Ok(tpm::check_signature(&vtpm.quote, &vtpm.runtime.ak, budget)?)
}

/// AZ-16.
fn of_hardware(inner: Refused) -> AzureError {
    AzureError::HardwareReport(inner.finding)
}

fn vtpm_claims(vtpm: &Carried) -> Vtpm {
    Vtpm {
        evidence_version: vtpm.version,
        hcl_version: vtpm.hcl.version,
        tpm: TpmClaims {
            tpm_kind: Some(TpmKind::VirtualInTee),
            ..TpmClaims::new(&vtpm.quote, &vtpm.runtime.ak, AkTrust::HardwareBound)
        },
        vm_config: vtpm.runtime.vm_config.clone(),
        user_data: match vtpm.version {
            Version::V2 => vtpm.runtime.user_data.map(Hex),
            // Nothing binds it, so that nothing may be read from it.
            Version::V0 | Version::V1 => None,
        },
    }
}

/// The hardware's item, with the vTPM around it: its registers follow the hardware's measurements.
fn item(tee: Tee, hardware: VerifiedItem, vtpm: Vtpm) -> VerifiedItem {
    let (claims, facts, findings) = hardware.into_parts();
    let mut measurements = facts.measurements;
    measurements.extend(vtpm.tpm.measurements());
    // What the host chose at launch is the provider's, not the tenant's.
    let facts = Facts { tee, measurements, host_data: None, ..facts };
    let claims = match claims {
        Claims::SevSnp(snp) => Claims::AzSnpVtpm(Box::new(SnpClaims { vtpm, snp: *snp })),
        Claims::Tdx(tdx) => Claims::AzTdxVtpm(Box::new(TdxClaims { vtpm, tdx: *tdx })),
        other => other,
    };
    VerifiedItem::new(claims, facts, findings)
}
