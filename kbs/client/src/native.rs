//! The native door: what a node asks for. No token is needed, the evidence speaks.

use crate::error::ClientError;
use crate::health::{Health, Readiness};
use crate::token::bearer;
use crate::transport::{Client, Request};
use hanzo_kbs_protocol::{
    ActivateRequest, ActivateResponse, AttestRequest, AttestResponse, AuthorizeRequest, AuthorizeResponse,
    Challenge, ChallengeRequest, CredentialRequest, CredentialResponse, RenewRequest, RevokeRequest,
    SessionStatus, TierPolicy,
};

impl Client {
    /// `POST /kbs/v1/challenge`: a nonce to bind evidence to. Good once, until it expires.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn challenge(&self) -> Result<Challenge, ClientError> {
        self.call(Request::post(&["kbs", "v1", "challenge"], &ChallengeRequest {})?).await
    }

    /// `POST /kbs/v1/attest`: evidence for a token that says what was proved.
    ///
    /// # Errors
    /// [`ClientError`]; refusals are problems with the codes `EvidenceRefused`, `EvidenceMalformed` and
    /// `ChallengeRefused`.
    pub async fn attest(&self, request: &AttestRequest) -> Result<AttestResponse, ClientError> {
        self.call(Request::post(&["kbs", "v1", "attest"], request)?).await
    }

    /// `POST /kbs/v1/authorize` with evidence in the request: keys sealed to its recipient.
    ///
    /// # Errors
    /// [`ClientError`]; a key that is absent, above the proved tier or denied by policy gives the one code
    /// `KeyNotGranted`.
    pub async fn authorize(&self, request: &AuthorizeRequest) -> Result<AuthorizeResponse, ClientError> {
        self.call(Request::post(&["kbs", "v1", "authorize"], request)?).await
    }

    /// `POST /kbs/v1/authorize` with the token of an earlier [`Client::attest`] in place of evidence.
    ///
    /// # Errors
    /// As [`Client::authorize`]; [`ClientError::Request`] for a token that no header can carry.
    pub async fn authorize_with_token(
        &self,
        token: &str,
        request: &AuthorizeRequest,
    ) -> Result<AuthorizeResponse, ClientError> {
        let authorization = bearer(token).map_err(|error| ClientError::Request(error.to_string()))?;
        let request = Request::post(&["kbs", "v1", "authorize"], request)?.authorization(authorization);
        self.call(request).await
    }

    /// `POST /kbs/v1/renew`: fresh evidence for more time, and the keys sealed again.
    ///
    /// # Errors
    /// [`ClientError`]; `SessionUnknown` once it has expired or was revoked.
    pub async fn renew(&self, request: &RenewRequest) -> Result<AuthorizeResponse, ClientError> {
        self.call(Request::post(&["kbs", "v1", "renew"], request)?).await
    }

    /// `POST /kbs/v1/revoke`: ends a session and every grant in it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn revoke(&self, request: &RevokeRequest) -> Result<SessionStatus, ClientError> {
        self.call(Request::post(&["kbs", "v1", "revoke"], request)?).await
    }

    /// `POST /kbs/v1/tpm/credential`: a secret that only this machine's TPM can open.
    ///
    /// # Errors
    /// [`ClientError`]; `EvidenceRefused` for a TPM that the broker does not know.
    pub async fn tpm_credential(
        &self,
        request: &CredentialRequest,
    ) -> Result<CredentialResponse, ClientError> {
        self.call(Request::post(&["kbs", "v1", "tpm", "credential"], request)?).await
    }

    /// `POST /kbs/v1/tpm/activate`: the opened secret for an activation record.
    ///
    /// # Errors
    /// [`ClientError`]; `ChallengeRefused` for another secret, or the same one again.
    pub async fn tpm_activate(&self, request: &ActivateRequest) -> Result<ActivateResponse, ClientError> {
        self.call(Request::post(&["kbs", "v1", "tpm", "activate"], request)?).await
    }

    /// `GET /kbs/v1/session/{id}/status`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn session_status(&self, session_id: &str) -> Result<SessionStatus, ClientError> {
        self.call(Request::get(&["kbs", "v1", "session", session_id, "status"])).await
    }

    /// `GET /kbs/v1/policy/tier/{tier}`: what a tier demands; by number, name or alias.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn tier_policy(&self, tier: &str) -> Result<TierPolicy, ClientError> {
        self.call(Request::get(&["kbs", "v1", "policy", "tier", tier])).await
    }

    /// `GET /healthz`: which broker this is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.call_any_status(Request::get(&["healthz"])).await.map(|(_, health)| health)
    }

    /// `GET /readyz`: whether it can release a key now.
    ///
    /// # Errors
    /// [`ClientError`] when the answer is neither yes (200) nor no (503).
    pub async fn ready(&self) -> Result<Readiness, ClientError> {
        match self.exchange(Request::get(&["readyz"])).await?.status() {
            200 => Ok(Readiness::Ready),
            503 => Ok(Readiness::NotReady),
            status => Err(ClientError::Status { status }),
        }
    }
}
