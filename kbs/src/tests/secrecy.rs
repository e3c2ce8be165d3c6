//! A secret that goes in comes out in one place only: inside an envelope.

use super::World;
use super::world::with;
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_lab::SnpOrder;
use serde_json::json;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing::instrument::WithSubscriber as _;

const CANARY: &str = "canary-7d1f0b9c-do-not-sing";

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Does something, and gives back every line that was logged meanwhile.
pub(super) async fn logged<T>(work: impl Future<Output = T>) -> (T, String) {
    let captured = Captured::default();
    let writer = captured.clone();
    // With one subscriber alone, what a log line is worth is asked of whichever test thread meets it first.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let result = work.with_subscriber(subscriber).await;
    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    (result, log)
}

#[tokio::test]
async fn a_secret_reaches_no_log_and_no_other_answer() {
    let (answers, log) = logged(sing()).await;
    assert!(log.contains("answered"), "nothing was captured: {log:?}");
    let encoded = base64_encode(CANARY.as_bytes());
    let hex = hex::encode(CANARY);
    for text in answers.iter().chain([&log]) {
        for form in [CANARY, encoded.trim_end_matches('='), &hex] {
            assert!(!text.contains(form), "{form} in {text}");
        }
    }
}

/// Puts the canary in every place where somebody could, and collects what comes back.
async fn sing() -> Vec<String> {
    let world = World::furnished().await;
    let value = base64_encode(CANARY.as_bytes());
    let good = json!({"id": "acme/canary", "minimum_tier": 2, "value": value});
    let path = "/kbs/v1/secrets/acme/canary";
    let mut answers = Vec::new();
    for body in [
        good.clone(),
        with(good.clone(), "value", json!(CANARY)),
        with(good.clone(), "value", json!([CANARY])),
        with(good.clone(), "minimum_tier", json!(CANARY)),
        with(good.clone(), CANARY, json!(1)),
        with(good.clone(), "id", json!(CANARY)),
        with(good.clone(), "minimum_tier", json!(3)),
        json!(CANARY),
    ] {
        answers.push(world.admin("PUT", path, body).await.text);
    }
    let text = "permit (principal, action == Action::\"release\", resource == Key::\"acme/canary\");";
    world.policy("canary", text).await;
    answers.push(world.authorize(world.proof(SnpOrder::default()).await, &["acme/canary"]).await.text);
    assert!(answers[8].contains("ciphertext"), "{}", answers[8]);
    answers.push(world.admin("GET", "/kbs/v1/secrets", json!(null)).await.text);
    answers.push(world.admin("GET", "/kbs/v1/audit?limit=1000", json!(null)).await.text);
    answers.push(world.bearer(CANARY, "/kbs/v1/authorize", &json!({"keys": ["acme/canary"]})).await.text);
    answers.push(world.bearer(CANARY, "/kbs/v1/seal", &json!({})).await.text);
    let runtime = with(world.proof(SnpOrder::default()).await, "runtime_data", json!(CANARY));
    answers.push(world.post("/kbs/v1/attest", &runtime).await.text);
    answers.push(world.post_bytes("/kbs/v1/attest", format!("{{\"nonce\":\"{CANARY}\"")).await.text);
    answers.push(world.get(&format!("/kbs/v1/session/{CANARY}/status")).await.text);
    answers.push(world.get(&format!("/{CANARY}?q={CANARY}")).await.text);
    answers
}
