use super::*;
use crate::rows::RuleKind;
use crate::{ChangeError, MAX_RULE, RulesError};
use hanzo_kbs_protocol::ReferenceValue;

fn put() -> NewDecision {
    admin(5, Action::PolicyPut)
}

fn value(byte: u8) -> ReferenceValue {
    ReferenceValue::new("sev-snp", "measurement", Hex([byte; 48]).into())
}

#[tokio::test]
async fn a_rule_keeps_its_history() {
    let bench = Bench::new().await;
    let first = bench.vault.put_policy("release", "one", None, put()).await.unwrap();
    let second = bench.vault.put_policy("release", "two", Some(1), put()).await.unwrap();
    assert_eq!((first.version, second.version), (1, 2));
    assert_ne!(first.digest, second.digest);
    assert_eq!(bench.vault.policy("release", None).await.unwrap(), Some(second.clone()));
    assert_eq!(bench.vault.policy("release", Some(1)).await.unwrap(), Some(first));
    assert_eq!(bench.vault.policy("release", Some(3)).await.unwrap(), None);
    assert_eq!(bench.vault.policies().await.unwrap(), std::slice::from_ref(&second));

    let decision = admin(6, Action::ReferencePut);
    let set = bench.vault.put_reference("images", &[value(1), value(2)], None, decision).await.unwrap();
    assert_eq!(set.values, [value(1), value(2)]);
    assert_eq!(bench.vault.reference("images", None).await.unwrap(), Some(set.clone()));
    let rules = bench.vault.rules().await.unwrap();
    assert_eq!(rules.epoch, bench.vault.head().await.unwrap().seq);
    assert_eq!((rules.policies, rules.references), (vec![second.clone()], vec![set.clone()]));
    assert_eq!(bench.vault.rules_epoch().await.unwrap(), rules.epoch);

    let row = bench.vault.decision(rules.epoch).await.unwrap().unwrap().entry;
    assert_eq!((row.subject.as_deref(), row.subject_version), (Some("images"), Some(1)));
    assert_eq!(row.reference_digest, Some(set.digest));
    // Another decision does not move the epoch.
    bench.vault.record(node(6, Action::Seal)).await.unwrap();
    assert_eq!(bench.vault.rules_epoch().await.unwrap(), rules.epoch);
}

#[tokio::test]
async fn every_version_stays_in_the_history_with_its_decision() {
    let bench = Bench::new().await;
    let history = |before| bench.vault.rule_history(RuleKind::Reference, "images", before);
    assert_eq!(history(None).await.unwrap(), []);
    let put = |values: Vec<ReferenceValue>, expected| {
        let vault = &bench.vault;
        async move {
            let decision = admin(6, Action::ReferencePut);
            vault.put_reference("images", &values, expected, decision).await.unwrap()
        }
    };
    let first = put(vec![value(1)], None).await;
    let second = put(vec![value(2)], Some(1)).await;
    let third = put(vec![value(1)], Some(2)).await;
    let found = history(None).await.unwrap();
    let versions: Vec<_> = found.iter().map(|row| (row.version, row.digest)).collect();
    assert_eq!(versions, [(3, third.digest), (2, second.digest), (1, first.digest)]);
    assert_eq!(first.digest, third.digest, "a rollback has the digest of what it goes back to");
    for row in &found {
        let decision = bench.vault.decision(row.decision).await.unwrap().unwrap().entry;
        assert_eq!((decision.subject_version, decision.actor), (Some(row.version), row.actor.clone()));
    }
    assert_eq!(history(Some(3)).await.unwrap(), found[1..]);
    assert_eq!(history(Some(1)).await.unwrap(), []);
    assert_eq!(history(Some(u64::MAX)).await.unwrap(), found);
    // A policy of that name has a history of its own.
    assert_eq!(bench.vault.rule_history(RuleKind::Policy, "images", None).await.unwrap(), []);
}

#[tokio::test]
async fn a_history_that_was_edited_is_not_shown() {
    for (sql, forged) in [
        ("UPDATE rules SET body = 'permit all' WHERE version = 1", true),
        ("UPDATE rules SET decision = 1 WHERE version = 1", true),
        ("DELETE FROM rules WHERE version = 1", false),
    ] {
        let bench = two_versions().await;
        edit(&bench.path(), &format!("{DISARM} {sql}")).await;
        let refused = bench.vault.rule_history(RuleKind::Policy, "p", None).await.unwrap_err();
        let expected = if forged {
            matches!(refused, RulesError::Forged { version: 1, .. })
        } else {
            matches!(refused, RulesError::RolledBack { recorded: 1, found: 0, .. })
        };
        assert!(expected, "{sql}: {refused}");
    }
}

