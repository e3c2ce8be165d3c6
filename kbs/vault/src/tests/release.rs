use super::*;
use crate::{ChangeError, RecordError};
use hanzo_kbs_log::Outcome;
use hanzo_kbs_protocol::{SealError, SessionState};

#[tokio::test]
async fn a_key_leaves_sealed_recorded_and_counted() {
    let bench = Bench::with_key().await;
    let released = bench.release(bench.order("acme/model", 1, 10)).await.unwrap();
    let material = bench.opened(&released, 0);
    assert_eq!(material.len(), 32);
    assert_eq!(released.session_id.len(), 32);
    assert_eq!((released.tier, released.expires_at), (2, at(610)));
    assert_eq!(released.checkpoint.hash, released.receipts[0].hash);

    let row = bench.vault.decision(released.receipts[0].seq).await.unwrap().unwrap();
    assert_eq!(row.hash, released.receipts[0].hash);
    let entry = &row.entry;
    assert_eq!((entry.outcome, entry.code.as_str()), (Outcome::Granted, "Granted"));
    assert_eq!(entry.tenant.as_deref(), Some("acme"));
    assert_eq!((entry.tier, entry.minimum_tier, entry.key_version), (Some(2), Some(2), Some(1)));
    assert_eq!(entry.session_id.as_deref(), Some(released.session_id.as_str()));
    assert_eq!(entry.nonce_digest, Some(Hex([1; 32])));
    assert_eq!(entry.recipient_digest, Some(bench.pair.recipient().digest()));
    assert!(entry.lab);

    let info = bench.vault.key(&KeyId::parse("acme/model").unwrap()).await.unwrap().unwrap();
    assert_eq!(info.versions[0].releases, 1);
    let grants = bench.vault.grants(None).await.unwrap();
    assert_eq!((grants.len(), grants[0].releases, grants[0].decision), (1, 1, row.seq));
    let session = bench.vault.session(&released.session_id).await.unwrap().unwrap();
    assert_eq!(session.status(at(609)).state, SessionState::Live);
    assert_eq!(session.status(at(610)).state, SessionState::Expired);

    // The same key again is the same material.
    let again = bench.release(bench.order("acme/model", 2, 11)).await.unwrap();
    assert_eq!(bench.opened(&again, 0), material);
    assert_ne!(again.session_id, released.session_id);
}

#[tokio::test]
async fn several_keys_share_a_session_that_ends_with_the_first_of_them() {
    let bench = Bench::with_key().await;
    bench.create("acme/disk", Tier::Open).await;
    bench.put("other/secret", b"hunter2").await;
    let mut order = bench.order("acme/model", 1, 10);
    order.keys.push(entitled("acme/disk", 0, 200));
    order.keys.push(entitled("other/secret", 1, 400));
    let released = bench.release(order).await.unwrap();
    assert_eq!(released.expires_at, at(200));
    let ids: Vec<&str> = released.keys.iter().map(|key| key.key_id.as_str()).collect();
    assert_eq!(ids, ["acme/model", "acme/disk", "other/secret"]);
    assert_eq!(bench.opened(&released, 2).as_slice(), b"hunter2");
    let seqs: Vec<u64> = released.receipts.iter().map(|receipt| receipt.seq).collect();
    assert_eq!(seqs, [seqs[0], seqs[0] + 1, seqs[0] + 2]);
    assert_eq!(released.receipts[1].prev, released.receipts[0].hash);
    assert_eq!(bench.vault.session(&released.session_id).await.unwrap().unwrap().grants.len(), 3);
}

