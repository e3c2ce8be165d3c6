//! `collateral import`.

use super::answer::{Changed, Refused};
use super::args::ImportArgs;
use super::{now, refused, roots};
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::run::Context;
use hanzo_attestation_collateral::bundle::{BundleKey, Trust};
use hanzo_attestation_collateral::{BundleFileError, Store, read_bundle};
use hanzo_attestation_evidence::Broken as _;

pub(super) fn run(args: &ImportArgs, context: &Context) -> Result<Outcome, Failure> {
    let (now, roots) = (now(args.at.at, context)?, roots(&args.roots)?);
    let trust = trust(args)?;
    let files = match read_bundle(&args.bundle) {
        Ok(files) => files,
        Err(BundleFileError::Tar { source, .. }) => {
            context.output.show(&Refused::new(source.rule(), &source))?;
            return Ok(Outcome::No);
        }
        Err(error) => return Err(Failure::file(&args.bundle, error)),
    };
    let store = &args.store.store;
    match Store::at(store).import(files, &trust, &roots, now) {
        Ok(change) => {
            context.output.show(&Changed::from(change))?;
            Ok(Outcome::Yes)
        }
        Err(error) => {
            context.output.show(&refused(store, &error)?)?;
            Ok(Outcome::No)
        }
    }
}

fn trust(args: &ImportArgs) -> Result<Trust, Failure> {
    let mut keys = Vec::new();
    for path in &args.key {
        let pem = input::read(path, input::MAX_FILE)?;
        keys.push(BundleKey::from_pem(&pem).map_err(|error| Failure::file(path, error))?);
    }
    let arguments = |reason: String| Failure::Input { path: "--key, --threshold".to_owned(), reason };
    let threshold = match (args.threshold, keys.len()) {
        (Some(threshold), _) => threshold,
        (None, 1) => 1,
        (None, _) => return Err(arguments("several keys need a --threshold".to_owned())),
    };
    Trust::new(keys, threshold).map_err(|error| arguments(error.to_string()))
}
