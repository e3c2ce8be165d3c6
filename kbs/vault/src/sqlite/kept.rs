use super::SqliteTx;
use super::columns::{Columns, malformed, signed};
use crate::backend::{KeptRows, StoreResult};
use crate::rows::{KeptKind, KeptRow};
use hanzo_attestation_evidence::{Hex, UnixTime};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

const TABLE: &str = "kept";

impl KeptRows for SqliteTx {
    async fn kept_until(&mut self, digest: &Hex<32>) -> StoreResult<Option<UnixTime>> {
        let row = sqlx::query("SELECT keep_until FROM kept WHERE digest = ?")
            .bind(digest.as_ref())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(|row| Columns { table: TABLE, row }.time("keep_until")).transpose()
    }

    async fn kept(&mut self, digests: &[Hex<32>]) -> StoreResult<Vec<KeptRow>> {
        if digests.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM kept WHERE digest IN (");
        let mut list = query.separated(", ");
        for digest in digests {
            list.push_bind(digest.as_ref());
        }
        query.push(")");
        let rows = query.build().fetch_all(self.connection()).await?;
        rows.iter().map(kept).collect()
    }

    async fn put_kept(&mut self, row: &KeptRow) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO kept (digest, kind, body, keep_until) VALUES (?, ?, ?, ?) \
             ON CONFLICT (digest) DO UPDATE SET keep_until = max(keep_until, excluded.keep_until)",
        )
        .bind(row.digest.as_ref())
        .bind(row.kind.name())
        .bind(&row.body)
        .bind(row.keep_until.seconds())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn prune_kept(&mut self, kind: KeptKind, now: UnixTime, most: u64, limit: u32) -> StoreResult<()> {
        sqlx::query(
            "DELETE FROM kept WHERE rowid IN (SELECT rowid FROM kept WHERE kind = ?1 AND (keep_until < ?2 \
             OR (SELECT count(*) FROM kept WHERE kind = ?1) > ?3) ORDER BY keep_until, rowid \
             LIMIT min(?4, max((SELECT count(*) FROM kept WHERE kind = ?1) - ?3, \
             (SELECT count(*) FROM kept WHERE kind = ?1 AND keep_until < ?2))))",
        )
        .bind(kind.name())
        .bind(now.seconds())
        .bind(signed(TABLE, most)?)
        .bind(limit)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

fn kept(row: &SqliteRow) -> StoreResult<KeptRow> {
    let columns = Columns { table: TABLE, row };
    let kind: String = columns.get("kind")?;
    let kind = [KeptKind::Facts, KeptKind::Proof].into_iter().find(|known| known.name() == kind);
    Ok(KeptRow {
        digest: columns.hex("digest")?,
        kind: kind.ok_or_else(|| malformed(TABLE, "of an unknown kind"))?,
        body: columns.get("body")?,
        keep_until: columns.time("keep_until")?,
    })
}
