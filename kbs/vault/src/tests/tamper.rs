//! Somebody edits the database behind the broker's back.

use super::*;
use crate::{LogDamage, RecordError, StoreError};
use hanzo_kbs_log::BrokenChain;

fn damaged(key: &str) -> ReleaseError {
    ReleaseError::KeyDamaged { key: key.to_owned() }
}

#[tokio::test]
async fn swapped_rows_do_not_open() {
    let bench = Bench::with_key().await;
    bench.create("acme/other", Tier::Confidential).await;
    let swapped = bench
        .edit(
            "CREATE TEMP TABLE two AS SELECT key_id, salt, ciphertext FROM key_versions;
             UPDATE key_versions SET
               salt = (SELECT salt FROM two WHERE two.key_id <> key_versions.key_id),
               ciphertext = (SELECT ciphertext FROM two WHERE two.key_id <> key_versions.key_id)",
        )
        .await;
    assert!(swapped >= 2);
    for key in ["acme/model", "acme/other"] {
        assert_eq!(bench.release(bench.order(key, 1, 10)).await, Err(damaged(key)));
    }
}

#[tokio::test]
async fn a_row_copied_to_another_version_does_not_open() {
    let bench = Bench::new().await;
    bench.put("acme/s", b"old").await;
    bench.put("acme/s", b"new").await;
    bench
        .edit(
            "UPDATE key_versions SET (salt, ciphertext) =
               (SELECT salt, ciphertext FROM key_versions WHERE version = 1) WHERE version = 2",
        )
        .await;
    let mut order = bench.order("acme/s", 1, 10);
    order.keys[0].minimum_tier = 1;
    assert_eq!(bench.release(order).await, Err(damaged("acme/s")));
}

#[tokio::test]
async fn an_older_version_put_back_as_current_says_so() {
    // Rolling one pointer back yields the old secret under its old number: the envelope names the version,
    // and a client that asks for at least the newest one refuses it.
    let bench = Bench::new().await;
    bench.put("acme/s", b"old").await;
    bench.put("acme/s", b"new").await;
    bench.edit("UPDATE keys SET current_version = 1").await;
    let mut order = bench.order("acme/s", 1, 10);
    order.keys[0].minimum_tier = 1;
    let released = bench.release(order).await.unwrap();
    assert_eq!(released.keys[0].version, 1);
    let expected = ExpectedAad {
        key_id: "acme/s".to_owned(),
        session_id: released.session_id.clone(),
        version: Expected::AtLeast(2),
        tier: Expected::AtLeast(1),
    };
    assert!(bench.pair.open(&released.keys[0].sealed, &expected).is_err());
}

#[tokio::test]
async fn edited_demands_do_not_open() {
    for (sql, minimum) in [
        ("UPDATE keys SET minimum_tier = 0", 0),
        ("UPDATE keys SET minimum_tier = 1", 1),
        ("UPDATE keys SET require_cpu_tee = 1", 2),
        ("UPDATE keys SET kind = 'secret', algorithm = 'opaque'", 2),
        ("UPDATE keys SET algorithm = 'opaque'", 2),
    ] {
        let bench = Bench::with_key().await;
        assert_eq!(bench.edit(sql).await, 1);
        // The permit is one for the edited demand: the broker reads the row like everyone else.
        let mut order = bench.order("acme/model", 1, 10);
        order.keys[0].minimum_tier = minimum;
        order.party.tier = 2;
        assert_eq!(bench.release(order).await, Err(damaged("acme/model")), "{sql}");
    }
}

#[tokio::test]
async fn a_lowered_tier_with_weak_evidence_does_not_open() {
    let bench = Bench::with_key().await;
    bench.edit("UPDATE keys SET minimum_tier = 0").await;
    assert_eq!(
        bench.vault.key_scope(&KeyId::parse("acme/model").unwrap()).await.unwrap().unwrap().minimum,
        Tier::Open
    );
    let mut order = bench.order("acme/model", 1, 10);
    order.keys[0].minimum_tier = 0;
    order.party.tier = 0;
    assert_eq!(bench.release(order).await, Err(damaged("acme/model")));
}

