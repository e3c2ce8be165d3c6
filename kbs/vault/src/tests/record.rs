use super::*;
use crate::RecordError;
use hanzo_kbs_log::{Head, Outcome, verify_chain_to};

#[tokio::test]
async fn a_refusal_is_recorded_and_uses_up_its_challenge() {
    let bench = Bench::with_key().await;
    let refusal = || node(10, Action::Authorize).refused("SnpDebug", "the guest can be debugged");
    let seq = bench.vault.refuse(refusal(), Some(challenge(1, 70))).await.unwrap();
    let row = bench.vault.decision(seq).await.unwrap().unwrap().entry;
    assert_eq!((row.outcome, row.code.as_str()), (Outcome::Refused, "SnpDebug"));
    assert_eq!(row.nonce_digest, Some(Hex([1; 32])));
    assert!(bench.vault.nonce_used(&Hex([1; 32])).await.unwrap());
    assert_eq!(bench.release(bench.order("acme/model", 1, 10)).await, Err(ReleaseError::ChallengeReused));
    // A second refusal with it is recorded as well, and so is one without any.
    assert_eq!(bench.vault.refuse(refusal(), Some(challenge(1, 70))).await, Ok(seq + 1));
    assert_eq!(bench.vault.refuse(refusal(), None).await, Ok(seq + 2));
    let granted = bench.vault.refuse(node(10, Action::Authorize), None).await;
    assert_eq!(granted, Err(RecordError::DecisionMismatch { expected: "refused", found: "granted" }));
}

#[tokio::test]
async fn pages_follow_each_other_and_verify() {
    let bench = Bench::with_key().await;
    for n in 1..=9 {
        bench.release(bench.order("acme/model", n, 10)).await.unwrap();
    }
    let head = bench.vault.head().await.unwrap();
    assert_eq!(head.seq, 11);
    let (mut after, mut rows) = (0, Vec::new());
    loop {
        let page = bench.vault.audit(after, 4).await.unwrap();
        assert_eq!(page.head, head);
        assert!(page.entries.len() <= 4);
        let Some(last) = page.entries.last() else { break };
        after = last.seq;
        rows.extend(page.entries);
    }
    assert_eq!(rows[0].entry.action, Action::Initialise);
    verify_chain_to(Head::EMPTY, &rows, head).unwrap();
    assert_eq!(bench.vault.check_log().await, Ok(head));
    assert_eq!(bench.vault.decision(0).await.unwrap(), None);
    assert_eq!(bench.vault.decision(12).await.unwrap(), None);
    assert_eq!(bench.vault.decision(11).await.unwrap().as_ref(), rows.last());
    assert_eq!(bench.vault.audit(11, 10).await.unwrap().entries, []);
    assert_eq!(bench.vault.audit(0, u32::MAX).await.unwrap().entries.len(), 11);
    assert!(bench.vault.audit(u64::MAX, 1).await.is_err());
}

#[tokio::test]
async fn a_decision_alone_is_recorded() {
    let bench = Bench::new().await;
    let seq = bench.vault.record(admin(5, Action::Unseal)).await.unwrap();
    assert_eq!(seq, 2);
    assert_eq!(bench.vault.head().await.unwrap().seq, 2);
}
