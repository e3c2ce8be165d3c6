//! `kbsctl evidence`: what a file of evidence proves, and what it says. Offline; one clock reading, at the
//! edge.

mod answer;
mod args;
mod case;
mod inputs;
mod judge;
mod rim;
mod show;

#[cfg(test)]
mod tests;

pub(crate) use args::{EvidenceArgs, RimTrust};
pub(crate) use case::verdict;
pub(crate) use rim::prove as prove_rim;

use crate::exit::{Failure, Outcome};
use crate::input;
use crate::run::Context;
use answer::{Answer, PolicyInput};
use args::{ClaimsVersion, EvidenceVerb, ShowArgs, VerifyArgs};
use hanzo_attestation::Claims;
use hanzo_attestation::nvidia::{self, EatVersion};
use hanzo_attestation_evidence::document::MAX_DOCUMENT;
use hanzo_attestation_evidence::{Broken, Document, UnixTime};
use inputs::Inputs;
use std::path::Path;

impl EvidenceArgs {
    /// Runs the verb: yes is `acceptable` (verify) or readable (show).
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        match self.verb {
            EvidenceVerb::Verify(args) => verify(&args, context),
            EvidenceVerb::Show(args) => show(&args, context),
            EvidenceVerb::Rim(args) => rim::run(&args, context),
        }
    }
}

fn verify(args: &VerifyArgs, context: &Context) -> Result<Outcome, Failure> {
    let document = read_document(&args.file)?;
    let now = now(args.at, &args.file, context)?;
    let inputs = Inputs::read(args, now)?;
    let answer = judge::judge(document, &inputs);
    match args.nvidia_policy_input.and_then(|version| policy_input(&answer, version)) {
        Some(input) => context.output.show(&input)?,
        None => context.output.show(&answer)?,
    }
    Ok(answer.acceptable.into())
}

/// The claims of the devices for a policy of NVIDIA's form; none where an item is not authentic, for a policy
/// over fewer devices than were sent would judge another machine.
fn policy_input(answer: &Answer, version: ClaimsVersion) -> Option<PolicyInput> {
    let version = match version {
        ClaimsVersion::V3 => EatVersion::V3,
        ClaimsVersion::V4 => EatVersion::V4,
    };
    let items = answer.items.iter().filter_map(|item| match &item.claims {
        Some(Claims::Nvidia(claims)) => Some(claims.as_ref()),
        _ => None,
    });
    nvidia::policy_input(items, version).filter(|_| answer.authentic).map(PolicyInput)
}

/// The instant that was given, else this machine's.
fn now(at: Option<UnixTime>, file: &Path, context: &Context) -> Result<UnixTime, Failure> {
    at.or(context.environment.now).ok_or_else(|| Failure::Input {
        path: file.display().to_string(),
        reason: "the clock of this machine is set before 1970 or after 9999: give the time with --at"
            .to_owned(),
    })
}

fn show(args: &ShowArgs, context: &Context) -> Result<Outcome, Failure> {
    let shown = show::read(read_document(&args.file)?);
    context.output.show(&shown)?;
    Ok(shown.is_readable().into())
}

/// Reads the envelope. What is wrong with it is wrong input; what is wrong inside is an answer.
fn read_document(path: &Path) -> Result<Document, Failure> {
    let bytes = input::read(path, MAX_DOCUMENT)?;
    Document::from_json(&bytes).map_err(|error| Failure::Input {
        path: path.display().to_string(),
        reason: format!("{}: {error}", error.rule()),
    })
}
