//! One conversation with the broker: challenge, evidence, answer.

use crate::clock::Clock;
use crate::machine::Refusal;
use hanzo_attestation_evidence::{Kem, UnixTime};
use hanzo_kbs_client::{Client, ClientError};
use hanzo_kbs_protocol::recipient::GenerateError;
use hanzo_kbs_protocol::{
    AttestRequest, AttestResponse, AuthorizeRequest, AuthorizeResponse, Challenge, ExpectAnswer,
    ExpectChallenge, HandshakeError, RecipientKeyPair, RenewRequest, RevokeRequest, Session, SessionStatus,
};
use hanzo_node_attester::{CollectError, EvidenceSource};
use serde_json::Value;
use std::future::Future;

/// The broker's native door, as far as a node uses it.
pub trait Door: Send + Sync {
    /// `POST challenge`.
    fn challenge(&self) -> impl Future<Output = Result<Challenge, ClientError>> + Send;
    /// `POST attest`.
    fn attest(
        &self,
        request: &AttestRequest,
    ) -> impl Future<Output = Result<AttestResponse, ClientError>> + Send;
    /// `POST authorize`.
    fn authorize(
        &self,
        request: &AuthorizeRequest,
    ) -> impl Future<Output = Result<AuthorizeResponse, ClientError>> + Send;
    /// `POST renew`.
    fn renew(
        &self,
        request: &RenewRequest,
    ) -> impl Future<Output = Result<AuthorizeResponse, ClientError>> + Send;
    /// `POST revoke`.
    fn revoke(
        &self,
        request: &RevokeRequest,
    ) -> impl Future<Output = Result<SessionStatus, ClientError>> + Send;
}

impl Door for Client {
    async fn challenge(&self) -> Result<Challenge, ClientError> {
        Self::challenge(self).await
    }

    async fn attest(&self, request: &AttestRequest) -> Result<AttestResponse, ClientError> {
        Self::attest(self, request).await
    }

    async fn authorize(&self, request: &AuthorizeRequest) -> Result<AuthorizeResponse, ClientError> {
        Self::authorize(self, request).await
    }

    async fn renew(&self, request: &RenewRequest) -> Result<AuthorizeResponse, ClientError> {
        Self::renew(self, request).await
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<SessionStatus, ClientError> {
        Self::revoke(self, request).await
    }
}

/// A conversation that gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The broker refused, did not answer, or answered something else.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The machine gave no evidence.
    #[error("no evidence: {0}")]
    Collect(#[from] CollectError),
    /// What the source gave is no evidence document.
    #[error("the evidence source gave no evidence document")]
    Document,
    /// The broker's answer does not follow from the question.
    #[error("the broker's answer is not accepted: {0}")]
    Handshake(#[from] HandshakeError),
    /// No recipient key could be made.
    #[error(transparent)]
    KeyPair(#[from] GenerateError),
}

impl ExchangeError {
    /// The broker's clear no, if this is one. A broker that is busy, sealed or broken (429 and 5xx) has
    /// decided nothing.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        const TOO_MANY_REQUESTS: u16 = 429;
        match self {
            Self::Client(ClientError::Problem(problem))
                if problem.status < 500 && problem.status != TOO_MANY_REQUESTS =>
            {
                Some(Refusal { code: problem.code.clone(), decision: problem.decision })
            }
            _ => None,
        }
    }

    /// Whether the broker could not be asked, or gave no decision.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Client(_)) && self.refusal().is_none()
    }
}

/// Attests once: what the evidence of this machine proves, and a token that says it.
///
/// # Errors
/// [`ExchangeError`].
pub async fn attest_once(
    door: &impl Door,
    source: &impl EvidenceSource,
    kem: Kem,
    clock: &impl Clock,
) -> Result<AttestResponse, ExchangeError> {
    let pair = RecipientKeyPair::generate(kem)?;
    let challenge = door.challenge().await?;
    let (expect, items) = collect(&pair, &challenge, None, source, clock).await?;
    Ok(door.attest(&expect.attest(items)).await?)
}

/// Authorizes once: the keys, out of their envelopes. All of them or an error.
///
/// # Errors
/// [`ExchangeError`].
pub async fn authorize_once(
    door: &impl Door,
    source: &impl EvidenceSource,
    kem: Kem,
    keys: &[String],
    clock: &impl Clock,
) -> Result<Session, ExchangeError> {
    let pair = RecipientKeyPair::generate(kem)?;
    let challenge = door.challenge().await?;
    let (expect, items) = collect(&pair, &challenge, None, source, clock).await?;
    let answer = door.authorize(&expect.authorize(items, keys.to_vec())).await?;
    Ok(expect.answer(&answer, keys, clock.now())?)
}

/// Evidence over a challenge: the items, and the state that waits for the answer to them.
pub(crate) async fn collect<'a>(
    pair: &'a RecipientKeyPair,
    challenge: &Challenge,
    runtime_data: Option<Value>,
    source: &impl EvidenceSource,
    clock: &impl Clock,
) -> Result<(ExpectAnswer<'a>, Value), ExchangeError> {
    let expect = ExpectChallenge::new(pair, runtime_data).challenge(challenge, clock.now())?;
    let document = source.collect(expect.binding()).await?;
    let items = items(document)?;
    let (expires_at, now): (UnixTime, UnixTime) = (challenge.expires_at, clock.now());
    // A quote can take longer than the challenge lives: sending it would be a refusal for no fault of ours.
    if now > expires_at {
        return Err(HandshakeError::ChallengeExpired { expires_at, now }.into());
    }
    Ok((expect, items))
}

/// The array of items of `{"evidence":[…]}`.
fn items(document: Value) -> Result<Value, ExchangeError> {
    let Value::Object(mut fields) = document else { return Err(ExchangeError::Document) };
    match fields.remove("evidence") {
        Some(items @ Value::Array(_)) if fields.is_empty() => Ok(items),
        _ => Err(ExchangeError::Document),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hanzo_kbs_client::BrokerProblem;
    use serde_json::json;

    fn problem(status: u16) -> ExchangeError {
        ExchangeError::Client(ClientError::Problem(Box::new(BrokerProblem {
            status,
            code: "Code".to_owned(),
            detail: String::new(),
            decision: Some(3),
            request_id: String::new(),
            retry_after: None,
        })))
    }

    #[test]
    fn a_clear_no_is_told_from_a_broker_that_did_not_decide() {
        for status in [400, 401, 403, 404, 409, 413, 415] {
            assert_eq!(
                problem(status).refusal(),
                Some(Refusal { code: "Code".to_owned(), decision: Some(3) })
            );
        }
        for status in [429, 500, 502, 503] {
            assert_eq!(problem(status).refusal(), None);
            assert!(problem(status).is_unreachable());
        }
        let timeout = ExchangeError::Client(ClientError::Unreachable { reason: String::new() });
        assert!(timeout.refusal().is_none() && timeout.is_unreachable());
        assert!(!ExchangeError::Document.is_unreachable());
    }

    #[test]
    fn only_a_document_has_items() {
        assert_eq!(items(json!({"evidence": [1]})).unwrap(), json!([1]));
        for other in [json!([]), json!({}), json!({"evidence": {}}), json!({"evidence": [], "x": 1})] {
            assert!(matches!(items(other), Err(ExchangeError::Document)));
        }
    }
}
