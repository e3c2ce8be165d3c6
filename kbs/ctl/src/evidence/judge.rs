//! Verifies each item of a document alone, and puts the answers together.

use super::answer::{Answer, ItemAnswer};
use super::args::Profile;
use super::inputs::Inputs;
use hanzo_attestation::verify::{Context, Refused, VerifiedItem, precheck_report_data, verify};
use hanzo_attestation::{Cache, Claims, Trace, Verified};
use hanzo_attestation_evidence::{Document, Finding, Rule, Severity, Tee};
use hanzo_policy::{Tier, appraise_devices, appraise_item, next_tier, tier_of_claims};

/// Judges a document. A document without items proves nothing and is not acceptable.
pub(super) fn judge(document: Document, inputs: &Inputs) -> Answer {
    let mut items: Vec<ItemAnswer> =
        document.split().into_iter().map(|item| judge_item(&item, inputs)).collect();
    judge_devices(&mut items, inputs);
    let all = |holds: fn(&ItemAnswer) -> bool| !items.is_empty() && items.iter().all(holds);
    let authentic = all(|item| item.authentic);
    let acceptable = all(|item| item.acceptable);
    // Mixed evidence takes the weakest link: one item that is not acceptable leaves the document at tier 0.
    let proved = || items.iter().filter_map(|item| Some((item.claims.as_ref()?, item.facts.as_ref()?)));
    let (tier, next_tier) = if acceptable {
        (tier_of_claims(proved(), &inputs.appraisal), next_tier(proved(), &inputs.appraisal))
    } else {
        (Tier::Open, None)
    };
    Answer { authentic, acceptable, items, tier, next_tier }
}

/// What the devices of the document must show together. It refuses the item that it concerns.
fn judge_devices(items: &mut [ItemAnswer], inputs: &Inputs) {
    let claims: Vec<Claims> = items.iter().filter_map(|item| item.claims.clone()).collect();
    for (tee, finding) in appraise_devices(claims.iter(), &inputs.appraisal) {
        let refuses = finding.severity == Severity::Refuse;
        if let Some(item) = items.iter_mut().find(|item| item.kind == tee) {
            item.acceptable &= !refuses;
            item.findings.push(finding);
            item.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        }
    }
}

fn judge_item(document: &Document, inputs: &Inputs) -> ItemAnswer {
    let kind = document.items().first().map_or(Tee::RegisteredKey, |item| item.kind());
    match prove(document, inputs) {
        Err(finding) => ItemAnswer::refused(kind, finding),
        Ok(verified) => match verified.items().first() {
            Some(item) => appraise(kind, &verified, item, inputs),
            None => ItemAnswer::refused(kind, nothing()),
        },
    }
}

/// Format, report data and proof: what makes an item authentic. Report data costs nothing to compare, so that
/// it comes before any signature (B.0 of the rule book, step 5); what counts is the same comparison over what
/// was proved.
fn prove(document: &Document, inputs: &Inputs) -> Result<Verified, Finding> {
    let evidence = document.parse().map_err(|error| Finding::refuse(&error))?;
    let refused = |refused: Refused| refused.finding;
    if let Some(expected) = &inputs.report_data {
        precheck_report_data(&evidence, expected).map_err(refused)?;
    }
    let context = Context {
        roots: &inputs.roots,
        collateral: &inputs.collateral,
        revocation: &inputs.revocation,
        now: inputs.now,
        cache: Cache::off(),
    };
    let verified = verify(evidence, &context).map_err(refused)?;
    if let Some(expected) = &inputs.report_data {
        verified.check_report_data(expected).map_err(refused)?;
    }
    Ok(verified)
}

fn appraise(kind: Tee, verified: &Verified, item: &VerifiedItem, inputs: &Inputs) -> ItemAnswer {
    let mut findings = item.findings().to_vec();
    findings.extend(appraise_item(item, &inputs.appraisal));
    findings.extend(challenge(kind, verified, inputs));
    let acceptable = findings.iter().all(|finding| finding.severity != Severity::Refuse);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    ItemAnswer {
        kind,
        authentic: true,
        acceptable,
        findings,
        claims: Some(item.claims().clone()),
        trace: Some(Trace::of(item.facts(), inputs.now)),
        facts: Some(item.facts().clone()),
    }
}

/// NV-30: a device that answered another challenge is genuine, and not acceptable.
fn challenge(kind: Tee, verified: &Verified, inputs: &Inputs) -> Option<Finding> {
    match (kind.is_device(), &inputs.nonce) {
        (true, Some(nonce)) => verified.check_device_nonce(nonce).err().map(|refused| refused.finding),
        (true, None) => missing_challenge(
            inputs,
            "no expected nonce was given (--nonce): neither freshness nor binding is proved",
        ),
        (false, _) if inputs.report_data.is_some() => None,
        (false, _) => missing_challenge(
            inputs,
            "no expected report data was given (--report-data): neither freshness nor binding is proved",
        ),
    }
}

/// COL-15: without the expected report data, old evidence is as good as new.
fn missing_challenge(inputs: &Inputs, message: &str) -> Option<Finding> {
    let severity = match inputs.profile {
        Profile::Strict => Severity::Refuse,
        Profile::Corpus => Severity::Info,
    };
    Some(Finding::new(Rule::new("COL-15", "ChallengeMissing"), severity, message))
}

fn nothing() -> Finding {
    Finding::new(Rule::new("COL-03", "EnvelopeMalformed"), Severity::Refuse, "the item proves nothing")
}
