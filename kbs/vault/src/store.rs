//! The store while it is sealed.

use crate::backend::{Backend, DecisionRows, MetaRows, StoreResult, Transaction};
use crate::error::{RecordError, StoreError};
use crate::ledger::{Ledger, LedgerKey};
use crate::quorum::Quorum;
use crate::rng::{self, Rng};
use crate::root::RootKey;
use crate::rows::{BrokenGlass, HoldsRow, LedgerRow, MetaRow};
use crate::seal::{Seal, SealContext, SealError};
use crate::sqlite::Sqlite;
use crate::vault::Vault;
use hanzo_attestation_evidence::UnixTime;
use hanzo_kbs_log::{Action, Door, Head, NewDecision};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A database and a random source. Cheap to clone. Nothing secret is in the clear in it.
pub struct Store<B = Sqlite> {
    shared: Arc<Shared<B>>,
    quorum: Arc<Quorum>,
}

struct Shared<B> {
    backend: B,
    rng: Arc<dyn Rng>,
}

impl Store<Sqlite> {
    /// Opens a SQLite store, and makes it with mode 0600 when there is none.
    ///
    /// # Errors
    /// [`StoreError::Open`], [`StoreError::Schema`].
    pub async fn open(path: impl AsRef<Path>, rng: Arc<dyn Rng>) -> Result<Self, StoreError> {
        Ok(Self::new(Sqlite::open(path).await?, rng))
    }
}

impl<B: Backend> Store<B> {
    /// A store on any backend.
    #[must_use]
    pub fn new(backend: B, rng: Arc<dyn Rng>) -> Self {
        Self { shared: Arc::new(Shared { backend, rng }), quorum: Arc::default() }
    }

    /// The same store, in which these people decide together. Without them an administrator decides alone.
    #[must_use]
    pub fn with_quorum(self, quorum: Quorum) -> Self {
        Self { quorum: Arc::new(quorum), ..self }
    }

    /// Who decides together.
    #[must_use]
    pub fn quorum(&self) -> &Quorum {
        &self.quorum
    }

    /// Whether there is a root key in it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_initialised(&self) -> StoreResult<bool> {
        Ok(self.backend().read().await?.meta().await?.is_some())
    }

    /// Makes the root key, wraps it, and writes the record's first row, in one transaction. Of two callers at
    /// once one wins; the other is told that the store is already initialised.
    ///
    /// # Errors
    /// [`StoreError::AlreadyInitialised`] inside [`SealError::Store`], and whatever the seal says.
    pub async fn initialise(&self, seal: &dyn Seal, now: UnixTime) -> Result<(), SealError> {
        let mut tx = self.backend().begin().await?;
        if tx.meta().await?.is_some() {
            return Err(StoreError::AlreadyInitialised.into());
        }
        let store_id = rng::random(self.rng())?;
        let root = RootKey::generate(self.rng())?;
        let sealed_root = seal.wrap_root(&root, &SealContext { store_id }, self.rng())?;
        let key = LedgerKey::derive(&root, store_id).map_err(RecordError::from)?;
        let holds = HoldsRow::EMPTY;
        let broken = BrokenGlass::default();
        let blank =
            LedgerRow { head: Head::EMPTY, clock_high: now, rules_epoch: 0, holds, broken, mac: [0; 32] };
        let ledger = LedgerRow { mac: key.mac(&blank), ..blank };
        let seal_kind = seal.kind().to_owned();
        tx.insert_meta(&MetaRow { store_id, seal_kind, sealed_root, created_at: now, ledger }).await?;
        let mut ledger = Ledger::open(&mut tx, &key, now).await?;
        let decision = NewDecision::granted(now, Door::Local, Action::Initialise, "local", "local");
        ledger.append(&mut tx, decision).await?;
        ledger.close(&mut tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Opens the seal. The end of the record is checked; when it is damaged the vault opens, so that it can
    /// be read, and releases and changes nothing ([`Vault::damage`]).
    ///
    /// # Errors
    /// [`SealError::OtherKind`], [`SealError::DoesNotUnwrap`], [`SealError::Unavailable`],
    /// [`SealError::Store`].
    pub async fn unseal(&self, seal: &dyn Seal) -> Result<Vault<B>, SealError> {
        let mut tx = self.backend().read().await?;
        let meta = tx.meta().await?.ok_or(StoreError::NotInitialised)?;
        // A transaction on a single connection must not be held while a device is asked.
        drop(tx);
        if meta.seal_kind != seal.kind() {
            return Err(SealError::OtherKind { stored: meta.seal_kind, given: seal.kind() });
        }
        let root = seal.unwrap_root(&meta.sealed_root, &SealContext { store_id: meta.store_id })?;
        let key = LedgerKey::derive(&root, meta.store_id).map_err(RecordError::from)?;
        let vault = Vault::new(self.clone(), root, key)?;
        vault.check_tail().await?;
        Ok(vault)
    }

    /// The database's own check of itself.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub async fn integrity(&self) -> StoreResult<()> {
        self.backend().integrity().await
    }

    /// Number of the newest decision, which is no secret: a sealed broker can say it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_decision(&self) -> StoreResult<u64> {
        self.backend().read().await?.newest_decision().await
    }

    /// The database.
    #[must_use]
    pub fn backend(&self) -> &B {
        &self.shared.backend
    }

    pub(crate) fn rng(&self) -> &dyn Rng {
        &*self.shared.rng
    }
}

impl<B> Clone for Store<B> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), quorum: Arc::clone(&self.quorum) }
    }
}

impl<B> fmt::Debug for Store<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store(…)")
    }
}
