//! The proof under a report, in the order of the rule book: certificates first, signatures last.

use super::chain::{Anchor, Chain, check_sizes};
use super::claims::{Claims, KeyFacts};
use super::error::SnpError;
use super::known::{Known, Links};
use super::profile::vek_key;
use super::revocation::{self, Checked};
use super::stated::Stated;
use super::stored;
use crate::binding::ReportData;
use crate::claims::{Claims as AnyClaims, Debug, Facts, Measurement, TcbStatus};
use crate::crypto::{Budget, P384Key};
use crate::verify::{Context, Refused, VerifiedItem};
use crate::x509::Validity;
use hanzo_attestation_evidence::snp::{Body, Evidence, Report};
use hanzo_attestation_evidence::{Hex, Tee, UnixTime};
use std::sync::Arc;

/// Verifies one item: chain, revocation, signatures.
pub(crate) fn verify(
    evidence: &Evidence,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<VerifiedItem, Refused> {
    prove(evidence, context, budget).map_err(|error| Refused::new(Tee::SevSnp, &error))
}

/// SNP-39 and SNP-40, over all 64 bytes and in constant time.
pub(crate) fn check_report_data(actual: &[u8; 64], expected: &[u8]) -> Result<(), Refused> {
    let error = match ReportData::compare(actual, expected) {
        ReportData::Equal => return Ok(()),
        ReportData::LowerHalf => SnpError::ReportDataUpperHalf,
        ReportData::Different => SnpError::ReportDataMismatch,
    };
    Err(Refused::new(Tee::SevSnp, &error))
}

fn prove(evidence: &Evidence, context: &Context<'_>, budget: &mut Budget) -> Result<VerifiedItem, SnpError> {
    check_sizes(&evidence.certs)?;
    let stated = Stated::by(evidence.report.body());
    let Some(vek) = stored::find(context.collateral.amd_veks(), &evidence.certs, &stated) else {
        return prove_by(&evidence.certs, evidence, &stated, context, budget);
    };
    let certs = vek.beside(&evidence.certs);
    check_sizes(&certs)?;
    let mut item = prove_by(&certs, evidence, &stated, context, budget)?;
    item.facts.collateral.push(vek.used());
    Ok(item)
}

/// By these certificates.
fn prove_by(
    certs: &[Vec<u8>],
    evidence: &Evidence,
    stated: &Stated<'_>,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<VerifiedItem, SnpError> {
    if context.cache.entries() == 0 {
        return prove_chain(certs, &evidence.report, stated, context, budget).map(|(item, _)| item);
    }
    let question = stated.question(certs, context.roots.amd_digest());
    if let Some(known) = context.cache.amd_chains.get(&question)
        && let Some(anchor) = context.roots.amd().iter().find(|root| *root.sha256() == known.root)
        && let Some(anchor) = Anchor::of(anchor)
    {
        return prove_known(&evidence.report, &known, &anchor, context, budget);
    }
    let (item, known) = prove_chain(certs, &evidence.report, stated, context, budget)?;
    if let Some(known) = known {
        context.cache.amd_chains.insert(question, Arc::new(known));
    }
    Ok(item)
}

/// Under a chain whose signatures are known to hold: everything else is judged now.
fn prove_known(
    report: &Report,
    known: &Known,
    anchor: &Anchor<'_>,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<VerifiedItem, SnpError> {
    check_dates(&known.links, context.now)?;
    known.links.extensions.matches(&Stated::by(report.body()), known.links.product)?;
    let checked = check_anchor(&known.links, anchor, context)?;
    check_report(report, &known.key, budget)?;
    checked.verify(anchor, known.links.product, context.cache, budget)?;
    Ok(item(report.body(), &known.links, anchor, checked))
}

/// From certificates: the item, and what is now known, unless it was one of several roots that signed.
fn prove_chain(
    certs: &[Vec<u8>],
    report: &Report,
    stated: &Stated<'_>,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<(VerifiedItem, Option<Known>), SnpError> {
    let chain = Chain::read(certs, stated, context.roots)?;
    let links = chain.links();
    check_dates(&links, context.now)?;
    let anchors = check_anchors(&chain, &links, context)?;
    let key = P384Key::parse(vek_key(&chain.leaf.certificate)?)
        .map_err(|error| SnpError::Signature { of: "report", error })?;
    check_report(report, &key, budget)?;
    chain.verify_leaf(budget)?;
    let (anchor, checked) = signing_anchor(&chain, anchors, budget)?;
    checked.verify(anchor, links.product, context.cache, budget)?;
    let item = item(report.body(), &links, anchor, checked);
    let only = chain.anchors.len() == 1;
    Ok((item, only.then(|| Known { links, key, root: *anchor.sha256 })))
}

fn item(body: &Body, links: &Links, anchor: &Anchor<'_>, checked: Checked<'_>) -> VerifiedItem {
    let claims = Claims::new(
        body,
        KeyFacts {
            product: links.product,
            hardware_id: links.extensions.hardware_id().map(hex::encode),
            csp_id: links.extensions.csp_id().map(str::to_owned),
            cert_sha256: Hex(links.leaf_sha256),
            not_after: links.leaf.not_after,
        },
    );
    let not_after = links
        .leaf
        .not_after
        .min(links.intermediate.not_after)
        .min(anchor.authority.validity.not_after)
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
        root: Some(Hex(*anchor.sha256)),
        collateral: checked.uses(),
        not_after,
        lab: anchor.lab,
    };
    let findings = checked.finding.into_iter().collect();
    VerifiedItem::new(AnyClaims::SevSnp(Box::new(claims)), facts, findings)
}

