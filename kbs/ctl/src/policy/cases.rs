//! `policy test`: what a folder of policies decides about stated nodes, offline.

use super::check::{Checked, files, policies};
use crate::evidence;
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::{Sheet, Show};
use crate::reference::read_set;
use crate::run::Context;
use clap::Args;
use hanzo_policy::case::MAX_CASE_FILE;
use hanzo_policy::{CaseReport, Policies, References, TestCase};
use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(crate) struct TestArgs {
    /// Folder with policies as *.cedar, and reference sets as references/NAME.json in the form that
    /// `reference put --file` reads
    #[arg(value_name = "POLICYDIR")]
    folder: PathBuf,
    /// Files with cases, folders with *.case.json files, or - for standard input: what a node proves or its
    /// evidence, the key it asks for, what must come out [default: the *.case.json files of POLICYDIR]
    #[arg(long, value_name = "FILE|DIR", num_args = 1..)]
    cases: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Tested {
    ok: bool,
    passed: usize,
    failed: usize,
    cases: Vec<FileReport>,
}

#[derive(Serialize)]
struct FileReport {
    file: String,
    #[serde(flatten)]
    report: CaseReport,
}

impl TestArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let now = context.environment.now.ok_or(Failure::NoClock)?;
        let sources = policies(&self.folder)?;
        let references = references(&self.folder)?;
        let cases = self.cases()?;
        let policies = match Policies::compile(&sources) {
            Ok(policies) => policies,
            Err(problems) => {
                context.output.show(&Checked::refused(sources.len(), &problems))?;
                return Ok(Outcome::No);
            }
        };
        let mut reports = Vec::with_capacity(cases.len());
        for (file, case) in &cases {
            let report = match case.evidence() {
                None => case.run(&policies, &references, now),
                Some(subject) => {
                    let folder = file.parent().unwrap_or(Path::new("."));
                    let verdict = evidence::verdict(subject, folder, now)?;
                    case.run_judged(&verdict.judged(), &policies, &references, now)
                }
            };
            reports.push(FileReport { file: file.display().to_string(), report });
        }
        let cases = reports;
        let passed = cases.iter().filter(|case| case.report.passed).count();
        let failed = cases.len().saturating_sub(passed);
        context.output.show(&Tested { ok: failed == 0, passed, failed, cases })?;
        Ok(Outcome::from(failed == 0))
    }

    /// The cases of all files that are named, or of the folder itself.
    fn cases(&self) -> Result<Vec<(PathBuf, TestCase)>, Failure> {
        let own = [self.folder.clone()];
        let named = if self.cases.is_empty() { &own[..] } else { &self.cases };
        let mut found = Vec::new();
        for path in named {
            if !path.is_dir() {
                found.extend(read_cases(path)?);
                continue;
            }
            let files = files(path, "case.json")?;
            if files.is_empty() {
                let reason = "has no *.case.json file: nothing would be tested".to_owned();
                return Err(Failure::file(path, reason));
            }
            for file in &files {
                found.extend(read_cases(file)?);
            }
        }
        Ok(found)
    }
}

/// The sets below `references`, named by their files. No such folder is fine: then no measurement is known.
pub(super) fn references(folder: &Path) -> Result<References, Failure> {
    let folder = folder.join("references");
    let files = match files(&folder, "json") {
        Err(Failure::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => other?,
    };
    let sets = files.iter().map(|file| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        Ok(crate::reference::set(&name, read_set(file, &name)?.values))
    });
    References::new(sets.collect::<Result<_, Failure>>()?).map_err(|error| Failure::file(&folder, error))
}

pub(super) fn read_cases(file: &Path) -> Result<Vec<(PathBuf, TestCase)>, Failure> {
    let wrong = |reason: String| Failure::file(file, reason);
    let cases =
        TestCase::read(&input::read(file, MAX_CASE_FILE)?).map_err(|error| wrong(error.to_string()))?;
    if cases.is_empty() {
        return Err(wrong("has no case: nothing would be tested".to_owned()));
    }
    Ok(cases.into_iter().map(|case| (file.to_owned(), case)).collect())
}

impl Show for Tested {
    fn sheet(&self) -> Sheet {
        let rows = self.cases.iter().map(|FileReport { report, .. }| {
            let verdict = if report.passed { "ok" } else { "FAILED" };
            [
                verdict.to_owned(),
                report.name.clone(),
                report.expected.clone(),
                report.actual.clone(),
                report.reasons.join("\n"),
            ]
        });
        Sheet::new()
            .grid(["", "case", "expected", "actual", "because"], rows)
            .line(format!("{} passed, {} failed", self.passed, self.failed))
    }
}
