use super::SqliteTx;
use super::columns::{Columns, signed};
use crate::backend::{AttestationRows, StoreResult};
use crate::rows::AttestationRow;
use hanzo_attestation_evidence::UnixTime;

const TABLE: &str = "attestations";

impl AttestationRows for SqliteTx {
    async fn attestation(&mut self, token_id: &str) -> StoreResult<Option<AttestationRow>> {
        let row = sqlx::query("SELECT * FROM attestations WHERE token_id = ?")
            .bind(token_id)
            .fetch_optional(self.connection())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let columns = Columns { table: TABLE, row: &row };
        Ok(Some(AttestationRow {
            token_id: columns.get("token_id")?,
            document: columns.get("document")?,
            nonce: columns.get("nonce")?,
            recipient: columns.get("recipient")?,
            runtime_data: columns.get("runtime_data")?,
            attested_at: columns.time("attested_at")?,
            expires_at: columns.time("expires_at")?,
            decision: columns.unsigned("decision")?,
        }))
    }

    async fn insert_attestation(&mut self, row: &AttestationRow) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO attestations (token_id, document, nonce, recipient, runtime_data, attested_at, \
             expires_at, decision) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&row.token_id)
        .bind(&row.document)
        .bind(&row.nonce)
        .bind(&row.recipient)
        .bind(&row.runtime_data)
        .bind(row.attested_at.seconds())
        .bind(row.expires_at.seconds())
        .bind(signed(TABLE, row.decision)?)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn count_attestations(&mut self) -> StoreResult<u64> {
        let row =
            sqlx::query("SELECT count(*) AS count FROM attestations").fetch_one(self.connection()).await?;
        Columns { table: TABLE, row: &row }.unsigned("count")
    }

    async fn prune_attestations(&mut self, before: UnixTime, limit: u32) -> StoreResult<()> {
        sqlx::query(
            "DELETE FROM attestations WHERE token_id IN \
             (SELECT token_id FROM attestations WHERE expires_at < ? ORDER BY expires_at LIMIT ?)",
        )
        .bind(before.seconds())
        .bind(limit)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
