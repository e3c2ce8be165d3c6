//! `kbsctl collateral`: signed bundles, and the store that verifiers load. One clock reading, at the edge.

mod add;
mod answer;
mod args;
mod export;
mod fetch;
mod import;
mod key;
mod show;

pub(crate) use args::CollateralArgs;
pub(crate) use key::write_key_pair;

use crate::exit::{Failure, Outcome};
use crate::run::Context;
use args::{CollateralVerb, KeyVerb, VendorRoots};
use hanzo_attestation::Roots;
use hanzo_attestation_collateral::{StoreError, read_lab};
use hanzo_attestation_evidence::UnixTime;
use std::path::Path;

impl CollateralArgs {
    /// Runs the verb: yes is done; no is a bundle or a document that was refused.
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        match self.verb {
            CollateralVerb::Fetch(args) => fetch::run(&args, context),
            CollateralVerb::Add(args) => add::run(&args, context),
            CollateralVerb::Import(args) => import::run(&args, context),
            CollateralVerb::Export(args) => export::run(&args, context),
            CollateralVerb::Show(args) => show::run(&args, context),
            CollateralVerb::Key(args) => match args.verb {
                KeyVerb::Generate(args) => key::generate(&args, context),
            },
        }
    }
}

fn now(at: Option<UnixTime>, context: &Context) -> Result<UnixTime, Failure> {
    at.or(context.environment.now).ok_or(Failure::NoClock)
}

/// The vendors' roots, and a lab's where one is named.
fn roots(args: &VendorRoots) -> Result<Roots, Failure> {
    let Some(directory) = &args.lab else { return Ok(Roots::vendor()) };
    let (extra, _) = read_lab(directory).map_err(|error| Failure::file(directory, error))?;
    Ok(Roots::vendor().with_extra(extra))
}

/// A store's error as an answer, if a rule was broken; else as a failure.
fn refused(path: &Path, error: &StoreError) -> Result<answer::Refused, Failure> {
    match error.rule() {
        Some(rule) => Ok(answer::Refused::new(rule, error)),
        None => Err(Failure::file(path, error)),
    }
}