#[tokio::test]
async fn a_key_moved_to_another_tenant_or_name_does_not_open() {
    let bench = Bench::with_key().await;
    bench.create("other/x", Tier::Confidential).await;
    bench.edit("UPDATE keys SET tenant = 'other' WHERE id = 'acme/model'").await;
    assert_eq!(bench.release(bench.order("acme/model", 1, 10)).await, Err(damaged("acme/model")));

    let bench = Bench::with_key().await;
    bench.edit("UPDATE keys SET id = 'acme/z'; UPDATE key_versions SET key_id = 'acme/z'").await;
    assert_eq!(bench.release(bench.order("acme/z", 1, 10)).await, Err(damaged("acme/z")));
}

#[tokio::test]
async fn swapped_tenant_keys_do_not_open() {
    let bench = Bench::with_key().await;
    bench.create("other/x", Tier::Confidential).await;
    bench
        .edit(
            "CREATE TEMP TABLE two AS SELECT tenant, salt, ciphertext FROM tenants;
             UPDATE tenants SET
               salt = (SELECT salt FROM two WHERE two.tenant <> tenants.tenant),
               ciphertext = (SELECT ciphertext FROM two WHERE two.tenant <> tenants.tenant)",
        )
        .await;
    assert_eq!(bench.release(bench.order("acme/model", 1, 10)).await, Err(damaged("acme/model")));
    assert_eq!(bench.release(bench.order("other/x", 1, 10)).await, Err(damaged("other/x")));
}

#[tokio::test]
async fn a_withdrawn_version_is_not_released() {
    for state in ["disabled", "destroyed"] {
        let bench = Bench::with_key().await;
        edit(&bench.path(), &format!("UPDATE key_versions SET state = '{state}'")).await;
        let key = "acme/model".to_owned();
        let error = ReleaseError::VersionNotEnabled { key, version: 1 };
        assert_eq!(bench.release(bench.order("acme/model", 1, 10)).await, Err(error));
    }
}

