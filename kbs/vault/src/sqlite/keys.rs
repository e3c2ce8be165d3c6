use super::SqliteTx;
use super::columns::{Columns, malformed, signed};
use crate::backend::{KeyRows, StoreResult};
use crate::envelope::Record;
use crate::error::StoreError;
use crate::rows::{KeyRow, VersionRow};
use hanzo_attestation_evidence::UnixTime;
use hanzo_kbs_protocol::{KeyKind, VersionState};
use sqlx::sqlite::SqliteRow;

impl KeyRows for SqliteTx {
    async fn tenant_key(&mut self, tenant: &str) -> StoreResult<Option<Record>> {
        let row = sqlx::query("SELECT salt, ciphertext FROM tenants WHERE tenant = ?")
            .bind(tenant)
            .fetch_optional(self.connection())
            .await?;
        row.map(|row| record(Columns { table: "tenants", row: &row })).transpose()
    }

    async fn insert_tenant(&mut self, tenant: &str, record: &Record, at: UnixTime) -> StoreResult<()> {
        sqlx::query("INSERT INTO tenants (tenant, salt, ciphertext, created_at) VALUES (?, ?, ?, ?)")
            .bind(tenant)
            .bind(record.salt.as_slice())
            .bind(&record.ciphertext)
            .bind(at.seconds())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn key(&mut self, id: &str) -> StoreResult<Option<KeyRow>> {
        let row =
            sqlx::query("SELECT * FROM keys WHERE id = ?").bind(id).fetch_optional(self.connection()).await?;
        row.as_ref().map(key).transpose()
    }

    async fn keys(&mut self) -> StoreResult<Vec<KeyRow>> {
        let rows = sqlx::query("SELECT * FROM keys ORDER BY id").fetch_all(self.connection()).await?;
        rows.iter().map(key).collect()
    }

    async fn insert_key(&mut self, key: &KeyRow) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO keys (id, tenant, kind, algorithm, minimum_tier, require_cpu_tee, current_version, \
             created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&key.id)
        .bind(&key.tenant)
        .bind(key.kind.name())
        .bind(&key.algorithm)
        .bind(key.minimum_tier)
        .bind(key.require_cpu_tee)
        .bind(signed("keys", key.current_version)?)
        .bind(key.created_at.seconds())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn set_current_version(&mut self, key_id: &str, version: u64) -> StoreResult<()> {
        let done = sqlx::query("UPDATE keys SET current_version = ? WHERE id = ?")
            .bind(signed("keys", version)?)
            .bind(key_id)
            .execute(self.connection())
            .await?;
        one("keys", done.rows_affected())
    }

    async fn version(&mut self, key_id: &str, version: u64) -> StoreResult<Option<VersionRow>> {
        let row = sqlx::query("SELECT * FROM key_versions WHERE key_id = ? AND version = ?")
            .bind(key_id)
            .bind(signed("key_versions", version)?)
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(version_row).transpose()
    }

    async fn versions(&mut self, key_id: &str) -> StoreResult<Vec<VersionRow>> {
        let rows = sqlx::query("SELECT * FROM key_versions WHERE key_id = ? ORDER BY version")
            .bind(key_id)
            .fetch_all(self.connection())
            .await?;
        rows.iter().map(version_row).collect()
    }

    async fn insert_version(&mut self, version: &VersionRow) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO key_versions (key_id, version, salt, ciphertext, state, created_at, releases) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&version.key_id)
        .bind(signed("key_versions", version.version)?)
        .bind(version.record.salt.as_slice())
        .bind(&version.record.ciphertext)
        .bind(state_name(version.state))
        .bind(version.created_at.seconds())
        .bind(signed("key_versions", version.releases)?)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn count_release(&mut self, key_id: &str, version: u64) -> StoreResult<()> {
        let done =
            sqlx::query("UPDATE key_versions SET releases = releases + 1 WHERE key_id = ? AND version = ?")
                .bind(key_id)
                .bind(signed("key_versions", version)?)
                .execute(self.connection())
                .await?;
        one("key_versions", done.rows_affected())
    }
}

fn key(row: &SqliteRow) -> StoreResult<KeyRow> {
    let columns = Columns { table: "keys", row };
    let kind: String = columns.get("kind")?;
    let kind = match kind.as_str() {
        "key" => KeyKind::Key,
        "secret" => KeyKind::Secret,
        other => return Err(malformed("keys", format_args!("kind is `{other}`"))),
    };
    Ok(KeyRow {
        id: columns.get("id")?,
        tenant: columns.get("tenant")?,
        kind,
        algorithm: columns.get("algorithm")?,
        minimum_tier: columns.tier("minimum_tier")?,
        require_cpu_tee: columns.get("require_cpu_tee")?,
        current_version: columns.unsigned("current_version")?,
        created_at: columns.time("created_at")?,
    })
}

fn version_row(row: &SqliteRow) -> StoreResult<VersionRow> {
    let columns = Columns { table: "key_versions", row };
    let state: String = columns.get("state")?;
    let state = match state.as_str() {
        "enabled" => VersionState::Enabled,
        "disabled" => VersionState::Disabled,
        "destroyed" => VersionState::Destroyed,
        other => return Err(malformed("key_versions", format_args!("state is `{other}`"))),
    };
    Ok(VersionRow {
        key_id: columns.get("key_id")?,
        version: columns.unsigned("version")?,
        record: record(columns)?,
        state,
        created_at: columns.time("created_at")?,
        releases: columns.unsigned("releases")?,
    })
}

fn record(columns: Columns<'_>) -> StoreResult<Record> {
    Ok(Record { salt: columns.bytes("salt")?, ciphertext: columns.get("ciphertext")? })
}

const fn state_name(state: VersionState) -> &'static str {
    match state {
        VersionState::Enabled => "enabled",
        VersionState::Disabled => "disabled",
        VersionState::Destroyed => "destroyed",
    }
}

/// Exactly one row has to change: anything else means that another row was meant.
fn one(table: &'static str, changed: u64) -> StoreResult<()> {
    if changed == 1 {
        return Ok(());
    }
    Err(StoreError::Malformed { table, reason: format!("{changed} rows changed instead of one") })
}
