//! `policy prove`: invariants of policies, by a solver or by trying every case that they can tell apart.

use super::check::{Checked, sources};
use crate::exit::{Failure, Outcome};
use crate::output::{Sheet, Show};
use crate::run::Context;
use clap::{Args, value_parser};
use hanzo_policy::prove::{Invariant, Proof, Verdict};
use hanzo_policy_symbolic::{DEFAULT_SOLVER, DEFAULT_TIMEOUT, Solver, SolverError};
use serde::Serialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest part of a file's name that is made of a policy's name: with number and ending far below the 255
/// bytes of file systems.
const MAX_FILE_STEM: usize = 100;

#[derive(Args, Debug)]
pub(crate) struct ProveArgs {
    /// Files with Cedar text, or folders with *.cedar files; together they are what decides
    #[arg(value_name = "FILE|DIR", required = true)]
    files: Vec<PathBuf>,
    /// A condition in Cedar under which no key may be released, e.g. 'principal.lab && resource.minimum_tier
    /// >= 2'
    #[arg(long, value_name = "CONDITION")]
    never: String,
    /// The solver, as cvc5; refused if it cannot be asked [default: cvc5, if it is installed]
    #[arg(long, value_name = "PATH")]
    solver: Option<PathBuf>,
    /// Longest time that the solver may take for one question; it is killed then, and that is no proof
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = DEFAULT_TIMEOUT.as_secs(),
        value_parser = value_parser!(u64).range(1..=3600)
    )]
    solver_timeout: u64,
    /// Write every case of a failure here, as PERMIT.case.json: `policy test` fails on it until it is denied
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
}

/// A proof as it is shown.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    proof: Proof,
    /// Why no solver was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_solver: Option<String>,
    /// The files with cases that were written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cases: Vec<String>,
}

impl ProveArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let sources = sources(&self.files)?;
        let invariant = match Invariant::new(&sources, &self.never) {
            Ok(invariant) => invariant,
            Err(problems) => {
                context.output.show(&Checked::refused(sources.len(), &problems))?;
                return Ok(Outcome::No);
            }
        };
        let (proof, no_solver) = self.proof(&invariant)?;
        let cases = match &self.cases {
            Some(folder) => write_cases(folder, &proof)?,
            None => Vec::new(),
        };
        let cases = cases.iter().map(|path| path.display().to_string()).collect();
        let holds = proof.holds;
        context.output.show(&Shown { proof, no_solver, cases })?;
        Ok(Outcome::from(holds))
    }

    /// The proof, and why no solver was asked if none was.
    fn proof(&self, invariant: &Invariant) -> Result<(Proof, Option<String>), Failure> {
        let program = self.solver.as_ref().map_or_else(|| DEFAULT_SOLVER.into(), |path| path.clone().into());
        let solver = Solver { program, timeout: Duration::from_secs(self.solver_timeout) };
        match hanzo_policy_symbolic::prove(invariant, &solver) {
            Ok(proof) => Ok((proof, None)),
            Err(error) if self.solver.is_some() => Err(error.into()),
            Err(error @ SolverError::Missing(_)) => {
                Ok((invariant.exhaustive(), Some(format!("{error}; the package cvc5 has it"))))
            }
            Err(error) => Ok((invariant.exhaustive(), Some(error.to_string()))),
        }
    }
}

/// Writes the cases of the permits that fail; the names of the files.
fn write_cases(folder: &Path, proof: &Proof) -> Result<Vec<PathBuf>, Failure> {
    let found = proof.permits.iter().filter_map(|permit| Some((&permit.policy, permit.verdict.case()?)));
    let mut written = Vec::new();
    for (policy, case) in found {
        fs::create_dir_all(folder).map_err(|source| Failure::unwritable(folder, source))?;
        let path = file_name(policy, &written, folder);
        let mut text =
            serde_json::to_string_pretty(case).map_err(|error| Failure::Output(io::Error::other(error)))?;
        text.push('\n');
        fs::write(&path, text).map_err(|source| Failure::unwritable(&path, source))?;
        written.push(path);
    }
    Ok(written)
}

/// A policy and its line as the name of a file: letters, digits, `_` and `-`. A second policy of that name
/// gets a number.
fn file_name(policy: &str, taken: &[PathBuf], folder: &Path) -> PathBuf {
    let named = policy.rsplit('/').next().unwrap_or(policy).replacen(".cedar:", ":", 1);
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' };
    let stem: String = named.chars().map(plain).collect();
    // The end has the line, which tells the permits of one file apart.
    let stem = stem.get(stem.len().saturating_sub(MAX_FILE_STEM)..).unwrap_or(&stem);
    let mut path = folder.join(format!("{stem}.case.json"));
    let mut number = 1_usize;
    while taken.contains(&path) {
        number = number.saturating_add(1);
        path = folder.join(format!("{stem}-{number}.case.json"));
    }
    path
}

impl Show for Shown {
    fn sheet(&self) -> Sheet {
        let Self { proof, no_solver, cases } = self;
        let rows = proof.permits.iter().map(|permit| {
            let (verdict, mut lines) = match &permit.verdict {
                Verdict::Holds => ("holds", Vec::new()),
                Verdict::Fails { example, .. } => {
                    ("FAILS", example.iter().map(|(path, value)| format!("{path}: {value}")).collect())
                }
                Verdict::Undecided { why } => ("undecided", vec![why.clone()]),
            };
            lines.extend(permit.unproved.iter().cloned());
            [verdict.to_owned(), permit.method.name().to_owned(), permit.policy.clone(), lines.join("\n")]
        });
        let verdict = if proof.holds { "The invariant holds" } else { "The invariant is NOT shown to hold" };
        let mut how = vec![proof.method.name().to_owned()];
        how.extend(proof.solver.clone());
        if proof.combinations > 0 {
            how.push(format!("{} combinations", proof.combinations));
        }
        let mut sheet = Sheet::new()
            .grid(["", "method", "permit", "in this case"], rows)
            .line(format!("{verdict}: {}", how.join(", ")));
        if let Some(why) = no_solver {
            sheet = sheet.line(format!("no solver was asked: {why}"));
        }
        for case in cases {
            sheet = sheet.line(format!("wrote {case}"));
        }
        sheet
    }
}
