//! `POST /kbs/v1/attest`: evidence for a token.

use super::attempt::{Attempt, unrecorded};
use crate::body::Message;
use crate::broker::Broker;
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use crate::token::Statement;
use axum::extract::State;
use axum::{Extension, Json};
use hanzo_kbs_log::Action;
use hanzo_kbs_protocol::{AttestRequest, AttestResponse, NextTier};
use hanzo_kbs_vault::{ChangeError, StoredAttestation};
use std::sync::Arc;

/// Verifies and appraises the evidence, stores its bytes under the token's name, and issues the token.
pub(crate) async fn attest(
    State(broker): State<Arc<Broker>>,
    Extension(id): Extension<RequestId>,
    Message(request): Message<AttestRequest>,
) -> Result<Json<AttestResponse>, Problem> {
    let mut attempt = Attempt::start(broker, Action::Attest, &id).await?;
    let (appraised, proof) = attempt.prove(request).await?;
    let token_id = attempt.broker.random_name()?;
    let expires_at = attempt.now.after(attempt.broker.limits().token).min(appraised.not_after());
    let statement = Statement { appraised: &appraised, token_id: &token_id, now: attempt.now, expires_at };
    let token = attempt.open.tokens.issue(&statement).map_err(|error| {
        tracing::error!(%error, "no token");
        Problem::from(Code::Internal)
    })?;
    let findings = appraised.findings().iter().map(serde_json::to_value).collect::<Result<_, _>>();
    let findings = findings.map_err(|_| Code::Internal)?;
    let stored = StoredAttestation {
        token_id,
        document: proof.document,
        nonce: proof.nonce,
        recipient: proof.recipient,
        runtime_data: proof.runtime_data,
        attested_at: attempt.now,
        expires_at,
    };
    let used = attempt.used_nonce().ok_or(Code::Internal)?;
    match attempt.open.vault.attest(attempt.draft.clone(), used, stored).await {
        Ok(_) => {
            let tier = appraised.tier().number();
            let next_tier = appraised
                .next_tier()
                .map(|next| NextTier { tier: next.tier.number(), missing: next.missing.clone() });
            Ok(Json(AttestResponse { token, tier, expires_at, findings, next_tier }))
        }
        Err(ChangeError::ChallengeReused) => Err(attempt.reused().await),
        Err(error @ ChangeError::ChallengeExpired { .. }) => {
            Err(attempt.refuse(Code::ChallengeRefused, "ChallengeExpired", error.to_string()).await)
        }
        Err(error) => Err(unrecorded(&error)),
    }
}