#[tokio::test]
async fn if_one_key_fails_nothing_happens() {
    let bench = Bench::with_key().await;
    let before = bench.vault.head().await.unwrap();
    let mut order = bench.order("acme/model", 1, 10);
    order.keys.push(entitled("acme/absent", 0, 200));
    assert_eq!(bench.release(order).await, Err(ReleaseError::KeyUnknown { key: "acme/absent".to_owned() }));
    assert_eq!(bench.vault.head().await.unwrap(), before);
    assert!(bench.vault.grants(None).await.unwrap().is_empty());
    assert!(!bench.vault.nonce_used(&Hex([1; 32])).await.unwrap());
    let info = bench.vault.key(&KeyId::parse("acme/model").unwrap()).await.unwrap().unwrap();
    assert_eq!(info.versions[0].releases, 0);
    // The challenge is still good for a release that succeeds.
    bench.release(bench.order("acme/model", 1, 10)).await.unwrap();
}

#[tokio::test]
async fn a_challenge_is_used_once_also_after_a_restart() {
    let bench = Bench::with_key().await;
    bench.release(bench.order("acme/model", 1, 10)).await.unwrap();
    assert_eq!(bench.release(bench.order("acme/model", 1, 10)).await, Err(ReleaseError::ChallengeReused));
    let again = bench.unseal_again().await;
    assert!(again.nonce_used(&Hex([1; 32])).await.unwrap());
    assert_eq!(execute(&again, bench.order("acme/model", 1, 20)).await, Err(ReleaseError::ChallengeReused));
    // Exactly at its end it is accepted, one second later it is not.
    bench.release(bench.order("acme/model", 2, 20)).await.unwrap();
    let mut late = bench.order("acme/model", 3, 20);
    late.nonce = Some(challenge(3, 19));
    let error = ReleaseError::ChallengeExpired { expires_at: at(19), now: at(20) };
    assert_eq!(bench.release(late).await, Err(error));
}

