use super::SqliteTx;
use super::columns::{Columns, signed};
use crate::backend::{ShadowRows, StoreResult};
use crate::rows::ShadowRow;

const TABLE: &str = "shadow";

impl ShadowRows for SqliteTx {
    async fn shadow(&mut self) -> StoreResult<Option<ShadowRow>> {
        let row = sqlx::query("SELECT * FROM shadow WHERE id = 1").fetch_optional(self.connection()).await?;
        let Some(row) = row else { return Ok(None) };
        let columns = Columns { table: TABLE, row: &row };
        Ok(Some(ShadowRow {
            candidate: columns.get("candidate")?,
            decision: columns.unsigned("decision")?,
            since: columns.time("since")?,
            seen: columns.unsigned("seen")?,
            report: columns.get("report")?,
            mac: columns.bytes("mac")?,
        }))
    }

    async fn put_shadow(&mut self, row: &ShadowRow) -> StoreResult<()> {
        sqlx::query(
            "INSERT OR REPLACE INTO shadow (id, candidate, decision, since, seen, report, mac) \
             VALUES (1, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&row.candidate)
        .bind(signed(TABLE, row.decision)?)
        .bind(row.since.seconds())
        .bind(signed(TABLE, row.seen)?)
        .bind(&row.report)
        .bind(row.mac.as_slice())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn clear_shadow(&mut self) -> StoreResult<()> {
        sqlx::query("DELETE FROM shadow").execute(self.connection()).await?;
        Ok(())
    }
}
