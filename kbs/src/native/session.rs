//! `GET /kbs/v1/session/{id}/status` and `POST /kbs/v1/revoke`. A session's name is 128 random bits: knowing
//! it is what it takes to see it or to end it.

use super::attempt::{Attempt, unrecorded};
use crate::body::Message;
use crate::broker::Broker;
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use hanzo_kbs_log::Action;
use hanzo_kbs_protocol::{RevokeRequest, SessionStatus};
use hanzo_kbs_vault::ChangeError;
use std::sync::Arc;

/// The session's tier, deadline and grants.
pub(crate) async fn session_status(
    State(broker): State<Arc<Broker>>,
    Path(id): Path<String>,
) -> Result<Json<SessionStatus>, Problem> {
    let open = broker.open().await?;
    let now = broker.now()?;
    let session = open.vault.session(&id).await.map_err(|e| unrecorded(&e))?;
    session.map(|session| Json(session.status(now))).ok_or_else(|| Code::SessionUnknown.into())
}

/// Ends the session and every grant in it.
pub(crate) async fn revoke(
    State(broker): State<Arc<Broker>>,
    Extension(id): Extension<RequestId>,
    Message(request): Message<RevokeRequest>,
) -> Result<Json<SessionStatus>, Problem> {
    let mut attempt = Attempt::start(broker, Action::Revoke, &id).await?;
    "session".clone_into(&mut attempt.draft.actor);
    match attempt.open.vault.revoke_session(&request.session_id, attempt.draft.clone()).await {
        Ok(_) => session_status(State(attempt.broker), Path(request.session_id)).await,
        Err(ChangeError::SessionUnknown { .. }) => {
            let reason = "there is no such session";
            Err(attempt.refuse(Code::SessionUnknown, "SessionUnknown", reason).await)
        }
        Err(error) => Err(unrecorded(&error)),
    }
}
