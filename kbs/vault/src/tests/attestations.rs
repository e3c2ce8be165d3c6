use super::*;
use crate::{ChangeError, MAX_DOCUMENT, StoredAttestation};
use serde_json::json;

fn attestation(bench: &Bench, token_id: &str, expires_at: i64) -> StoredAttestation {
    StoredAttestation {
        token_id: token_id.to_owned(),
        document: br#"{"evidence":[]}"#.to_vec(),
        nonce: "AA==".to_owned(),
        recipient: bench.pair.recipient().clone(),
        runtime_data: Some(json!({"a": [1, null]})),
        attested_at: at(10),
        expires_at: at(expires_at),
    }
}

fn decision(now: i64) -> NewDecision {
    node(now, Action::Attest)
}

#[tokio::test]
async fn evidence_reads_back_while_its_token_lives() {
    let bench = Bench::new().await;
    let kept = attestation(&bench, "t1", 300);
    let seq = bench.vault.attest(decision(10), challenge(1, 70), kept.clone()).await.unwrap();
    let row = bench.vault.decision(seq).await.unwrap().unwrap().entry;
    assert_eq!(row.recipient_digest, Some(bench.pair.recipient().digest()));
    assert_eq!(row.nonce_digest, Some(Hex([1; 32])));
    assert_eq!(bench.vault.attestation("t1", at(299)).await.unwrap(), Some(kept));
    assert_eq!(bench.vault.attestation("t1", at(300)).await.unwrap(), None);
    assert_eq!(bench.vault.attestation("t2", at(20)).await.unwrap(), None);
}

#[tokio::test]
async fn its_challenge_is_used_up() {
    let bench = Bench::new().await;
    let kept = || attestation(&bench, "t1", 300);
    bench.vault.attest(decision(10), challenge(1, 70), kept()).await.unwrap();
    let again = bench.vault.attest(decision(11), challenge(1, 70), attestation(&bench, "t2", 300)).await;
    assert_eq!(again, Err(ChangeError::ChallengeReused));
    assert_eq!(bench.vault.attestation("t2", at(20)).await.unwrap(), None);
    let late = bench.vault.attest(decision(71), challenge(2, 70), attestation(&bench, "t2", 300)).await;
    assert_eq!(late, Err(ChangeError::ChallengeExpired { expires_at: at(70), now: at(71) }));
    let same_token = bench.vault.attest(decision(12), challenge(3, 70), kept()).await;
    assert!(matches!(same_token, Err(ChangeError::Record(_))));
    assert!(!bench.vault.nonce_used(&Hex([3; 32])).await.unwrap());
}

#[tokio::test]
async fn what_has_ended_is_forgotten() {
    let bench = Bench::new().await;
    for n in 1..=3 {
        let kept = attestation(&bench, &format!("t{n}"), 100);
        bench.vault.attest(decision(10), challenge(n, 70), kept).await.unwrap();
    }
    bench.vault.attest(decision(200), challenge(9, 260), attestation(&bench, "t9", 500)).await.unwrap();
    let row = edit(&bench.path(), "UPDATE attestations SET nonce = nonce").await;
    assert_eq!(row, 1);
}

#[tokio::test]
async fn documents_are_bounded() {
    let bench = Bench::new().await;
    let mut large = attestation(&bench, "t1", 300);
    large.document = vec![b' '; MAX_DOCUMENT + 1];
    let refused = bench.vault.attest(decision(10), challenge(1, 70), large).await;
    assert_eq!(refused, Err(ChangeError::DocumentSize { size: MAX_DOCUMENT + 1, limit: MAX_DOCUMENT }));
}

/// The secret of a credential is taken once: whoever has it, whichever broker is asked, and after a restart.
#[tokio::test]
async fn a_challenge_alone_is_used_once_and_in_time() {
    let bench = Bench::new().await;
    let activate = |now| node(now, Action::TpmActivate);
    let seq = bench.vault.use_challenge(activate(10), challenge(1, 70)).await.unwrap();
    let row = bench.vault.decision(seq).await.unwrap().unwrap().entry;
    assert_eq!((row.action, row.nonce_digest), (Action::TpmActivate, Some(Hex([1; 32]))));
    let before = bench.vault.head().await.unwrap();
    let again = bench.vault.use_challenge(activate(11), challenge(1, 70)).await;
    assert_eq!(again, Err(ChangeError::ChallengeReused));
    assert_eq!(bench.vault.head().await.unwrap(), before, "nothing happened");
    let again = bench.unseal_again().await.use_challenge(activate(12), challenge(1, 70)).await;
    assert_eq!(again, Err(ChangeError::ChallengeReused));
    bench.vault.use_challenge(activate(70), challenge(2, 70)).await.unwrap();
    let late = bench.vault.use_challenge(activate(71), challenge(3, 70)).await;
    assert_eq!(late, Err(ChangeError::ChallengeExpired { expires_at: at(70), now: at(71) }));
    assert!(!bench.vault.nonce_used(&Hex([3; 32])).await.unwrap());
    let refused = activate(72).refused("TpmSecretWrong", "a refusal is no activation");
    assert!(bench.vault.use_challenge(refused, challenge(4, 80)).await.is_err());
}
