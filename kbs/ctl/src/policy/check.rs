//! `policy check`: Cedar text against the schema of the broker, offline.

use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::{Sheet, Show};
use crate::run::Context;
use clap::Args;
use hanzo_policy::{Policies, PolicyProblem, PolicySource};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// Files with Cedar text, folders with *.cedar files, or - for standard input
    #[arg(value_name = "FILE|DIR", required = true)]
    files: Vec<PathBuf>,
    /// Answer no for warnings, too
    #[arg(long)]
    strict: bool,
}

/// Whether policies are well formed, and what is wrong with those that are not.
#[derive(Serialize)]
pub(super) struct Checked {
    ok: bool,
    policies: usize,
    problems: Vec<Remark>,
    warnings: Vec<Remark>,
}

/// One remark, at its place in a file; lines and columns count from 1.
#[derive(Serialize)]
struct Remark {
    file: String,
    line: usize,
    column: usize,
    message: String,
}

impl CheckArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let sources = sources(&self.files)?;
        let policies = sources.len();
        let mut checked = match Policies::compile(&sources) {
            Ok(found) => {
                Checked { ok: true, policies, problems: Vec::new(), warnings: remarks(found.warnings()) }
            }
            Err(problems) => Checked::refused(policies, &problems),
        };
        checked.warnings.extend(remarks(&Policies::review(&sources)));
        context.output.show(&checked)?;
        Ok(Outcome::from(checked.ok && (checked.warnings.is_empty() || !self.strict)))
    }
}

impl Checked {
    pub(super) fn refused(policies: usize, problems: &[PolicyProblem]) -> Self {
        Self { ok: false, policies, problems: remarks(problems), warnings: Vec::new() }
    }
}

/// The policies of files and folders.
pub(super) fn sources(paths: &[PathBuf]) -> Result<Vec<PolicySource>, Failure> {
    let mut sources = Vec::new();
    for path in paths {
        if path.is_dir() {
            sources.extend(policies(path)?);
        } else {
            sources.push(source(path)?);
        }
    }
    Ok(sources)
}

/// The policies of a folder: its `*.cedar` files, by name.
pub(super) fn policies(folder: &Path) -> Result<Vec<PolicySource>, Failure> {
    let files = files(folder, "cedar")?;
    if files.is_empty() {
        let reason = "has no *.cedar file".to_owned();
        return Err(Failure::file(folder, reason));
    }
    files.iter().map(|file| source(file)).collect()
}

/// The files of a folder whose names end so, by name.
pub(super) fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |source| Failure::Unreadable { path: folder.display().to_string(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.strip_suffix(extension).is_some_and(|before| before.ends_with('.')) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A policy file under its own path as name, so that remarks lead back to it.
pub(super) fn source(file: &Path) -> Result<PolicySource, Failure> {
    Ok(PolicySource { name: file.display().to_string(), version: 1, text: input::read_text(file)? })
}

fn remarks(problems: &[PolicyProblem]) -> Vec<Remark> {
    let remark = |problem: &PolicyProblem| Remark {
        file: problem.policy.clone(),
        line: problem.line,
        column: problem.column,
        message: problem.message.clone(),
    };
    problems.iter().map(remark).collect()
}

/// Remarks as compilers print them: `file:line:column: message`.
fn lines(remarks: &[Remark], kind: &str) -> Vec<String> {
    let line = |remark: &Remark| {
        let Remark { file, line, column, message } = remark;
        format!("{file}:{line}:{column}: {kind}: {message}")
    };
    remarks.iter().map(line).collect()
}

impl Show for Checked {
    fn sheet(&self) -> Sheet {
        let mut shown = lines(&self.problems, "error");
        shown.extend(lines(&self.warnings, "warning"));
        let verdict = match (self.ok, self.policies) {
            (true, 1) => "1 file is well formed".to_owned(),
            (true, count) => format!("{count} files are well formed"),
            (false, _) => "nothing of this would be accepted".to_owned(),
        };
        shown.push(verdict);
        Sheet::new().line(shown.join("\n"))
    }
}
