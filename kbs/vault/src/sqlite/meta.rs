use super::SqliteTx;
use super::columns::{Columns, malformed, signed};
use crate::backend::{MetaRows, StoreResult};
use crate::envelope::Record;
use crate::error::StoreError;
use crate::rows::{BrokenGlass, HoldsRow, LedgerRow, MetaRow};
use hanzo_kbs_log::Head;

impl MetaRows for SqliteTx {
    async fn meta(&mut self) -> StoreResult<Option<MetaRow>> {
        let row = sqlx::query("SELECT * FROM meta WHERE id = 1").fetch_optional(self.connection()).await?;
        let Some(row) = row else { return Ok(None) };
        let columns = Columns { table: "meta", row: &row };
        let broken: Vec<u8> = columns.get("break_glass")?;
        let broken = BrokenGlass::from_bytes(&broken);
        let head = Head { seq: columns.unsigned("head_seq")?, hash: columns.hex("head_hash")? };
        Ok(Some(MetaRow {
            store_id: columns.bytes("store_id")?,
            seal_kind: columns.get("seal_kind")?,
            sealed_root: columns.get("sealed_root")?,
            created_at: columns.time("created_at")?,
            ledger: LedgerRow {
                head,
                clock_high: columns.time("clock_high")?,
                rules_epoch: columns.unsigned("rules_epoch")?,
                holds: HoldsRow {
                    count: columns.unsigned("holds_count")?,
                    digest: columns.hex("holds_digest")?,
                },
                broken: broken.ok_or_else(|| malformed("meta", "break_glass is no list of ids"))?,
                mac: columns.bytes("mac")?,
            },
        }))
    }

    async fn insert_meta(&mut self, meta: &MetaRow) -> StoreResult<()> {
        let ledger = &meta.ledger;
        let done = sqlx::query(
            "INSERT INTO meta (id, store_id, seal_kind, sealed_root, created_at, head_seq, head_hash, \
             clock_high, rules_epoch, holds_count, holds_digest, break_glass, mac) \
             VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(meta.store_id.as_slice())
        .bind(&meta.seal_kind)
        .bind(&meta.sealed_root)
        .bind(meta.created_at.seconds())
        .bind(signed("meta", ledger.head.seq)?)
        .bind(ledger.head.hash.as_ref())
        .bind(ledger.clock_high.seconds())
        .bind(signed("meta", ledger.rules_epoch)?)
        .bind(signed("meta", ledger.holds.count)?)
        .bind(ledger.holds.digest.as_ref())
        .bind(ledger.broken.to_bytes())
        .bind(ledger.mac.as_slice())
        .execute(self.connection())
        .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::AlreadyInitialised);
        }
        Ok(())
    }

    async fn set_ledger(&mut self, ledger: &LedgerRow) -> StoreResult<()> {
        sqlx::query(
            "UPDATE meta SET head_seq = ?, head_hash = ?, clock_high = ?, rules_epoch = ?, holds_count = ?, \
             holds_digest = ?, break_glass = ?, mac = ? WHERE id = 1",
        )
        .bind(signed("meta", ledger.head.seq)?)
        .bind(ledger.head.hash.as_ref())
        .bind(ledger.clock_high.seconds())
        .bind(signed("meta", ledger.rules_epoch)?)
        .bind(signed("meta", ledger.holds.count)?)
        .bind(ledger.holds.digest.as_ref())
        .bind(ledger.broken.to_bytes())
        .bind(ledger.mac.as_slice())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn broker_key(&mut self, purpose: &str) -> StoreResult<Option<Record>> {
        let row = sqlx::query("SELECT salt, ciphertext FROM broker_keys WHERE purpose = ?")
            .bind(purpose)
            .fetch_optional(self.connection())
            .await?;
        row.map(|row| {
            let columns = Columns { table: "broker_keys", row: &row };
            Ok(Record { salt: columns.bytes("salt")?, ciphertext: columns.get("ciphertext")? })
        })
        .transpose()
    }

    async fn insert_broker_key(&mut self, purpose: &str, record: &Record) -> StoreResult<()> {
        sqlx::query("INSERT INTO broker_keys (purpose, salt, ciphertext) VALUES (?, ?, ?)")
            .bind(purpose)
            .bind(record.salt.as_slice())
            .bind(&record.ciphertext)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
