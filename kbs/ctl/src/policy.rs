//! `policy`: who may have which key, as Cedar text; versioned, checked before it counts.

mod cases;
mod check;
mod explain;
mod history;
mod lines;
mod prove;
mod replay;
mod schema;
mod template;

use crate::connect::ConnectArgs;
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::{Sheet, Show};
use crate::run::Context;
use crate::statement::StatementArgs;
use cases::TestArgs;
use check::CheckArgs;
use clap::{Args, Subcommand, value_parser};
use explain::ExplainArgs;
use hanzo_attestation_evidence::UnixTime;
use hanzo_kbs_protocol::{HeldAgainst, PolicyInfo, PutPolicy, RuleName};
use prove::ProveArgs;
use replay::{ReplayArgs, ShadowArgs};
use schema::SchemaArgs;
use std::path::PathBuf;
use template::TemplateArgs;

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
        /// With --if-no-flips: only decisions from then on, e.g. 2026-11-01T00:00:00Z
        #[arg(long, value_name = "TIME", value_parser = replay::time, requires = "if_no_flips")]
        since: Option<UnixTime>,
        /// With --if-no-flips: how many rows at the end of the record are looked at, 100000 unless said
        /// otherwise. The answer says which they were, and how many older ones were not
        #[arg(long, value_name = "ROWS", value_parser = value_parser!(u64).range(1..=400_000),
              requires = "if_no_flips")]
        limit: Option<u64>,
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
    /// Show every version of a policy beside the decision that put it, newest first
    ///
    /// Each version's name, number and digest are compared with the record; the answer is no if they differ.
    History {
        /// Name of the policy
        name: String,
        /// Most versions shown
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u64).range(1..=1000))]
        limit: u64,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Get the broker's signed word on the versions of a policy, and hold it against an earlier one
    ///
    /// Whoever keeps a statement can tell later whether a version was rewritten or taken away, by the broker's own
    /// signature, without trusting its database.
    Statement {
        #[command(flatten)]
        statement: StatementArgs,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Show what changed from one version of a policy to another, line by line
    Diff {
        /// Name of the policy
        name: String,
        /// The earlier version
        #[arg(value_name = "VERSION")]
        from: u64,
        /// The later version
        #[arg(value_name = "VERSION")]
        to: u64,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Put the text of an earlier version again, as a new version
    Rollback {
        /// Name of the policy
        name: String,
        /// The version whose text is to count again
        #[arg(long, value_name = "VERSION")]
        to: u64,
        #[command(flatten)]
        connect: ConnectArgs,
    },
    /// Policies for the usual cases, filled offline
    Template(TemplateArgs),
    /// Print the schema: every claim that a policy can name, with unit and source
    Schema(SchemaArgs),
    /// Check policies against the schema and against each other, without a broker
    ///
    /// Errors are what a broker would refuse: unknown claims, comparisons with values that no claim has,
    /// policies that can never apply. Warnings are what looks wrong and would be accepted: policies that add
    /// nothing, permits that ask nothing of what runs.
    Check(CheckArgs),
    /// Prove that policies release no key while a condition holds, without a broker
    ///
    /// Two ways, and the answer names the one: symbolic, by an SMT solver (cvc5) over all nodes and keys that the
    /// schema allows; exhaustive, by trying every combination of the values that the policies tell apart, with the
    /// engine that decides. The second is used where the first does not tell, or where no solver is installed. Yes:
    /// no key is released. No: there is a case, shown attribute by attribute, or neither way decided. It speaks of
    /// the policies alone: verification, appraisal and tiers come before them.
    Prove(ProveArgs),
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
            PolicyVerb::Put { name, file, expected_version, if_no_flips, since, limit, connect } => {
                let text = input::read_text(&file)?;
                let request = PutPolicy { text, expected_version, if_no_flips, since, limit };
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
            PolicyVerb::History { name, limit, connect } => {
                history::history(&name, limit, &connect.admin(&context.environment)?, context)
            }
            PolicyVerb::Statement { statement, connect } => {
                statement.run(RuleName::Policy, &connect, context)
            }
            PolicyVerb::Diff { name, from, to, connect } => {
                history::diff(&name, from, to, &connect.admin(&context.environment)?, context)
            }
            PolicyVerb::Rollback { name, to, connect } => {
                history::rollback(&name, to, &connect.admin(&context.environment)?, context)
            }
            PolicyVerb::Template(args) => args.run(context),
            PolicyVerb::Schema(args) => args.run(context),
            PolicyVerb::Prove(args) => args.run(context),
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
            ("decision", self.decision.to_string()),
            ("created", self.created_at.to_string()),
        ]);
        let sheet = self.held_against.iter().fold(sheet, held);
        match &self.text {
            Some(text) => sheet.line(text.trim_end()),
            None => sheet,
        }
    }
}

/// What a put was held against, and what it was not.
fn held(sheet: Sheet, held: &HeldAgainst) -> Sheet {
    sheet.facts([
        ("held against rows", format!("{} to {}", held.first, held.last)),
        ("older rows, not looked at", held.older.to_string()),
        ("decisions made again", held.decisions.to_string()),
        ("decisions no longer kept", held.not_kept.to_string()),
        ("decisions unknown", held.unknown.to_string()),
    ])
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
