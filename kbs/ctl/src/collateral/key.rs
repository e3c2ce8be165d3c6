//! `collateral key generate`: a private key never stands on a command line, nor in any other's file.

use super::args::{GenerateArgs, KeyKind};
use crate::exit::{Failure, Outcome};
use crate::output::{Sheet, Show};
use crate::run::Context;
use hanzo_attestation_collateral::bundle::{Algorithm, BundleSigner};
use hanzo_attestation_evidence::Hex;
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What was written.
#[derive(Debug, Serialize)]
struct Generated {
    private_key_file: String,
    public_key_file: String,
    key_id: Hex<32>,
}

pub(super) fn generate(args: &GenerateArgs, context: &Context) -> Result<Outcome, Failure> {
    let algorithm = match args.algorithm {
        KeyKind::Ed25519 => Algorithm::Ed25519,
        KeyKind::P384 => Algorithm::EcdsaP384,
    };
    write_key_pair(&args.file, algorithm, context)
}

/// Makes a key: the private one in `file`, the public one beside it; nothing is overwritten.
pub(crate) fn write_key_pair(
    file: &Path,
    algorithm: Algorithm,
    context: &Context,
) -> Result<Outcome, Failure> {
    let failed = |error| Failure::file(file, error);
    let private = BundleSigner::generate(algorithm).map_err(failed)?;
    let public =
        BundleSigner::from_pem(private.as_bytes()).and_then(|signer| signer.public()).map_err(failed)?;
    let mut beside = file.to_owned().into_os_string();
    beside.push(".pub");
    let beside = PathBuf::from(beside);
    write_new(file, private.as_bytes(), 0o600)?;
    write_new(&beside, public.to_pem().as_bytes(), 0o644)?;
    context.output.show(&Generated {
        private_key_file: file.display().to_string(),
        public_key_file: beside.display().to_string(),
        key_id: public.id(),
    })?;
    Ok(Outcome::Yes)
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let unwritable = |source| Failure::unwritable(path, source);
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(unwritable)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(unwritable)
}

impl Show for Generated {
    fn sheet(&self) -> Sheet {
        Sheet::new().facts([
            ("private key", self.private_key_file.clone()),
            ("public key", self.public_key_file.clone()),
            ("key id", self.key_id.to_string()),
        ])
    }
}