#[tokio::test]
async fn a_challenge_stays_used_while_any_clock_could_accept_it() {
    let bench = Bench::with_key().await;
    bench.release(bench.order("acme/model", 1, 10)).await.unwrap();
    // Many later releases prune what ended long ago; a clock 300 seconds behind is still accepted, and the
    // challenge, which ended at 70, with it.
    for n in 10..40_u8 {
        bench.release(bench.order("acme/model", n, 365)).await.unwrap();
    }
    assert!(bench.vault.nonce_used(&Hex([1; 32])).await.unwrap());
    let mut replay = bench.order("acme/model", 1, 66);
    replay.nonce = Some(challenge(1, 70));
    assert_eq!(bench.release(replay).await, Err(ReleaseError::ChallengeReused));
    // Once no accepted clock can be within its life it is forgotten, and is too old for everyone.
    for n in 40..50_u8 {
        bench.release(bench.order("acme/model", n, 400)).await.unwrap();
    }
    assert!(!bench.vault.nonce_used(&Hex([1; 32])).await.unwrap());
    let mut replay = bench.order("acme/model", 1, 100);
    replay.nonce = Some(challenge(1, 70));
    assert!(matches!(bench.release(replay).await, Err(ReleaseError::ChallengeExpired { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_releases_with_one_challenge_exactly_one_wins() {
    let bench = Bench::with_key().await;
    for round in 1..=10_u8 {
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let (vault, order) = (bench.vault.clone(), bench.order("acme/model", round, 10));
            tasks.push(tokio::spawn(async move { execute(&vault, order).await }));
        }
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => won += 1,
                Err(error) => assert_eq!(error, ReleaseError::ChallengeReused),
            }
        }
        assert_eq!(won, 1);
    }
    bench.vault.check_log().await.unwrap();
    // Also between two processes on one file.
    let other = bench.unseal_again().await;
    let (a, b) = tokio::join!(
        execute(&bench.vault, bench.order("acme/model", 99, 10)),
        execute(&other, bench.order("acme/model", 99, 10)),
    );
    assert_eq!(u8::from(a.is_ok()) + u8::from(b.is_ok()), 1);
    other.check_log().await.unwrap();
}

#[tokio::test]
async fn demands_are_compared_with_what_is_stored_now() {
    let bench = Bench::with_key().await;
    let mut lower = bench.order("acme/model", 1, 10);
    lower.keys[0].minimum_tier = 1;
    let key = "acme/model".to_owned();
    let error = ReleaseError::MinimumChanged { key: key.clone(), permitted: 1, stored: 2 };
    assert_eq!(bench.release(lower).await, Err(error));
    let mut weak = bench.order("acme/model", 1, 10);
    weak.party.tier = 1;
    assert_eq!(bench.release(weak).await, Err(ReleaseError::TierTooLow { key, tier: 1, minimum: 2 }));
}

#[tokio::test]
async fn permits_are_checked_in_themselves() {
    let bench = Bench::with_key().await;
    let key = "acme/model".to_owned();
    let mut none = bench.order("acme/model", 1, 10);
    none.keys.clear();
    assert_eq!(bench.release(none).await, Err(ReleaseError::NothingToRelease));
    let mut twice = bench.order("acme/model", 1, 10);
    twice.keys.push(entitled("acme/model", 2, 500));
    assert_eq!(bench.release(twice).await, Err(ReleaseError::KeyTwice { key: key.clone() }));
    let mut ended = bench.order("acme/model", 1, 10);
    ended.keys[0].expires_at = at(10);
    let error = ReleaseError::PermitExpired { key, expires_at: at(10), now: at(10) };
    assert_eq!(bench.release(ended).await, Err(error));
    let mut many = bench.order("acme/model", 1, 10);
    many.keys = (0..33).map(|n| entitled(&format!("acme/{n}"), 2, 500)).collect();
    assert_eq!(bench.release(many).await, Err(ReleaseError::TooManyKeys { count: 33, limit: 32 }));
    let empty = crate::Release {
        permits: Vec::new(),
        session: SessionPlan::Open,
        nonce: None,
        rules_epoch: 0,
        attested_at: at(10),
        devices: crate::DeviceRules::default(),
        decision: node(10, Action::Authorize),
    };
    assert_eq!(
        bench.vault.release(empty, &|_, _| panic!("nothing to decide")).await,
        Err(ReleaseError::NothingToRelease)
    );
}

#[tokio::test]
async fn an_invalid_recipient_key_gets_nothing() {
    let bench = Bench::with_key().await;
    let kem = Kem::P256HkdfSha256;
    let mut order = bench.order("acme/model", 1, 10);
    order.party.recipient = hanzo_attestation_evidence::Recipient::new(kem, vec![4; 65]).unwrap();
    order.party.recipient_digest = order.party.recipient.digest();
    assert_eq!(bench.release(order).await, Err(ReleaseError::Seal(SealError::PublicKey { kem })));
    assert!(bench.vault.grants(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_renewal_keeps_its_session() {
    let bench = Bench::with_key().await;
    let first = bench.release(bench.order("acme/model", 1, 10)).await.unwrap();
    let mut renewal = bench.order("acme/model", 2, 300);
    renewal.session = SessionPlan::Renew(first.session_id.clone());
    renewal.decision = node(300, Action::Renew);
    let renewed = bench.release(renewal).await.unwrap();
    assert_eq!(renewed.session_id, first.session_id);
    assert_eq!(renewed.expires_at, at(900));
    assert_eq!(bench.opened(&renewed, 0), bench.opened(&first, 0));
    let session = bench.vault.session(&first.session_id).await.unwrap().unwrap();
    assert_eq!((session.session.opened_at, session.session.renewed_at), (at(10), at(300)));
    assert_eq!(session.session.evidence_digest, Hex([2; 32]));
    assert_eq!((session.grants.len(), session.grants[0].releases), (1, 2));
    assert_eq!(session.grants[0].expires_at, at(900));
}

#[tokio::test]
async fn a_renewal_is_refused_by_name() {
    let bench = Bench::with_key().await;
    let first = bench.release(bench.order("acme/model", 1, 10)).await.unwrap();
    let id = first.session_id.clone();
    let renewal = |nonce: u8, now: i64, id: &str| {
        let mut order = bench.order("acme/model", nonce, now);
        order.session = SessionPlan::Renew(id.to_owned());
        order
    };
    let unknown = "0".repeat(32);
    assert_eq!(
        bench.release(renewal(2, 20, &unknown)).await,
        Err(ReleaseError::SessionUnknown { id: unknown })
    );
    assert_eq!(
        bench.release(renewal(2, 610, &id)).await,
        Err(ReleaseError::SessionExpired { id: id.clone(), expires_at: at(610), now: at(610) })
    );
    let mut old = renewal(1, 20, &id);
    assert_eq!(bench.release(renewal(1, 20, &id)).await, Err(ReleaseError::ChallengeReused));
    old.nonce = None;
    assert_eq!(bench.release(old).await, Err(ReleaseError::RenewalNeedsChallenge));
    let other = RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap();
    let mut taken = bench.order_for(&other, "acme/model", 2, 20);
    taken.session = SessionPlan::Renew(id.clone());
    assert!(matches!(bench.release(taken).await, Err(ReleaseError::RecipientChanged { .. })));
    bench.vault.revoke_session(&id, node(30, Action::Revoke)).await.unwrap();
    assert_eq!(
        bench.release(renewal(3, 31, &id)).await,
        Err(ReleaseError::SessionRevoked { id: id.clone() })
    );
    let session = bench.vault.session(&id).await.unwrap().unwrap();
    assert_eq!(session.status(at(31)).state, SessionState::Revoked);
    assert!(bench.vault.grants(None).await.unwrap()[0].revoked);
}

#[tokio::test]
async fn sessions_are_ended_by_name() {
    let bench = Bench::with_key().await;
    let released = bench.release(bench.order("acme/model", 1, 10)).await.unwrap();
    let first = bench.vault.revoke_session(&released.session_id, node(20, Action::Revoke)).await.unwrap();
    let second = bench.vault.revoke_session(&released.session_id, node(21, Action::Revoke)).await.unwrap();
    assert_eq!(second, first + 1);
    let session = bench.vault.session(&released.session_id).await.unwrap().unwrap();
    assert_eq!(session.session.revoked_at, Some(at(20)));
    let unknown = bench.vault.revoke_session("nothing", node(22, Action::Revoke)).await;
    assert_eq!(unknown, Err(ChangeError::SessionUnknown { id: "nothing".to_owned() }));
    let refused = node(22, Action::Revoke).refused("X", "y");
    let mismatch = bench.vault.revoke_session(&released.session_id, refused).await;
    assert!(matches!(mismatch, Err(ChangeError::Record(RecordError::DecisionMismatch { .. }))));
}

#[tokio::test]
async fn permits_of_older_rules_are_refused() {
    let bench = Bench::with_key().await;
    bench.vault.put_policy("p", "permit", None, admin(5, Action::PolicyPut)).await.unwrap();
    let current = bench.vault.rules_epoch().await.unwrap();
    let old = bench.order("acme/model", 1, 10);
    assert_eq!(bench.release(old).await, Err(ReleaseError::RulesChanged { decided: 0, current }));
    let mut fresh = bench.order("acme/model", 1, 10);
    fresh.rules_epoch = current;
    bench.release(fresh).await.unwrap();
}

#[tokio::test]
async fn every_error_has_its_code() {
    let codes = [
        ReleaseError::ChallengeReused.code(),
        ReleaseError::NothingToRelease.code(),
        ReleaseError::RenewalNeedsChallenge.code(),
        ReleaseError::Record(RecordError::Rng(RngError)).code(),
    ];
    assert_eq!(codes, ["ChallengeReused", "NothingToRelease", "RenewalNeedsChallenge", "RandomnessFailed"]);
}
