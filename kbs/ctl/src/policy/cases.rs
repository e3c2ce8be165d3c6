//! `policy test`: what a folder of policies decides about stated nodes, offline.

use super::check::{Checked, source};
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::{Sheet, Show};
use crate::reference::read_set;
use crate::run::Context;
use clap::Args;
use hanzo_policy::case::MAX_CASE_FILE;
use hanzo_policy::{CaseReport, Policies, PolicySource, References, TestCase};
use serde::Serialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(crate) struct TestArgs {
    /// Folder with policies as *.cedar, and reference sets as references/NAME.json in the form that
    /// `reference put --file` reads
    #[arg(value_name = "POLICYDIR")]
    folder: PathBuf,
    /// Files with cases, or - for standard input: what a node proves, the key it asks for, what must come out
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
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
        let cases = self.cases.iter().map(|file| read_cases(file)).collect::<Result<Vec<_>, _>>()?;
        let policies = match Policies::compile(&sources) {
            Ok(policies) => policies,
            Err(problems) => {
                context.output.show(&Checked::refused(sources.len(), &problems))?;
                return Ok(Outcome::No);
            }
        };
        let cases: Vec<FileReport> = cases
            .into_iter()
            .flatten()
            .map(|(file, case)| FileReport { file, report: case.run(&policies, &references, now) })
            .collect();
        let passed = cases.iter().filter(|case| case.report.passed).count();
        let failed = cases.len().saturating_sub(passed);
        context.output.show(&Tested { ok: failed == 0, passed, failed, cases })?;
        Ok(Outcome::from(failed == 0))
    }
}

pub(super) fn policies(folder: &Path) -> Result<Vec<PolicySource>, Failure> {
    let files = files(folder, "cedar")?;
    if files.is_empty() {
        let reason = "has no *.cedar file".to_owned();
        return Err(Failure::Input { path: folder.display().to_string(), reason });
    }
    files.iter().map(|file| source(file)).collect()
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
    References::new(sets.collect::<Result<_, Failure>>()?)
        .map_err(|error| Failure::Input { path: folder.display().to_string(), reason: error.to_string() })
}

/// The files of a folder with this extension, by name.
pub(super) fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |source| Failure::Unreadable { path: folder.display().to_string(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

pub(super) fn read_cases(file: &Path) -> Result<Vec<(String, TestCase)>, Failure> {
    let wrong = |reason: String| Failure::Input { path: file.display().to_string(), reason };
    let cases =
        TestCase::read(&input::read(file, MAX_CASE_FILE)?).map_err(|error| wrong(error.to_string()))?;
    if cases.is_empty() {
        return Err(wrong("has no case: nothing would be tested".to_owned()));
    }
    Ok(cases.into_iter().map(|case| (file.display().to_string(), case)).collect())
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
