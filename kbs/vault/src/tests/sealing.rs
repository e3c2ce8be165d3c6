use super::*;
use crate::{Purpose, RootKey, Seal, SealContext, SealError, StoreError};

#[tokio::test]
async fn a_store_is_initialised_once_and_opens_with_its_key_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 1).await;
    let seal = KeyFileSeal::create(folder.path().join("key"), &SeededRng::new(7)).unwrap();
    assert!(!store.is_initialised().await.unwrap());
    assert_eq!(store.unseal(&seal).await.unwrap_err(), SealError::Store(StoreError::NotInitialised));
    store.initialise(&seal, at(0)).await.unwrap();
    assert!(store.is_initialised().await.unwrap());
    let again = store.initialise(&seal, at(0)).await;
    assert_eq!(again, Err(SealError::Store(StoreError::AlreadyInitialised)));
    assert_eq!(store.newest_decision().await.unwrap(), 1);

    let other = KeyFileSeal::create(folder.path().join("other"), &SeededRng::new(8)).unwrap();
    assert_eq!(store.unseal(&other).await.unwrap_err(), SealError::DoesNotUnwrap);
    let vault = store.unseal(&seal).await.unwrap();
    assert_eq!(vault.damage(), None);
}

#[tokio::test]
async fn of_two_that_initialise_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (open(folder.path(), 1).await, open(folder.path(), 2).await);
    let seal = KeyFileSeal::create(folder.path().join("key"), &SeededRng::new(7)).unwrap();
    let (first, second) = tokio::join!(a.initialise(&seal, at(0)), b.initialise(&seal, at(0)));
    assert_eq!(u8::from(first.is_ok()) + u8::from(second.is_ok()), 1);
    let loser = first.and(second).unwrap_err();
    assert_eq!(loser, SealError::Store(StoreError::AlreadyInitialised));
    a.unseal(&seal).await.unwrap();
    b.unseal(&seal).await.unwrap();
}

#[tokio::test]
async fn a_changed_or_foreign_root_key_does_not_unwrap() {
    let bench = Bench::new().await;
    let seal = KeyFileSeal::read(bench.folder.path().join("key")).unwrap();
    for sql in [
        "UPDATE meta SET sealed_root = CAST(substr(sealed_root, 1, 79) || x'00' AS BLOB)",
        "UPDATE meta SET sealed_root = x'00'",
        "UPDATE meta SET store_id = zeroblob(16)",
    ] {
        let bench = Bench::new().await;
        bench.edit(sql).await;
        let seal = KeyFileSeal::read(bench.folder.path().join("key")).unwrap();
        assert_eq!(bench.vault.store().unseal(&seal).await.unwrap_err(), SealError::DoesNotUnwrap, "{sql}");
    }
    let root = RootKey::from_bytes(Box::new(Zeroizing::new([3; 32])));
    let context = SealContext { store_id: [1; 16] };
    let wrapped = seal.wrap_root(&root, &context, &SeededRng::new(1)).unwrap();
    assert_eq!(seal.unwrap_root(&wrapped, &context).unwrap().expose(), root.expose());
    for index in 0..wrapped.len() {
        let mut changed = wrapped.clone();
        changed[index] ^= 1;
        assert_eq!(seal.unwrap_root(&changed, &context).unwrap_err(), SealError::DoesNotUnwrap);
    }
    let elsewhere = SealContext { store_id: [2; 16] };
    assert_eq!(seal.unwrap_root(&wrapped, &elsewhere).unwrap_err(), SealError::DoesNotUnwrap);
}

#[tokio::test]
async fn another_kind_of_seal_is_named() {
    let bench = Bench::new().await;
    bench.edit("UPDATE meta SET seal_kind = 'tpm'").await;
    let seal = KeyFileSeal::read(bench.folder.path().join("key")).unwrap();
    let error = bench.vault.store().unseal(&seal).await.unwrap_err();
    assert_eq!(error, SealError::OtherKind { stored: "tpm".to_owned(), given: "key-file" });
}

/// A seal whose device is down once.
struct Flaky(KeyFileSeal, AtomicU64);

impl Seal for Flaky {
    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    fn wrap_root(&self, root: &RootKey, context: &SealContext, rng: &dyn Rng) -> Result<Vec<u8>, SealError> {
        self.0.wrap_root(root, context, rng)
    }

    fn unwrap_root(&self, wrapped: &[u8], context: &SealContext) -> Result<RootKey, SealError> {
        match self.1.fetch_add(1, Ordering::Relaxed) {
            0 => Err(SealError::Unavailable("no answer".to_owned())),
            _ => self.0.unwrap_root(wrapped, context),
        }
    }
}

#[tokio::test]
async fn a_seal_that_is_down_can_be_asked_again() {
    let bench = Bench::new().await;
    let seal = KeyFileSeal::read(bench.folder.path().join("key")).unwrap();
    let flaky = Flaky(seal, AtomicU64::new(0));
    let store = bench.vault.store();
    assert_eq!(store.unseal(&flaky).await.unwrap_err(), SealError::Unavailable("no answer".to_owned()));
    store.unseal(&flaky).await.unwrap();
}

#[tokio::test]
async fn the_brokers_own_keys_are_stable_and_unrelated() {
    let bench = Bench::new().await;
    let mac = bench.vault.secret_for(Purpose::ChallengeMac).unwrap();
    let signing = bench.vault.token_signing_key().await.unwrap();
    assert_eq!(bench.vault.token_signing_key().await.unwrap(), signing);
    let again = bench.unseal_again().await;
    assert_eq!(again.secret_for(Purpose::ChallengeMac).unwrap(), mac);
    assert_eq!(again.token_signing_key().await.unwrap(), signing);
    assert_ne!(*mac, *bench.vault.root().expose());
    let parsed = aws_lc_rs::signature::EcdsaKeyPair::from_pkcs8(
        &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        &signing,
    );
    assert!(parsed.is_ok());

    let other = Bench::new().await;
    assert_ne!(other.vault.token_signing_key().await.unwrap(), signing);
    bench.edit("UPDATE broker_keys SET ciphertext = CAST(substr(ciphertext, 1, 40) || x'00' AS BLOB)").await;
    assert!(bench.vault.token_signing_key().await.is_err());
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_says_where() {
    let error = Store::open("/nowhere/at/all/store.db", Arc::new(SeededRng::new(1))).await.unwrap_err();
    assert!(matches!(error, StoreError::Open { ref path, .. } if path.starts_with("/nowhere")), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    std::fs::write(&path, b"this is no database, and never was one").unwrap();
    let error = Store::open(&path, Arc::new(SeededRng::new(1))).await.unwrap_err();
    assert!(matches!(error, StoreError::Open { .. } | StoreError::Schema(_)), "{error}");
}

#[tokio::test]
async fn a_store_of_another_schema_is_refused() {
    let bench = Bench::new().await;
    bench.edit("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1").await;
    let error = Store::open(bench.path(), Arc::new(SeededRng::new(1))).await.unwrap_err();
    assert!(matches!(error, StoreError::Schema(_)), "{error}");
}

#[tokio::test]
async fn the_files_are_their_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::with_key().await;
    for entry in std::fs::read_dir(bench.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.path());
    }
}

#[test]
fn vaults_are_shared_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Vault>();
    shared::<Store>();
}
