//! `init`: the unseal key, the administrator's token, and a store that is initialised with both.

use crate::admin::AdminCredential;
use crate::clock::{Clock, ClockError};
use crate::config::Config;
use crate::serve::{StartError, write_private};
use hanzo_kbs_vault::{KeyFileError, KeyFileSeal, Rng, RngError, SealError, Store, StoreError};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// What `init` made. Secrets appear as the names of their files.
#[derive(Clone, Debug, Serialize)]
pub struct Initialised {
    /// The database.
    pub store: PathBuf,
    /// The key that unseals it: keep a copy elsewhere, without it the store is lost.
    pub seal_key_file: PathBuf,
    /// The administrator's token.
    pub admin_token_file: PathBuf,
}

/// Why nothing was initialised. Files that `init` would overwrite are left alone.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The unseal key.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The administrator's token.
    #[error(transparent)]
    Token(#[from] StartError),
    /// No randomness.
    #[error(transparent)]
    Rng(#[from] RngError),
    /// The clock.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The database.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    /// The root key.
    #[error("the root key: {0}")]
    Seal(#[from] SealError),
}

/// Makes what a new broker needs. Each step refuses to touch what is there already, so that running it twice
/// destroys nothing.
///
/// # Errors
/// [`InitError`].
pub async fn init(config: &Config, clock: &dyn Clock, rng: Arc<dyn Rng>) -> Result<Initialised, InitError> {
    let now = clock.now()?;
    let seal = KeyFileSeal::create(&config.seal_key, rng.as_ref())?;
    let (token, _) = AdminCredential::generate(rng.as_ref())?;
    write_private(&config.admin_token, format!("{}\n", *token).as_bytes())?;
    let store = Store::open(&config.sqlite, rng).await?;
    store.initialise(&seal, now).await?;
    Ok(Initialised {
        store: config.sqlite.clone(),
        seal_key_file: config.seal_key.clone(),
        admin_token_file: config.admin_token.clone(),
    })
}
