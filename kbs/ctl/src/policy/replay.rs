//! `policy replay` and `policy shadow`: what other policies would have decided, and would decide.

use super::check::files;
use crate::connect::ConnectArgs;
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::{Sheet, Show};
use crate::reference::read_set;
use crate::run::Context;
use clap::{Args, Subcommand};
use hanzo_attestation_evidence::UnixTime;
use hanzo_kbs_client::Admin;
use hanzo_kbs_protocol::{Candidate, CandidatePolicy, CandidateReference, ReplayRequest, ShadowInfo};
use hanzo_policy::replay::{Counts, Report};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// Folder with all policies as NAME.cedar; with a folder references of NAME.json, these sets count in
    /// place of those in force
    #[arg(long, value_name = "DIR")]
    candidate: PathBuf,
    /// Only decisions from then on, e.g. 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<UnixTime>,
    /// Only decisions before then
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<UnixTime>,
    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ShadowArgs {
    #[command(subcommand)]
    verb: ShadowVerb,
}

#[derive(Debug, Subcommand)]
enum ShadowVerb {
    /// Ask a candidate about every decision from now on; it is never heeded, and stays until it is taken away or
    /// another is put
    Put {
        /// Folder with all policies as NAME.cedar, and reference sets as references/NAME.json
        #[arg(value_name = "DIR")]
        candidate: PathBuf,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Show what the candidate would have decided otherwise so far, and the newest decisions that differ:
    /// `policy explain` takes their numbers
    Show {
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Take the candidate away
    Clear {
        #[command(flatten)]
        connect: ConnectArgs,
    },
}

pub(super) fn time(text: &str) -> Result<UnixTime, String> {
    UnixTime::parse(text).map_err(|error| error.to_string())
}

/// A replay, whole.
#[derive(Serialize)]
struct Replayed {
    no_flips: bool,
    #[serde(flatten)]
    report: Report,
}

/// The candidate beside the rules in force.
#[derive(Serialize)]
#[serde(transparent)]
struct Shadowed(ShadowInfo);

impl ReplayArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let candidate = candidate(&self.candidate)?;
        let admin = self.connect.admin(&context.environment)?;
        let request = ReplayRequest { candidate, since: self.since, until: self.until, after: 0 };
        let report = context.wait(whole(&admin, request))?;
        let no_flips = report.no_flips();
        context.output.show(&Replayed { no_flips, report })?;
        Ok(Outcome::from(no_flips))
    }
}

/// Asks for part after part until the broker has no more decisions.
async fn whole(admin: &Admin, mut request: ReplayRequest) -> Result<Report, Failure> {
    let mut report = Report::default();
    loop {
        let answer = admin.replay(&request).await?;
        report.merge(read(answer.report)?);
        match answer.next {
            // A broker that does not go on would be asked for ever.
            Some(next) if next > request.after => request.after = next,
            _ => return Ok(report),
        }
    }
}

fn read(report: Value) -> Result<Report, Failure> {
    serde_json::from_value(report)
        .map_err(|error| Failure::Input { path: "the broker's answer".to_owned(), reason: error.to_string() })
}

impl ShadowArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let shadow = match self.verb {
            ShadowVerb::Put { candidate: folder, connect } => {
                let candidate = candidate(&folder)?;
                let admin = connect.admin(&context.environment)?;
                context.wait(async { Ok(admin.put_shadow(&candidate).await?) })?
            }
            ShadowVerb::Show { connect } => {
                let admin = connect.admin(&context.environment)?;
                context.wait(all(&admin))?
            }
            ShadowVerb::Clear { connect } => {
                let admin = connect.admin(&context.environment)?;
                context.wait(async { Ok(admin.clear_shadow().await?) })?
            }
        };
        context.output.show(&Shadowed(shadow))?;
        Ok(Outcome::Yes)
    }
}

/// Asks until every decision is counted.
async fn all(admin: &Admin) -> Result<ShadowInfo, Failure> {
    let mut shadow = admin.shadow().await?;
    while shadow.more {
        let later = admin.shadow().await?;
        // A broker that does not go on would be asked for ever.
        if later.seen <= shadow.seen {
            return Ok(later);
        }
        shadow = later;
    }
    Ok(shadow)
}