/// SNP-25, of what is below the root.
fn check_dates(links: &Links, now: UnixTime) -> Result<(), SnpError> {
    check_validity("endorsement key's certificate", links.leaf, now)?;
    check_validity("intermediate certificate", links.intermediate, now)
}

/// SNP-25. The rule names both ends to the second, so that no clock skew is granted here.
fn check_validity(certificate: &'static str, validity: Validity, now: UnixTime) -> Result<(), SnpError> {
    if validity.contains(now) {
        return Ok(());
    }
    let Validity { not_before, not_after } = validity;
    Err(SnpError::NotInValidity { certificate, now, not_before, not_after })
}

/// Validity of a root, and revocation under it.
fn check_anchor<'c>(
    links: &Links,
    anchor: &Anchor<'_>,
    context: &Context<'c>,
) -> Result<Checked<'c>, SnpError> {
    check_validity("root certificate", anchor.authority.validity, context.now)?;
    revocation::look_up(links, anchor, context.collateral, context.revocation, context.now)
}

/// The same for each root that may have signed the intermediate. The first error counts when none passes.
fn check_anchors<'c, 'a>(
    chain: &'c Chain<'a>,
    links: &Links,
    context: &Context<'c>,
) -> Result<Vec<(&'c Anchor<'a>, Checked<'c>)>, SnpError> {
    let mut passed = Vec::new();
    let mut first_error = None;
    for anchor in &chain.anchors {
        match check_anchor(links, anchor, context) {
            Ok(checked) => passed.push((anchor, checked)),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    if passed.is_empty() {
        Err(first_error.unwrap_or(SnpError::RootNotPinned(links.product)))
    } else {
        Ok(passed)
    }
}

/// SNP-38: over the bytes as received.
fn check_report(report: &Report, key: &P384Key, budget: &mut Budget) -> Result<(), SnpError> {
    key.verify(budget, report.signed(), &report.signature())
        .map_err(|error| SnpError::signature("report", error, SnpError::ReportSignature))
}

/// SNP-23: the root that signed the intermediate.
fn signing_anchor<'c, 'a>(
    chain: &Chain<'_>,
    anchors: Vec<(&'c Anchor<'a>, Checked<'c>)>,
    budget: &mut Budget,
) -> Result<(&'c Anchor<'a>, Checked<'c>), SnpError> {
    for (anchor, checked) in anchors {
        if chain.is_signed_by(anchor, budget)? {
            return Ok((anchor, checked));
        }
    }
    Err(SnpError::IntermediateSignature)
}
