use super::SqliteTx;
use super::columns::{Columns, malformed, signed};
use crate::backend::{NonceRows, SessionRows, StoreResult};
use crate::rows::{GrantRow, SessionRow};
use hanzo_attestation_evidence::{DeviceId, Hex, UnixTime};
use sqlx::sqlite::SqliteRow;

impl NonceRows for SqliteTx {
    async fn use_nonce(&mut self, digest: &Hex<32>, expires_at: UnixTime) -> StoreResult<bool> {
        let done =
            sqlx::query("INSERT INTO nonces (digest, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING")
                .bind(digest.as_ref())
                .bind(expires_at.seconds())
                .execute(self.connection())
                .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn nonce_used(&mut self, digest: &Hex<32>) -> StoreResult<bool> {
        let row = sqlx::query("SELECT 1 FROM nonces WHERE digest = ?")
            .bind(digest.as_ref())
            .fetch_optional(self.connection())
            .await?;
        Ok(row.is_some())
    }

    async fn prune_nonces(&mut self, before: UnixTime, limit: u32) -> StoreResult<()> {
        sqlx::query(
            "DELETE FROM nonces WHERE digest IN \
             (SELECT digest FROM nonces WHERE expires_at < ? ORDER BY expires_at LIMIT ?)",
        )
        .bind(before.seconds())
        .bind(limit)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

impl SessionRows for SqliteTx {
    async fn session(&mut self, id: &str) -> StoreResult<Option<SessionRow>> {
        let row = sqlx::query("SELECT * FROM sessions WHERE id = ?")
            .bind(id)
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(session).transpose()
    }

    async fn insert_session(&mut self, session: &SessionRow) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO sessions (id, recipient_digest, evidence_digest, tier, lab, opened_at, renewed_at, \
             expires_at, revoked_at, superseded, machine, devices) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&session.id)
        .bind(session.recipient_digest.as_ref())
        .bind(session.evidence_digest.as_ref())
        .bind(session.tier)
        .bind(session.lab)
        .bind(session.opened_at.seconds())
        .bind(session.renewed_at.seconds())
        .bind(session.expires_at.seconds())
        .bind(session.revoked_at.map(UnixTime::seconds))
        .bind(session.superseded)
        .bind(session.machine.map(|machine| machine.to_string()))
        .bind(list(&session.devices))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn renew_session(&mut self, session: &SessionRow) -> StoreResult<()> {
        sqlx::query(
            "UPDATE sessions SET evidence_digest = ?, tier = ?, lab = ?, renewed_at = ?, expires_at = ?, \
             machine = ?, devices = ? WHERE id = ?",
        )
        .bind(session.evidence_digest.as_ref())
        .bind(session.tier)
        .bind(session.lab)
        .bind(session.renewed_at.seconds())
        .bind(session.expires_at.seconds())
        .bind(session.machine.map(|machine| machine.to_string()))
        .bind(list(&session.devices))
        .bind(&session.id)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn revoke_session(&mut self, id: &str, at: UnixTime) -> StoreResult<()> {
        sqlx::query("UPDATE sessions SET revoked_at = ifnull(revoked_at, ?) WHERE id = ?")
            .bind(at.seconds())
            .bind(id)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn supersede_session(&mut self, id: &str, at: UnixTime) -> StoreResult<()> {
        sqlx::query("UPDATE sessions SET revoked_at = ?, superseded = 1 WHERE id = ? AND revoked_at IS NULL")
            .bind(at.seconds())
            .bind(id)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn put_grant(&mut self, grant: &GrantRow) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO grants (session_id, key_id, version, tier, granted_at, expires_at, releases, decision) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session_id, key_id, version) DO UPDATE SET \
             tier = excluded.tier, expires_at = excluded.expires_at, releases = releases + 1, \
             decision = excluded.decision",
        )
        .bind(&grant.session_id)
        .bind(&grant.key_id)
        .bind(signed("grants", grant.version)?)
        .bind(grant.tier)
        .bind(grant.granted_at.seconds())
        .bind(grant.expires_at.seconds())
        .bind(signed("grants", grant.releases)?)
        .bind(signed("grants", grant.decision)?)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn grants_of(&mut self, session_id: &str) -> StoreResult<Vec<GrantRow>> {
        let rows = sqlx::query("SELECT * FROM grants WHERE session_id = ? ORDER BY key_id, version")
            .bind(session_id)
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(grant).collect()
    }

    async fn live_grants(
        &mut self,
        key_id: &str,
        now: UnixTime,
        but: &Hex<32>,
        without: &[&str],
    ) -> StoreResult<u32> {
        let without = serde_json::to_string(without).map_err(|error| malformed("sessions", error))?;
        let row = sqlx::query(
            "SELECT count(DISTINCT sessions.recipient_digest) AS live FROM grants \
             JOIN sessions ON sessions.id = grants.session_id \
             WHERE grants.key_id = ? AND grants.expires_at > ? AND sessions.revoked_at IS NULL \
             AND sessions.recipient_digest <> ? AND sessions.id NOT IN (SELECT value FROM json_each(?))",
        )
        .bind(key_id)
        .bind(now.seconds())
        .bind(but.as_ref())
        .bind(without)
        .fetch_one(self.connection())
        .await?;
        let live = Columns { table: "grants", row: &row }.unsigned("live")?;
        Ok(u32::try_from(live).unwrap_or(u32::MAX))
    }

    async fn grants(&mut self, pdi: Option<Hex<8>>, limit: u32) -> StoreResult<Vec<(GrantRow, SessionRow)>> {
        // A device is written PDI@ROOT, between spaces: a root is never taken for a PDI.
        let pattern = pdi.map(|pdi| format!(" {pdi}@"));
        let rows = sqlx::query(
            "SELECT grants.* FROM grants JOIN sessions ON sessions.id = grants.session_id \
             WHERE ?1 IS NULL OR instr(sessions.devices, ?1) > 0 ORDER BY decision DESC LIMIT ?2",
        )
        .bind(pattern)
        .bind(limit)
        .fetch_all(self.connection())
        .await?;
        let mut grants = Vec::with_capacity(rows.len());
        for row in &rows {
            let grant = grant(row)?;
            // The schema's foreign key says that it is there.
            if let Some(session) = self.session(&grant.session_id).await? {
                grants.push((grant, session));
            }
        }
        Ok(grants)
    }
}

/// Devices as a column has them: a space before each.
fn list(devices: &[DeviceId]) -> String {
    devices.iter().map(|device| format!(" {device}")).collect()
}

fn session(row: &SqliteRow) -> StoreResult<SessionRow> {
    let columns = Columns { table: "sessions", row };
    let devices: String = columns.get("devices")?;
    let devices: Result<_, _> = devices.split_ascii_whitespace().map(str::parse).collect();
    Ok(SessionRow {
        id: columns.get("id")?,
        recipient_digest: columns.hex("recipient_digest")?,
        evidence_digest: columns.hex("evidence_digest")?,
        tier: columns.tier("tier")?,
        lab: columns.get("lab")?,
        opened_at: columns.time("opened_at")?,
        renewed_at: columns.time("renewed_at")?,
        expires_at: columns.time("expires_at")?,
        revoked_at: columns.optional_time("revoked_at")?,
        superseded: columns.get("superseded")?,
        machine: columns.machine("machine")?,
        devices: devices.map_err(|error| malformed("sessions", error))?,
    })
}

fn grant(row: &SqliteRow) -> StoreResult<GrantRow> {
    let columns = Columns { table: "grants", row };
    Ok(GrantRow {
        session_id: columns.get("session_id")?,
        key_id: columns.get("key_id")?,
        version: columns.unsigned("version")?,
        tier: columns.tier("tier")?,
        granted_at: columns.time("granted_at")?,
        expires_at: columns.time("expires_at")?,
        releases: columns.unsigned("releases")?,
        decision: columns.unsigned("decision")?,
    })
}
