//! The answer of `evidence verify`, as JSON and for people.

use crate::output::{Sheet, Show};
use hanzo_attestation::{Claims, Debug, Facts, Trace};
use hanzo_attestation_evidence::{Finding, Severity, Tee};
use hanzo_policy::{NextTier, Tier};
use serde::Serialize;
use serde_json::Value;

/// The verdict on a document.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    /// Signatures, chains, bindings, formats and time hold, for every item.
    pub(super) authentic: bool,
    /// And no item has a finding that refuses.
    pub(super) acceptable: bool,
    pub(super) items: Vec<ItemAnswer>,
    /// What the document proves when it is acceptable, else 0.
    pub(super) tier: Tier,
    /// What kept it from the tier above; left out when it is not acceptable, or at the highest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_tier: Option<NextTier>,
}

/// The verdict on one item.
#[derive(Debug, Serialize)]
pub(super) struct ItemAnswer {
    #[serde(rename = "type")]
    pub(super) kind: Tee,
    pub(super) authentic: bool,
    pub(super) acceptable: bool,
    pub(super) findings: Vec<Finding>,
    /// `null` when the item is not authentic: what it claims is then worth nothing.
    pub(super) claims: Option<Claims>,
    /// What the verdict rests on (COL-24); `null` likewise.
    pub(super) trace: Option<Trace>,
    #[serde(skip)]
    pub(super) facts: Option<Facts>,
}

impl ItemAnswer {
    /// An item that is not authentic.
    pub(super) fn refused(kind: Tee, finding: Finding) -> Self {
        Self {
            kind,
            authentic: false,
            acceptable: false,
            findings: vec![finding],
            claims: None,
            trace: None,
            facts: None,
        }
    }

    fn verdict(&self) -> String {
        let first = self.findings.iter().find(|finding| finding.severity == Severity::Refuse);
        let because = first.map(|finding| format!(" ({})", finding.rule)).unwrap_or_default();
        format!("{}: {}{because}", self.kind, verdict(self.authentic, self.acceptable))
    }
}

pub(super) const fn verdict(authentic: bool, acceptable: bool) -> &'static str {
    match (authentic, acceptable) {
        (true, true) => "authentic and acceptable",
        (true, false) => "authentic, NOT acceptable",
        (false, _) => "NOT authentic",
    }
}

impl Show for Answer {
    fn sheet(&self) -> Sheet {
        let verdict = verdict(self.authentic, self.acceptable);
        let tier = format!("tier {} ({})", self.tier.number(), self.tier);
        let mut sheet = Sheet::new().line(format!("{verdict}, {tier}"));
        if let Some(NextTier { tier, missing }) = &self.next_tier {
            let missing = missing.iter().map(|missing| format!("not tier {}: {missing}", tier.number()));
            sheet = sheet.line(missing.collect::<Vec<_>>().join("\n"));
        }
        if self.items.is_empty() {
            return sheet.line("The document has no items: it proves nothing.");
        }
        for item in &self.items {
            sheet = sheet.line(item.verdict());
            sheet = findings(sheet, &item.findings);
            if let Some(facts) = &item.facts {
                sheet = sheet.facts(main_claims(facts, item.claims.as_ref()));
            }
        }
        sheet
    }
}

/// The input of a policy of another's, as it is.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct PolicyInput(pub(super) Value);

impl Show for PolicyInput {
    fn sheet(&self) -> Sheet {
        Sheet::new().line(format!("{:#}", self.0))
    }
}

/// What was found about an item.
pub(super) fn findings(sheet: Sheet, findings: &[Finding]) -> Sheet {
    sheet.grid(
        ["severity", "rule", "code", "finding"],
        findings.iter().map(|finding| {
            [
                severity(finding.severity).to_owned(),
                finding.rule.id.to_owned(),
                finding.rule.code.to_owned(),
                finding.message.clone(),
            ]
        }),
    )
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Refuse => "REFUSE",
        Severity::Warn => "warn",
        Severity::Info => "info",
    }
}

/// The facts that a person looks for first; JSON has all claims.
fn main_claims(facts: &Facts, claims: Option<&Claims>) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(product) = facts.product {
        rows.push(("product", word(&product)));
    }
    rows.extend(facts.measurements.iter().map(|found| (found.register, found.digest.to_string())));
    if let Some(host_data) = &facts.host_data {
        rows.push(("host data", host_data.clone()));
    }
    match claims {
        Some(Claims::SevSnp(claims)) => rows.push(("report data", claims.report_data.to_string())),
        Some(Claims::Tdx(claims)) => rows.push(("report data", claims.report_data.to_string())),
        Some(Claims::Sgx(claims)) => rows.push(("report data", claims.report_data.to_string())),
        Some(Claims::Tpm(claims)) => {
            rows.push(("extra data", claims.extra_data.to_string()));
            rows.push(("attestation key", claims.ak_sha256.to_string()));
        }
        Some(Claims::AzSnpVtpm(claims)) => {
            rows.push(("qualifying data", claims.vtpm.tpm.extra_data.to_string()));
        }
        Some(Claims::AzTdxVtpm(claims)) => {
            rows.push(("qualifying data", claims.vtpm.tpm.extra_data.to_string()));
        }
        Some(Claims::Nvidia(claims)) => rows.push(("devices", claims.devices.len().to_string())),
        Some(Claims::Tdi(claims)) => rows.push(("interfaces", claims.devices.len().to_string())),
        Some(Claims::RegisteredKey(_)) | None => {}
    }
    if let Some(chip) = &facts.chip {
        rows.push(("chip", chip.clone()));
    }
    if let Some(debug) = facts.debug {
        rows.push(("debug", if debug == Debug::Enabled { "ENABLED" } else { "disabled" }.to_owned()));
    }
    rows.push(("TCB status", word(&facts.tcb_status)));
    rows.push(("valid until", facts.not_after.to_string()));
    if facts.lab {
        rows.push(("lab", "the chain ends in a LAB root".to_owned()));
    }
    rows
}

/// A value that serialises to one word.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
