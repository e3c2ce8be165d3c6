//! Messages of the native door, `/kbs/v1`. Unknown fields are refused everywhere.

use crate::sealed::Sealed;
use crate::tier;
use hanzo_attestation_evidence::{DeviceId, Hex, Recipient, UnixTime};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Most keys in one request. A guest has a handful (disks, models, credentials); 32 leaves room, and keeps
/// the transaction of one release, one row and one HPKE seal a key, in single milliseconds.
pub const MAX_KEYS: usize = 32;

/// Body of `POST attest`, and the evidence half of `authorize` and `renew`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestRequest {
    /// The challenge, exactly as the broker wrote it.
    pub nonce: String,
    /// The public key that the evidence binds and to which keys are sealed.
    pub recipient: Recipient,
    /// The items of evidence: the array that an evidence document has under `evidence`.
    pub evidence: Value,
    /// The caller's own data, bound into the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_data: Option<Value>,
}

impl AttestRequest {
    /// The evidence document that the items stand for: `{"evidence":[…]}`.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({"evidence": self.evidence})
    }
}

/// Answer to `POST attest`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestResponse {
    /// EAR as a signed JWT; also a bearer token for `authorize`.
    pub token: String,
    /// The tier that the evidence proves.
    #[serde(deserialize_with = "tier::number")]
    pub tier: u8,
    /// When the token ends.
    pub expires_at: UnixTime,
    /// Findings that did not refuse: `{rule, code, severity, message}`.
    pub findings: Vec<Value>,
    /// What kept the node from the tier above; absent at the highest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_tier: Option<NextTier>,
}

/// The tier above the one that evidence proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextTier {
    /// The tier.
    #[serde(deserialize_with = "tier::number")]
    pub tier: u8,
    /// What is missing for it, one sentence each.
    pub missing: Vec<String>,
}

/// How an `authorize` request proves itself.
#[derive(Clone, Debug, PartialEq)]
pub enum AuthorizeProof {
    /// By the bearer token of an earlier `attest`, in the `Authorization` header.
    Token,
    /// By evidence in the request.
    Evidence(Box<AttestRequest>),
}

/// Body of `POST authorize`: keys asked for, and either all of `nonce`, `recipient` and `evidence` or none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawAuthorizeRequest", into = "RawAuthorizeRequest")]
pub struct AuthorizeRequest {
    /// Token or evidence.
    pub proof: AuthorizeProof,
    /// Key ids: 1 to [`MAX_KEYS`], none twice.
    pub keys: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAuthorizeRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipient: Option<Recipient>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    runtime_data: Option<Value>,
    keys: Vec<String>,
}

/// An `authorize` request that says two things at once, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizeRequestError {
    /// Some of the three members are there, and some are not.
    #[error("`nonce`, `recipient` and `evidence` come together or not at all")]
    HalfProof,
    /// Runtime data without evidence to bind it.
    #[error("`runtime_data` without evidence binds nothing")]
    RuntimeDataAlone,
    /// No key, or too many.
    #[error("{count} keys asked for; 1 to {MAX_KEYS} are allowed")]
    KeyCount {
        /// How many were asked for.
        count: usize,
    },
    /// One key twice.
    #[error("a key is asked for twice")]
    KeyTwice,
}

impl TryFrom<RawAuthorizeRequest> for AuthorizeRequest {
    type Error = AuthorizeRequestError;

    fn try_from(raw: RawAuthorizeRequest) -> Result<Self, Self::Error> {
        let count = raw.keys.len();
        if !(1..=MAX_KEYS).contains(&count) {
            return Err(AuthorizeRequestError::KeyCount { count });
        }
        if raw.keys.iter().collect::<BTreeSet<_>>().len() != count {
            return Err(AuthorizeRequestError::KeyTwice);
        }
        let proof = match (raw.nonce, raw.recipient, raw.evidence, raw.runtime_data) {
            (Some(nonce), Some(recipient), Some(evidence), runtime_data) => {
                AuthorizeProof::Evidence(Box::new(AttestRequest { nonce, recipient, evidence, runtime_data }))
            }
            (None, None, None, None) => AuthorizeProof::Token,
            (None, None, None, Some(_)) => return Err(AuthorizeRequestError::RuntimeDataAlone),
            _ => return Err(AuthorizeRequestError::HalfProof),
        };
        Ok(Self { proof, keys: raw.keys })
    }
}

