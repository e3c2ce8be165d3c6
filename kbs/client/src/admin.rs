//! The administrator's calls. An administrator decides who may have a key and never reads one.

use crate::error::ClientError;
use crate::token::AdminToken;
use crate::transport::{Client, Request};
use hanzo_attestation_evidence::Hex;
use hanzo_kbs_log::Decision;
use hanzo_kbs_protocol::{
    ApproveChange, AuditPage, BreakGlass, Candidate, ChangeInfo, CreateKey, ExplainedDecision, GrantInfo,
    KeyInfo, PairInfo, PolicyInfo, ProposeChange, PutPair, PutPolicy, PutReference, PutSecret, ReferenceInfo,
    ReplayAnswer, ReplayRequest, RuleName, RuleVersion, ShadowInfo, SignedHistory, TrustInfo, WithdrawChange,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A [`Client`] and the token that it administers the broker with.
#[derive(Clone)]
pub struct Admin {
    client: Client,
    token: AdminToken,
}

impl Admin {
    pub(crate) const fn new(client: Client, token: AdminToken) -> Self {
        Self { client, token }
    }

    /// `POST /kbs/v1/keys`: the broker makes a key.
    ///
    /// # Errors
    /// [`ClientError`]; `Conflict` if the id is taken.
    pub async fn create_key(&self, request: &CreateKey) -> Result<KeyInfo, ClientError> {
        self.post(&["keys"], request).await
    }

    /// `GET /kbs/v1/keys`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list_keys(&self) -> Result<Vec<KeyInfo>, ClientError> {
        self.get(&["keys"]).await
    }

    /// `GET /kbs/v1/keys/{tenant}/{name}`: what is known about a key or a secret, never its value.
    ///
    /// # Errors
    /// [`ClientError`]; `NotFound`.
    pub async fn key(&self, id: &str) -> Result<KeyInfo, ClientError> {
        self.get(&named("keys", id)).await
    }

    /// `PUT /kbs/v1/secrets/{tenant}/{name}`: a value from outside, or its next version.
    ///
    /// # Errors
    /// [`ClientError`]; `Conflict` if the id names a generated key or has another tier.
    pub async fn put_secret(&self, request: &PutSecret) -> Result<KeyInfo, ClientError> {
        let path = named("secrets", &request.id);
        self.client.call(self.authorized(Request::put(&v1(&path), request)?)?).await
    }

    /// `GET /kbs/v1/secrets`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list_secrets(&self) -> Result<Vec<KeyInfo>, ClientError> {
        self.get(&["secrets"]).await
    }

    /// `PUT /kbs/v1/policies/{name}`.
    ///
    /// # Errors
    /// [`ClientError`]; `Conflict` if `expected_version` is not the current one.
    pub async fn put_policy(&self, name: &str, request: &PutPolicy) -> Result<PolicyInfo, ClientError> {
        self.put(&["policies", name], request).await
    }

    /// `GET /kbs/v1/policies`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list_policies(&self) -> Result<Vec<PolicyInfo>, ClientError> {
        self.get(&["policies"]).await
    }

    /// `GET /kbs/v1/policies/{name}`, with its text; the current version unless one is named.
    ///
    /// # Errors
    /// [`ClientError`]; `NotFound`.
    pub async fn policy(&self, name: &str, version: Option<u64>) -> Result<PolicyInfo, ClientError> {
        let request = Request::get(&v1(&["policies", name])).query("version", version);
        self.client.call(self.authorized(request)?).await
    }

    /// `PUT /kbs/v1/references/{name}`.
    ///
    /// # Errors
    /// [`ClientError`]; `Conflict` if `expected_version` is not the current one.
    pub async fn put_reference(
        &self,
        name: &str,
        request: &PutReference,
    ) -> Result<ReferenceInfo, ClientError> {
        self.put(&["references", name], request).await
    }

    /// `GET /kbs/v1/references`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list_references(&self) -> Result<Vec<ReferenceInfo>, ClientError> {
        self.get(&["references"]).await
    }

    /// `GET /kbs/v1/references/{name}`; the current version unless one is named.
    ///
    /// # Errors
    /// [`ClientError`]; `NotFound`.
    pub async fn reference(&self, name: &str, version: Option<u64>) -> Result<ReferenceInfo, ClientError> {
        let request = Request::get(&v1(&["references", name])).query("version", version);
        self.client.call(self.authorized(request)?).await
    }

    /// `GET /kbs/v1/references/{name}/versions`: a page of them, newest first; from the current one, or below
    /// the one named.
    ///
    /// # Errors
    /// [`ClientError`]; `NotFound`.
    pub async fn reference_versions(
        &self,
        name: &str,
        before: Option<u64>,
    ) -> Result<Vec<RuleVersion>, ClientError> {
        let request = Request::get(&v1(&["references", name, "versions"])).query("before", before);
        self.client.call(self.authorized(request)?).await
    }

    /// `GET /kbs/v1/policies/{name}/statement` or `references/{name}/statement`: a page of versions, signed; up to
    /// the current one, or below the one named.
    ///
    /// # Errors
    /// [`ClientError`]; `NotFound`.
    pub async fn statement(
        &self,
        kind: RuleName,
        name: &str,
        before: Option<u64>,
    ) -> Result<SignedHistory, ClientError> {
        let rules = match kind {
            RuleName::Policy => "policies",
            RuleName::Reference => "references",
        };
        let request = Request::get(&v1(&[rules, name, "statement"])).query("before", before);
        self.client.call(self.authorized(request)?).await
    }

    /// `PUT /kbs/v1/inventory/{name}`.
    ///
    /// # Errors
    /// [`ClientError`]; `Conflict` if `expected_version` is not the current one, or a device is another
    /// machine's.
    pub async fn put_pair(&self, name: &str, request: &PutPair) -> Result<PairInfo, ClientError> {
        self.put(&["inventory", name], request).await
    }

    /// `GET /kbs/v1/inventory`: the pairs in force.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list_pairs(&self) -> Result<Vec<PairInfo>, ClientError> {
        self.get(&["inventory"]).await
    }

    /// `GET /kbs/v1/inventory/{name}`, also of a pair that was taken back.
    ///
    /// # Errors
    /// [`ClientError`]; `NotFound`.
    pub async fn pair(&self, name: &str) -> Result<PairInfo, ClientError> {
        self.get(&["inventory", name]).await
    }

    /// `DELETE /kbs/v1/inventory/{name}?expected_version=`: takes a pair back.
    ///
    /// # Errors
    /// [`ClientError`]; `Conflict` if that is not the current version.
    pub async fn remove_pair(&self, name: &str, expected_version: u64) -> Result<PairInfo, ClientError> {
        let request = Request::delete(&v1(&["inventory", name]));
        let request = request.query("expected_version", Some(expected_version));
        self.client.call(self.authorized(request)?).await
    }

    /// `POST /kbs/v1/changes`: a change that needs several people.
    ///
    /// # Errors
    /// [`ClientError`]; `ChangeRefused`, `Conflict`.
    pub async fn propose_change(&self, request: &ProposeChange) -> Result<ChangeInfo, ClientError> {
        self.post(&["changes"], request).await
    }

    /// `GET /kbs/v1/changes`: the newest ones, without their texts.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list_changes(&self) -> Result<Vec<ChangeInfo>, ClientError> {
        self.get(&["changes"]).await
    }

    /// `GET /kbs/v1/changes/{id}`, with its text.
    ///
    /// # Errors
    /// [`ClientError`]; `NotFound`.
    pub async fn change(&self, id: &Hex<32>) -> Result<ChangeInfo, ClientError> {
        self.get(&["changes", &id.to_string()]).await
    }

    /// `POST /kbs/v1/changes/{id}/approvals`.
    ///
    /// # Errors
    /// [`ClientError`]; `ChangeRefused`.
    pub async fn approve_change(
        &self,
        id: &Hex<32>,
        request: &ApproveChange,
    ) -> Result<ChangeInfo, ClientError> {
        self.post(&["changes", &id.to_string(), "approvals"], request).await
    }

    /// `POST /kbs/v1/changes/{id}/withdraw`.
    ///
    /// # Errors
    /// [`ClientError`]; `ChangeRefused`.
    pub async fn withdraw_change(
        &self,
        id: &Hex<32>,
        request: &WithdrawChange,
    ) -> Result<ChangeInfo, ClientError> {
        self.post(&["changes", &id.to_string(), "withdraw"], request).await
    }

    /// `POST /kbs/v1/changes/{id}/apply`.
    ///
    /// # Errors
    /// [`ClientError`]; `ChangeRefused`, `Conflict`.
    pub async fn apply_change(&self, id: &Hex<32>) -> Result<ChangeInfo, ClientError> {
        self.post(&["changes", &id.to_string(), "apply"], &serde_json::json!({})).await
    }

    /// `POST /kbs/v1/changes/{id}/break-glass`.
    ///
    /// # Errors
    /// [`ClientError`]; `ChangeRefused`, `Conflict`.
    pub async fn break_glass(&self, id: &Hex<32>, request: &BreakGlass) -> Result<ChangeInfo, ClientError> {
        self.post(&["changes", &id.to_string(), "break-glass"], request).await
    }

    /// `POST /kbs/v1/changes/{id}/acknowledge`.
    ///
    /// # Errors
    /// [`ClientError`]; `ChangeRefused`.
    pub async fn acknowledge_change(
        &self,
        id: &Hex<32>,
        request: &ApproveChange,
    ) -> Result<ChangeInfo, ClientError> {
        self.post(&["changes", &id.to_string(), "acknowledge"], request).await
    }

    /// `GET /kbs/v1/trust`: what the broker trusts, as it was adopted or approved last.
    ///
    /// # Errors
    /// [`ClientError`]; `NotFound` before the first start that adopts it.
    pub async fn trust(&self) -> Result<TrustInfo, ClientError> {
        self.get(&["trust"]).await
    }

    /// `GET /kbs/v1/grants`: which session holds which key, and until when; all, or those that rest on the
    /// device of this PDI.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list_grants(&self, device: Option<Hex<8>>) -> Result<Vec<GrantInfo>, ClientError> {
        let request = Request::get(&v1(&["grants"])).query("device", device);
        self.client.call(self.authorized(request)?).await
    }

    /// `GET /kbs/v1/audit`: decisions after row `after` (0: from the start), at most `limit`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn audit(&self, after: u64, limit: Option<u32>) -> Result<AuditPage, ClientError> {
        let request = Request::get(&v1(&["audit"])).query("after", Some(after)).query("limit", limit);
        self.client.call(self.authorized(request)?).await
    }

    /// `GET /kbs/v1/receipts/{seq}`: one decision, whole.
    ///
    /// # Errors
    /// [`ClientError`]; `NotFound`.
    pub async fn decision(&self, seq: u64) -> Result<Decision, ClientError> {
        self.get(&["receipts", &seq.to_string()]).await
    }

    /// `POST /kbs/v1/policies-replay`: a part of the recorded decisions, made again by other rules.
    ///
    /// # Errors
    /// [`ClientError`]; `MalformedRequest` if the candidate does not compile.
    pub async fn replay(&self, request: &ReplayRequest) -> Result<ReplayAnswer, ClientError> {
        self.post(&["policies-replay"], request).await
    }

    /// `PUT /kbs/v1/policies-shadow`: a candidate beside the rules in force.
    ///
    /// # Errors
    /// [`ClientError`]; `MalformedRequest` if it does not compile.
    pub async fn put_shadow(&self, candidate: &Candidate) -> Result<ShadowInfo, ClientError> {
        self.put(&["policies-shadow"], candidate).await
    }

    /// `GET /kbs/v1/policies-shadow`: what the candidate would have decided otherwise.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn shadow(&self) -> Result<ShadowInfo, ClientError> {
        self.get(&["policies-shadow"]).await
    }

    /// `DELETE /kbs/v1/policies-shadow`: takes the candidate away.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn clear_shadow(&self) -> Result<ShadowInfo, ClientError> {
        self.client.call(self.authorized(Request::delete(&v1(&["policies-shadow"])))?).await
    }

    /// `GET /kbs/v1/audit/{seq}/explanation`: why a decision came out as it did.
    ///
    /// # Errors
    /// [`ClientError`]; `NotFound`.
    pub async fn explanation(&self, seq: u64) -> Result<ExplainedDecision, ClientError> {
        self.get(&["audit", &seq.to_string(), "explanation"]).await
    }

    /// `POST /kbs/v1/seal`: the broker forgets its root key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn seal(&self) -> Result<Value, ClientError> {
        self.post(&["seal"], &serde_json::json!({})).await
    }

    /// `POST /kbs/v1/unseal`: the broker reads its root key again, from where it is configured to.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn unseal(&self) -> Result<Value, ClientError> {
        self.post(&["unseal"], &serde_json::json!({})).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, ClientError> {
        self.client.call(self.authorized(Request::get(&v1(path)))?).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.client.call(self.authorized(Request::post(&v1(path), body)?)?).await
    }

    async fn put<T: DeserializeOwned>(&self, path: &[&str], body: &impl Serialize) -> Result<T, ClientError> {
        self.client.call(self.authorized(Request::put(&v1(path), body)?)?).await
    }

    fn authorized(&self, request: Request) -> Result<Request, ClientError> {
        let header = self.token.header().map_err(|error| ClientError::Request(error.to_string()))?;
        Ok(request.authorization(header))
    }
}

/// `/kbs/v1/` and a path below it.
fn v1<'a>(path: &[&'a str]) -> Vec<&'a str> {
    ["kbs", "v1"].into_iter().chain(path.iter().copied()).collect()
}

/// A collection and a key id, whose slashes are path separators.
fn named<'a>(collection: &'a str, id: &'a str) -> Vec<&'a str> {
    [collection].into_iter().chain(id.split('/')).collect()
}
