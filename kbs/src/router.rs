//! Which path leads where, and the layers that every request passes.

use crate::broker::Broker;
use crate::problem::{Code, Problem};
use crate::{admin, health, native, request_id, wellknown};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tower_http::timeout::TimeoutLayer;

/// How long a request may take, its body included: many times a verification and a transaction.
const REQUEST: Duration = Duration::from_secs(15);

/// Which calls a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doors {
    /// The native door alone: what nodes reach.
    Native,
    /// The administrator's door alone.
    Admin,
    /// Both, on one listener.
    All,
}

/// The application behind a listener.
pub fn router(broker: &Arc<Broker>, doors: Doors) -> Router {
    let mut router = Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/healthz", get(health::health));
    if doors != Doors::Admin {
        router = router.merge(native_door());
    }
    if doors != Doors::Native {
        router = router.merge(admin_door());
    }
    if doors == Doors::Admin {
        // On its own listener the administrator can end sessions as well.
        router = router.route("/kbs/v1/revoke", post(native::revoke));
    }
    let slots = Arc::new(Semaphore::new(broker.limits().requests));
    router
        .fallback(|| async { Problem::from(Code::NotFound) })
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST))
        .layer(from_fn_with_state(slots, bounded))
        .layer(from_fn(one_spelling))
        .layer(from_fn_with_state(Arc::clone(broker.rng()), request_id::identify))
        .with_state(Arc::clone(broker))
}

fn native_door() -> Router<Arc<Broker>> {
    Router::new()
        .route("/kbs/v1/challenge", post(native::challenge))
        .route("/kbs/v1/attest", post(native::attest))
        .route("/kbs/v1/authorize", post(native::authorize))
        .route("/kbs/v1/renew", post(native::renew))
        .route("/kbs/v1/revoke", post(native::revoke))
        .route("/kbs/v1/tpm/credential", post(native::tpm_credential))
        .route("/kbs/v1/tpm/activate", post(native::tpm_activate))
        .route("/kbs/v1/session/{id}/status", get(native::session_status))
        .route("/kbs/v1/policy/tier/{tier}", get(native::tier_policy))
        .route("/.well-known/jwks.json", get(wellknown::jwks))
        .route("/.well-known/openid-configuration", get(wellknown::openid_configuration))
}

fn admin_door() -> Router<Arc<Broker>> {
    Router::new()
        .route("/kbs/v1/keys", post(admin::create_key).get(admin::list_keys))
        .route("/kbs/v1/keys/{tenant}/{*name}", get(admin::get_key))
        .route("/kbs/v1/secrets", get(admin::list_secrets))
        .route("/kbs/v1/secrets/{tenant}/{*name}", put(admin::put_secret))
        .route("/kbs/v1/policies", get(admin::list_policies))
        .route("/kbs/v1/policies/{name}", put(admin::put_policy).get(admin::get_policy))
        .route("/kbs/v1/policies/{name}/statement", get(admin::policy_statement))
        .route("/kbs/v1/policies-replay", post(admin::replay_policies))
        .route(
            "/kbs/v1/policies-shadow",
            put(admin::put_shadow).get(admin::get_shadow).delete(admin::delete_shadow),
        )
        .route("/kbs/v1/trust", get(admin::get_trust))
        .route("/kbs/v1/changes", post(admin::propose_change).get(admin::list_changes))
        .route("/kbs/v1/changes/{id}", get(admin::get_change))
        .route("/kbs/v1/changes/{id}/approvals", post(admin::approve_change))
        .route("/kbs/v1/changes/{id}/withdraw", post(admin::withdraw_change))
        .route("/kbs/v1/changes/{id}/apply", post(admin::apply_change))
        .route("/kbs/v1/changes/{id}/break-glass", post(admin::break_glass))
        .route("/kbs/v1/changes/{id}/acknowledge", post(admin::acknowledge_change))
        .route("/kbs/v1/references", get(admin::list_references))
        .route("/kbs/v1/references/{name}", put(admin::put_reference).get(admin::get_reference))
        .route("/kbs/v1/references/{name}/versions", get(admin::reference_versions))
        .route("/kbs/v1/references/{name}/statement", get(admin::reference_statement))
        .route("/kbs/v1/inventory", get(admin::list_pairs))
        .route(
            "/kbs/v1/inventory/{name}",
            put(admin::put_pair).get(admin::get_pair).delete(admin::remove_pair),
        )
        .route("/kbs/v1/audit", get(admin::audit))
        .route("/kbs/v1/audit/{seq}/explanation", get(admin::explanation))
        .route("/kbs/v1/grants", get(admin::grants))
        .route("/kbs/v1/receipts/{seq}", get(admin::receipt))
        .route("/kbs/v1/seal", post(admin::seal))
        .route("/kbs/v1/unseal", post(admin::unseal))
}

/// Takes on only so many requests at once: what is more is told to come back.
async fn bounded(State(slots): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    match slots.try_acquire() {
        Ok(_slot) => next.run(request).await,
        Err(_) => Problem::from(Code::Unavailable).into_response(),
    }
}

/// No path of this API needs an escape, an empty segment or a dot segment: two spellings never reach one key.
async fn one_spelling(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.contains('%') || path.contains("//") || path.split('/').any(|s| s == "." || s == "..") {
        return Problem::from(Code::NotFound).into_response();
    }
    next.run(request).await
}
