//! New collateral without a restart: looked for at an interval, and on SIGHUP.

use super::assemble::{StartError, read_grounds_with};
use crate::broker::{Broker, Who};
use crate::config::AttestationConfig;
use hanzo_attestation_collateral::{Store, StoreError};
use hanzo_attestation_evidence::Hex;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

/// Whether there was anything new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// The broker judges by another generation than before.
    Changed,
    /// The store is as it was.
    Same,
}

/// Watches the store for as long as the process runs. Without a store, SIGHUP is taken and does nothing: it
/// must not end a broker.
///
/// # Errors
/// The signal cannot be listened for.
pub(super) fn watch(broker: Arc<Broker>, config: AttestationConfig) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        let Some(store) = &config.store else {
            while hangup.recv().await.is_some() {}
            return;
        };
        let mut ticks = interval(store.reload);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = hangup.recv() => {}
            }
            if let Err(error) = reload(&broker, &config).await {
                tracing::error!(%error, "the collateral was not read: the broker goes on by what it has");
            }
        }
    });
    Ok(())
}

/// Reads the store again if another generation counts there. What cannot be read or is not signed as
/// configured changes nothing: documents that are at hand keep their own dates.
///
/// # Errors
/// [`StartError`].
pub async fn reload(broker: &Broker, config: &AttestationConfig) -> Result<Reload, StartError> {
    let Some(store) = &config.store else { return Ok(Reload::Same) };
    let before = broker.judge().grounds();
    let known = before.store.as_ref().map(|stored| stored.generation);
    let (directory, config) = (store.directory.clone(), config.clone());
    let cache = Arc::clone(&before.cache);
    let read = move || -> Result<_, StartError> {
        if generation(directory)? == known {
            return Ok(None);
        }
        read_grounds_with(&config, cache).map(Some)
    };
    let read = tokio::task::spawn_blocking(read).await.map_err(|error| StartError::Socket(error.into()))?;
    let Some(grounds) = read? else { return Ok(Reload::Same) };
    let stored = grounds.store.clone();
    broker.judge().replace(grounds);
    if let Some(stored) = stored {
        tracing::info!(
            bundle_id = stored.bundle_id,
            sequence = stored.sequence,
            generation = %stored.generation,
            signed = stored.signed,
            "new collateral is in force"
        );
        broker.record_collateral(&Who::operator(), &stored).await;
    }
    Ok(Reload::Changed)
}

fn generation(directory: PathBuf) -> Result<Option<Hex<32>>, StartError> {
    let failed = |source: StoreError| StartError::Collateral { path: directory.clone(), source };
    Store::at(&directory).generation().map_err(failed)
}
