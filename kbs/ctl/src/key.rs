//! `key`: keys that the broker generates. Their material never leaves it but sealed to attested machines.

use crate::connect::ConnectArgs;
use crate::exit::{Failure, Outcome};
use crate::output::{Sheet, Show};
use crate::run::Context;
use crate::status::yes_no;
use clap::{Args, Subcommand};
use hanzo_kbs_protocol::{Algorithm, CreateKey, KeyInfo, KeyKind, VersionState};
use hanzo_policy::{KeyId, Tier};

#[derive(Args, Debug)]
pub(crate) struct KeyArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(subcommand)]
    verb: KeyVerb,
}

#[derive(Debug, Subcommand)]
enum KeyVerb {
    /// Generate a key inside the broker
    Create {
        /// Id of the key, TENANT/NAME
        id: KeyId,
        #[command(flatten)]
        scope: ScopeArgs,
    },
    /// List the keys
    List,
    /// Show one key and its versions, never its material
    Get {
        /// Id of the key, TENANT/NAME
        id: KeyId,
    },
}

/// What a machine must prove to have a key or a secret.
#[derive(Args, Debug)]
pub(crate) struct ScopeArgs {
    /// Lowest tier that may have it, by number, name or alias: 0 open, 1 encrypted, 2 confidential, 3 gpu-cc,
    /// 4 tee-io. Fixed for good: nothing lowers it later
    #[arg(long, value_name = "TIER")]
    pub(crate) min_tier: Tier,
    /// Demand that tier 2 comes from a CPU TEE
    #[arg(long)]
    pub(crate) require_cpu_tee: bool,
}

impl KeyArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let admin = self.connect.admin(&context.environment)?;
        match self.verb {
            KeyVerb::Create { id, scope } => {
                let request = CreateKey {
                    id: id.to_string(),
                    minimum_tier: scope.min_tier.number(),
                    algorithm: Algorithm::Aes256,
                    require_cpu_tee: scope.require_cpu_tee,
                };
                context.output.show(&context.wait(async { Ok(admin.create_key(&request).await?) })?)?;
            }
            KeyVerb::List => {
                context.output.show(&context.wait(async { Ok(admin.list_keys().await?) })?)?;
            }
            KeyVerb::Get { id } => {
                context.output.show(&context.wait(async { Ok(admin.key(id.as_str()).await?) })?)?;
            }
        }
        Ok(Outcome::Yes)
    }
}

impl Show for KeyInfo {
    fn sheet(&self) -> Sheet {
        let versions = self.versions.iter().map(|version| {
            let state = match version.state {
                VersionState::Enabled => "enabled",
                VersionState::Disabled => "disabled",
                VersionState::Destroyed => "destroyed",
            };
            [
                version.version.to_string(),
                version.created_at.to_string(),
                state.to_owned(),
                version.releases.to_string(),
            ]
        });
        Sheet::new()
            .facts([
                (self.kind.name(), self.id.clone()),
                ("minimum tier", tier(self.minimum_tier)),
                ("requires a CPU TEE", yes_no(self.require_cpu_tee)),
                ("algorithm", self.algorithm.clone()),
                ("current version", self.current_version.to_string()),
                ("created", self.created_at.to_string()),
            ])
            .grid(["version", "created", "state", "releases"], versions)
    }
}

impl Show for Vec<KeyInfo> {
    fn sheet(&self) -> Sheet {
        let rows = self.iter().map(|key| {
            let kind = match key.kind {
                KeyKind::Key => key.algorithm.clone(),
                KeyKind::Secret => key.kind.name().to_owned(),
            };
            [
                key.id.clone(),
                kind,
                tier(key.minimum_tier),
                yes_no(key.require_cpu_tee),
                key.current_version.to_string(),
                key.created_at.to_string(),
            ]
        });
        Sheet::new().grid(["id", "kind", "minimum tier", "cpu tee", "version", "created"], rows)
    }
}

/// A tier for people: `2 confidential`.
pub(crate) fn tier(number: u8) -> String {
    match Tier::from_number(number) {
        Ok(tier) => format!("{number} {tier}"),
        Err(_) => number.to_string(),
    }
}
