//! Keys and secrets: made inside, or imported; never read out by an administrator.

use crate::backend::{Backend, KeyRows, Transaction};
use crate::changes::Cleared;
use crate::envelope::{self, EnvelopeError, Record};
use crate::error::{ChangeError, RecordError, StoreError};
use crate::ledger::{Ledger, expect_outcome};
use crate::place::{Place, purpose};
use crate::quorum::Target;
use crate::rows::{KeyRow, VersionRow};
use crate::vault::Vault;
use hanzo_attestation_evidence::UnixTime;
use hanzo_kbs_log::{NewDecision, Outcome};
use hanzo_kbs_protocol::{Algorithm, KeyInfo, KeyKind, KeyVersionInfo, VersionState};
use hanzo_policy::{KeyId, KeyScope, Tier};
use zeroize::Zeroizing;

/// Largest secret in bytes: certificates with their chains and configuration files fit; what is larger is
/// encrypted under a key and stored elsewhere.
pub const MAX_SECRET: usize = 64 * 1024;
/// The algorithm of imported secrets.
const OPAQUE: &str = "opaque";

impl<B: Backend> Vault<B> {
    /// Generates a key with its first version. `decision.at` is the time.
    ///
    /// # Errors
    /// [`ChangeError::KeyExists`], [`ChangeError::Quorum`] for a key in a scope, [`ChangeError::Record`].
    pub async fn create_key(
        &self,
        scope: &KeyScope,
        algorithm: Algorithm,
        decision: NewDecision,
    ) -> Result<KeyInfo, ChangeError> {
        let cleared = Cleared::direct(self.quorum(), target(scope))?;
        let (mut tx, mut ledger) = self.write(decision.at).await?;
        let key = self.create_key_in(&mut tx, &mut ledger, scope, algorithm, decision, &cleared).await?;
        self.finish(tx, ledger, key).await
    }

    /// Generates a key in a transaction that is still to be closed and committed.
    pub(crate) async fn create_key_in(
        &self,
        tx: &mut B::Tx,
        ledger: &mut Ledger<'_>,
        scope: &KeyScope,
        algorithm: Algorithm,
        decision: NewDecision,
        _: &Cleared,
    ) -> Result<KeyRow, ChangeError> {
        let mut material = Zeroizing::new(vec![0; material_length(algorithm)]);
        self.rng().fill(&mut material)?;
        if tx.key(scope.key.as_str()).await?.is_some() {
            return Err(ChangeError::KeyExists { id: scope.key.to_string() });
        }
        let key = new_key(scope, KeyKind::Key, algorithm.name(), decision.at);
        self.add_version(tx, &key, 1, &material, decision.at).await?;
        append(tx, ledger, &key, decision).await?;
        Ok(key)
    }

    /// Imports a secret, or a new version of one. The demands of a secret that exists are fixed.
    ///
    /// # Errors
    /// [`ChangeError::SecretSize`], [`ChangeError::NotASecret`], [`ChangeError::ScopeFixed`],
    /// [`ChangeError::Quorum`] for a new secret in a scope that nobody agreed to, [`ChangeError::Record`].
    pub async fn put_secret(
        &self,
        scope: &KeyScope,
        value: Zeroizing<Vec<u8>>,
        decision: NewDecision,
    ) -> Result<KeyInfo, ChangeError> {
        let size = value.len();
        if !(1..=MAX_SECRET).contains(&size) {
            return Err(ChangeError::SecretSize { size, limit: MAX_SECRET });
        }
        let (mut tx, mut ledger) = self.write(decision.at).await?;
        let key = match tx.key(scope.key.as_str()).await? {
            None => {
                let _: Cleared = self.cleared_secret(&mut tx, scope).await?;
                let key = new_key(scope, KeyKind::Secret, OPAQUE, decision.at);
                self.add_version(&mut tx, &key, 1, &value, decision.at).await?;
                key
            }
            Some(key) => {
                check_same_demands(&key, scope)?;
                let version = tx.versions(&key.id).await?.last().map_or(0, |version| version.version);
                let version = version.saturating_add(1);
                self.add_version(&mut tx, &key, version, &value, decision.at).await?;
                tx.set_current_version(&key.id, version).await?;
                KeyRow { current_version: version, ..key }
            }
        };
        append(&mut tx, &mut ledger, &key, decision).await?;
        self.finish(tx, ledger, key).await
    }

