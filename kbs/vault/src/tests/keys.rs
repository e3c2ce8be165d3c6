use super::*;
use crate::{ChangeError, MAX_SECRET, RecordError};
use hanzo_kbs_protocol::{KeyKind, VersionState};

#[tokio::test]
async fn a_generated_key_is_listed_without_its_material() {
    let bench = Bench::with_key().await;
    bench.create("zeta/k", Tier::TeeIo).await;
    bench.put("acme/a", b"x").await;
    let keys = bench.vault.list_keys().await.unwrap();
    let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    assert_eq!(ids, ["acme/a", "acme/model", "zeta/k"]);
    let model = &keys[1];
    assert_eq!((model.kind, model.algorithm.as_str(), model.minimum_tier), (KeyKind::Key, "aes-256", 2));
    assert_eq!((model.current_version, model.created_at), (1, at(1)));
    assert_eq!(model.versions[0].state, VersionState::Enabled);
    let id = KeyId::parse("acme/model").unwrap();
    assert_eq!(bench.vault.key(&id).await.unwrap().as_ref(), Some(model));
    assert_eq!(bench.vault.key_scope(&id).await.unwrap(), Some(scope("acme/model", Tier::Confidential)));
    let absent = KeyId::parse("acme/absent").unwrap();
    assert_eq!(bench.vault.key(&absent).await.unwrap(), None);
    assert_eq!(bench.vault.key_scope(&absent).await.unwrap(), None);
}

#[tokio::test]
async fn a_change_and_its_row_are_one() {
    let bench = Bench::with_key().await;
    let head = bench.vault.head().await.unwrap();
    let row = bench.vault.decision(head.seq).await.unwrap().unwrap().entry;
    assert_eq!((row.action, row.key_id.as_deref()), (Action::KeyCreate, Some("acme/model")));
    assert_eq!((row.tenant.as_deref(), row.key_version, row.minimum_tier), (Some("acme"), Some(1), Some(2)));
    let again = scope("acme/model", Tier::Open);
    let refused = bench.vault.create_key(&again, Algorithm::Aes256, admin(2, Action::KeyCreate)).await;
    assert_eq!(refused, Err(ChangeError::KeyExists { id: "acme/model".to_owned() }));
    let denied = admin(2, Action::KeyCreate).refused("X", "y");
    let refused = bench.vault.create_key(&scope("acme/y", Tier::Open), Algorithm::Aes256, denied).await;
    assert!(matches!(refused, Err(ChangeError::Record(RecordError::DecisionMismatch { .. }))));
    let mut large = admin(2, Action::KeyCreate);
    large.reason = "x".repeat(crate::MAX_DECISION);
    let refused = bench.vault.create_key(&scope("acme/y", Tier::Open), Algorithm::Aes256, large).await;
    assert!(matches!(refused, Err(ChangeError::Record(RecordError::DecisionTooLarge { .. }))));
    assert_eq!(bench.vault.key(&KeyId::parse("acme/y").unwrap()).await.unwrap(), None);
    assert_eq!(bench.vault.head().await.unwrap(), head);
}

#[tokio::test]
async fn two_generated_keys_differ() {
    let bench = Bench::with_key().await;
    bench.create("acme/other", Tier::Confidential).await;
    let a = bench.release(bench.order("acme/model", 1, 10)).await.unwrap();
    let b = bench.release(bench.order("acme/other", 2, 10)).await.unwrap();
    assert_ne!(bench.opened(&a, 0), bench.opened(&b, 0));
}

#[tokio::test]
async fn a_secret_gets_versions_and_keeps_its_demands() {
    let bench = Bench::new().await;
    bench.put("acme/s", b"one").await;
    bench.put("acme/s", b"two").await;
    let id = KeyId::parse("acme/s").unwrap();
    let info = bench.vault.key(&id).await.unwrap().unwrap();
    assert_eq!((info.kind, info.algorithm.as_str(), info.current_version), (KeyKind::Secret, "opaque", 2));
    assert_eq!(info.versions.len(), 2);
    let mut order = bench.order("acme/s", 1, 10);
    order.keys[0].minimum_tier = 1;
    let released = bench.release(order).await.unwrap();
    assert_eq!(bench.opened(&released, 0).as_slice(), b"two");

    let value = || Zeroizing::new(b"three".to_vec());
    let decision = || admin(3, Action::SecretPut);
    for changed in [
        scope("acme/s", Tier::Open),
        scope("acme/s", Tier::Confidential),
        KeyScope { require_cpu_tee: true, ..scope("acme/s", Tier::Encrypted) },
    ] {
        let refused = bench.vault.put_secret(&changed, value(), decision()).await;
        let fixed =
            ChangeError::ScopeFixed { id: "acme/s".to_owned(), minimum_tier: 1, require_cpu_tee: false };
        assert_eq!(refused, Err(fixed));
    }
    bench.create("acme/k", Tier::Encrypted).await;
    let refused = bench.vault.put_secret(&scope("acme/k", Tier::Encrypted), value(), decision()).await;
    assert_eq!(refused, Err(ChangeError::NotASecret { id: "acme/k".to_owned() }));
    let refused = bench.vault.create_key(&scope("acme/s", Tier::Open), Algorithm::Aes256, decision()).await;
    assert_eq!(refused, Err(ChangeError::KeyExists { id: "acme/s".to_owned() }));
}

#[tokio::test]
async fn secrets_are_bounded() {
    let bench = Bench::new().await;
    let target = scope("acme/s", Tier::Open);
    for size in [0, MAX_SECRET + 1] {
        let refused =
            bench.vault.put_secret(&target, Zeroizing::new(vec![7; size]), admin(1, Action::SecretPut)).await;
        assert_eq!(refused, Err(ChangeError::SecretSize { size, limit: MAX_SECRET }));
    }
    let largest = Zeroizing::new(vec![7; MAX_SECRET]);
    bench.vault.put_secret(&target, largest, admin(1, Action::SecretPut)).await.unwrap();
    let mut order = bench.order("acme/s", 1, 10);
    order.keys[0].minimum_tier = 0;
    let released = bench.release(order).await.unwrap();
    assert_eq!(bench.opened(&released, 0).as_slice(), vec![7; MAX_SECRET]);
}

#[tokio::test]
async fn a_failing_random_source_makes_nothing() {
    struct Broken;
    impl Rng for Broken {
        fn fill(&self, _: &mut [u8]) -> Result<(), RngError> {
            Err(RngError)
        }
    }
    let bench = Bench::with_key().await;
    let store = Store::open(bench.path(), Arc::new(Broken)).await.unwrap();
    let vault = store.unseal(&KeyFileSeal::read(bench.folder.path().join("key")).unwrap()).await.unwrap();
    let refused =
        vault.create_key(&scope("acme/x", Tier::Open), Algorithm::Aes256, admin(2, Action::KeyCreate)).await;
    assert_eq!(refused, Err(ChangeError::Record(RecordError::Rng(RngError))));
    let refused = execute(&vault, bench.order("acme/model", 1, 10)).await;
    assert_eq!(refused, Err(ReleaseError::Record(RecordError::Rng(RngError))));
    // The transaction that had begun is gone: the next one works.
    bench.release(bench.order("acme/model", 1, 10)).await.unwrap();
}
