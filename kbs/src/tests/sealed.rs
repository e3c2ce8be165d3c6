//! A sealed broker says so, keeps every key, and opens again.

use super::World;
use super::world::Options;
use crate::broker::Who;
use crate::config::Environment;
use hanzo_attestation_lab::SnpOrder;
use serde_json::{Value, json};

#[tokio::test]
async fn sealed_it_releases_nothing_and_says_so() {
    let world = World::furnished().await;
    let proof = world.proof(SnpOrder::default()).await;
    assert_eq!(world.get("/readyz").await.status, 200);
    let sealed = world.admin("POST", "/kbs/v1/seal", json!({})).await;
    assert_eq!(sealed.body, json!({"sealed": true}));
    for reply in [
        world.authorize(proof.clone(), &["acme/disk"]).await,
        world.post("/kbs/v1/attest", &proof).await,
        world.post("/kbs/v1/challenge", &json!({})).await,
        world.post("/kbs/v1/revoke", &json!({"session_id": "x"})).await,
        world.get("/kbs/v1/session/x/status").await,
        world.get("/readyz").await,
        world.get("/.well-known/jwks.json").await,
        world.admin("GET", "/kbs/v1/keys", Value::Null).await,
        world.admin("GET", "/kbs/v1/audit", Value::Null).await,
    ] {
        reply.assert_problem(503, "Sealed");
        assert_eq!(reply.headers["retry-after"], "10");
    }
    assert_eq!(world.get("/livez").await.status, 200);
    let health = world.get("/healthz").await.body;
    assert_eq!(
        (&health["sealed"], &health["status"], &health["lab"]),
        (&json!(true), &json!("sealed"), &json!(true))
    );

    let opened = world.admin("POST", "/kbs/v1/unseal", json!({})).await;
    assert_eq!(opened.body, json!({"sealed": false}));
    assert_eq!(world.authorize(proof, &["acme/disk"]).await.status, 200);
    let page = world.admin("GET", "/kbs/v1/audit?limit=1000", Value::Null).await;
    let actions: Vec<_> =
        page.body["entries"].as_array().unwrap().iter().map(|e| e["action"].clone()).collect();
    assert!(actions.contains(&json!("seal")) && actions.contains(&json!("unseal")), "{actions:?}");
}

#[tokio::test]
async fn without_its_key_file_it_stays_sealed() {
    let world = World::furnished().await;
    world.broker.seal(&Who::operator()).await;
    let (key, away) = (world.dir.path().join("seal.key"), world.dir.path().join("away"));
    std::fs::rename(&key, &away).unwrap();
    world.admin("POST", "/kbs/v1/unseal", json!({})).await.assert_problem(503, "Sealed");
    std::fs::rename(&away, &key).unwrap();
    assert_eq!(world.admin("POST", "/kbs/v1/unseal", json!({})).await.status, 200);
}

#[tokio::test]
async fn sealing_needs_the_administrator() {
    let world = World::furnished().await;
    for path in ["/kbs/v1/seal", "/kbs/v1/unseal"] {
        world.post(path, &json!({})).await.assert_problem(401, "Unauthenticated");
        world.bearer("guess", path, &json!({})).await.assert_problem(401, "Unauthenticated");
    }
    world.broker.seal(&Who::operator()).await;
    world.bearer("guess", "/kbs/v1/unseal", &json!({})).await.assert_problem(401, "Unauthenticated");
    assert!(world.broker.is_sealed().await);
}

#[tokio::test]
async fn health_says_what_this_broker_is() {
    let options = Options { environment: Environment::Production, lab: false, ..Options::default() };
    let world = World::with(options).await;
    let health = world.get("/healthz").await.body;
    assert_eq!(health["environment"], "production");
    assert_eq!(health["lab"], false);
    assert_eq!(health["status"], "ok");
    assert_eq!(health["roots"]["amd_sha256"].as_array().unwrap().len(), 3);
    assert_eq!(world.get("/livez").await.body["status"], "ok");
}
