//! `POST /kbs/v1/challenge`.

use crate::body::Message;
use crate::broker::Broker;
use crate::problem::{Code, Problem};
use axum::Json;
use axum::extract::State;
use hanzo_kbs_protocol::{Challenge, ChallengeRequest};
use std::sync::Arc;

/// Issues a nonce. Nothing is stored, so that asking for many costs the broker nothing.
pub(crate) async fn challenge(
    State(broker): State<Arc<Broker>>,
    Message(ChallengeRequest {}): Message<ChallengeRequest>,
) -> Result<Json<Challenge>, Problem> {
    let open = broker.open().await?;
    let issued = open.challenges.issue(broker.now()?, broker.rng().as_ref()).map_err(|error| {
        tracing::error!(%error, "no randomness for a challenge");
        Problem::from(Code::Unavailable)
    })?;
    Ok(Json(Challenge { nonce: issued.nonce().to_owned(), expires_at: issued.expires_at() }))
}
