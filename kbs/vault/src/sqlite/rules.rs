use super::SqliteTx;
use super::columns::{Columns, malformed, signed};
use crate::backend::{RuleRows, StoreResult};
use crate::rows::{RuleKind, RuleRow};
use sqlx::sqlite::SqliteRow;

impl RuleRows for SqliteTx {
    async fn current_rules(&mut self, kind: RuleKind) -> StoreResult<Vec<RuleRow>> {
        let rows = sqlx::query(
            "SELECT * FROM rules AS r WHERE kind = ? AND version = \
             (SELECT max(version) FROM rules WHERE kind = r.kind AND name = r.name) ORDER BY name",
        )
        .bind(kind.name())
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(rule).collect()
    }

    async fn rule(
        &mut self,
        kind: RuleKind,
        name: &str,
        version: Option<u64>,
    ) -> StoreResult<Option<RuleRow>> {
        let version = version.map(|version| signed("rules", version)).transpose()?;
        let row = sqlx::query(
            "SELECT * FROM rules WHERE kind = ? AND name = ? AND (?3 IS NULL OR version = ?3) \
             ORDER BY version DESC LIMIT 1",
        )
        .bind(kind.name())
        .bind(name)
        .bind(version)
        .fetch_optional(self.connection())
        .await?;
        row.as_ref().map(rule).transpose()
    }

    async fn rules_until(&mut self, kind: RuleKind, until: u64) -> StoreResult<Vec<RuleRow>> {
        let rows = sqlx::query(
            "SELECT * FROM rules AS r WHERE kind = ?1 AND version = (SELECT max(version) FROM rules \
             WHERE kind = r.kind AND name = r.name AND decision <= ?2) ORDER BY name",
        )
        .bind(kind.name())
        .bind(signed("rules", until)?)
        .fetch_all(self.connection())
        .await?;
        rows.iter().map(rule).collect()
    }

    async fn insert_rule(&mut self, rule: &RuleRow) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO rules (kind, name, version, body, created_at, decision, mac) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(rule.kind.name())
        .bind(&rule.name)
        .bind(signed("rules", rule.version)?)
        .bind(&rule.body)
        .bind(rule.created_at.seconds())
        .bind(signed("rules", rule.decision)?)
        .bind(rule.mac.as_slice())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

fn rule(row: &SqliteRow) -> StoreResult<RuleRow> {
    let columns = Columns { table: "rules", row };
    let kind: String = columns.get("kind")?;
    let known = RuleKind::ALL.into_iter().find(|known| known.name() == kind);
    Ok(RuleRow {
        kind: known.ok_or_else(|| malformed("rules", format_args!("kind is `{kind}`")))?,
        name: columns.get("name")?,
        version: columns.unsigned("version")?,
        body: columns.get("body")?,
        created_at: columns.time("created_at")?,
        decision: columns.unsigned("decision")?,
        mac: columns.bytes("mac")?,
    })
}
