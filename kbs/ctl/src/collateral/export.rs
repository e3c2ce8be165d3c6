//! `collateral export`: a store's documents as a signed bundle.

use super::args::ExportArgs;
use super::now;
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::{Sheet, Show};
use crate::run::Context;
use hanzo_attestation_collateral::bundle::{BundleSigner, Deny, Draft, EdnFloors, seal};
use hanzo_attestation_collateral::{Store, Stored, write_bundle};
use hanzo_attestation_evidence::{Hex, UnixTime, json};
use serde::Serialize;
use std::time::Duration;

/// What was written.
#[derive(Debug, Serialize)]
struct Exported {
    bundle: String,
    bundle_id: String,
    sequence: u64,
    not_after: UnixTime,
    documents: usize,
    signers: Vec<Hex<32>>,
}

pub(super) fn run(args: &ExportArgs, context: &Context) -> Result<Outcome, Failure> {
    let now = now(args.at.at, context)?;
    let folder = &args.store.store;
    let stored = Store::at(folder).read(None).map_err(|error| Failure::file(folder, error))?;
    let draft = draft(args, &stored, now)?;
    let mut signers = Vec::new();
    for path in &args.sign_key {
        let pem = input::read_credential(path)?;
        signers.push(BundleSigner::from_pem(&pem).map_err(|error| Failure::file(path, error))?);
    }
    let ids = signers.iter().map(|signer| Ok(signer.public()?.id())).collect::<Result<Vec<_>, _>>();
    let exported = Exported {
        bundle: args.bundle.display().to_string(),
        bundle_id: draft.bundle_id.clone(),
        sequence: draft.sequence,
        not_after: draft.not_after,
        documents: draft.documents.len(),
        signers: ids
            .map_err(|error: hanzo_attestation_collateral::bundle::KeyError| Failure::file(folder, error))?,
    };
    let files = seal(draft, &signers).map_err(|error| Failure::file(&args.bundle, error))?;
    write_bundle(&args.bundle, &files).map_err(|error| Failure::file(&args.bundle, error))?;
    context.output.show(&exported)?;
    Ok(Outcome::Yes)
}

fn draft(args: &ExportArgs, stored: &Stored, now: UnixTime) -> Result<Draft, Failure> {
    let deny = match &args.deny {
        None => stored.deny.clone(),
        Some(path) => json::from_slice::<Deny>(&input::read(path, input::MAX_FILE)?)
            .map_err(|e| Failure::file(path, e))?,
    };
    let day = Duration::from_secs(86_400);
    Ok(Draft {
        bundle_id: args.bundle_id.clone().unwrap_or_else(|| now.to_string()),
        sequence: args.sequence.unwrap_or_else(|| u64::try_from(now.seconds()).unwrap_or(1)),
        created: now,
        not_before: now,
        not_after: now.after(day * u32::from(args.days)),
        edn_floors: EdnFloors {
            sgx: args.edn_floor_sgx.unwrap_or(stored.edn_floors.sgx),
            tdx: args.edn_floor_tdx.unwrap_or(stored.edn_floors.tdx),
        },
        deny,
        documents: stored.documents.iter().map(|found| found.document.clone()).collect(),
    })
}

impl Show for Exported {
    fn sheet(&self) -> Sheet {
        let signers: Vec<String> = self.signers.iter().map(ToString::to_string).collect();
        Sheet::new().facts([
            ("written", self.bundle.clone()),
            ("bundle", self.bundle_id.clone()),
            ("sequence", self.sequence.to_string()),
            ("counts until", self.not_after.to_string()),
            ("documents", self.documents.to_string()),
            ("signed by", signers.join(", ")),
        ])
    }
}
