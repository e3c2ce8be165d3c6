//! The proof under a report, in the order of the rule book: certificates first, signatures last.

use super::chain::{Anchor, Chain, check_validity};
use super::claims::{Claims, KeyFacts};
use super::error::SnpError;
use super::profile::vek_key;
use super::revocation::{self, Checked};
use crate::claims::{Claims as AnyClaims, Debug, Facts, Measurement, TcbStatus};
use crate::crypto::{Budget, SignatureError, ecdsa_p384};
use crate::roots::sha256;
use crate::verify::{Context, Refused, VerifiedItem};
use crate::x509::signed_by;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use hanzo_attestation_evidence::snp::{Evidence, Report};
use hanzo_attestation_evidence::{Hex, Tee};

/// Verifies one item: chain, revocation, signatures.
pub(crate) fn verify(
    evidence: &Evidence,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<VerifiedItem, Refused> {
    prove(evidence, context, budget).map_err(|error| Refused::new(Tee::SevSnp, &error))
}

/// SNP-39, over all 64 bytes and in constant time. The expected value has 64 bytes, so that nothing lies
/// beyond it (SNP-40).
pub(crate) fn check_report_data(actual: &[u8; 64], expected: &[u8; 64]) -> Result<(), Refused> {
    if verify_slices_are_equal(actual, expected).is_ok() {
        return Ok(());
    }
    Err(Refused::new(Tee::SevSnp, &SnpError::ReportDataMismatch))
}

fn prove(evidence: &Evidence, context: &Context<'_>, budget: &mut Budget) -> Result<VerifiedItem, SnpError> {
    let body = evidence.report.body();
    let chain = Chain::read(&evidence.certs, body, context.roots, context.now)?;
    let anchors = check_anchors(&chain, context)?;
    check_report(&evidence.report, &chain, budget)?;
    signed_by(budget, &chain.leaf.certificate, &chain.intermediate)
        .map_err(|error| broken("endorsement key's certificate", error, SnpError::VekSignature))?;
    let (anchor, checked) = signing_anchor(&chain, anchors, budget)?;
    checked.verify(anchor, chain.leaf.product, context.cache, budget)?;

    let leaf = &chain.leaf;
    let claims = Claims::new(
        body,
        KeyFacts {
            product: leaf.product,
            hardware_id: leaf.extensions.hardware_id().map(hex::encode),
            csp_id: leaf.extensions.csp_id().map(str::to_owned),
            cert_sha256: Hex(sha256(leaf.certificate.der())),
            not_after: leaf.certificate.not_after(),
        },
    );
    let not_after = leaf
        .certificate
        .not_after()
        .min(chain.intermediate.not_after())
        .min(anchor.ark.not_after())
        .min(checked.not_after);
    let facts = Facts {
        tee: Tee::SevSnp,
        product: Some(claims.product),
        debug: Some(if body.policy.debug { Debug::Enabled } else { Debug::Disabled }),
        measurements: vec![Measurement { register: "measurement", digest: body.measurement.into() }],
        host_data: Some(body.host_data.to_string()),
        chip: claims.chip_id.clone(),
        tcb_status: TcbStatus::NotRated,
        tcb_date: None,
        advisories: Vec::new(),
        collateral: Vec::new(),
        not_after,
        lab: anchor.lab,
    };
    let findings = checked.finding.into_iter().collect();
    Ok(VerifiedItem::new(AnyClaims::SevSnp(Box::new(claims)), facts, findings))
}

/// Validity of the root, and revocation, for each root that may have signed the intermediate. The first
/// error counts when none passes.
fn check_anchors<'c>(
    chain: &'c Chain<'_>,
    context: &Context<'c>,
) -> Result<Vec<(&'c Anchor<'c>, Checked<'c>)>, SnpError> {
    let check = |anchor: &'c Anchor<'c>| {
        check_validity("root certificate", &anchor.ark, context.now)?;
        let (collateral, product) = (context.collateral, chain.leaf.product);
        revocation::look_up(&chain.intermediate, anchor, product, collateral, context.revocation, context.now)
    };
    let mut passed = Vec::new();
    let mut first_error = SnpError::RootNotPinned(chain.leaf.product);
    let mut failed = false;
    for anchor in &chain.anchors {
        match check(anchor) {
            Ok(checked) => passed.push((anchor, checked)),
            Err(error) if !failed => (first_error, failed) = (error, true),
            Err(_) => {}
        }
    }
    if passed.is_empty() { Err(first_error) } else { Ok(passed) }
}

/// SNP-38: over the bytes as received.
fn check_report(report: &Report, chain: &Chain<'_>, budget: &mut Budget) -> Result<(), SnpError> {
    let key = vek_key(&chain.leaf.certificate)?;
    ecdsa_p384(budget, key, report.signed(), &report.signature())
        .map_err(|error| broken("report", error, SnpError::ReportSignature))
}

/// SNP-23: the root that signed the intermediate.
fn signing_anchor<'c>(
    chain: &Chain<'_>,
    anchors: Vec<(&'c Anchor<'c>, Checked<'c>)>,
    budget: &mut Budget,
) -> Result<(&'c Anchor<'c>, Checked<'c>), SnpError> {
    for (anchor, checked) in anchors {
        match signed_by(budget, &chain.intermediate, &anchor.ark) {
            Ok(()) => return Ok((anchor, checked)),
            Err(SignatureError::Mismatch) => {}
            Err(error) => return Err(SnpError::Signature { of: "intermediate certificate", error }),
        }
    }
    Err(SnpError::IntermediateSignature)
}

fn broken(of: &'static str, error: SignatureError, mismatch: SnpError) -> SnpError {
    match error {
        SignatureError::Mismatch => mismatch,
        error => SnpError::Signature { of, error },
    }
}
