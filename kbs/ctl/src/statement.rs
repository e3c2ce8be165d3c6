//! `policy statement` and `reference statement`: a signed history to keep, and whether it still holds.

use crate::connect::ConnectArgs;
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::{Sheet, Show};
use crate::run::Context;
use crate::stored::replace;
use clap::Args;
use hanzo_attestation_evidence::{UnixTime, json};
use hanzo_kbs_client::Admin;
use hanzo_kbs_protocol::{Diverged, HistoryStatement, KeySet, RuleName, SignedHistory};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Most pages of a history that are read: a hundred thousand versions.
const MAX_PAGES: usize = 1000;

#[derive(Args, Debug)]
pub(crate) struct StatementArgs {
    /// Name of the policy or set
    name: String,
    /// Save the statement here, in place of an older one; not when `--since` finds a difference
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Hold the history against a statement saved before; no unless it only went on
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// The broker's public keys, kept from its /.well-known/jwks.json [default: what it says now]
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
}

/// What was stated, and what became of an earlier statement.
#[derive(Serialize)]
struct Stated {
    #[serde(flatten)]
    statement: HistoryStatement,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Since>,
}

#[derive(Serialize)]
struct Since {
    /// When the earlier statement was made.
    stated_at: UnixTime,
    /// Its newest version.
    newest: u64,
    /// Whether the history only went on since.
    continues: bool,
    /// Where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    diverged: Option<String>,
}

impl StatementArgs {
    pub(crate) fn run(
        self,
        kind: RuleName,
        connect: &ConnectArgs,
        context: &Context,
    ) -> Result<Outcome, Failure> {
        let admin = connect.admin(&context.environment)?;
        let kept = self.jwks.as_deref().map(read_keys).transpose()?;
        let (text, statement, since) = context.wait(async {
            let SignedHistory { statement: text, keys } = admin.statement(kind, &self.name, None).await?;
            let keys = kept.unwrap_or(keys);
            let statement = HistoryStatement::read(&text, &keys).map_err(Failure::Statement)?;
            let Some(path) = &self.since else { return Ok((text, statement, None)) };
            let earlier = read_statement(path, &keys)?;
            let diverged = held(&statement, &earlier, &keys, &admin).await?;
            Ok((text, statement, Some(Since::new(&earlier, diverged))))
        })?;
        let continues = since.as_ref().is_none_or(|since| since.continues);
        let saved = self.out.as_deref().filter(|_| continues).map(|path| save(path, &text)).transpose()?;
        context.output.show(&Stated { statement, saved, since })?;
        Ok(Outcome::from(continues))
    }
}

impl Since {
    fn new(earlier: &HistoryStatement, diverged: Option<Diverged>) -> Self {
        Self {
            stated_at: earlier.iat,
            newest: earlier.newest(),
            continues: diverged.is_none(),
            diverged: diverged.map(|diverged| diverged.to_string()),
        }
    }
}

/// Where the history does not continue the earlier one, asked page by page, and the record at its old end.
async fn held(
    newest: &HistoryStatement,
    earlier: &HistoryStatement,
    keys: &KeySet,
    admin: &Admin,
) -> Result<Option<Diverged>, Failure> {
    let mut whole = newest.clone();
    // Back to the first version that the earlier one states: each must still be what it was.
    for _ in 0..MAX_PAGES {
        if whole.oldest() <= earlier.oldest().max(1) {
            break;
        }
        let page = admin.statement(whole.kind, &whole.name, Some(whole.oldest())).await?;
        let page = HistoryStatement::read(&page.statement, keys).map_err(Failure::Statement)?;
        if page.newest().checked_add(1) != Some(whole.oldest()) || page.name != whole.name {
            return Ok(Some(Diverged::Gap { after: page.newest(), before: whole.oldest() }));
        }
        whole.versions.splice(0..0, page.versions);
    }
    if let Err(diverged) = whole.continues(earlier) {
        return Ok(Some(diverged));
    }
    let (had, has) = (earlier.head.seq, whole.head.seq);
    if had > 0 && admin.decision(had).await?.hash != earlier.head.hash {
        return Ok(Some(Diverged::Record { had, has }));
    }
    Ok(None)
}

fn read_statement(path: &Path, keys: &KeySet) -> Result<HistoryStatement, Failure> {
    let text = input::read_text(path)?;
    HistoryStatement::read(&text, keys).map_err(|error| Failure::file(path, error))
}

fn read_keys(path: &Path) -> Result<KeySet, Failure> {
    let bytes = input::read(path, input::MAX_FILE)?;
    json::from_slice(&bytes).map_err(|error| Failure::file(path, error))
}

fn save(path: &Path, text: &str) -> Result<String, Failure> {
    let shown = path.display().to_string();
    match replace(path, format!("{text}\n").as_bytes(), 0o644) {
        Ok(()) => Ok(shown),
        Err(source) => Err(Failure::Unwritable { path: shown, source }),
    }
}

impl Show for Stated {
    fn sheet(&self) -> Sheet {
        let HistoryStatement { iss, iat, name, versions, head, .. } = &self.statement;
        let mut sheet = Sheet::new().facts([
            ("name", name.clone()),
            ("broker", iss.clone()),
            ("stated at", iat.to_string()),
            ("record", format!("{} rows, {}", head.seq, head.hash)),
        ]);
        if let Some(path) = &self.saved {
            sheet = sheet.facts([("saved", path.clone())]);
        }
        if let Some(Since { stated_at, newest, diverged, .. }) = &self.since {
            let found = diverged.as_deref().unwrap_or("only went on");
            sheet = sheet.facts([("since", format!("{stated_at}, version {newest}: {found}"))]);
        }
        let rows = versions.iter().rev().map(|row| {
            let (version, decision) = (row.version.to_string(), row.decision.to_string());
            [version, row.created_at.to_string(), decision, row.actor.clone(), row.digest.to_string()]
        });
        sheet.grid(["version", "put", "decision", "by", "digest"], rows)
    }
}
