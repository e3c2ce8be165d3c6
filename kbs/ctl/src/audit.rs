//! `audit`: the record of every decision, and the check that it was not changed.

use crate::connect::ConnectArgs;
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::{Sheet, Show};
use crate::run::Context;
use clap::{Args, Subcommand};
use hanzo_attestation_evidence::json;
use hanzo_kbs_client::Admin;
use hanzo_kbs_log::{BrokenChain, Decision, Head, verify_chain, verify_chain_to};
use hanzo_kbs_protocol::{AuditPage, Checkpoint};
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Rows asked for at a time while the whole record is read.
const PAGE: u32 = 500;

#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(subcommand)]
    verb: AuditVerb,
}

#[derive(Debug, Subcommand)]
enum AuditVerb {
    /// List decisions, the newest ones unless --after says otherwise
    List {
        /// Only decisions after this number, oldest first
        #[arg(long, value_name = "DECISION")]
        after: Option<u64>,
        /// At most this many
        #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Show one decision whole: the reason that its caller was not told
    Get {
        /// Number of the decision, as problems and lists show it
        decision: u64,
    },
    /// Read the whole record and follow its hash chain from the first row to the newest
    Verify {
        /// A checkpoint that was kept, JSON with seq and hash: the record must still hold it
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
}

#[derive(Serialize)]
struct Verdict {
    intact: bool,
    rows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<Head>,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<String>,
}

impl AuditArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let admin = self.connect.admin(&context.environment)?;
        match self.verb {
            AuditVerb::List { after, limit } => {
                let page = context.wait(list(&admin, after, limit))?;
                context.output.show(&page)?;
                Ok(Outcome::Yes)
            }
            AuditVerb::Get { decision } => {
                context.output.show(&context.wait(async { Ok(admin.decision(decision).await?) })?)?;
                Ok(Outcome::Yes)
            }
            AuditVerb::Verify { checkpoint } => {
                let kept = checkpoint.as_deref().map(read_checkpoint).transpose()?;
                let verdict = context.wait(verify(&admin, kept))?;
                context.output.show(&verdict)?;
                Ok(Outcome::from(verdict.intact))
            }
        }
    }
}

async fn list(admin: &Admin, after: Option<u64>, limit: u32) -> Result<AuditPage, Failure> {
    let after = match after {
        Some(after) => after,
        None => admin.audit(0, Some(1)).await?.head.seq.saturating_sub(u64::from(limit)),
    };
    Ok(admin.audit(after, Some(limit)).await?)
}

/// Reads page after page until the broker has no more rows; then the chain must end where it says it ends.
async fn verify(admin: &Admin, kept: Option<Head>) -> Result<Verdict, Failure> {
    let mut head = Head::EMPTY;
    let mut found = kept.is_none_or(|kept| kept == Head::EMPTY);
    loop {
        let page = admin.audit(head.seq, Some(PAGE)).await?;
        let rows = match rows(&page, head.seq) {
            Ok(rows) => rows,
            Err(broken) => return Ok(Verdict::broken(head, &broken)),
        };
        found |= rows.iter().any(|row| kept == Some(Head::from(row)));
        let step = if rows.is_empty() {
            let end = Head { seq: page.head.seq, hash: page.head.hash };
            verify_chain_to(head, &rows, end).map(|()| head)
        } else {
            verify_chain(head, &rows)
        };
        head = match step {
            Ok(_) if rows.is_empty() => break,
            Ok(reached) => reached,
            Err(broken) => return Ok(Verdict::broken(head, &broken)),
        };
    }
    match kept {
        Some(kept) if !found => {
            let broken = if kept.seq > head.seq {
                BrokenChain::End { expected: kept.seq, found: head.seq }
            } else {
                BrokenChain::Head { seq: kept.seq }
            };
            Ok(Verdict::broken(head, &broken))
        }
        _ => Ok(Verdict { intact: true, rows: head.seq, head: Some(head), broken: None }),
    }
}

/// The rows of a page as decisions. A row with an unknown field is unreadable: its hash would not cover it.
fn rows(page: &AuditPage, after: u64) -> Result<Vec<Decision>, BrokenChain> {
    let numbered = page.entries.iter().zip(after.saturating_add(1)..);
    numbered
        .map(|(entry, seq)| {
            serde_json::from_value(entry.clone())
                .map_err(|error| BrokenChain::Unreadable { seq, reason: error.to_string() })
        })
        .collect()
}

fn read_checkpoint(path: &Path) -> Result<Head, Failure> {
    let bytes = input::read(path, input::MAX_FILE)?;
    let checkpoint: Checkpoint = json::from_slice(&bytes).map_err(|error| Failure::file(path, error))?;
    Ok(Head { seq: checkpoint.seq, hash: checkpoint.hash })
}

impl Verdict {
    fn broken(reached: Head, broken: &BrokenChain) -> Self {
        Self { intact: false, rows: reached.seq, head: None, broken: Some(broken.to_string()) }
    }
}

impl Show for Verdict {
    fn sheet(&self) -> Sheet {
        let rows = self.rows.to_string();
        match (&self.head, &self.broken) {
            (Some(head), None) => Sheet::new()
                .line("the record is intact")
                .facts([("rows", rows), ("head", format!("{} {}", head.seq, head.hash))]),
            (_, broken) => Sheet::new()
                .line("the record is NOT intact")
                .facts([("rows that hold", rows), ("broken", broken.clone().unwrap_or_default())]),
        }
    }
}

impl Show for Decision {
    fn sheet(&self) -> Sheet {
        let Ok(Value::Object(fields)) = serde_json::to_value(self) else { return Sheet::new() };
        let facts = fields.iter().filter(|(name, _)| *name != "claims");
        let facts = facts.map(|(name, value)| [name.clone(), text(Some(value))]);
        let sheet = Sheet::new().grid(["field", "value"], facts);
        match fields.get("claims").and_then(|claims| serde_json::to_string_pretty(claims).ok()) {
            Some(claims) => sheet.line(format!("claims: {claims}")),
            None => sheet,
        }
    }
}

impl Show for AuditPage {
    fn sheet(&self) -> Sheet {
        let rows = self.entries.iter().map(|entry| {
            let field = |name: &str| text(entry.get(name));
            let about = match field("key_id") {
                key if key.is_empty() => field("subject"),
                key => key,
            };
            [
                field("seq"),
                field("at"),
                field("action"),
                field("outcome"),
                field("code"),
                about,
                field("tier"),
                field("reason"),
            ]
        });
        let header = ["decision", "at", "action", "outcome", "code", "about", "tier", "reason"];
        Sheet::new().grid(header, rows).line(format!("head: {} {}", self.head.seq, self.head.hash))
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
