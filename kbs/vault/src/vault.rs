//! The store while it is open.

use crate::backend::Backend;
use crate::envelope::{self, EnvelopeError};
use crate::error::{LogDamage, RecordError};
use crate::holds::HoldsKey;
use crate::inventory::Inventory;
use crate::ledger::{Ledger, LedgerKey};
use crate::quorum::Quorum;
use crate::rng::Rng;
use crate::root::RootKey;
use crate::sqlite::Sqlite;
use crate::store::Store;
use aws_lc_rs::hmac;
use hanzo_attestation_evidence::UnixTime;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

/// Domain of the key that authenticates rules.
const RULES_DOMAIN: &[u8] = b"hanzo-kbs/v1/rules-mac";

/// An unsealed store: it holds the root key. Cheap to clone, `Send` and `Sync`. When the last clone is
/// dropped the root key is wiped, and the vault is sealed again.
pub struct Vault<B = Sqlite> {
    open: Arc<Open<B>>,
}

struct Open<B> {
    store: Store<B>,
    root: RootKey,
    ledger: LedgerKey,
    rules: hmac::Key,
    holds: HoldsKey,
    /// The inventory last read.
    inventory: Mutex<Option<Arc<Inventory>>>,
    // Set once and never cleared: after damage is found, somebody has to look, and to unseal again.
    damage: OnceLock<LogDamage>,
}

impl<B: Backend> Vault<B> {
    pub(crate) fn new(store: Store<B>, root: RootKey, ledger: LedgerKey) -> Result<Self, RecordError> {
        let rules = envelope::derive(root.expose(), RULES_DOMAIN, &[])?;
        let rules = hmac::Key::new(hmac::HMAC_SHA256, rules.as_slice());
        let holds = HoldsKey::derive(&root)?;
        let (inventory, damage) = (Mutex::new(None), OnceLock::new());
        Ok(Self { open: Arc::new(Open { store, root, ledger, rules, holds, inventory, damage }) })
    }

    /// What was found damaged in the record, if anything was: then nothing is released or changed.
    #[must_use]
    pub fn damage(&self) -> Option<&LogDamage> {
        self.open.damage.get()
    }

    /// The store beneath.
    #[must_use]
    pub fn store(&self) -> &Store<B> {
        &self.open.store
    }

    pub(crate) fn backend(&self) -> &B {
        self.open.store.backend()
    }

    /// Who decides together.
    pub(crate) fn quorum(&self) -> &Quorum {
        self.open.store.quorum()
    }

    pub(crate) fn rng(&self) -> &dyn Rng {
        self.open.store.rng()
    }

    pub(crate) fn root(&self) -> &RootKey {
        &self.open.root
    }

    pub(crate) fn ledger_key(&self) -> &LedgerKey {
        &self.open.ledger
    }

    pub(crate) fn rules_key(&self) -> &hmac::Key {
        &self.open.rules
    }

    pub(crate) fn holds_key(&self) -> &HoldsKey {
        &self.open.holds
    }

    pub(crate) fn inventory_cache(&self) -> &Mutex<Option<Arc<Inventory>>> {
        &self.open.inventory
    }

    pub(crate) fn found(&self, damage: LogDamage) -> LogDamage {
        self.open.damage.get_or_init(|| damage).clone()
    }

    /// Starts a transaction that will append to the record at `now`.
    pub(crate) async fn write(&self, now: UnixTime) -> Result<(B::Tx, Ledger<'_>), RecordError> {
        if let Some(damage) = self.damage() {
            return Err(damage.clone().into());
        }
        let mut tx = self.backend().begin().await?;
        match Ledger::open(&mut tx, &self.open.ledger, now).await {
            Err(RecordError::LogDamaged(damage)) => Err(self.found(damage).into()),
            ledger => Ok((tx, ledger?)),
        }
    }

    /// A tenant's key.
    pub(crate) fn open_under_root(
        &self,
        aad: &[u8],
        record: &envelope::Record,
    ) -> Result<Box<zeroize::Zeroizing<[u8; 32]>>, EnvelopeError> {
        envelope::open_key(self.root().expose(), aad, record)
    }
}

impl<B> Clone for Vault<B> {
    fn clone(&self) -> Self {
        Self { open: Arc::clone(&self.open) }
    }
}

impl<B> fmt::Debug for Vault<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(…)")
    }
}
