//! `policy prove`: invariants of policies, by trying every case that they can tell apart.

use super::check::{Checked, sources};
use crate::exit::{Failure, Outcome};
use crate::output::{Sheet, Show};
use crate::run::Context;
use clap::Args;
use hanzo_policy::prove::{self, Proof, Verdict};
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(crate) struct ProveArgs {
    /// Files with Cedar text, or folders with *.cedar files; together they are what decides
    #[arg(value_name = "FILE|DIR", required = true)]
    files: Vec<PathBuf>,
    /// A condition in Cedar under which no key may be released, e.g. 'principal.lab && resource.minimum_tier >= 2'
    #[arg(long, value_name = "CONDITION")]
    never: String,
}

impl ProveArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let sources = sources(&self.files)?;
        match prove::never(&sources, &self.never) {
            Ok(proof) => {
                context.output.show(&proof)?;
                Ok(Outcome::from(proof.holds))
            }
            Err(problems) => {
                context.output.show(&Checked::refused(sources.len(), &problems))?;
                Ok(Outcome::No)
            }
        }
    }
}

impl Show for Proof {
    fn sheet(&self) -> Sheet {
        let rows = self.permits.iter().map(|permit| {
            let (verdict, why) = match &permit.verdict {
                Verdict::Holds => ("holds", String::new()),
                Verdict::Fails { example } => {
                    let lines: Vec<String> =
                        example.iter().map(|(path, value)| format!("{path}: {value}")).collect();
                    ("FAILS", lines.join("\n"))
                }
                Verdict::Undecided { why } => ("undecided", why.clone()),
            };
            [verdict.to_owned(), permit.policy.clone(), why]
        });
        let verdict = if self.holds { "The invariant holds" } else { "The invariant is NOT shown to hold" };
        Sheet::new()
            .grid(["", "permit", "in this case"], rows)
            .line(format!("{verdict}: {} ({} combinations)", self.method, self.combinations))
    }
}
