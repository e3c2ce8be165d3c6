//! Sessions: they end unless fresh evidence renews them.

use super::World;
use hanzo_attestation_evidence::{Binding, Kem};
use hanzo_attestation_lab::SnpOrder;
use hanzo_kbs_protocol::RecipientKeyPair;
use serde_json::{Value, json};

async fn opened(world: &World) -> Value {
    let granted = world.authorize(world.proof(SnpOrder::default()).await, &["acme/disk"]).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    granted.body
}

async fn renew(world: &World, id: &Value, order: SnpOrder) -> super::Reply {
    let proof = super::world::with(world.proof(order).await, "session_id", id.clone());
    world.post("/kbs/v1/renew", &proof).await
}

async fn state(world: &World, id: &Value) -> Value {
    let path = format!("/kbs/v1/session/{}/status", id.as_str().unwrap());
    world.get(&path).await.body
}

#[tokio::test]
async fn fresh_evidence_renews_and_nothing_else_does() {
    let world = World::furnished().await;
    let first = opened(&world).await;
    let id = &first["session_id"];
    world.advance(3000);
    let renewed = renew(&world, id, SnpOrder::default()).await;
    assert_eq!(renewed.status, 200, "{renewed:?}");
    assert_eq!(&renewed.body["session_id"], id);
    assert!(renewed.body["expires_at"].as_str() > first["expires_at"].as_str());
    assert_eq!(renewed.body["keys"][0]["key_id"], "acme/disk");
    world.advance(3599);
    assert_eq!(state(&world, id).await["state"], "live");
    world.advance(1);
    let status = state(&world, id).await;
    assert_eq!((&status["state"], &status["grants"][0]["key_id"]), (&json!("expired"), &json!("acme/disk")));
    let refused = renew(&world, id, SnpOrder::default()).await;
    world.assert_refused(&refused, 404, "SessionUnknown", "SessionNotLive").await;
}

#[tokio::test]
async fn old_evidence_does_not_renew() {
    let world = World::furnished().await;
    let proof = world.proof(SnpOrder::default()).await;
    let granted = world.authorize(proof.clone(), &["acme/disk"]).await;
    let again = super::world::with(proof, "session_id", granted.body["session_id"].clone());
    let refused = world.post("/kbs/v1/renew", &again).await;
    world.assert_refused(&refused, 401, "ChallengeRefused", "ChallengeReused").await;
}

#[tokio::test]
async fn worse_evidence_does_not_renew() {
    let world = World::furnished().await;
    let first = opened(&world).await;
    let refused =
        renew(&world, &first["session_id"], SnpOrder { measurement: [9; 48], ..SnpOrder::default() }).await;
    world.assert_refused(&refused, 403, "KeyNotGranted", "MeasurementUnknown").await;
    let refused = renew(&world, &first["session_id"], SnpOrder { debug: true, ..SnpOrder::default() }).await;
    refused.assert_problem(403, "EvidenceRefused");
    assert_eq!(state(&world, &first["session_id"]).await["state"], "live");
}

#[tokio::test]
async fn a_policy_that_changed_does_not_renew() {
    let world = World::furnished().await;
    let first = opened(&world).await;
    world.policy("stop", "forbid (principal, action == Action::\"release\", resource);").await;
    let refused = renew(&world, &first["session_id"], SnpOrder::default()).await;
    world.assert_refused(&refused, 403, "KeyNotGranted", "PolicyForbids").await;
}

#[tokio::test]
async fn another_recipient_cannot_take_a_session_over() {
    let world = World::furnished().await;
    let first = opened(&world).await;
    let other = RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap();
    let nonce = world.nonce().await;
    let binding = Binding::new(&nonce, other.recipient(), None, &[]).unwrap();
    let order = SnpOrder { report_data: *binding.cpu_report_data(), ..SnpOrder::default() };
    let item = world.lab.snp(&order).unwrap();
    let body = json!({
        "session_id": first["session_id"], "nonce": nonce, "recipient": other.recipient(), "evidence": [item],
    });
    let refused = world.post("/kbs/v1/renew", &body).await;
    world.assert_refused(&refused, 404, "SessionUnknown", "RecipientChanged").await;
}

#[tokio::test]
async fn a_revoked_session_stays_so() {
    let world = World::furnished().await;
    let first = opened(&world).await;
    let id = &first["session_id"];
    let revoked = world.post("/kbs/v1/revoke", &json!({"session_id": id})).await;
    assert_eq!((revoked.status.as_u16(), &revoked.body["state"]), (200, &json!("revoked")), "{revoked:?}");
    assert_eq!(world.newest().await["action"], "revoke");
    let refused = renew(&world, id, SnpOrder::default()).await;
    world.assert_refused(&refused, 404, "SessionUnknown", "SessionNotLive").await;
    assert_eq!(state(&world, id).await["state"], "revoked");
    let grants = world.admin("GET", "/kbs/v1/grants", Value::Null).await;
    assert_eq!(grants.body[0]["revoked"], true);
}

#[tokio::test]
async fn unknown_sessions_are_unknown() {
    let world = World::furnished().await;
    let id = json!("00000000000000000000000000000000");
    world
        .get("/kbs/v1/session/00000000000000000000000000000000/status")
        .await
        .assert_problem(404, "SessionUnknown");
    let revoked = world.post("/kbs/v1/revoke", &json!({"session_id": id})).await;
    world.assert_refused(&revoked, 404, "SessionUnknown", "SessionUnknown").await;
    let renewed = renew(&world, &id, SnpOrder::default()).await;
    world.assert_refused(&renewed, 404, "SessionUnknown", "SessionNotLive").await;
}
