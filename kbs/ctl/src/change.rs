//! `change`: changes of rules that need several people. What a person signs is computed here, from the text
//! that is here: a broker that shows one text and stores another gets no signature.

mod show;
mod signer;

use crate::collateral::write_key_pair;
use crate::connect::ConnectArgs;
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::note;
use crate::reference::read_set;
use crate::run::Context;
use clap::{Args, Subcommand, ValueEnum};
use hanzo_attestation_collateral::bundle::Algorithm;
use hanzo_attestation_evidence::{Hex, encoding};
use hanzo_kbs_client::{Admin, ClientError};
use hanzo_kbs_protocol::changes::{Statement, Word, body_digest, reference_body};
use hanzo_kbs_protocol::{ApproveChange, BreakGlass, ChangeInfo, ChangeKind, ProposeChange, WithdrawChange};
use show::{Shown, difference};
use signer::Signer;
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(subcommand)]
    verb: ChangeVerb,
}

/// What a change replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A policy: Cedar text
    Policy,
    /// A reference set: JSON, as `reference put --file` reads it
    Reference,
}

#[derive(Debug, Subcommand)]
enum ChangeVerb {
    /// Propose a new version of a rule that several people change together
    Propose(ProposeArgs),
    /// List the changes, newest first
    List,
    /// Show one change: what it says, what is different, and who agreed
    Show {
        /// Id of the change
        #[arg(value_parser = change_id)]
        id: Hex<32>,
    },
    /// Approve a change of somebody else, after having read what is different
    Approve {
        #[command(flatten)]
        word: WordArgs,
    },
    /// Make a change the rule: enough people have approved it, and its time has come
    Apply {
        /// Id of the change
        #[arg(value_parser = change_id)]
        id: Hex<32>,
    },
    /// Take back a change of your own
    Withdraw {
        /// Id of the change
        #[arg(value_parser = change_id)]
        id: Hex<32>,
        /// File with your private key, PKCS#8 PEM: Ed25519 or P-256
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Ask for a change of somebody else to be applied at once, without its quorum and its waiting time
    ///
    /// Where the scope allows it. Every decision and every receipt names the change from then on, until as many
    /// people have acknowledged it as should have approved it.
    BreakGlass {
        #[command(flatten)]
        word: WordArgs,
        /// Why it cannot wait; the record keeps it
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Say that you have looked at a change that was applied at once
    Acknowledge {
        #[command(flatten)]
        word: WordArgs,
    },
    /// Make a key that signs changes: Ed25519; the public key is for the broker's configuration
    Keygen {
        /// File for the private key; the public key goes to the same name with `.pub` after it. Nothing is
        /// overwritten
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// What is proposed, and by whom.
#[derive(Args, Debug)]
struct ProposeArgs {
    /// What it is
    #[arg(value_enum)]
    kind: Kind,
    /// Name of the policy or reference set
    name: String,
    /// File with the new text, or - for standard input
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// The version that this one replaces; needed if the rule exists
    #[arg(long, value_name = "VERSION")]
    expected_version: Option<u64>,
    /// Who you are in the broker's configuration
    #[arg(long = "as", value_name = "PERSON")]
    person: String,
    /// File with your private key, PKCS#8 PEM: Ed25519 or P-256
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

/// Who says something about which change.
#[derive(Args, Debug)]
struct WordArgs {
    /// Id of the change
    #[arg(value_parser = change_id)]
    id: Hex<32>,
    /// Who you are in the broker's configuration
    #[arg(long = "as", value_name = "PERSON")]
    person: String,
    /// File with your private key, PKCS#8 PEM: Ed25519 or P-256
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

fn change_id(text: &str) -> Result<Hex<32>, String> {
    encoding::hex_array(text)
        .map(Hex)
        .map_err(|error| format!("an id of a change has 64 hex digits: {error}"))
}

impl ChangeArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let Self { connect, verb } = self;
        let admin = || connect.admin(&context.environment);
        match verb {
            ChangeVerb::Propose(args) => {
                // Read and signed before a broker is asked.
                let (proposal, admin) = (args.proposal()?, admin()?);
                let sent = context.wait(async { Ok(admin.propose_change(&proposal).await?) })?;
                context.output.show(&sent)?;
            }
            ChangeVerb::List => {
                let admin = admin()?;
                context.output.show(&context.wait(async { Ok(admin.list_changes().await?) })?)?;
            }
            ChangeVerb::Show { id } => context.output.show(&context.wait(read(&admin()?, &id))?)?,
            ChangeVerb::Approve { word } => {
                let admin = admin()?;
                let signature = sign(&admin, &word, Word::Approve, context)?;
                let approval = ApproveChange { approver: word.person, signature };
                let sent = context.wait(async { Ok(admin.approve_change(&word.id, &approval).await?) })?;
                context.output.show(&sent)?;
            }
            ChangeVerb::Apply { id } => {
                let admin = admin()?;
                context.output.show(&context.wait(async { Ok(admin.apply_change(&id).await?) })?)?;
            }
            ChangeVerb::Withdraw { id, key } => {
                let signature = Signer::read(&key)?.sign(&Word::Withdraw.message(&id), &key)?;
                let (withdrawal, admin) = (WithdrawChange { signature }, admin()?);
                let sent = context.wait(async { Ok(admin.withdraw_change(&id, &withdrawal).await?) })?;
                context.output.show(&sent)?;
            }
            ChangeVerb::BreakGlass { word, reason } => {
                let admin = admin()?;
                let signature = sign(&admin, &word, Word::BreakGlass(&reason), context)?;
                let request = BreakGlass { approver: word.person, reason, signature };
                let sent = context.wait(async { Ok(admin.break_glass(&word.id, &request).await?) })?;
                context.output.show(&sent)?;
            }
            ChangeVerb::Acknowledge { word } => {
                let admin = admin()?;
                let signature = sign(&admin, &word, Word::Acknowledge, context)?;
                let approval = ApproveChange { approver: word.person, signature };
                let sent =
                    context.wait(async { Ok(admin.acknowledge_change(&word.id, &approval).await?) })?;
                context.output.show(&sent)?;
            }
            ChangeVerb::Keygen { out } => return write_key_pair(&out, Algorithm::Ed25519, context),
        }
        Ok(Outcome::Yes)
    }
}

impl ProposeArgs {
    fn proposal(self) -> Result<ProposeChange, Failure> {
        let Self { kind, name, file, expected_version, person: author, key } = self;
        let signer = Signer::read(&key)?;
        let (kind, body) = match kind {
            Kind::Policy => (ChangeKind::Policy, input::read_text(&file)?),
            Kind::Reference => (ChangeKind::Reference, values(&file, &name)?),
        };
        let (nonce, signature) = (signer::nonce(&key)?, Hex([0; 64]));
        let unsigned = ProposeChange { kind, name, body, expected_version, author, nonce, signature };
        let id = unsigned.statement().id().map_err(|error| wrong(&file, &error))?;
        let signature = signer.sign(&Word::Propose.message(&id), &key)?;
        Ok(ProposeChange { signature, ..unsigned })
    }
}

fn values(file: &Path, name: &str) -> Result<String, Failure> {
    reference_body(&read_set(file, name)?.values).map_err(|error| wrong(file, &error))
}

fn wrong(path: &Path, reason: &dyn std::fmt::Display) -> Failure {
    Failure::Input { path: path.display().to_string(), reason: reason.to_string() }
}

/// Reads a change whole, checks that it is what its id says, shows it on standard error, and signs a word
/// about it.
fn sign(admin: &Admin, args: &WordArgs, word: Word<'_>, context: &Context) -> Result<Hex<64>, Failure> {
    let signer = Signer::read(&args.key)?;
    let shown = context.wait(read(admin, &args.id))?;
    note(&shown.for_people());
    signer.sign(&word.message(&args.id), &args.key)
}

/// A change, and what is different from the rule as it is.
async fn read(admin: &Admin, id: &Hex<32>) -> Result<Shown, Failure> {
    let change = admin.change(id).await?;
    let body = checked(&change, id).map_err(|reason| ClientError::Malformed { reason })?;
    let Statement { kind, name, .. } = &change.statement;
    let current = match kind {
        ChangeKind::Policy => absent(admin.policy(name, None).await)?.and_then(|policy| policy.text),
        ChangeKind::Reference => {
            let set = absent(admin.reference(name, None).await)?;
            set.map(|set| reference_body(&set.values).unwrap_or_default())
        }
    };
    let difference = difference(*kind, current.as_deref().unwrap_or_default(), body);
    Ok(Shown { change, difference })
}

/// The text of a change, if the change is the one of this id.
fn checked<'a>(change: &'a ChangeInfo, id: &Hex<32>) -> Result<&'a str, String> {
    let body = change.body.as_deref().ok_or("the broker sent the change without its text")?;
    if body_digest(body) != change.statement.body_digest {
        return Err("the broker sent another text than the change is about".to_owned());
    }
    let named = change.statement.id().map_err(|error| error.to_string())?;
    if named != *id || change.id != *id {
        return Err("the broker sent another change than was asked for".to_owned());
    }
    Ok(body)
}

/// `None` for what is not there.
fn absent<T>(answer: Result<T, ClientError>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(ClientError::Problem(problem)) if problem.code == "NotFound" => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