    /// A key, without its material.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn key(&self, id: &KeyId) -> Result<Option<KeyInfo>, StoreError> {
        let mut tx = self.backend().read().await?;
        match tx.key(id.as_str()).await? {
            None => Ok(None),
            Some(key) => {
                let versions = tx.versions(&key.id).await?;
                Ok(Some(info(key, versions)))
            }
        }
    }

    /// All keys and secrets, by id, without their material.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_keys(&self) -> Result<Vec<KeyInfo>, StoreError> {
        let mut tx = self.backend().read().await?;
        let mut keys = Vec::new();
        for key in tx.keys().await? {
            let versions = tx.versions(&key.id).await?;
            keys.push(info(key, versions));
        }
        Ok(keys)
    }

    /// What a key demands of every node. An edited row is found at release, because the demands are sealed
    /// with the material.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn key_scope(&self, id: &KeyId) -> Result<Option<KeyScope>, StoreError> {
        let Some(key) = self.backend().read().await?.key(id.as_str()).await? else { return Ok(None) };
        let minimum = Tier::from_number(key.minimum_tier)
            .map_err(|error| StoreError::Malformed { table: "keys", reason: error.to_string() })?;
        Ok(Some(KeyScope { key: id.clone(), minimum, require_cpu_tee: key.require_cpu_tee }))
    }

    /// Opens one version's material, for the release that seals it to a recipient.
    pub(crate) async fn open_version(
        &self,
        tx: &mut B::Tx,
        key: &KeyRow,
        version: &VersionRow,
    ) -> Result<Zeroizing<Vec<u8>>, RecordError> {
        let tenant = tx.tenant_key(&key.tenant).await?.ok_or(EnvelopeError::Open)?;
        let tenant = self.open_under_root(&Place::tenant(&key.tenant).aad()?, &tenant)?;
        let purpose = purpose(key);
        let aad = Place::version(key, &purpose, version.version).aad()?;
        Ok(envelope::open(&tenant, &aad, &version.record)?)
    }

    /// Seals material as a version; adds the tenant and the key with version 1.
    async fn add_version(
        &self,
        tx: &mut B::Tx,
        key: &KeyRow,
        version: u64,
        material: &[u8],
        at: UnixTime,
    ) -> Result<(), RecordError> {
        let place = Place::tenant(&key.tenant).aad()?;
        let tenant = match tx.tenant_key(&key.tenant).await? {
            Some(record) => self.open_under_root(&place, &record)?,
            None => {
                let mut fresh = Box::new(Zeroizing::new([0; 32]));
                self.rng().fill(fresh.as_mut_slice())?;
                let record = envelope::seal(self.root().expose(), &place, fresh.as_slice(), self.rng())?;
                tx.insert_tenant(&key.tenant, &record, at).await?;
                fresh
            }
        };
        let purpose = purpose(key);
        let record: Record =
            envelope::seal(&tenant, &Place::version(key, &purpose, version).aad()?, material, self.rng())?;
        if version == 1 {
            tx.insert_key(key).await?;
        }
        let (key_id, state) = (key.id.clone(), VersionState::Enabled);
        tx.insert_version(&VersionRow { key_id, version, record, state, created_at: at, releases: 0 })
            .await?;
        Ok(())
    }

    /// Commits the change.
    async fn finish(&self, mut tx: B::Tx, ledger: Ledger<'_>, key: KeyRow) -> Result<KeyInfo, ChangeError> {
        ledger.close(&mut tx).await?;
        let versions = tx.versions(&key.id).await?;
        tx.commit().await?;
        Ok(info(key, versions))
    }
}

/// Records the change.
async fn append(
    tx: &mut impl Transaction,
    ledger: &mut Ledger<'_>,
    key: &KeyRow,
    decision: NewDecision,
) -> Result<(), ChangeError> {
    expect_outcome(&decision, Outcome::Granted)?;
    let decision = NewDecision {
        tenant: Some(key.tenant.clone()),
        key_id: Some(key.id.clone()),
        key_version: Some(key.current_version),
        minimum_tier: Some(key.minimum_tier),
        ..decision
    };
    ledger.append(tx, decision).await?;
    Ok(())
}

fn target(scope: &KeyScope) -> Target<'_> {
    Target::key(scope.key.as_str(), scope.minimum.number())
}

const fn material_length(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::Aes256 => 32,
    }
}

fn new_key(scope: &KeyScope, kind: KeyKind, algorithm: &str, at: UnixTime) -> KeyRow {
    KeyRow {
        id: scope.key.to_string(),
        tenant: scope.key.tenant().to_owned(),
        kind,
        algorithm: algorithm.to_owned(),
        minimum_tier: scope.minimum.number(),
        require_cpu_tee: scope.require_cpu_tee,
        current_version: 1,
        created_at: at,
    }
}

fn check_same_demands(key: &KeyRow, scope: &KeyScope) -> Result<(), ChangeError> {
    if key.kind != KeyKind::Secret {
        return Err(ChangeError::NotASecret { id: key.id.clone() });
    }
    if key.minimum_tier != scope.minimum.number() || key.require_cpu_tee != scope.require_cpu_tee {
        return Err(ChangeError::ScopeFixed {
            id: key.id.clone(),
            minimum_tier: key.minimum_tier,
            require_cpu_tee: key.require_cpu_tee,
        });
    }
    Ok(())
}

fn info(key: KeyRow, versions: Vec<VersionRow>) -> KeyInfo {
    KeyInfo {
        id: key.id,
        tenant: key.tenant,
        kind: key.kind,
        algorithm: key.algorithm,
        minimum_tier: key.minimum_tier,
        require_cpu_tee: key.require_cpu_tee,
        current_version: key.current_version,
        created_at: key.created_at,
        versions: versions
            .into_iter()
            .map(|version| KeyVersionInfo {
                version: version.version,
                created_at: version.created_at,
                state: version.state,
                releases: version.releases,
            })
            .collect(),
    }
}
