//! `policy check`: Cedar text against the schema of the broker, offline.

use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::{Sheet, Show};
use crate::run::Context;
use clap::Args;
use hanzo_policy::{Policies, PolicyProblem, PolicySource};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// Files with Cedar text, or - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
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
        let sources = self.files.iter().map(|file| source(file)).collect::<Result<Vec<_>, _>>()?;
        let policies = sources.len();
        let checked = match Policies::compile(&sources) {
            Ok(found) => {
                Checked { ok: true, policies, problems: Vec::new(), warnings: remarks(found.warnings()) }
            }
            Err(problems) => Checked::refused(policies, &problems),
        };
        context.output.show(&checked)?;
        Ok(Outcome::from(checked.ok))
    }
}

impl Checked {
    pub(super) fn refused(policies: usize, problems: &[PolicyProblem]) -> Self {
        Self { ok: false, policies, problems: remarks(problems), warnings: Vec::new() }
    }
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
