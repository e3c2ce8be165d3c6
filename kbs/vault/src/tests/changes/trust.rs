//! The document about what the broker trusts: adopted, governed, and never bypassed by a configuration.

use super::*;
use crate::ApprovedTrust;
use crate::error::RulesError;
use hanzo_kbs_protocol::changes::canonical;
use serde_json::{Value, json};

/// A document with these people, with a scope over itself or without one, and with one more member.
fn document(people: &[&str], governed: bool, root: &str) -> String {
    let people: Vec<Value> =
        people.iter().map(|name| json!({"name": name, "key_sha256": key(name).fingerprint()})).collect();
    let scope = json!({
        "name": "trust", "changes": ["trust"], "names": [], "approvals": 1, "wait_seconds": 0,
        "break_glass_approvals": 1,
    });
    let scopes = if governed { vec![scope] } else { Vec::new() };
    let quorum = json!({"people": people, "scopes": scopes});
    canonical(&json!({"format": "hanzo-kbs/v1/trust", "quorum": quorum, "extra_roots": [root]})).unwrap()
}

fn over_trust(wait: u64) -> Quorum {
    let scope = Scope {
        name: "trust".to_owned(),
        changes: vec![ChangeKind::Trust],
        names: Vec::new(),
        approvals: 1,
        wait: Duration::from_secs(wait),
        ..production()
    };
    quorum(&EVERYBODY, scope)
}

impl Bench {
    async fn starts_with(&self, document: &str, now: i64) -> Result<(), ChangeError> {
        self.vault.adopt_trust(document, admin(now, Action::TrustPut)).await
    }

    async fn trusted(&self) -> ApprovedTrust {
        self.vault.trust().await.unwrap().unwrap()
    }

    fn trust_change(&self, body: &str, expected: u64) -> ProposeChange {
        let (kind, name, body) = (ChangeKind::Trust, "trust".to_owned(), body.to_owned());
        let expected_version = Some(expected);
        signed(ProposeChange { kind, name, body, expected_version, ..proposal(1, TEXT) })
    }
}

#[tokio::test]
async fn the_first_start_adopts_the_document_and_the_record_has_its_digest() {
    let bench = Bench::new().await;
    assert_eq!(bench.vault.trust().await.unwrap(), None);
    let first = document(&EVERYBODY, false, "a");
    bench.starts_with(&first, 5).await.unwrap();
    let trusted = bench.trusted().await;
    assert_eq!((trusted.version, trusted.document.as_str()), (1, first.as_str()));
    let row = bench.newest().await;
    assert_eq!(
        (row.entry.action, row.seq, row.entry.subject_version),
        (Action::TrustPut, trusted.decision, Some(1))
    );
    assert!(row.entry.reason.contains(&trusted.digest.to_string()), "{}", row.entry.reason);
    // The same again is no event.
    bench.starts_with(&first, 6).await.unwrap();
    assert_eq!(bench.newest().await.seq, row.seq);
    // Without a scope over it, whoever writes the configuration decides; the record says that it changed.
    let second = document(&EVERYBODY, true, "b");
    bench.starts_with(&second, 7).await.unwrap();
    assert_eq!((bench.trusted().await.version, bench.trusted().await.document), (2, second));
    bench.vault.rules().await.unwrap();
    bench.vault.check_log().await.unwrap();
}

/// The attack: the configuration is written without people and scopes, or with others, and the broker is started
/// with it. What was approved decides.
#[tokio::test]
async fn a_configuration_without_the_scope_does_not_start() {
    let bench = Bench::new().await.under(over_trust(0)).await;
    bench.starts_with(&document(&EVERYBODY, true, "a"), 5).await.unwrap();
    let approved = bench.trusted().await;
    let bench = bench.under(Quorum::default()).await;
    for other in [
        document(&[], false, "a"),
        document(&EVERYBODY, false, "a"),
        document(&["alice", "mallory", "bob"], true, "a"),
        document(&EVERYBODY, true, "mine"),
    ] {
        let error = refused(bench.starts_with(&other, 6).await);
        let QuorumError::TrustNotApproved { version: 1, difference } = &error else { panic!("{error}") };
        assert!(difference.contains("+ ") || difference.contains("- "), "{difference}");
        assert!(error.to_string().contains("kbsctl change propose trust --file"), "{error}");
    }
    let error = refused(bench.starts_with(&document(&EVERYBODY, true, "mine"), 6).await);
    let QuorumError::TrustNotApproved { difference, .. } = error else { panic!("{error}") };
    assert_eq!(difference, "- extra_roots[0] = \"a\"; + extra_roots[0] = \"mine\"");
    assert_eq!(bench.trusted().await, approved);
    bench.starts_with(&approved.document, 7).await.unwrap();
}

