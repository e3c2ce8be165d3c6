//! Where relying parties find the key that tokens are checked with.

use crate::broker::Broker;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use serde_json::json;
use std::sync::Arc;

/// Public keys change rarely; five minutes is also how long a token lives.
const CACHED: [(axum::http::HeaderName, &str); 1] = [(CACHE_CONTROL, "public, max-age=300")];

/// `GET /.well-known/jwks.json` (RFC 7517).
pub(crate) async fn jwks(State(broker): State<Arc<Broker>>) -> Result<impl IntoResponse, Problem> {
    let open = broker.open().await?;
    Ok((CACHED, Json(open.tokens.jwks())))
}

/// `GET /.well-known/openid-configuration`: enough for a relying party to find the keys.
pub(crate) async fn openid_configuration(State(broker): State<Arc<Broker>>) -> impl IntoResponse {
    let issuer = broker.issuer();
    let document = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "id_token_signing_alg_values_supported": ["ES256"],
        "response_types_supported": ["none"],
        "subject_types_supported": ["public"],
        "claims_supported": ["iss", "aud", "exp", "nbf", "iat", "jti", "cnf", "eat_profile", "submods", "tier", "lab"],
    });
    (CACHED, Json(document))
}
