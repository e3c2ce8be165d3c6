//! The agent's side.

use super::OwnedSocket;
use crate::clock::Clock;
use crate::driver::Keyring;
use crate::machine::NoKey;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use std::future::Future;
use std::io;
use zeroize::Zeroizing;

/// Serves the keyring on the socket until `stop`.
///
/// # Errors
/// The socket's own failure.
pub async fn serve<C: Clock + Clone + 'static>(
    socket: OwnedSocket,
    keyring: Keyring<C>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let (listener, _guard) = socket.into_parts();
    let server = axum::serve(listener, router(keyring)).into_future();
    // No graceful end: a workload that reads slowly must not keep keys alive after the session.
    tokio::select! {
        biased;
        () = stop => Ok(()),
        ended = server => ended,
    }
}

fn router<C: Clock + Clone + 'static>(keyring: Keyring<C>) -> Router {
    Router::new()
        .route("/v1/secret/{*key_id}", get(secret::<C>))
        .route("/v1/status", get(status::<C>))
        .fallback(|| async { problem(StatusCode::NOT_FOUND, "NotFound", "no such path") })
        .method_not_allowed_fallback(|| async {
            problem(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "only GET is understood here")
        })
        .with_state(keyring)
}

async fn secret<C: Clock>(State(keyring): State<Keyring<C>>, Path(key_id): Path<String>) -> Response {
    match keyring.with_key(&key_id, |key| Zeroizing::new(key.to_vec())) {
        // The body owns bytes that are wiped when it is dropped.
        Ok(key) => (
            [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, "no-store")],
            Body::from(Bytes::from_owner(key)),
        )
            .into_response(),
        Err(NoKey::NotHeld) => {
            problem(StatusCode::NOT_FOUND, "KeyNotHeld", "the session does not hold this key")
        }
        Err(why @ (NoKey::NoSession | NoKey::GrantEnded)) => {
            let answer = problem(StatusCode::SERVICE_UNAVAILABLE, "NoSession", &why.to_string());
            ([(header::RETRY_AFTER, "1")], answer).into_response()
        }
    }
}

async fn status<C: Clock>(State(keyring): State<Keyring<C>>) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], axum::Json(keyring.status())).into_response()
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let body = json!({
        "type": format!("urn:hanzo-node:problem:{code}"),
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
    });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
