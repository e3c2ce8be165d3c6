//! `collateral add`: vendors' documents from files into a store.

use super::answer::Changed;
use super::args::AddArgs;
use super::{now, refused, roots};
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::run::Context;
use hanzo_attestation::admission::{nvidia_crl, nvidia_rim};
use hanzo_attestation_collateral::bundle::Kind;
use hanzo_attestation_collateral::{Document, Store};
use hanzo_attestation_evidence::{Broken, Hex};
use std::path::Path;

pub(super) fn run(args: &AddArgs, context: &Context) -> Result<Outcome, Failure> {
    let (now, roots) = (now(args.at.at, context)?, roots(&args.roots)?);
    let mut documents = Vec::new();
    for (key, path) in &args.amd_crl {
        let bytes = input::read(path, Kind::AmdCrl.limit())?.to_vec();
        documents.push((path, Document::received(Kind::AmdCrl, key.clone(), bytes, &[], &roots)));
    }
    for path in &args.ocsp {
        let bytes = input::read(path, Kind::NvidiaOcsp.limit())?.to_vec();
        let key = digest(&bytes).to_string();
        documents.push((path, Document::received(Kind::NvidiaOcsp, key, bytes, &[], &roots)));
    }
    for path in &args.nvidia_crl {
        let bytes = input::read(path, Kind::NvidiaCrl.limit())?.to_vec();
        let judged = nvidia_crl(&bytes, &roots).map_err(|error| broken(path, &error))?;
        documents.push((path, Document::received(Kind::NvidiaCrl, judged.subject, bytes, &[], &roots)));
    }
    for path in &args.tpm_root {
        let bytes = input::read(path, Kind::TpmRoot.limit())?.to_vec();
        let key = digest(&bytes).to_string();
        documents.push((path, Document::received(Kind::TpmRoot, key, bytes, &[], &roots)));
    }
    for path in &args.rim {
        let bytes = input::read(path, Kind::NvidiaRim.limit())?.to_vec();
        // Nothing else says about which device it speaks.
        let judged = nvidia_rim(&bytes, &roots).map_err(|error| broken(path, &error))?;
        documents.push((path, Document::received(Kind::NvidiaRim, judged.subject, bytes, &[], &roots)));
    }
    let documents = documents
        .into_iter()
        .map(|(path, document)| document.map_err(|error| Failure::file(path, error)))
        .collect::<Result<Vec<_>, _>>()?;
    let store = &args.store.store;
    match Store::at(store).add(documents, &roots, now) {
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

/// What is wrong with a file, with its rule.
fn broken(path: &Path, error: &impl Broken) -> Failure {
    Failure::file(path, format!("{}: {error}", error.rule()))
}

fn digest(bytes: &[u8]) -> Hex<32> {
    let mut digest = [0; 32];
    digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    Hex(digest)
}
