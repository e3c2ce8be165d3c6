//! Tests of the whole vault. They make orders directly, as permits would; the tests of whole programs go
//! through real evidence.

mod attestations;
mod canary;
mod changes;
mod clock;
mod conformance;
mod crash;
mod holds;
mod kept;
mod keys;
mod live;
mod memory;
mod record;
mod release;
mod rules;
mod sealing;
mod shadow;
mod speed;
mod tamper;

use crate::release::{Entitled, Order, Party, Released, SessionPlan};
use crate::{DeviceRules, KeyFileSeal, ReleaseError, Rng, RngError, Store, UsedNonce, Vault};
use aws_lc_rs::digest::{SHA256, digest};
use hanzo_attestation_evidence::{Hex, Kem, UnixTime};
use hanzo_kbs_log::{Action, Door, NewDecision};
use hanzo_kbs_protocol::{Algorithm, Expected, ExpectedAad, GrantedKey, RecipientKeyPair};
use hanzo_policy::{KeyId, KeyScope, Tier};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use zeroize::Zeroizing;

/// SHA-256 of a seed and a counter: the same bytes in every run.
struct SeededRng {
    seed: u64,
    counter: AtomicU64,
}

impl SeededRng {
    fn new(seed: u64) -> Self {
        Self { seed, counter: AtomicU64::new(0) }
    }
}

impl Rng for SeededRng {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        for chunk in buffer.chunks_mut(32) {
            let counter = self.counter.fetch_add(1, Ordering::Relaxed);
            let block = digest(&SHA256, &[self.seed.to_be_bytes(), counter.to_be_bytes()].concat());
            chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
        }
        Ok(())
    }
}

/// A store in a temporary folder, initialised and unsealed at second 0.
struct Bench {
    folder: TempDir,
    vault: Vault,
    pair: RecipientKeyPair,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path(), 1).await;
        let seal = KeyFileSeal::create(folder.path().join("key"), &SeededRng::new(99)).unwrap();
        store.initialise(&seal, at(0)).await.unwrap();
        let vault = store.unseal(&seal).await.unwrap();
        Self { folder, vault, pair: RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap() }
    }

    /// With `acme/model`, a generated key of minimum tier 2.
    async fn with_key() -> Self {
        let bench = Self::new().await;
        bench.create("acme/model", Tier::Confidential).await;
        bench
    }

    async fn create(&self, id: &str, minimum: Tier) {
        self.vault
            .create_key(&scope(id, minimum), Algorithm::Aes256, admin(1, Action::KeyCreate))
            .await
            .unwrap();
    }

    async fn put(&self, id: &str, value: &[u8]) {
        let value = Zeroizing::new(value.to_vec());
        let decision = admin(1, Action::SecretPut);
        self.vault.put_secret(&scope(id, Tier::Encrypted), value, decision).await.unwrap();
    }

    /// An order for one key of minimum tier 2 by evidence of tier 2, at second `now`, good for 600 seconds.
    fn order(&self, key: &str, nonce: u8, now: i64) -> Order {
        self.order_for(&self.pair, key, nonce, now)
    }

    fn order_for(&self, pair: &RecipientKeyPair, key: &str, nonce: u8, now: i64) -> Order {
        Order {
            party: Party {
                recipient: pair.recipient().clone(),
                recipient_digest: pair.recipient().digest(),
                evidence_digest: Hex([nonce; 32]),
                tier: 2,
                machine: None,
                devices: Vec::new(),
                lab: true,
            },
            keys: vec![entitled(key, 2, now + 600)],
            session: SessionPlan::Open,
            nonce: Some(challenge(nonce, now + 60)),
            attested_at: at(now),
            rules_epoch: 0,
            devices: DeviceRules::default(),
            decision: node(now, Action::Authorize),
        }
    }

    async fn release(&self, order: Order) -> Result<Released, ReleaseError> {
        execute(&self.vault, order).await
    }

    fn opened(&self, released: &Released, index: usize) -> Zeroizing<Vec<u8>> {
        opened(&self.pair, released, &released.keys[index])
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    /// Somebody with the file, and without the broker.
    async fn edit(&self, sql: &'static str) -> u64 {
        edit(&self.path(), sql).await
    }

    async fn unseal_again(&self) -> Vault {
        let store = open(self.folder.path(), 2).await;
        store.unseal(&KeyFileSeal::read(self.folder.path().join("key")).unwrap()).await.unwrap()
    }
}

/// Releases what no policy asked about how many grants are live.
async fn execute(vault: &Vault, order: Order) -> Result<Released, ReleaseError> {
    vault.execute(order, &|key, _| panic!("nobody asked how many grants of {key} are live")).await
}

async fn open(folder: &Path, seed: u64) -> Store {
    Store::open(folder.join("store.db"), Arc::new(SeededRng::new(seed))).await.unwrap()
}

async fn edit(path: &Path, sql: &str) -> u64 {
    let mut connection: SqliteConnection =
        SqliteConnectOptions::new().filename(path).foreign_keys(false).connect().await.unwrap();
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    done.rows_affected()
}

fn opened(pair: &RecipientKeyPair, released: &Released, key: &GrantedKey) -> Zeroizing<Vec<u8>> {
    let expected = ExpectedAad {
        key_id: key.key_id.clone(),
        session_id: released.session_id.clone(),
        version: Expected::Exactly(key.version),
        tier: Expected::Exactly(released.tier),
    };
    pair.open(&key.sealed, &expected).unwrap()
}

fn entitled(key: &str, minimum: u8, expires_at: i64) -> Entitled {
    Entitled {
        key_id: key.to_owned(),
        tenant: KeyId::parse(key).unwrap().tenant().to_owned(),
        minimum_tier: minimum,
        expires_at: at(expires_at),
        policy_digest: Hex([4; 32]),
        reference_digest: Hex([5; 32]),
        policies: vec!["release".to_owned()],
        ended_by: None,
        decided_by: None,
        live_grants: None,
    }
}

fn challenge(n: u8, expires_at: i64) -> UsedNonce {
    UsedNonce { digest: Hex([n; 32]), expires_at: at(expires_at) }
}

fn scope(id: &str, minimum: Tier) -> KeyScope {
    KeyScope { key: KeyId::parse(id).unwrap(), minimum, require_cpu_tee: false }
}

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(1_790_000_000 + seconds).unwrap()
}

fn node(now: i64, action: Action) -> NewDecision {
    NewDecision::granted(at(now), Door::Native, action, "recipient:test", "req-1")
}

fn admin(now: i64, action: Action) -> NewDecision {
    NewDecision::granted(at(now), Door::Admin, action, "admin-token:test", "req-1")
}
