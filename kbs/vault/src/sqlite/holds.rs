use super::SqliteTx;
use super::columns::{Columns, malformed};
use crate::backend::{HoldRows, StoreResult};
use crate::rows::HoldRow;
use hanzo_attestation_evidence::{DeviceId, Hex, UnixTime};
use sqlx::sqlite::SqliteRow;

const TABLE: &str = "holds";

impl HoldRows for SqliteTx {
    async fn holds_of(&mut self, device: &DeviceId) -> StoreResult<Vec<HoldRow>> {
        let rows = sqlx::query("SELECT * FROM holds WHERE root = ? AND pdi = ? ORDER BY session_id")
            .bind(device.root.as_ref())
            .bind(device.pdi.as_ref())
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(hold).collect()
    }

    async fn holds_in(&mut self, session_id: &str) -> StoreResult<Vec<HoldRow>> {
        let rows = sqlx::query("SELECT * FROM holds WHERE session_id = ? ORDER BY root, pdi")
            .bind(session_id)
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(hold).collect()
    }

    async fn ended_holds(&mut self, before: UnixTime, limit: u32) -> StoreResult<Vec<HoldRow>> {
        let rows = sqlx::query("SELECT * FROM holds WHERE until < ? ORDER BY until LIMIT ?")
            .bind(before.seconds())
            .bind(limit)
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(hold).collect()
    }

    async fn holds(&mut self) -> StoreResult<Vec<HoldRow>> {
        let rows = sqlx::query("SELECT * FROM holds").fetch_all(self.connection()).await?;
        rows.iter().map(hold).collect()
    }

    async fn count_holds(&mut self) -> StoreResult<u64> {
        let row = sqlx::query("SELECT count(*) AS count FROM holds").fetch_one(self.connection()).await?;
        Columns { table: TABLE, row: &row }.unsigned("count")
    }

    async fn insert_hold(&mut self, hold: &HoldRow) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO holds (root, pdi, session_id, recipient_digest, machine, since, until, mac) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(hold.device.root.as_ref())
        .bind(hold.device.pdi.as_ref())
        .bind(&hold.session_id)
        .bind(hold.recipient_digest.as_ref())
        .bind(hold.machine.map(|machine| machine.to_string()))
        .bind(hold.since.seconds())
        .bind(hold.until.seconds())
        .bind(hold.mac.as_slice())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn remove_hold(&mut self, device: &DeviceId, session_id: &str) -> StoreResult<()> {
        let done = sqlx::query("DELETE FROM holds WHERE root = ? AND pdi = ? AND session_id = ?")
            .bind(device.root.as_ref())
            .bind(device.pdi.as_ref())
            .bind(session_id)
            .execute(self.connection())
            .await?;
        if done.rows_affected() != 1 {
            return Err(malformed(TABLE, format_args!("no row of the device {device}")));
        }
        Ok(())
    }
}

fn hold(row: &SqliteRow) -> StoreResult<HoldRow> {
    let columns = Columns { table: TABLE, row };
    Ok(HoldRow {
        device: DeviceId { root: columns.hex("root")?, pdi: Hex(columns.bytes("pdi")?) },
        session_id: columns.get("session_id")?,
        recipient_digest: columns.hex("recipient_digest")?,
        machine: columns.machine("machine")?,
        since: columns.time("since")?,
        until: columns.time("until")?,
        mac: columns.bytes("mac")?,
    })
}
