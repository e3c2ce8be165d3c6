use super::SqliteTx;
use super::columns::{Columns, malformed, signed};
use crate::backend::{DecisionRows, StoreResult};
use crate::rows::{PastDecision, RuleKind};
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_kbs_log::{Action, Decision, Outcome, canonical};
use serde_json::{Map, Value};

const TABLE: &str = "decisions";

impl DecisionRows for SqliteTx {
    async fn append_decision(&mut self, decision: &Decision) -> StoreResult<()> {
        let row = canonical(decision.seq, &decision.entry).map_err(|error| malformed(TABLE, error))?;
        let row = String::from_utf8(row).map_err(|error| malformed(TABLE, error))?;
        sqlx::query("INSERT INTO decisions (seq, hash, row) VALUES (?, ?, ?)")
            .bind(signed(TABLE, decision.seq)?)
            .bind(decision.hash.as_ref())
            .bind(row)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn newest_decision(&mut self) -> StoreResult<u64> {
        let row = sqlx::query("SELECT ifnull(max(seq), 0) AS seq FROM decisions")
            .fetch_one(self.connection())
            .await?;
        Columns { table: TABLE, row: &row }.unsigned("seq")
    }

    async fn decisions(&mut self, after: u64, limit: u32) -> StoreResult<Vec<Decision>> {
        let rows = sqlx::query("SELECT seq, hash, row FROM decisions WHERE seq > ? ORDER BY seq LIMIT ?")
            .bind(signed(TABLE, after)?)
            .bind(limit)
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(|row| read(Columns { table: TABLE, row })).collect()
    }

    async fn newest_decision_about(&mut self, action: Action, subject: &str) -> StoreResult<Option<u64>> {
        let row = sqlx::query(
            "SELECT seq FROM decisions WHERE outcome = 'granted' AND subject IS NOT NULL AND action = ? \
             AND subject = ? ORDER BY seq DESC LIMIT 1",
        )
        .bind(action.name())
        .bind(subject)
        .fetch_optional(self.connection())
        .await?;
        row.map(|row| Columns { table: TABLE, row: &row }.unsigned("seq")).transpose()
    }

    async fn newest_rule_decisions(&mut self) -> StoreResult<Vec<(RuleKind, String, u64)>> {
        let rows = sqlx::query(
            "SELECT substr(action, 1, instr(action, '.') - 1) AS kind, subject, max(seq) AS seq FROM decisions \
             WHERE outcome = 'granted' AND subject IS NOT NULL \
             AND action IN ('policy.put', 'reference.put', 'inventory.put', 'inventory.remove', 'trust.put') \
             GROUP BY kind, subject",
        )
        .fetch_all(self.connection())
        .await?;
        rows.iter()
            .map(|row| {
                let columns = Columns { table: TABLE, row };
                let kind: String = columns.get("kind")?;
                let kind = RuleKind::ALL.into_iter().find(|known| known.name() == kind);
                let kind = kind.ok_or_else(|| malformed(TABLE, "an action about no rule"))?;
                Ok((kind, columns.get("subject")?, columns.unsigned("seq")?))
            })
            .collect()
    }

    async fn past_decisions(&mut self, after: u64, limit: u32) -> StoreResult<Vec<PastDecision>> {
        // The rows hold claims, of which nothing is needed: what is, is taken out before it is sent over.
        let rows = sqlx::query(
            "SELECT seq, json_extract(row, '$.at', '$.outcome', '$.code', '$.key_id', '$.minimum_tier', \
             '$.facts_digest', '$.live_grants') AS past FROM decisions WHERE seq > ? \
             AND json_extract(row, '$.facts_digest') IS NOT NULL \
             AND json_extract(row, '$.minimum_tier') IS NOT NULL ORDER BY seq LIMIT ?",
        )
        .bind(signed(TABLE, after)?)
        .bind(limit)
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(|row| past(Columns { table: TABLE, row })).collect()
    }
}

fn past(columns: Columns<'_>) -> StoreResult<PastDecision> {
    type Past = (UnixTime, Outcome, String, String, u8, Hex<32>, Option<u32>);
    let seq = columns.unsigned("seq")?;
    let text: String = columns.get("past")?;
    let (at, outcome, code, key_id, minimum_tier, facts_digest, live_grants): Past =
        serde_json::from_str(&text).map_err(|error| malformed(TABLE, format_args!("row {seq}: {error}")))?;
    Ok(PastDecision { seq, at, outcome, code, key_id, minimum_tier, facts_digest, live_grants })
}

/// The number stands twice, in its column and in the hashed text: both have to say the same.
fn read(columns: Columns<'_>) -> StoreResult<Decision> {
    let seq = columns.unsigned("seq")?;
    let text: String = columns.get("row")?;
    let unreadable = |error: &dyn std::fmt::Display| malformed(TABLE, format_args!("row {seq}: {error}"));
    let mut fields: Map<String, Value> = serde_json::from_str(&text).map_err(|error| unreadable(&error))?;
    if fields.get("seq").and_then(Value::as_u64) != Some(seq) {
        return Err(unreadable(&"it carries another number"));
    }
    fields.insert("hash".to_owned(), Value::String(columns.hex("hash")?.to_string()));
    Decision::try_from(fields).map_err(|error| unreadable(&error))
}
