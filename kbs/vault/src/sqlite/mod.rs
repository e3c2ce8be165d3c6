//! SQLite, the embedded default: one file in WAL mode, `synchronous=FULL`, one writer.

mod attestations;
mod changes;
mod columns;
mod decisions;
mod holds;
mod kept;
mod keys;
mod meta;
mod rules;
mod sessions;
mod shadow;

use crate::backend::{Backend, StoreResult, Transaction};
use crate::error::StoreError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row, Sqlite as Driver, SqliteConnection, SqlitePool};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a writer waits for another process's transaction, and a request for the writer. Requests queue
/// behind one writer at about a millisecond each; who waits five seconds is better told to come back.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections that only read. Reads are single look-ups; two keep one slow list from blocking them.
const READERS: u32 = 2;

/// A SQLite file.
#[derive(Clone, Debug)]
pub struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
}

/// A transaction on a SQLite file.
pub struct SqliteTx {
    inner: sqlx::Transaction<'static, Driver>,
}

impl Sqlite {
    /// Opens a store, and makes it with mode 0600 when there is none. The schema is brought up to date.
    ///
    /// # Errors
    /// [`StoreError::Open`], [`StoreError::Schema`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        make_file(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE)
            .foreign_keys(true)
            // What is deleted, e.g. the evidence behind an ended token, is overwritten too.
            .pragma("secure_delete", "on")
            // Nothing in the schema may call functions with side effects, whoever wrote the file.
            .pragma("trusted_schema", "off");
        let open = |error: sqlx::Error| open_error(path, &error.to_string());
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .connect_with(options.clone())
            .await
            .map_err(open)?;
        sqlx::migrate!("migrations/sqlite")
            .run(&writer)
            .await
            .map_err(|error| StoreError::Schema(error.to_string()))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(PATIENCE)
            .connect_with(options.read_only(true))
            .await
            .map_err(open)?;
        Ok(Self { writer, readers })
    }

    /// Closes all connections; what was committed is checkpointed into the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl Backend for Sqlite {
    type Tx = SqliteTx;

    async fn begin(&self) -> StoreResult<SqliteTx> {
        // The write lock is taken at once: a transaction that reads first could otherwise lose it half way.
        Ok(SqliteTx { inner: self.writer.begin_with("BEGIN IMMEDIATE").await? })
    }

    async fn read(&self) -> StoreResult<SqliteTx> {
        Ok(SqliteTx { inner: self.readers.begin().await? })
    }

    async fn integrity(&self) -> StoreResult<()> {
        let rows = sqlx::query("PRAGMA integrity_check").fetch_all(&self.readers).await?;
        let said: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        if said != ["ok"] {
            return Err(StoreError::Damaged(said.join("; ")));
        }
        let orphans = sqlx::query("PRAGMA foreign_key_check").fetch_all(&self.readers).await?;
        if !orphans.is_empty() {
            return Err(StoreError::Damaged(format!("{} rows refer to nothing", orphans.len())));
        }
        Ok(())
    }
}

impl SqliteTx {
    fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.inner
    }
}

impl Transaction for SqliteTx {
    async fn commit(self) -> StoreResult<()> {
        Ok(self.inner.commit().await?)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            // SQLITE_BUSY and SQLITE_LOCKED, with their extended codes in the upper bits.
            sqlx::Error::Database(database)
                if database
                    .code()
                    .and_then(|code| code.parse::<u32>().ok())
                    .is_some_and(|code| matches!(code & 0xff, 5 | 6)) =>
            {
                Self::Busy
            }
            _ => Self::Query(error.to_string()),
        }
    }
}

/// SQLite makes its side files with the mode of the main one, so that this one mode is all it takes.
fn make_file(path: &Path) -> Result<(), StoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(open_error(path, &error.to_string())),
    }
}

fn open_error(path: &Path, reason: &str) -> StoreError {
    StoreError::Open { path: PathBuf::from(path), reason: reason.to_owned() }
}
