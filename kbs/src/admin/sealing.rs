//! `POST seal` and `POST unseal`.

use super::Administrator;
use crate::body::Message;
use crate::broker::{Broker, UnsealError, Who};
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Body of both: an empty object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Forgets every key.
pub(crate) async fn seal(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Extension(id): Extension<RequestId>,
    Message(Nothing {}): Message<Nothing>,
) -> Result<Json<Value>, Problem> {
    broker.seal(&Who::administrator(&id)).await;
    tracing::warn!("sealed by the administrator");
    Ok(Json(json!({"sealed": true})))
}

/// Opens the vault with the seal that the configuration names.
pub(crate) async fn unseal(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Extension(id): Extension<RequestId>,
    Message(Nothing {}): Message<Nothing>,
) -> Result<Json<Value>, Problem> {
    broker.unseal(&Who::administrator(&id)).await.map_err(|error| {
        tracing::error!(%error, "the vault stays sealed");
        match error {
            UnsealError::Trust(error) => Problem::new(Code::Sealed).detail(error.to_string()),
            _ => Problem::from(Code::Sealed),
        }
    })?;
    tracing::warn!("unsealed by the administrator");
    Ok(Json(json!({"sealed": false})))
}
