//! `policy explain`: why a decision came out as it did, and the smallest change that would turn it.

use super::cases::{read_cases, references};
use super::check::{Checked, policies};
use crate::connect::ConnectArgs;
use crate::exit::{Failure, Outcome};
use crate::output::{Sheet, Show};
use crate::reference::read_set;
use crate::run::Context;
use clap::Args;
use hanzo_kbs_protocol::ExplainedDecision;
use hanzo_policy::explain::{Explanation, Mark, Situation, Step, explain};
use hanzo_policy::{Policies, References, TestCase};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// Number of the decision, as problems and `audit list` show it
    #[arg(required_unless_present = "case", conflicts_with = "case")]
    decision: Option<u64>,
    /// Explain what would be decided about each case of a file instead, without a broker
    #[arg(long, value_name = "FILE", requires = "policies")]
    case: Option<PathBuf>,
    /// Folder with policies as *.cedar, and reference sets as references/NAME.json
    #[arg(long, value_name = "DIR", requires = "case")]
    policies: Option<PathBuf>,
    /// File with a reference set, named by the file; in place of those in the folder
    #[arg(long, value_name = "FILE", requires = "case")]
    references: Vec<PathBuf>,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// A decision that was recorded.
#[derive(Serialize)]
struct Recorded {
    #[serde(flatten)]
    decision: ExplainedDecision,
    #[serde(skip)]
    explanation: Explanation,
}

/// What would be decided about a case.
#[derive(Serialize)]
struct Tried {
    case: String,
    explanation: Explanation,
}

#[derive(Serialize)]
#[serde(transparent)]
struct AllTried(Vec<Tried>);

impl ExplainArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        match (self.decision, self.case, self.policies) {
            (Some(decision), ..) => recorded(decision, &self.connect, context),
            (None, Some(case), Some(folder)) => offline(&case, &folder, &self.references, context),
            // The parser of arguments has refused this before.
            _ => Ok(Outcome::No),
        }
    }
}

fn recorded(decision: u64, connect: &ConnectArgs, context: &Context) -> Result<Outcome, Failure> {
    let admin = connect.admin(&context.environment)?;
    let decision = context.wait(async { Ok(admin.explanation(decision).await?) })?;
    let explanation = serde_json::from_value(decision.explanation.clone()).map_err(|error| {
        Failure::Input { path: "the broker's answer".to_owned(), reason: error.to_string() }
    })?;
    context.output.show(&Recorded { decision, explanation })?;
    Ok(Outcome::Yes)
}

fn offline(case: &Path, folder: &Path, sets: &[PathBuf], context: &Context) -> Result<Outcome, Failure> {
    let now = context.environment.now.ok_or(Failure::NoClock)?;
    let sources = policies(folder)?;
    let references = if sets.is_empty() { references(folder)? } else { given(sets)? };
    let policies = match Policies::compile(&sources) {
        Ok(policies) => policies,
        Err(problems) => {
            context.output.show(&Checked::refused(sources.len(), &problems))?;
            return Ok(Outcome::No);
        }
    };
    let explained = read_cases(case)?.into_iter().map(|(file, case)| {
        let explanation =
            explained(&case, &policies, &references, now).map_err(|reason| Failure::file(&file, reason))?;
        Ok(Tried { case: case.name().to_owned(), explanation })
    });
    context.output.show(&AllTried(explained.collect::<Result<_, Failure>>()?))?;
    Ok(Outcome::Yes)
}

fn explained(
    case: &TestCase,
    policies: &Policies,
    references: &References,
    now: hanzo_attestation_evidence::UnixTime,
) -> Result<Explanation, String> {
    let (facts, scope, references) = (case.facts()?, case.scope(), case.references(references));
    let at = case.circumstances(now);
    let situation = Situation { facts: &facts, scope: &scope, policies, references: &references, at };
    explain(&situation).map_err(|error| error.to_string())
}

/// The sets of these files, each named by its file.
fn given(files: &[PathBuf]) -> Result<References, Failure> {
    let sets = files.iter().map(|file| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        Ok(crate::reference::set(&name, read_set(file, &name)?.values))
    });
    References::new(sets.collect::<Result<_, Failure>>()?)
        .map_err(|error| Failure::Input { path: "--references".to_owned(), reason: error.to_string() })
}

impl Show for Recorded {
    fn sheet(&self) -> Sheet {
        let ExplainedDecision { decision, at, action, granted, key_id, basis, notes, waivers, .. } =
            &self.decision;
        let made_from = match basis.name() {
            "facts" => "the facts that were kept: made again exactly",
            "proof" => "the proof that was kept: verified again",
            _ => "its row alone",
        };
        let sheet = Sheet::new().facts([
            ("decision", decision.to_string()),
            ("at", at.to_string()),
            ("action", action.clone()),
            ("key", key_id.clone().unwrap_or_default()),
            ("outcome", if *granted { "granted" } else { "refused" }.to_owned()),
            ("explained by", made_from.to_owned()),
        ]);
        let sheet = notes.iter().fold(sheet, |sheet, note| sheet.line(format!("note: {note}")));
        let sheet = waivers.iter().fold(sheet, |sheet, waiver| sheet.line(format!("waived: {waiver}")));
        told(sheet, &self.explanation)
    }
}

impl Show for AllTried {
    fn sheet(&self) -> Sheet {
        self.0.iter().fold(Sheet::new(), |sheet, tried| {
            told(sheet.line(format!("case: {}", tried.case)), &tried.explanation)
        })
    }
}

fn told(sheet: Sheet, explanation: &Explanation) -> Sheet {
    let Explanation { code, message, reasons, steps, proposals, tried, granted } = explanation;
    let mut cause = vec![format!("{code}: {message}")];
    cause.extend(reasons.iter().map(|reason| format!("  {reason}")));
    let mut tree = Vec::new();
    steps.iter().for_each(|step| branch(step, 0, &mut tree));
    let sheet = sheet.line(cause.join("\n")).line(tree.join("\n"));
    let heading = if *granted { "what would take it away" } else { "what would turn it, smallest first" };
    if proposals.is_empty() {
        return sheet.line(format!("no change found that turns it; tried: {tried}"));
    }
    let mut lines = vec![format!("{heading} (each was tried, {tried} in all)")];
    for (proposal, number) in proposals.iter().zip(1_usize..) {
        for (change, index) in proposal.changes.iter().zip(0_usize..) {
            let lead = if index == 0 { format!("{number:>2}.") } else { "and".to_owned() };
            lines.push(format!("{lead} [{}] {}", change.by.name(), change.text));
        }
    }
    sheet.line(lines.join("\n"))
}

fn branch(step: &Step, depth: usize, lines: &mut Vec<String>) {
    let mark = match step.mark {
        Mark::Yes => '✓',
        Mark::No => '✗',
        Mark::Error => '!',
        Mark::Skipped => '·',
    };
    lines.push(format!("{}{mark} {}", "  ".repeat(depth), step.text));
    step.steps.iter().for_each(|inner| branch(inner, depth.saturating_add(1), lines));
}
