//! The candidate beside the rules in force: one, durable, and not to be edited.

use super::*;
use crate::{StoreError, StoredShadow};

async fn put(bench: &Bench, candidate: &str, now: i64) -> StoredShadow {
    bench.vault.put_shadow(candidate.to_owned(), admin(now, Action::PolicyShadow)).await.unwrap()
}

#[tokio::test]
async fn a_candidate_and_its_counts_are_there_after_a_restart() {
    let bench = Bench::new().await;
    assert_eq!(bench.vault.shadow().await, Ok(None));
    let shadow = put(&bench, "one", 10).await;
    assert_eq!((shadow.since, shadow.seen, shadow.report.as_str()), (at(10), shadow.decision, ""));
    assert!(bench.vault.advance_shadow(&shadow, shadow.seen + 3, "counted".to_owned()).await.unwrap());
    let vault = bench.unseal_again().await;
    let again = vault.shadow().await.unwrap().unwrap();
    let expected = StoredShadow { seen: shadow.seen + 3, report: "counted".to_owned(), ..shadow };
    assert_eq!(again, expected);
    bench.vault.check_log().await.unwrap();
}

/// Of two brokers that count the same, one writes: nothing is counted twice, and what another candidate was asked
/// is not written over the new one.
#[tokio::test]
async fn only_who_knows_the_newest_counts_writes() {
    let bench = Bench::new().await;
    let shadow = put(&bench, "one", 10).await;
    assert!(bench.vault.advance_shadow(&shadow, shadow.seen + 1, "a".to_owned()).await.unwrap());
    assert!(!bench.vault.advance_shadow(&shadow, shadow.seen + 2, "b".to_owned()).await.unwrap());
    let newest = bench.vault.shadow().await.unwrap().unwrap();
    assert_eq!(newest.report, "a");
    let second = put(&bench, "two", 11).await;
    assert!(!bench.vault.advance_shadow(&newest, newest.seen + 1, "c".to_owned()).await.unwrap());
    assert_eq!(bench.vault.shadow().await.unwrap(), Some(second));
    bench.vault.clear_shadow(admin(12, Action::PolicyShadow)).await.unwrap();
    assert!(!bench.vault.advance_shadow(&newest, newest.seen + 1, "d".to_owned()).await.unwrap());
    assert_eq!(bench.vault.shadow().await.unwrap(), None);
}

/// People decide by what the candidate is said to have done.
#[tokio::test]
async fn an_edited_candidate_is_noticed() {
    for sql in [
        "UPDATE shadow SET candidate = 'another'",
        "UPDATE shadow SET report = '{}'",
        "UPDATE shadow SET seen = seen + 1",
        "UPDATE shadow SET since = 1",
        "UPDATE shadow SET mac = zeroblob(32)",
    ] {
        let bench = Bench::new().await;
        put(&bench, "one", 10).await;
        assert_eq!(bench.edit(sql).await, 1, "{sql}");
        let refused = bench.vault.shadow().await;
        assert!(matches!(refused, Err(StoreError::Malformed { table: "shadow", .. })), "{sql}: {refused:?}");
        // It can be taken away all the same.
        bench.vault.clear_shadow(admin(11, Action::PolicyShadow)).await.unwrap();
        assert_eq!(bench.vault.shadow().await, Ok(None));
    }
}

#[tokio::test]
async fn a_candidate_that_was_put_back_is_noticed() {
    let bench = Bench::new().await;
    put(&bench, "one", 10).await;
    bench.edit("CREATE TABLE aside AS SELECT * FROM shadow").await;
    bench.vault.clear_shadow(admin(11, Action::PolicyShadow)).await.unwrap();
    bench.edit("INSERT INTO shadow SELECT * FROM aside").await;
    let refused = bench.vault.shadow().await;
    assert!(
        matches!(&refused, Err(StoreError::Malformed { reason, .. }) if reason.contains("put back")),
        "{refused:?}"
    );
}
