//! Verifies each item of a document alone, and puts the answers together.

use super::answer::{Answer, ItemAnswer};
use super::args::Profile;
use super::inputs::Inputs;
use hanzo_attestation::Cache;
use hanzo_attestation::verify::{Context, Refused, VerifiedItem, verify};
use hanzo_attestation_evidence::{Document, Finding, Rule, Severity, Tee};
use hanzo_policy::{Tier, appraise_item, tier_of};

/// Judges a document. A document without items proves nothing and is not acceptable.
pub(super) fn judge(document: Document, inputs: &Inputs) -> Answer {
    let items: Vec<ItemAnswer> = document.split().into_iter().map(|item| judge_item(&item, inputs)).collect();
    let all = |holds: fn(&ItemAnswer) -> bool| !items.is_empty() && items.iter().all(holds);
    let authentic = all(|item| item.authentic);
    let acceptable = all(|item| item.acceptable);
    // Mixed evidence takes the weakest link: one item that is not acceptable leaves the document at tier 0.
    let proved = items.iter().map(|item| item.tier).max().filter(|_| acceptable);
    Answer { authentic, acceptable, items, tier: proved.unwrap_or(Tier::Open) }
}

fn judge_item(document: &Document, inputs: &Inputs) -> ItemAnswer {
    let kind = document.items().first().map_or(Tee::RegisteredKey, |item| item.kind());
    let mut answer = match prove(document, inputs) {
        Err(finding) => ItemAnswer::refused(kind, finding),
        Ok(verified) => match verified.items().first() {
            Some(item) => appraise(kind, item, inputs),
            None => ItemAnswer::refused(kind, nothing()),
        },
    };
    answer.findings.extend(inputs.unused.iter().cloned());
    answer
}

/// Format, proof and report data: what makes an item authentic.
fn prove(document: &Document, inputs: &Inputs) -> Result<hanzo_attestation::Verified, Finding> {
    let evidence = document.parse().map_err(|error| Finding::refuse(&error))?;
    let context = Context {
        roots: &inputs.roots,
        collateral: &inputs.collateral,
        revocation: &inputs.revocation,
        now: inputs.now,
        cache: Cache::off(),
    };
    let verified = verify(evidence, &context).map_err(|refused| refused.finding)?;
    if let Some(expected) = &inputs.report_data {
        verified.check_report_data(expected).map_err(|refused: Refused| refused.finding)?;
    }
    Ok(verified)
}

fn appraise(kind: Tee, item: &VerifiedItem, inputs: &Inputs) -> ItemAnswer {
    let mut findings = item.findings().to_vec();
    findings.extend(appraise_item(item, &inputs.appraisal));
    findings.extend(missing_challenge(inputs));
    let acceptable = findings.iter().all(|finding| finding.severity != Severity::Refuse);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let tier = if acceptable { tier_of(std::slice::from_ref(item)) } else { Tier::Open };
    ItemAnswer {
        kind,
        authentic: true,
        acceptable,
        findings,
        claims: Some(item.claims().clone()),
        facts: Some(item.facts().clone()),
        tier,
    }
}

/// COL-15: without the expected report data, old evidence is as good as new.
fn missing_challenge(inputs: &Inputs) -> Option<Finding> {
    let severity = match inputs.profile {
        Profile::Strict => Severity::Refuse,
        Profile::Corpus => Severity::Info,
    };
    inputs.report_data.is_none().then(|| {
        Finding::new(
            Rule::new("COL-15", "ChallengeMissing"),
            severity,
            "no expected report data was given (--report-data): neither freshness nor binding is proved",
        )
    })
}

fn nothing() -> Finding {
    Finding::new(Rule::new("COL-03", "EnvelopeMalformed"), Severity::Refuse, "the item proves nothing")
}