#[tokio::test]
async fn decisions_cannot_be_changed_with_plain_sql() {
    let bench = Bench::with_key().await;
    let mut connection: SqliteConnection =
        SqliteConnectOptions::new().filename(bench.path()).connect().await.unwrap();
    for sql in [
        "UPDATE decisions SET hash = zeroblob(32) WHERE seq = 1",
        "DELETE FROM decisions WHERE seq = 2",
        "INSERT OR REPLACE INTO decisions (seq, hash, row) VALUES (1, zeroblob(32), '{}')",
        "INSERT INTO decisions (seq, hash, row) VALUES (9, zeroblob(32), '{}')",
    ] {
        let error = sqlx::raw_sql(sql).execute(&mut connection).await.unwrap_err().to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
}

const DISARM: &str = "DROP TRIGGER decisions_are_not_updated; DROP TRIGGER decisions_are_not_deleted;
                      DROP TRIGGER decisions_are_appended;";

/// Disarms the triggers and edits; then unseals again, and expects the damage and the refusal to release.
async fn seen_at_start(sql: &str, expected: LogDamage) {
    let bench = Bench::with_key().await;
    for n in 1..=5 {
        bench.release(bench.order("acme/model", n, 10)).await.unwrap();
    }
    edit(&bench.path(), &format!("PRAGMA foreign_keys = off; {DISARM} {sql}")).await;
    let vault = bench.unseal_again().await;
    assert_eq!(vault.damage(), Some(&expected), "{sql}");
    let refused = Err(ReleaseError::Record(RecordError::LogDamaged(expected.clone())));
    assert_eq!(execute(&vault, bench.order("acme/model", 9, 10)).await, refused);
    assert_eq!(vault.record(node(10, Action::Seal)).await, Err(RecordError::LogDamaged(expected.clone())));
    assert_eq!(vault.check_log().await, Err(RecordError::LogDamaged(expected)));
}

#[tokio::test]
async fn a_damaged_record_releases_nothing() {
    seen_at_start(
        "UPDATE decisions SET row = replace(row, 'granted', 'refused') WHERE seq = 3",
        BrokenChain::Hash { seq: 3 }.into(),
    )
    .await;
    seen_at_start("DELETE FROM decisions WHERE seq = 4", BrokenChain::Order { expected: 4, found: 5 }.into())
        .await;
    seen_at_start("DELETE FROM decisions WHERE seq = 7", BrokenChain::End { expected: 7, found: 6 }.into())
        .await;
    // Cutting the record and fitting its head takes the root key.
    seen_at_start(
        "DELETE FROM decisions WHERE seq = 7;
         UPDATE meta SET head_seq = 6, head_hash = (SELECT hash FROM decisions WHERE seq = 6)",
        LogDamage::HeadForged,
    )
    .await;
    seen_at_start("UPDATE meta SET clock_high = clock_high - 1000", LogDamage::HeadForged).await;
    seen_at_start("UPDATE meta SET rules_epoch = 5", LogDamage::HeadForged).await;
}

#[tokio::test]
async fn an_unreadable_row_is_damage() {
    let bench = Bench::with_key().await;
    edit(
        &bench.path(),
        &format!("{DISARM} UPDATE decisions SET row = json_remove(row, '$.actor') WHERE seq = 2"),
    )
    .await;
    let vault = bench.unseal_again().await;
    assert!(matches!(vault.damage(), Some(LogDamage::Chain(BrokenChain::Unreadable { .. }))));
}

#[tokio::test]
async fn a_cut_is_seen_while_the_broker_runs() {
    let bench = Bench::with_key().await;
    bench.release(bench.order("acme/model", 1, 10)).await.unwrap();
    bench.edit("DROP TRIGGER decisions_are_not_deleted; DELETE FROM decisions WHERE seq = 3").await;
    let expected = LogDamage::Chain(BrokenChain::End { expected: 3, found: 2 });
    let refused = Err(ReleaseError::Record(RecordError::LogDamaged(expected.clone())));
    assert_eq!(bench.release(bench.order("acme/model", 2, 10)).await, refused);
    assert_eq!(bench.vault.damage(), Some(&expected));
}

#[tokio::test]
async fn a_change_before_the_checked_end_is_found_by_the_whole_check() {
    let bench = Bench::new().await;
    for _ in 0..1005 {
        bench.vault.record(node(1, Action::Seal)).await.unwrap();
    }
    edit(
        &bench.path(),
        &format!("{DISARM} UPDATE decisions SET row = replace(row, 'seal', 'unseal') WHERE seq = 3"),
    )
    .await;
    let vault = bench.unseal_again().await;
    assert_eq!(vault.damage(), None);
    vault.record(node(1, Action::Seal)).await.unwrap();
    let damage = LogDamage::Chain(BrokenChain::Hash { seq: 3 });
    assert_eq!(vault.check_log().await, Err(RecordError::LogDamaged(damage.clone())));
    assert_eq!(vault.record(node(1, Action::Seal)).await, Err(RecordError::LogDamaged(damage)));
}

#[tokio::test]
async fn an_impossible_row_is_named() {
    let bench = Bench::with_key().await;
    bench.edit("PRAGMA ignore_check_constraints = on; UPDATE keys SET kind = 'other'").await;
    let error = bench.vault.list_keys().await.unwrap_err();
    assert!(matches!(error, StoreError::Malformed { table: "keys", .. }), "{error}");
    let bench = Bench::with_key().await;
    bench.edit("PRAGMA ignore_check_constraints = on; UPDATE keys SET minimum_tier = 9").await;
    let error = bench.vault.key_scope(&KeyId::parse("acme/model").unwrap()).await.unwrap_err();
    assert!(matches!(error, StoreError::Malformed { table: "keys", .. }), "{error}");
}
