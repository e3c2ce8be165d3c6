//! `secret`: values from outside. They go in by file or standard input, and come out only sealed to attested
//! machines: there is no call that shows one.

use crate::connect::ConnectArgs;
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::key::ScopeArgs;
use crate::output;
use crate::run::Context;
use clap::{Args, Subcommand};
use hanzo_kbs_protocol::{PutSecret, SecretBytes};
use hanzo_policy::KeyId;
use std::path::PathBuf;

/// Largest secret, in bytes: base64 makes it four thirds as long, and the broker reads requests of up to 1
/// MiB.
const MAX_SECRET: usize = 700 << 10;

#[derive(Args, Debug)]
pub(crate) struct SecretArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(subcommand)]
    verb: SecretVerb,
}

#[derive(Debug, Subcommand)]
enum SecretVerb {
    /// Store a secret, or its next version
    Put {
        /// Id of the secret, TENANT/NAME
        id: KeyId,
        /// File with the value, or - for standard input; taken byte for byte
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        scope: ScopeArgs,
    },
    /// List the secrets
    List,
    /// Show what is known about a secret; administrators cannot read its value, only attested machines can
    Get {
        /// Id of the secret, TENANT/NAME
        id: KeyId,
    },
}

impl SecretArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let admin = self.connect.admin(&context.environment)?;
        match self.verb {
            SecretVerb::Put { id, file, scope } => {
                let value = input::read(&file, MAX_SECRET)?;
                if value.is_empty() {
                    let reason = "an empty file is no secret".to_owned();
                    return Err(Failure::file(&file, reason));
                }
                let request = PutSecret {
                    id: id.to_string(),
                    minimum_tier: scope.min_tier.number(),
                    require_cpu_tee: scope.require_cpu_tee,
                    value: SecretBytes::new(value.to_vec()),
                };
                context.output.show(&context.wait(async { Ok(admin.put_secret(&request).await?) })?)?;
            }
            SecretVerb::List => {
                context.output.show(&context.wait(async { Ok(admin.list_secrets().await?) })?)?;
            }
            SecretVerb::Get { id } => {
                context.output.show(&context.wait(async { Ok(admin.key(id.as_str()).await?) })?)?;
                output::note(
                    "administrators cannot read values: a secret is released to attested machines only",
                );
            }
        }
        Ok(Outcome::Yes)
    }
}