/// The policies of a folder, named by their files as the broker names them, and its reference sets if there
/// is a folder of them.
fn candidate(folder: &Path) -> Result<Candidate, Failure> {
    let name = |file: &Path| file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let policies: Vec<CandidatePolicy> = files(folder, "cedar")?
        .iter()
        .map(|file| Ok(CandidatePolicy { name: name(file), text: input::read_text(file)? }))
        .collect::<Result<_, Failure>>()?;
    if policies.is_empty() {
        let reason = "has no *.cedar file".to_owned();
        return Err(Failure::file(folder, reason));
    }
    let sets = folder.join("references");
    let references = if sets.is_dir() {
        let set = |file: &PathBuf| -> Result<CandidateReference, Failure> {
            let name = name(file);
            let values = read_set(file, &name)?.values;
            Ok(CandidateReference { name, values })
        };
        Some(files(&sets, "json")?.iter().map(set).collect::<Result<_, Failure>>()?)
    } else {
        None
    };
    Ok(Candidate { policies, references })
}

impl Show for Replayed {
    fn sheet(&self) -> Sheet {
        let sheet = counted(&self.report);
        if self.no_flips { sheet.line("nothing that is in force would be decided otherwise") } else { sheet }
    }
}

impl Show for Shadowed {
    fn sheet(&self) -> Sheet {
        let Self(ShadowInfo { active, policies, since, seen, more, report }) = self;
        if !active {
            return Sheet::new().line("no candidate stands beside the rules in force");
        }
        let sheet = Sheet::new().facts([
            ("policies", policies.join(", ")),
            ("since", since.map(|since| since.to_string()).unwrap_or_default()),
        ]);
        let report = report.clone().and_then(|report| serde_json::from_value::<Report>(report).ok());
        let Some(report) = report else { return sheet };
        let Counts { to_granted, to_refused } = report.from_in_force;
        let sheet = sheet.facts([
            ("counted up to decision", seen.map(|seen| seen.to_string()).unwrap_or_default()),
            ("decisions", report.decisions.to_string()),
            ("no longer kept", report.not_kept.to_string()),
            ("unknown", report.unknown.to_string()),
            ("would be granted", to_granted.to_string()),
            ("would be refused", to_refused.to_string()),
        ]);
        let sheet = tables(sheet, &report);
        let sheet = if *more { sheet.line("there are more decisions to count: ask again") } else { sheet };
        if report.flips.is_empty() {
            return sheet;
        }
        let rows = report.flips.iter().map(|flip| {
            let (decision, at, tier) =
                (flip.decision.to_string(), flip.at.to_string(), flip.tier.to_string());
            [decision, at, flip.key.clone(), tier, flip.recorded.clone(), flip.candidate.clone()]
        });
        let sheet = sheet.grid(["decision", "at", "key", "tier", "recorded", "candidate"], rows);
        let sheet = match report.not_listed {
            0 => sheet,
            older => sheet.line(format!("and {older} older")),
        };
        sheet.line("`kbsctl policy explain DECISION` says why a decision came out as it did")
    }
}

fn counted(report: &Report) -> Sheet {
    let pair = |counts: Counts| format!("{} granted, {} refused", counts.to_granted, counts.to_refused);
    let sheet = Sheet::new().facts([
        ("decisions", report.decisions.to_string()),
        ("no longer kept", report.not_kept.to_string()),
        ("unknown", report.unknown.to_string()),
        ("otherwise than recorded", pair(report.from_record)),
        ("otherwise than in force", pair(report.from_in_force)),
    ]);
    let sheet = tables(sheet, report);
    if report.flips.is_empty() {
        return sheet;
    }
    let rows = report.flips.iter().map(|flip| {
        [
            flip.decision.to_string(),
            flip.at.to_string(),
            flip.key.clone(),
            flip.tier.to_string(),
            flip.recorded.clone(),
            flip.in_force.clone(),
            flip.candidate.clone(),
        ]
    });
    let sheet = sheet.grid(["decision", "at", "key", "tier", "recorded", "in force", "candidate"], rows);
    if report.not_listed == 0 { sheet } else { sheet.line(format!("and {} more", report.not_listed)) }
}

fn tables(sheet: Sheet, report: &Report) -> Sheet {
    let sheet = table(sheet, "tenant", &report.by_tenant);
    let sheet = table(sheet, "key", &report.by_key);
    table(sheet, "tier", &report.by_tier)
}

fn table<K: Display>(sheet: Sheet, of: &'static str, counts: &BTreeMap<K, Counts>) -> Sheet {
    if counts.is_empty() {
        return sheet;
    }
    let rows = counts.iter().map(|(name, counts)| {
        [name.to_string(), counts.to_granted.to_string(), counts.to_refused.to_string()]
    });
    sheet.grid([of, "would be granted", "would be refused"], rows)
}
