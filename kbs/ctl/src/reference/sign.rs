//! `reference sign`: a signature beside a file, in the form that bundles have (`manifest.sig`).

use super::import::signable;
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::{Sheet, Show};
use crate::run::Context;
use clap::Args;
use hanzo_attestation_collateral::bundle::{BundleSigner, KeyError, Signatures};
use hanzo_attestation_evidence::Hex;
use serde::Serialize;
use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(super) struct SignArgs {
    /// The file; it is signed as it is, to the byte
    file: PathBuf,
    /// Private key that signs (PEM), as `collateral key` makes it, readable by its owner alone; may be given
    /// several times
    #[arg(long, value_name = "FILE", required = true)]
    sign_key: Vec<PathBuf>,
    /// File for the signature [default: the same name with `.sig` after it]. Nothing is overwritten
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Made {
    signature: String,
    signers: Vec<Hex<32>>,
}

impl SignArgs {
    pub(super) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let wrong = |path: &Path, reason: &dyn Display| Failure::file(path, reason);
        let bytes = input::read(&self.file, input::MAX_FILE)?;
        signable(&bytes).map_err(|reason| wrong(&self.file, &reason))?;
        let mut signers = Vec::new();
        for path in &self.sign_key {
            let pem = input::read_credential(path)?;
            signers.push(BundleSigner::from_pem(&pem).map_err(|error| wrong(path, &error))?);
        }
        let failed = |error: KeyError| wrong(&self.file, &error);
        let ids = signers.iter().map(|signer| Ok(signer.public()?.id()));
        let ids = ids.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let text = Signatures::make(&bytes, &signers).map_err(failed)?.to_bytes();
        let text = text.map_err(|error| wrong(&self.file, &error))?;
        let path = self.out.unwrap_or_else(|| {
            let mut name = self.file.clone().into_os_string();
            name.push(".sig");
            name.into()
        });
        let unwritable = |source| Failure::unwritable(&path, source);
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(unwritable)?;
        file.write_all(&text).map_err(unwritable)?;
        context.output.show(&Made { signature: path.display().to_string(), signers: ids })?;
        Ok(Outcome::Yes)
    }
}

impl Show for Made {
    fn sheet(&self) -> Sheet {
        let signers: Vec<String> = self.signers.iter().map(ToString::to_string).collect();
        Sheet::new().facts([("signature", self.signature.clone()), ("signers", signers.join(", "))])
    }
}
