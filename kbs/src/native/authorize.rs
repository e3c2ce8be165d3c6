//! `POST /kbs/v1/authorize`: keys for evidence, or for the token of earlier evidence.

use super::attempt::{Attempt, unrecorded};
use super::release::key_ids;
use crate::admin::bearer;
use crate::body::Message;
use crate::broker::Broker;
use crate::judge::Proof;
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use hanzo_kbs_log::Action;
use hanzo_kbs_protocol::{AuthorizeProof, AuthorizeRequest, AuthorizeResponse};
use hanzo_kbs_vault::SessionPlan;
use hanzo_policy::Appraised;
use std::sync::Arc;

/// Releases all the keys asked for, or none.
pub(crate) async fn authorize(
    State(broker): State<Arc<Broker>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    Message(request): Message<AuthorizeRequest>,
) -> Result<Json<AuthorizeResponse>, Problem> {
    let keys = key_ids(&request.keys)?;
    let mut attempt = Attempt::start(broker, Action::Authorize, &id).await?;
    let appraised = match request.proof {
        AuthorizeProof::Evidence(proof) => attempt.prove(*proof).await?.0,
        AuthorizeProof::Token => {
            let token = bearer(&headers).ok_or(Code::Unauthenticated)?;
            attempt.prove_again(token).await?
        }
    };
    attempt.release(&appraised, &keys, SessionPlan::Open).await.map(Json)
}

impl Attempt {
    /// From a token to appraised evidence: the token only names the document, which is verified again from
    /// its bytes, at this instant, with the roots, lists and thresholds of today.
    async fn prove_again(&mut self, token: &str) -> Result<Appraised, Problem> {
        let token_id = match self.open.tokens.check(token, self.now) {
            Ok(token_id) => token_id,
            Err(error) => {
                return Err(self.refuse(Code::Unauthenticated, error.code(), error.to_string()).await);
            }
        };
        let stored =
            self.open.vault.attestation(token_id.as_str(), self.now).await.map_err(|e| unrecorded(&e))?;
        let Some(stored) = stored else {
            let reason = "no evidence is stored for this token";
            return Err(self.refuse(Code::Unauthenticated, "TokenUnknown", reason).await);
        };
        self.attested_at = stored.attested_at;
        self.draft.recipient_digest = Some(stored.recipient.digest());
        self.draft.actor = format!("recipient:{}", stored.recipient.digest());
        let proof = Proof {
            document: stored.document,
            nonce: stored.nonce,
            recipient: stored.recipient,
            runtime_data: stored.runtime_data,
        };
        self.judge(proof).await
    }
}
