//! `policy`: who may have which key, as Cedar text; versioned, checked before it counts.

mod cases;
mod check;
mod explain;
mod replay;

use crate::connect::ConnectArgs;
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::{Sheet, Show};
use crate::run::Context;
use cases::TestArgs;
use check::CheckArgs;
use clap::{Args, Subcommand};
use explain::ExplainArgs;
use hanzo_kbs_protocol::{PolicyInfo, PutPolicy};
use replay::{ReplayArgs, ShadowArgs};
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    verb: PolicyVerb,
}

#[derive(Debug, Subcommand)]
enum PolicyVerb {
    /// Store a new policy, or the next version of one; the broker refuses what `check` refuses
    Put {
        /// Name of the policy, as decisions show it
        name: String,
        /// File with the Cedar text, or - for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The version that this one replaces; refused if another is current, and needed if the policy exists
        #[arg(long, value_name = "VERSION")]
        expected_version: Option<u64>,
        /// Only if no recorded decision would come out otherwise than by the rules in force; the broker checks
        /// this in the same call, and names the decisions
        #[arg(long)]
        if_no_flips: bool,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// List the policies
    List {
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Show one policy with its text
    Get {
        /// Name of the policy
        name: String,
        /// An earlier version
        #[arg(long, value_name = "VERSION")]
        version: Option<u64>,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Check policies against the schema, all together, without a broker
    Check(CheckArgs),
    /// Run cases against a folder of policies, without a broker
    Test(TestArgs),
    /// Say why a recorded decision came out as it did, and the smallest change that would turn it
    Explain(ExplainArgs),
    /// Make recorded decisions again by other policies, and list every one that comes out otherwise; exit
    /// code 1 if one differs from the rules in force
    Replay(ReplayArgs),
    /// Ask other policies beside those in force, and count where they differ
    Shadow(ShadowArgs),
}

impl PolicyArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        match self.verb {
            PolicyVerb::Put { name, file, expected_version, if_no_flips, connect } => {
                let request = PutPolicy { text: input::read_text(&file)?, expected_version, if_no_flips };
                let admin = connect.admin(&context.environment)?;
                context
                    .output
                    .show(&context.wait(async { Ok(admin.put_policy(&name, &request).await?) })?)?;
                Ok(Outcome::Yes)
            }
            PolicyVerb::List { connect } => {
                let admin = connect.admin(&context.environment)?;
                context.output.show(&context.wait(async { Ok(admin.list_policies().await?) })?)?;
                Ok(Outcome::Yes)
            }
            PolicyVerb::Get { name, version, connect } => {
                let admin = connect.admin(&context.environment)?;
                context.output.show(&context.wait(async { Ok(admin.policy(&name, version).await?) })?)?;
                Ok(Outcome::Yes)
            }
            PolicyVerb::Check(args) => args.run(context),
            PolicyVerb::Test(args) => args.run(context),
            PolicyVerb::Explain(args) => args.run(context),
            PolicyVerb::Replay(args) => args.run(context),
            PolicyVerb::Shadow(args) => args.run(context),
        }
    }
}

impl Show for PolicyInfo {
    fn sheet(&self) -> Sheet {
        let sheet = Sheet::new().facts([
            ("policy", self.name.clone()),
            ("version", self.version.to_string()),
            ("digest", self.digest.to_string()),
            ("created", self.created_at.to_string()),
        ]);
        match &self.text {
            Some(text) => sheet.line(text.trim_end()),
            None => sheet,
        }
    }
}

impl Show for Vec<PolicyInfo> {
    fn sheet(&self) -> Sheet {
        let rows = self.iter().map(|policy| {
            let (version, digest) = (policy.version.to_string(), policy.digest.to_string());
            [policy.name.clone(), version, digest, policy.created_at.to_string()]
        });
        Sheet::new().grid(["name", "version", "digest", "created"], rows)
    }
}
