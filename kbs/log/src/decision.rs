//! One row: what was decided, about what, on what grounds.

use crate::claims::Claims;
use hanzo_attestation_evidence::{DeviceId, Hex, MachineId, UnixTime};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// Through which door a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// `/kbs/v1`, for nodes.
    Native,
    /// `/kbs/v1`, admin calls.
    Admin,
    /// The operator at the machine itself: `init`, `unseal`, `seal`.
    Local,
}

impl Door {
    /// The name in the record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Admin => "admin",
            Self::Local => "local",
        }
    }
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    /// A token for evidence.
    #[serde(rename = "attest")]
    Attest,
    /// Keys for evidence, or for a token.
    #[serde(rename = "authorize")]
    Authorize,
    /// A session's renewal.
    #[serde(rename = "renew")]
    Renew,
    /// The end of a session.
    #[serde(rename = "revoke")]
    Revoke,
    /// A TPM's attestation key, tied to its endorsement key.
    #[serde(rename = "tpm.activate")]
    TpmActivate,
    /// A new key.
    #[serde(rename = "key.create")]
    KeyCreate,
    /// A new secret, or a new version of one.
    #[serde(rename = "secret.put")]
    SecretPut,
    /// A new policy version.
    #[serde(rename = "policy.put")]
    PolicyPut,
    /// A candidate beside the policies in force, or its end.
    #[serde(rename = "policy.shadow")]
    PolicyShadow,
    /// A new version of a reference set.
    #[serde(rename = "reference.put")]
    ReferencePut,
    /// A machine paired with its devices: by an administrator, or at first use.
    #[serde(rename = "inventory.put")]
    InventoryPut,
    /// Such a pair, taken back.
    #[serde(rename = "inventory.remove")]
    InventoryRemove,
    /// The document about what the broker trusts: adopted at a start, or changed by several people.
    #[serde(rename = "trust.put")]
    TrustPut,
    /// A change that needs several people, proposed.
    #[serde(rename = "change.propose")]
    ChangePropose,
    /// Approved by one of them.
    #[serde(rename = "change.approve")]
    ChangeApprove,
    /// Taken back by its author.
    #[serde(rename = "change.withdraw")]
    ChangeWithdraw,
    /// Made the rule.
    #[serde(rename = "change.apply")]
    ChangeApply,
    /// Asked to be made the rule at once.
    #[serde(rename = "change.break-glass")]
    ChangeBreakGlass,
    /// Looked at after it was made the rule at once.
    #[serde(rename = "change.acknowledge")]
    ChangeAcknowledge,
    /// Other collateral that evidence is judged by.
    #[serde(rename = "collateral.load")]
    CollateralLoad,
    /// An admin credential that was not accepted.
    #[serde(rename = "admin.authenticate")]
    AdminAuthenticate,
    /// The making of the store.
    #[serde(rename = "initialise")]
    Initialise,
    /// The opening of the seal.
    #[serde(rename = "unseal")]
    Unseal,
    /// The closing of the seal.
    #[serde(rename = "seal")]
    Seal,
}

impl Action {
    /// The name in the record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attest => "attest",
            Self::Authorize => "authorize",
            Self::Renew => "renew",
            Self::Revoke => "revoke",
            Self::TpmActivate => "tpm.activate",
            Self::KeyCreate => "key.create",
            Self::SecretPut => "secret.put",
            Self::PolicyPut => "policy.put",
            Self::PolicyShadow => "policy.shadow",
            Self::ReferencePut => "reference.put",
            Self::InventoryPut => "inventory.put",
            Self::InventoryRemove => "inventory.remove",
            Self::TrustPut => "trust.put",
            Self::ChangePropose => "change.propose",
            Self::ChangeApprove => "change.approve",
            Self::ChangeWithdraw => "change.withdraw",
            Self::ChangeApply => "change.apply",
            Self::ChangeBreakGlass => "change.break-glass",
            Self::ChangeAcknowledge => "change.acknowledge",
            Self::CollateralLoad => "collateral.load",
            Self::AdminAuthenticate => "admin.authenticate",
            Self::Initialise => "initialise",
            Self::Unseal => "unseal",
            Self::Seal => "seal",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Granted,
    /// It was refused; `code` and `reason` say why.
    Refused,
}

impl Outcome {
    /// The name in the record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Refused => "refused",
        }
    }
}

/// Whose agreement a new version of a rule rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRecord {
    /// The change.
    pub id: Hex<32>,
    /// Who proposed it.
    pub author: String,
    /// Who approved it, or asked for it to be applied at once.
    pub approvers: Vec<String>,
    /// Why it was applied at once; absent where it was approved and waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<String>,
}

