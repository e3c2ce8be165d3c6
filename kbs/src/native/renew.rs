//! `POST /kbs/v1/renew`: fresh evidence for more time. Nothing of the earlier verdict counts.

use super::attempt::{Attempt, unrecorded};
use crate::body::Message;
use crate::broker::Broker;
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use axum::extract::State;
use axum::{Extension, Json};
use hanzo_kbs_log::Action;
use hanzo_kbs_protocol::{AuthorizeResponse, RenewRequest, SessionState};
use hanzo_kbs_vault::SessionPlan;
use hanzo_policy::KeyId;
use std::sync::Arc;

/// Releases the session's keys again, to the same recipient, all or none.
pub(crate) async fn renew(
    State(broker): State<Arc<Broker>>,
    Extension(id): Extension<RequestId>,
    Message(request): Message<RenewRequest>,
) -> Result<Json<AuthorizeResponse>, Problem> {
    let (session_id, request) = request.split();
    let mut attempt = Attempt::start(broker, Action::Renew, &id).await?;
    let (appraised, _) = attempt.prove(request).await?;
    let session = attempt.open.vault.session(&session_id).await.map_err(|e| unrecorded(&e))?;
    let Some(session) = session.filter(|held| held.session.state(attempt.now) == SessionState::Live) else {
        let reason = "there is no live session of this name";
        return Err(attempt.refuse(Code::SessionUnknown, "SessionNotLive", reason).await);
    };
    attempt.draft.session_id = Some(session.session.id.clone());
    if session.session.recipient_digest != appraised.recipient().digest() {
        // Whoever is not the session's recipient learns nothing of it, not even that it exists.
        let reason = "the evidence is for another recipient than the session";
        return Err(attempt.refuse(Code::SessionUnknown, "RecipientChanged", reason).await);
    }
    let keys: Result<Vec<_>, _> = session.grants.iter().map(|grant| KeyId::parse(&grant.key_id)).collect();
    let keys = keys.map_err(|error| unrecorded(&error))?;
    attempt.release(&appraised, &keys, SessionPlan::Renew(session.session.id)).await.map(Json)
}
