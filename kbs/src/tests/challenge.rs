//! A challenge is ours, in time, and good once: on any replica, and after a restart.

use super::World;
use super::world::{Options, with};
use hanzo_attestation_lab::SnpOrder;
use serde_json::json;

#[tokio::test]
async fn a_replay_is_refused_also_after_a_restart() {
    let world = World::furnished().await;
    let proof = world.proof(SnpOrder::default()).await;
    assert_eq!(world.authorize(proof.clone(), &["acme/disk"]).await.status, 200);
    let replayed = world.authorize(proof.clone(), &["acme/disk"]).await;
    world.assert_refused(&replayed, 401, "ChallengeRefused", "ChallengeReused").await;
    let attested = world.post("/kbs/v1/attest", &proof).await;
    world.assert_refused(&attested, 401, "ChallengeRefused", "ChallengeReused").await;

    let unused = world.nonce().await;
    let world = world.restarted(Options { seed: 2, ..Options::default() }).await;
    let replayed = world.authorize(proof, &["acme/disk"]).await;
    world.assert_refused(&replayed, 401, "ChallengeRefused", "ChallengeReused").await;
    // a challenge issued before the restart still counts
    let answered = world.proof_for(&unused, SnpOrder::default());
    assert_eq!(world.authorize(answered, &["acme/disk"]).await.status, 200);
}

#[tokio::test]
async fn a_refused_proof_uses_its_challenge_up() {
    let world = World::furnished().await;
    let nonce = world.nonce().await;
    let bad = world.proof_for(&nonce, SnpOrder { debug: true, ..SnpOrder::default() });
    world.authorize(bad, &["acme/disk"]).await.assert_problem(403, "EvidenceRefused");
    let good = world.proof_for(&nonce, SnpOrder::default());
    let refused = world.authorize(good, &["acme/disk"]).await;
    world.assert_refused(&refused, 401, "ChallengeRefused", "ChallengeReused").await;
}

#[tokio::test]
async fn of_two_at_once_one_wins() {
    let world = World::furnished().await;
    let proof = world.proof(SnpOrder::default()).await;
    let (a, b) =
        tokio::join!(world.authorize(proof.clone(), &["acme/disk"]), world.authorize(proof, &["acme/disk"]));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    assert_eq!(world.newest().await["code"], "ChallengeReused");
}

#[tokio::test]
async fn it_lives_five_minutes() {
    let world = World::furnished().await;
    let (first, second) = (world.nonce().await, world.nonce().await);
    world.advance(299);
    let proof = world.proof_for(&first, SnpOrder::default());
    assert_eq!(world.authorize(proof, &["acme/disk"]).await.status, 200);
    world.advance(2);
    let proof = world.proof_for(&second, SnpOrder::default());
    let refused = world.authorize(proof, &["acme/disk"]).await;
    world.assert_refused(&refused, 401, "ChallengeRefused", "ChallengeExpired").await;
}

#[tokio::test]
async fn a_nonce_of_the_clients_own_is_refused() {
    let world = World::furnished().await;
    for (nonce, code) in [
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "ChallengeMalformed"),
        ("", "ChallengeMalformed"),
        (&format!("AQ{}", "A".repeat(74)), "ChallengeNotIssued"),
    ] {
        let proof = world.proof_for(nonce, SnpOrder::default());
        let refused = world.authorize(proof, &["acme/disk"]).await;
        world.assert_refused(&refused, 401, "ChallengeRefused", code).await;
    }
}

#[tokio::test]
async fn another_brokers_nonce_is_refused() {
    let (world, other) =
        (World::furnished().await, World::with(Options { seed: 9, ..Options::default() }).await);
    let proof = world.proof_for(&other.nonce().await, SnpOrder::default());
    let refused = world.authorize(proof, &["acme/disk"]).await;
    world.assert_refused(&refused, 401, "ChallengeRefused", "ChallengeNotIssued").await;
}

#[tokio::test]
async fn good_evidence_under_another_nonce_is_refused() {
    let world = World::furnished().await;
    let proof = with(world.proof(SnpOrder::default()).await, "nonce", json!(world.nonce().await));
    let refused = world.authorize(proof, &["acme/disk"]).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "SnpReportDataMismatch").await;
}
