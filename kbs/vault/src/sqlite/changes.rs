use super::SqliteTx;
use super::columns::{Columns, malformed, signed};
use crate::backend::{ChangeRows, StoreResult};
use crate::rows::{ChangeRow, VoteRow, VoteWord};
use hanzo_attestation_evidence::Hex;
use hanzo_kbs_protocol::ChangeKind;
use sqlx::sqlite::SqliteRow;

const CHANGES: &str = "changes";
const VOTES: &str = "change_votes";

impl ChangeRows for SqliteTx {
    async fn insert_change(&mut self, change: &ChangeRow) -> StoreResult<()> {
        let expected = change.expected_version.map(|version| signed(CHANGES, version)).transpose()?;
        sqlx::query(
            "INSERT INTO changes (id, kind, name, body, expected_version, author, nonce, signature, \
             proposed_at, decision, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(change.id.as_ref())
        .bind(change.kind.name())
        .bind(&change.name)
        .bind(&change.body)
        .bind(expected)
        .bind(&change.author)
        .bind(change.nonce.as_ref())
        .bind(change.signature.as_ref())
        .bind(change.proposed_at.seconds())
        .bind(signed(CHANGES, change.decision)?)
        .bind(change.mac.as_slice())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn change(&mut self, id: &Hex<32>) -> StoreResult<Option<ChangeRow>> {
        let row = sqlx::query("SELECT * FROM changes WHERE id = ?")
            .bind(id.as_ref())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(change).transpose()
    }

    async fn changes(&mut self, limit: u32) -> StoreResult<Vec<ChangeRow>> {
        let rows = sqlx::query("SELECT * FROM changes ORDER BY decision DESC LIMIT ?")
            .bind(limit)
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(change).collect()
    }

    async fn changes_about(&mut self, kind: ChangeKind, name: &str) -> StoreResult<Vec<ChangeRow>> {
        let rows =
            sqlx::query("SELECT * FROM changes WHERE kind = ? AND name = ? ORDER BY decision DESC LIMIT 100")
                .bind(kind.name())
                .bind(name)
                .fetch_all(self.connection())
                .await?;
        rows.iter().map(change).collect()
    }

    async fn insert_vote(&mut self, vote: &VoteRow) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO change_votes (change_id, word, person, reason, signature, at, decision, mac) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(vote.change.as_ref())
        .bind(vote.word.name())
        .bind(&vote.person)
        .bind(&vote.reason)
        .bind(vote.signature.as_ref())
        .bind(vote.at.seconds())
        .bind(signed(VOTES, vote.decision)?)
        .bind(vote.mac.as_slice())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn votes(&mut self, change: &Hex<32>) -> StoreResult<Vec<VoteRow>> {
        let rows = sqlx::query("SELECT * FROM change_votes WHERE change_id = ? ORDER BY decision")
            .bind(change.as_ref())
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(vote).collect()
    }
}

fn change(row: &SqliteRow) -> StoreResult<ChangeRow> {
    let columns = Columns { table: CHANGES, row };
    let kind: String = columns.get("kind")?;
    let known = ChangeKind::ALL.into_iter().find(|known| known.name() == kind);
    let expected: Option<i64> = columns.get("expected_version")?;
    let expected = expected.map(u64::try_from).transpose();
    Ok(ChangeRow {
        id: columns.hex("id")?,
        kind: known.ok_or_else(|| malformed(CHANGES, format_args!("kind is `{kind}`")))?,
        name: columns.get("name")?,
        body: columns.get("body")?,
        expected_version: expected.map_err(|error| malformed(CHANGES, error))?,
        author: columns.get("author")?,
        nonce: Hex(columns.bytes("nonce")?),
        signature: Hex(columns.bytes("signature")?),
        proposed_at: columns.time("proposed_at")?,
        decision: columns.unsigned("decision")?,
        mac: columns.bytes("mac")?,
    })
}

fn vote(row: &SqliteRow) -> StoreResult<VoteRow> {
    let columns = Columns { table: VOTES, row };
    let word: String = columns.get("word")?;
    let word = VoteWord::ALL.into_iter().find(|known| known.name() == word);
    Ok(VoteRow {
        change: columns.hex("change_id")?,
        word: word.ok_or_else(|| malformed(VOTES, "an unknown word"))?,
        person: columns.get("person")?,
        reason: columns.get("reason")?,
        signature: Hex(columns.bytes("signature")?),
        at: columns.time("at")?,
        decision: columns.unsigned("decision")?,
        mac: columns.bytes("mac")?,
    })
}
