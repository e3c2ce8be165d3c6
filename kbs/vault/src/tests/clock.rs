use super::*;
use crate::{ChangeError, RecordError};

fn went_back(now: i64, newest: i64) -> RecordError {
    RecordError::ClockWentBack { now: at(now), newest: at(newest) }
}

#[tokio::test]
async fn a_clock_that_goes_back_decides_nothing() {
    let bench = Bench::with_key().await;
    bench.release(bench.order("acme/model", 1, 10_000)).await.unwrap();
    // As far back as the tolerance, and one second further.
    bench.release(bench.order("acme/model", 2, 9_700)).await.unwrap();
    let refused = Err(ReleaseError::Record(went_back(9_699, 10_000)));
    assert_eq!(bench.release(bench.order("acme/model", 3, 9_699)).await, refused);
    assert!(!bench.vault.nonce_used(&Hex([3; 32])).await.unwrap());
    let refusal = node(0, Action::Authorize).refused("X", "y");
    assert_eq!(bench.vault.refuse(refusal, None).await, Err(went_back(0, 10_000)));
    let wanted = scope("acme/x", Tier::Open);
    let change = bench.vault.create_key(&wanted, Algorithm::Aes256, admin(0, Action::KeyCreate)).await;
    assert_eq!(change, Err(ChangeError::Record(went_back(0, 10_000))));
}

#[tokio::test]
async fn the_mark_survives_a_restart_and_does_not_sink() {
    let bench = Bench::with_key().await;
    bench.release(bench.order("acme/model", 1, 10_000)).await.unwrap();
    let vault = bench.unseal_again().await;
    let refused = Err(ReleaseError::Record(went_back(0, 10_000)));
    assert_eq!(execute(&vault, bench.order("acme/model", 2, 0)).await, refused);
    // Small steps back do not add up.
    execute(&vault, bench.order("acme/model", 3, 9_800)).await.unwrap();
    let refused = Err(ReleaseError::Record(went_back(9_600, 10_000)));
    assert_eq!(execute(&vault, bench.order("acme/model", 4, 9_600)).await, refused);
    // Ten years back, and ten years forward with a session of today.
    assert!(execute(&vault, bench.order("acme/model", 5, -315_360_000)).await.is_err());
    let released = execute(&vault, bench.order("acme/model", 6, 10_001)).await.unwrap();
    let mut renewal = bench.order("acme/model", 7, 315_360_000);
    renewal.session = SessionPlan::Renew(released.session_id);
    assert!(matches!(execute(&vault, renewal).await, Err(ReleaseError::SessionExpired { .. })));
}