impl From<AuthorizeRequest> for RawAuthorizeRequest {
    fn from(request: AuthorizeRequest) -> Self {
        let keys = request.keys;
        match request.proof {
            AuthorizeProof::Token => {
                Self { nonce: None, recipient: None, evidence: None, runtime_data: None, keys }
            }
            AuthorizeProof::Evidence(proof) => Self {
                nonce: Some(proof.nonce),
                recipient: Some(proof.recipient),
                evidence: Some(proof.evidence),
                runtime_data: proof.runtime_data,
                keys,
            },
        }
    }
}

/// One key, sealed to the recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantedKey {
    /// The key id as asked for.
    pub key_id: String,
    /// The key version inside.
    pub version: u64,
    /// The envelope.
    pub sealed: Sealed,
    /// When the grant ends.
    pub expires_at: UnixTime,
}

/// What the record says of one release: enough to find the row, and to recognise it later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Number of the row.
    pub seq: u64,
    /// When it was decided.
    pub at: UnixTime,
    /// The key released.
    pub key_id: String,
    /// Its version.
    pub version: u64,
    /// Hash of the row before.
    pub prev: Hex<32>,
    /// Hash of this row; the envelope's associated data names it.
    pub hash: Hex<32>,
    /// Changes of rules that were applied without their quorum and that nobody has acknowledged: the row
    /// names them as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub break_glass: Vec<Hex<32>>,
}

/// The newest row of the record and its hash: whoever keeps one can tell a rolled-back record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Number of the newest row; 0 while there is none.
    pub seq: u64,
    /// Its hash; all zero while there is none.
    pub hash: Hex<32>,
}

/// Answer to `POST authorize` and `POST renew`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizeResponse {
    /// The session: 32 lower-case hex digits.
    pub session_id: String,
    /// The tier that the evidence proved.
    #[serde(deserialize_with = "tier::number")]
    pub tier: u8,
    /// When the session ends unless it is renewed.
    pub expires_at: UnixTime,
    /// The keys, in the order asked for.
    pub keys: Vec<GrantedKey>,
    /// One receipt a key, in the same order.
    pub receipts: Vec<Receipt>,
    /// The record's head after this release.
    pub checkpoint: Checkpoint,
}

/// Body of `POST renew`: a session, and fresh evidence for the same recipient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    /// The session to renew.
    pub session_id: String,
    /// A new challenge.
    pub nonce: String,
    /// The recipient of the session: another one is refused.
    pub recipient: Recipient,
    /// The items of evidence over the new challenge.
    pub evidence: Value,
    /// The caller's own data, bound into the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_data: Option<Value>,
}

impl RenewRequest {
    /// The session, and the request's evidence in the shape that `attest` has.
    #[must_use]
    pub fn split(self) -> (String, AttestRequest) {
        let Self { session_id, nonce, recipient, evidence, runtime_data } = self;
        (session_id, AttestRequest { nonce, recipient, evidence, runtime_data })
    }
}

/// Body of `POST revoke`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeRequest {
    /// The session to end.
    pub session_id: String,
}

/// The life of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// Its deadline lies ahead.
    Live,
    /// Its deadline has passed.
    Expired,
    /// It was ended.
    Revoked,
    /// Its machine opened another one for the same devices.
    Superseded,
}

/// One grant of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantStatus {
    /// The key.
    pub key_id: String,
    /// Its version.
    pub version: u64,
    /// When the grant ends.
    pub expires_at: UnixTime,
}

/// Answer to `GET session/{id}/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionStatus {
    /// The session.
    pub session_id: String,
    /// Whether it lives.
    pub state: SessionState,
    /// The tier that its newest evidence proved.
    #[serde(deserialize_with = "tier::number")]
    pub tier: u8,
    /// Its deadline.
    pub expires_at: UnixTime,
    /// The devices that it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceId>,
    /// What it holds.
    pub grants: Vec<GrantStatus>,
}

/// Answer to `GET policy/tier/{tier}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierPolicy {
    /// The number.
    #[serde(deserialize_with = "tier::number")]
    pub tier: u8,
    /// The name.
    pub name: String,
    /// Older names of the same tier.
    pub aliases: Vec<String>,
    /// What must be proved, one sentence each.
    pub requires: Vec<String>,
}

#[cfg(test)]
mod tests;
