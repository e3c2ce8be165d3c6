//! Is it alive, can it release, and what is it?

use crate::broker::Broker;
use crate::problem::{Code, Problem};
use axum::Json;
use axum::extract::State;
use hanzo_kbs_vault::Vault;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /livez`: the process answers.
pub(crate) async fn live() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// `GET /readyz`: 200 if a key could be released now: the vault is open, the store answers, and the policies
/// and reference values in it can be used.
pub(crate) async fn ready(State(broker): State<Arc<Broker>>) -> Result<Json<Value>, Problem> {
    broker.now()?;
    let open = broker.open().await?;
    if open.vault.damage().is_some() {
        return Err(Problem::new(Code::Unavailable).detail("the record is damaged"));
    }
    open.rules.current(&open.vault).await?;
    Ok(Json(json!({"status": "ready", "break_glass": broken(&open.vault).await})))
}

/// The changes that were applied without their quorum and that nobody has acknowledged; nothing when the
/// store does not say.
async fn broken(vault: &Vault) -> Value {
    vault.broken_glass().await.map_or(Value::Null, |ids| json!(ids))
}

/// `GET /healthz`: what this broker is. It is answered sealed or not.
pub(crate) async fn health(State(broker): State<Arc<Broker>>) -> Json<Value> {
    let open = broker.open().await.ok();
    let sealed = open.is_none();
    let break_glass = match &open {
        Some(open) => broken(&open.vault).await,
        None => Value::Null,
    };
    let grounds = broker.judge().grounds();
    let roots = &grounds.roots;
    let mut names: Vec<String> = roots.amd().iter().map(|root| hex::encode(root.sha256())).collect();
    names.sort();
    Json(json!({
        "status": if sealed { "sealed" } else { "ok" },
        "version": env!("CARGO_PKG_VERSION"),
        "environment": broker.environment().name(),
        "lab": roots.is_lab(),
        "sealed": sealed,
        "collateral": grounds.store.as_ref().map(|store| json!({
            "bundle_id": store.bundle_id,
            "sequence": store.sequence,
            "generation": store.generation,
            "not_after": store.not_after,
        })),
        "break_glass": break_glass,
        "roots": {"amd_sha256": names, "intel": roots.intel().len()},
    }))
}