/// A decision that has no number yet. What does not apply is absent; nothing stands in for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDecision {
    /// When it was decided.
    pub at: UnixTime,
    /// Through which door.
    pub door: Door,
    /// What was asked for.
    pub action: Action,
    /// Yes or no.
    pub outcome: Outcome,
    /// Stable code: `Granted`, or the code of the broken rule.
    pub code: String,
    /// The whole reason, for the operator.
    pub reason: String,
    /// Who asked, with the method that authenticated it: `recipient:…`, `admin-token:…`, `local`.
    pub actor: String,
    /// The request, as in the `x-request-id` header.
    pub request_id: String,
    /// Whether it rests on a lab root.
    pub lab: bool,
    /// Tenant of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_version: Option<u64>,
    /// Name of the policy, reference set or pair that was changed, or of the bundle of collateral, or id of
    /// the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The version of that policy or set, or the bundle's sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_version: Option<u64>,
    /// The tier that the evidence proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<u8>,
    /// The tier that the key demands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_tier: Option<u8>,
    /// Digest of the evidence document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_digest: Option<Hex<32>>,
    /// The machine that the evidence is of; absent where the platform hides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineId>,
    /// The devices that the evidence is of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceId>,
    /// The verified claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Claims>,
    /// Digest of the policies that decided, or of the policy that was put.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_digest: Option<Hex<32>>,
    /// Digest of the references that decided, of the set that was put, or of the bundle's manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_digest: Option<Hex<32>>,
    /// Number of the decision that last changed the policies and references that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules_epoch: Option<u64>,
    /// Digest of the document that is kept about it: the facts that policies decided by, or the evidence that
    /// was refused before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts_digest: Option<Hex<32>>,
    /// How many other recipients had a live grant of the key when it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_grants: Option<u32>,
    /// Digest of the recipient key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_digest: Option<Hex<32>>,
    /// The session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// SHA-256 of the challenge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce_digest: Option<Hex<32>>,
    /// The change that made this the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeRecord>,
    /// The checks that configuration waived: rule and finding, one each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<String>,
    /// Changes of rules that were applied without their quorum and that nobody had acknowledged when this was
    /// decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub break_glass: Vec<Hex<32>>,
}

impl NewDecision {
    /// A granted decision with the code `Granted` and nothing about keys, evidence or sessions yet: set the
    /// public fields that apply.
    #[must_use]
    pub fn granted(
        at: UnixTime,
        door: Door,
        action: Action,
        actor: impl Into<String>,
        request_id: impl Into<String>,
    ) -> Self {
        Self {
            at,
            door,
            action,
            outcome: Outcome::Granted,
            code: "Granted".to_owned(),
            reason: String::new(),
            actor: actor.into(),
            request_id: request_id.into(),
            lab: false,
            tenant: None,
            key_id: None,
            key_version: None,
            subject: None,
            subject_version: None,
            tier: None,
            minimum_tier: None,
            evidence_digest: None,
            machine: None,
            devices: Vec::new(),
            claims: None,
            policy_digest: None,
            reference_digest: None,
            rules_epoch: None,
            facts_digest: None,
            live_grants: None,
            recipient_digest: None,
            session_id: None,
            nonce_digest: None,
            change: None,
            waivers: Vec::new(),
            break_glass: Vec::new(),
        }
    }

    /// This decision as a refusal.
    #[must_use]
    pub fn refused(self, code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { outcome: Outcome::Refused, code: code.into(), reason: reason.into(), ..self }
    }
}

/// A decision in its place in the chain. In JSON it is one flat object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct Decision {
    /// 1 and up, without gaps.
    pub seq: u64,
    /// Hash of this row.
    pub hash: Hex<32>,
    /// What was decided.
    #[serde(flatten)]
    pub entry: NewDecision,
}

impl TryFrom<Map<String, Value>> for Decision {
    type Error = serde_json::Error;

    // `flatten` cannot refuse unknown fields; an auditor's reader has to, because the hash would not cover
    // them.
    fn try_from(mut fields: Map<String, Value>) -> Result<Self, serde_json::Error> {
        let seq = serde_json::from_value(fields.remove("seq").unwrap_or(Value::Null))?;
        let hash = serde_json::from_value(fields.remove("hash").unwrap_or(Value::Null))?;
        let entry = serde_json::from_value(Value::Object(fields))?;
        Ok(Self { seq, hash, entry })
    }
}