#[tokio::test]
async fn an_approved_document_counts_from_the_next_start() {
    let bench = Bench::new().await.under(over_trust(60)).await;
    let (old, new) = (document(&EVERYBODY, true, "a"), document(&EVERYBODY, true, "b"));
    bench.starts_with(&old, 5).await.unwrap();
    let change =
        bench.vault.propose(&bench.trust_change(&new, 1), admin(10, Action::ChangePropose)).await.unwrap();
    assert_eq!(code(bench.apply(&change.id, 70).await), "ChangeNotApproved");
    bench.approve("bob", &change.id, 10).await.unwrap();
    assert_eq!(code(bench.apply(&change.id, 11).await), "ChangeNotDue");
    bench.apply(&change.id, 70).await.unwrap();
    assert_eq!((bench.trusted().await.version, bench.trusted().await.document.as_str()), (2, new.as_str()));
    let row = bench.newest().await.entry;
    assert_eq!((row.action, row.change.unwrap().id), (Action::TrustPut, change.id));
    bench.starts_with(&new, 71).await.unwrap();
    // The old configuration is another one now.
    assert_eq!(code(bench.starts_with(&old, 72).await), "TrustNotApproved");
}

#[tokio::test]
async fn the_glass_can_be_broken_for_a_configuration_and_it_is_loud() {
    let bench = Bench::new().await.under(over_trust(60)).await;
    let new = document(&EVERYBODY, true, "b");
    bench.starts_with(&document(&EVERYBODY, true, "a"), 5).await.unwrap();
    let change =
        bench.vault.propose(&bench.trust_change(&new, 1), admin(10, Action::ChangePropose)).await.unwrap();
    let broken = bench.break_glass("bob", &change.id, 11).await.unwrap();
    assert!(broken.glass_broken && broken.state == ChangeState::Applied);
    bench.starts_with(&new, 12).await.unwrap();
    assert_eq!(bench.vault.broken_glass().await.unwrap(), [change.id]);
    assert_eq!(bench.newest().await.entry.break_glass, [change.id]);
}

/// A document that would leave nobody to change it is not approved by accident.
#[tokio::test]
async fn a_document_that_cannot_be_meant_is_refused() {
    let bench = Bench::new().await.under(over_trust(0)).await;
    let good = document(&EVERYBODY, true, "a");
    bench.starts_with(&good, 5).await.unwrap();
    for (from, to) in [
        ("hanzo-kbs/v1/trust", "hanzo-kbs/v2/trust"),
        ("\"approvals\":1", "\"approvals\":9"),
        ("\"approvals\":1", "\"approvals\":0"),
        ("\"changes\":[\"trust\"]", "\"changes\":[]"),
        ("\"changes\":[\"trust\"]", "\"changes\":[\"everything\"]"),
        ("\"name\":\"bob\"", "\"name\":\"alice\""),
        ("\"wait_seconds\":0", "\"wait_seconds\":99999999"),
        ("\"quorum\":{", "\"quorum\": {"),
    ] {
        let wrong = good.replacen(from, to, 1);
        assert_ne!(wrong, good, "{from}");
        let proposed =
            bench.vault.propose(&bench.trust_change(&wrong, 1), admin(9, Action::ChangePropose)).await;
        assert!(
            matches!(proposed, Err(ChangeError::BodyMalformed { kind: "trust", .. })),
            "{to}: {proposed:?}"
        );
        assert!(matches!(bench.starts_with(&wrong, 9).await, Err(ChangeError::BodyMalformed { .. })), "{to}");
    }
    let named = ProposeChange { name: "other".to_owned(), ..bench.trust_change(&good, 1) };
    let named = bench.vault.propose(&signed(named), admin(9, Action::ChangePropose)).await;
    assert!(matches!(named, Err(ChangeError::BodyMalformed { .. })), "{named:?}");
}

/// Taking the approved document out of the database, or putting an older one back, does not make the next start the
/// first one.
#[tokio::test]
async fn a_document_that_is_gone_is_noticed() {
    let bench = Bench::new().await.under(over_trust(0)).await;
    bench.starts_with(&document(&EVERYBODY, true, "a"), 5).await.unwrap();
    bench.edit("DROP TRIGGER rules_are_not_deleted; DELETE FROM rules WHERE kind = 'trust'").await;
    let started = bench.starts_with(&document(&EVERYBODY, false, "mine"), 6).await;
    let rolled_back = |error: &RulesError| matches!(error, RulesError::RolledBack { kind: "trust", .. });
    assert!(matches!(&started, Err(ChangeError::Rules(error)) if rolled_back(error)), "{started:?}");
    assert!(rolled_back(&bench.vault.rules().await.unwrap_err()));
}
