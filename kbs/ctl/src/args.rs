//! The command line as a whole: one noun or verb, and how results are printed.

use crate::audit::AuditArgs;
use crate::change::ChangeArgs;
use crate::collateral::CollateralArgs;
use crate::completion::CompletionArgs;
use crate::evidence::EvidenceArgs;
use crate::exit;
use crate::grant::GrantArgs;
use crate::inventory::InventoryArgs;
use crate::key::KeyArgs;
use crate::login::LoginArgs;
use crate::output::Format;
use crate::policy::PolicyArgs;
use crate::reference::ReferenceArgs;
use crate::secret::SecretArgs;
use crate::status::StatusArgs;
use clap::{Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

/// Administers and audits a key broker; verifies evidence and policies offline.
#[derive(Debug, Parser)]
#[command(name = "kbsctl", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub(crate) printing: PrintingArgs,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Args, Debug)]
pub(crate) struct PrintingArgs {
    /// How results are printed [default: table on a terminal, json elsewhere]
    #[arg(long, global = true, value_enum)]
    pub(crate) format: Option<Format>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Which broker this is, and whether it can release keys now
    Status(StatusArgs),
    /// Check a token against the broker and keep it for later calls
    ///
    /// Keeps address, certificate authority and token in $XDG_CONFIG_HOME/hanzo-kbs/login.json (else below
    /// ~/.config), readable by you alone, so that later calls need no flags and no environment. The token is
    /// sent to this broker and to no other.
    Login(LoginArgs),
    /// Policies: who may have which key
    Policy(PolicyArgs),
    /// Reference values: the measurements that policies trust
    Reference(ReferenceArgs),
    /// Changes of policies and references that need several people
    Change(ChangeArgs),
    /// Keys that the broker generates
    Key(KeyArgs),
    /// Secrets from outside; nobody reads them back here
    Secret(SecretArgs),
    /// Grants: which session holds which key
    Grant(GrantArgs),
    /// Inventory: which machine has which GPUs
    ///
    /// What the broker asks of it is its configuration: attestation.gpu_inventory = "any" (nothing, the
    /// default), "tofu" (a machine shows the GPUs and switches that it showed first) or "pinned" (those that it
    /// is paired with here). All devices of a pair have to be there, and no other.
    Inventory(InventoryArgs),
    /// The record: every decision, granted or refused
    Audit(AuditArgs),
    /// Evidence: verify a document, or show what it says
    Evidence(EvidenceArgs),
    /// Collateral: signed bundles of vendor data, and the store that verifiers load
    Collateral(CollateralArgs),
    /// Print a completion script for a shell
    Completion(CompletionArgs),
}

/// Verbs that need no broker, as the words that lead to them.
const OFFLINE: [&[&str]; 8] = [
    &["policy", "schema"],
    &["policy", "template"],
    &["policy", "check"],
    &["policy", "prove"],
    &["policy", "test"],
    &["evidence"],
    &["collateral"],
    &["completion"],
];

/// The whole command line, each verb's `--help` with its exit codes.
pub(crate) fn command() -> Command {
    with_exit_codes(Cli::command(), &[])
}

fn with_exit_codes(mut command: Command, words: &[&str]) -> Command {
    let below: Vec<String> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    for name in &below {
        let words: Vec<&str> = words.iter().copied().chain([name.as_str()]).collect();
        command = command.mut_subcommand(name, |verb| with_exit_codes(verb, &words));
    }
    if words.is_empty() || !below.is_empty() || command.get_after_help().is_some() {
        return command;
    }
    let offline = OFFLINE.iter().any(|prefix| words.starts_with(prefix));
    command.after_help(if offline { exit::OFFLINE } else { exit::REMOTE })
}

impl Cli {
    /// Reads the command line. Wrong usage ends the program with exit code 2, `--help` with 0.
    #[must_use]
    pub fn from_command_line() -> Self {
        let matches = command().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn each_verb_documents_its_exit_codes() {
        fn walk(command: &Command) {
            for verb in command.get_subcommands() {
                if verb.has_subcommands() {
                    walk(verb);
                    continue;
                }
                let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("Exit codes:"), "{}", verb.get_name());
                for code in ["  0  ", "  1  ", "  2  "] {
                    assert!(help.contains(code), "{} {code}", verb.get_name());
                }
            }
        }
        walk(&command());
    }

    #[test]
    fn no_verb_takes_a_secret_as_an_argument() {
        fn walk(command: &Command) {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                assert!(
                    !matches!(name, "token" | "value" | "secret" | "password"),
                    "{} {name}",
                    command.get_name()
                );
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&command().mut_subcommand("reference", |reference| {
            // A reference value is public: a measurement, not a secret.
            reference.mut_subcommand("put", |put| put.mut_arg("value", |arg| arg.id("measurement")))
        }));
    }
}