#[tokio::test]
async fn a_change_names_what_it_replaces() {
    let bench = Bench::new().await;
    let conflict = |expected, current| {
        let name = "p".to_owned();
        Err(ChangeError::VersionConflict { name, expected, current })
    };
    assert_eq!(bench.vault.put_policy("p", "x", Some(1), put()).await, conflict(Some(1), None));
    bench.vault.put_policy("p", "x", None, put()).await.unwrap();
    assert_eq!(bench.vault.put_policy("p", "y", None, put()).await, conflict(None, Some(1)));
    assert_eq!(bench.vault.put_policy("p", "y", Some(2), put()).await, conflict(Some(2), Some(1)));
    // A policy and a reference set of one name are two things.
    bench.vault.put_reference("p", &[], None, admin(5, Action::ReferencePut)).await.unwrap();
}

#[tokio::test]
async fn names_and_sizes_are_bounded() {
    let bench = Bench::new().await;
    for name in ["", ".a", "-a", "A", "a/b", "a b", "ä", "a\0", &"a".repeat(64)] {
        let refused = bench.vault.put_policy(name, "x", None, put()).await;
        assert!(matches!(refused, Err(ChangeError::Name { .. })), "{name:?}");
    }
    let text = "x".repeat(MAX_RULE + 1);
    let refused = bench.vault.put_policy("p", &text, None, put()).await;
    assert_eq!(refused, Err(ChangeError::RuleSize { size: MAX_RULE + 1, limit: MAX_RULE }));
    bench.vault.put_policy(&"a".repeat(63), &text[1..], None, put()).await.unwrap();
}

const DISARM: &str =
    "PRAGMA foreign_keys = off; DROP TRIGGER rules_are_not_updated; DROP TRIGGER rules_are_not_deleted;";

async fn two_versions() -> Bench {
    let bench = Bench::new().await;
    bench.vault.put_policy("p", "old", None, put()).await.unwrap();
    bench.vault.put_policy("p", "new", Some(1), put()).await.unwrap();
    bench
}

#[tokio::test]
async fn an_edited_rule_is_not_authentic() {
    for sql in [
        "UPDATE rules SET body = 'permit all' WHERE version = 2",
        "UPDATE rules SET created_at = 1 WHERE version = 2",
        "UPDATE rules SET mac = zeroblob(32) WHERE version = 2",
        "UPDATE rules SET body = (SELECT body FROM rules WHERE version = 1),
           mac = (SELECT mac FROM rules WHERE version = 1) WHERE version = 2",
    ] {
        let bench = two_versions().await;
        edit(&bench.path(), &format!("{DISARM} {sql}")).await;
        let forged = RulesError::Forged { kind: "policy", name: "p".to_owned(), version: 2 };
        assert_eq!(bench.vault.rules().await, Err(forged.clone()), "{sql}");
        assert_eq!(bench.vault.policy("p", None).await, Err(forged));
    }
}

#[tokio::test]
async fn a_rolled_back_rule_is_named() {
    let bench = two_versions().await;
    let newest = bench.vault.rules_epoch().await.unwrap();
    edit(&bench.path(), &format!("{DISARM} DELETE FROM rules WHERE version = 2")).await;
    let error =
        |found| RulesError::RolledBack { kind: "policy", name: "p".to_owned(), recorded: newest, found };
    assert_eq!(bench.vault.rules().await, Err(error(newest - 1)));
    edit(&bench.path(), "DELETE FROM rules").await;
    assert_eq!(bench.unseal_again().await.rules().await, Err(error(0)));
}

#[tokio::test]
async fn rules_cannot_be_changed_with_plain_sql() {
    let bench = two_versions().await;
    let mut connection: SqliteConnection =
        SqliteConnectOptions::new().filename(bench.path()).connect().await.unwrap();
    for sql in ["UPDATE rules SET body = 'x'", "DELETE FROM rules"] {
        let error = sqlx::raw_sql(sql).execute(&mut connection).await.unwrap_err().to_string();
        assert!(error.contains("kept as they are"), "{error}");
    }
}
