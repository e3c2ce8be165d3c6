//! `change`: changes that need several people. What a person signs is computed here, from the text
//! that is here: a broker that shows one text and stores another gets no signature.

mod show;
mod signer;

use crate::collateral::write_key_pair;
use crate::connect::ConnectArgs;
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::inventory::device;
use crate::output::note;
use crate::reference::read_set;
use crate::run::Context;
use clap::{Args, Subcommand, ValueEnum};
use hanzo_attestation_collateral::bundle::Algorithm;
use hanzo_attestation_evidence::{DeviceId, Hex, MachineId, encoding, json};
use hanzo_kbs_client::{Admin, ClientError};
use hanzo_kbs_protocol::changes::{
    KeyDemands, PairBody, Statement, TRUST, Word, body_digest, canonical, reference_body,
};
use hanzo_kbs_protocol::{
    ApproveChange, BreakGlass, ChangeInfo, ChangeKind, KeyKind, PairInfo, ProposeChange, WithdrawChange,
};
use hanzo_policy::Tier;
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
    /// A new key, or a secret whose value comes later: what it demands, never its material
    Key,
    /// A machine and its devices, as `inventory put` takes them, or with --remove without them
    Inventory,
    /// What the broker trusts and who decides together: JSON, as `hanzo-kbs config trust` prints it
    Trust,
}

#[derive(Debug, Subcommand)]
enum ChangeVerb {
    /// Propose a change that several people make together: a rule, a new key, a pair of the inventory, or what
    /// the broker trusts
    Propose(Box<ProposeArgs>),
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
    /// Name of the policy, reference set or pair, or id of the key; nothing for `trust`, of which there is one
    #[arg(required_if_eq_any([
        ("kind", "policy"), ("kind", "reference"), ("kind", "key"), ("kind", "inventory"),
    ]))]
    name: Option<String>,
    /// File with the new text of a policy, a reference set or `trust`, or - for standard input
    #[arg(long, value_name = "FILE", required_if_eq_any([
        ("kind", "policy"), ("kind", "reference"), ("kind", "trust"),
    ]))]
    file: Option<PathBuf>,
    /// Of a key: lowest tier that may have it, by number, name or alias
    #[arg(long, value_name = "TIER", required_if_eq("kind", "key"))]
    min_tier: Option<Tier>,
    /// Of a key: demand that tier 2 comes from a CPU TEE
    #[arg(long)]
    require_cpu_tee: bool,
    /// Of a key: a secret, whose value `secret put` brings once the change is applied
    #[arg(long = "secret")]
    imported: bool,
    /// Of a pair: the machine, KIND:ID@ROOT
    #[arg(long, value_name = "MACHINE", required_if_eq("kind", "inventory"))]
    machine: Option<MachineId>,
    /// Of a pair: a GPU or a switch, PDI or PDI@ROOT. May be given many times
    #[arg(long = "device", value_name = "DEVICE", value_parser = device)]
    devices: Vec<DeviceId>,
    /// Of a pair: for people
    #[arg(long)]
    note: Option<String>,
    /// Of a pair: take it back
    #[arg(long, conflicts_with_all = ["devices", "note"])]
    remove: bool,
    /// The version that this one replaces; needed if there is one
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
        self.only_what_fits()?;
        let signer = Signer::read(&self.key)?;
        let name = self.name.clone().unwrap_or_else(|| TRUST.to_owned());
        let (kind, body) = self.body(&name)?;
        let (nonce, signature) = (signer::nonce(&self.key)?, Hex([0; 64]));
        let Self { expected_version, person: author, key, .. } = self;
        let unsigned = ProposeChange { kind, name, body, expected_version, author, nonce, signature };
        let id = unsigned.statement().id().map_err(|error| Failure::file(&key, error))?;
        let signature = signer.sign(&Word::Propose.message(&id), &key)?;
        Ok(ProposeChange { signature, ..unsigned })
    }

    /// A flag of another kind says that something else is meant than will be proposed.
    fn only_what_fits(&self) -> Result<(), Failure> {
        let kind = self.kind;
        let texts = matches!(kind, Kind::Policy | Kind::Reference | Kind::Trust);
        let given = [
            ("--file", texts, self.file.is_some()),
            ("--min-tier", kind == Kind::Key, self.min_tier.is_some()),
            ("--require-cpu-tee", kind == Kind::Key, self.require_cpu_tee),
            ("--secret", kind == Kind::Key, self.imported),
            ("--machine", kind == Kind::Inventory, self.machine.is_some()),
            ("--device", kind == Kind::Inventory, !self.devices.is_empty()),
            ("--note", kind == Kind::Inventory, self.note.is_some()),
            ("--remove", kind == Kind::Inventory, self.remove),
            ("NAME", kind != Kind::Trust, self.name.is_some()),
        ];
        let stray = given.into_iter().find(|(_, fits, there)| *there && !fits);
        let missing = kind == Kind::Inventory && !self.remove && self.devices.is_empty();
        match (stray, missing) {
            (Some((flag, ..)), _) => Err(Failure::Input {
                path: flag.to_owned(),
                reason: "not for this kind of change".to_owned(),
            }),
            (None, true) => {
                let reason = "needed at least once, or --remove to take the pair back".to_owned();
                Err(Failure::Input { path: "--device".to_owned(), reason })
            }
            (None, false) => Ok(()),
        }
    }

    /// The text of the change, in its one spelling.
    fn body(&self, name: &str) -> Result<(ChangeKind, String), Failure> {
        // The parser of arguments asks for what a kind needs.
        let absent = |flag: &str| Failure::Input { path: flag.to_owned(), reason: "is missing".to_owned() };
        let file = || self.file.as_deref().ok_or_else(|| absent("--file"));
        let written = |error: &dyn std::fmt::Display| Failure::file(&self.key, error);
        Ok(match self.kind {
            Kind::Policy => (ChangeKind::Policy, input::read_text(file()?)?),
            Kind::Reference => (ChangeKind::Reference, values(file()?, name)?),
            Kind::Trust => {
                let path = file()?;
                let document = json::parse(input::read_text(path)?.as_bytes());
                let document = document.map_err(|error| Failure::file(path, error))?;
                (ChangeKind::Trust, canonical(&document).map_err(|error| Failure::file(path, error))?)
            }
            Kind::Key => {
                let kind = if self.imported { KeyKind::Secret } else { KeyKind::Key };
                let minimum_tier = self.min_tier.ok_or_else(|| absent("--min-tier"))?.number();
                let demands = KeyDemands { kind, minimum_tier, require_cpu_tee: self.require_cpu_tee };
                (ChangeKind::Key, canonical(&demands).map_err(|error| written(&error))?)
            }
            Kind::Inventory => {
                let machine = self.machine.ok_or_else(|| absent("--machine"))?;
                let mut devices = self.devices.clone();
                devices.sort_unstable();
                let pair = PairBody { machine, devices, note: self.note.clone() };
                (ChangeKind::Inventory, canonical(&pair).map_err(|error| written(&error))?)
            }
        })
    }
}

fn values(file: &Path, name: &str) -> Result<String, Failure> {
    reference_body(&read_set(file, name)?.values).map_err(|error| Failure::file(file, error))
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
        // A key is new.
        ChangeKind::Key => None,
        ChangeKind::Inventory => absent(admin.pair(name).await)?.and_then(|pair| {
            let PairInfo { machine, devices, note, .. } = pair;
            canonical(&PairBody { machine, devices, note }).ok()
        }),
        ChangeKind::Trust => absent(admin.trust().await)?.map(|trust| trust.document.to_string()),
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
