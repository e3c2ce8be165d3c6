//! Changes that need several people: what is proposed, what people sign, and how it travels.
//!
//! A change is named by its content: the id is SHA-256 over the domain `hanzo-kbs/v1/change`, a zero byte and
//! the RFC 8785 form of the [`Statement`]. Who proposes, approves, withdraws, breaks the glass or acknowledges
//! signs a domain of its own, a zero byte and the id, so that no signature can stand for another word or for
//! another change. The client computes the id from the text that it has: it never signs a digest that it was
//! told.

mod body;
mod key;

pub use body::{
    BodyError, KeyDemands, PairBody, TRUST, TrustDocument, TrustPerson, TrustQuorum, TrustScope, canonical,
    differences, read_body,
};
pub use key::{PersonKey, PersonKeyError, WrongSignature, pem_block};

use crate::admin::ReferenceValue;
use aws_lc_rs::digest;
use hanzo_attestation_evidence::{Hex, UnixTime};
use serde::{Deserialize, Serialize};

/// Domain of a change's id.
const CHANGE: &[u8] = b"hanzo-kbs/v1/change";
/// Longest reason in bytes for breaking the glass: a paragraph.
pub const MAX_REASON: usize = 1024;

/// What a change replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// A policy.
    Policy,
    /// A reference set.
    Reference,
    /// A new key or secret: what it demands, see [`KeyDemands`]; never its material.
    Key,
    /// A machine and its devices, see [`PairBody`].
    Inventory,
    /// What the broker trusts, and who decides together, see [`TrustDocument`].
    Trust,
}

impl ChangeKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Policy, Self::Reference, Self::Key, Self::Inventory, Self::Trust];

    /// The name on the wire and in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Reference => "reference",
            Self::Key => "key",
            Self::Inventory => "inventory",
            Self::Trust => "trust",
        }
    }
}

/// A text without RFC 8785 form; none of those here is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has no RFC 8785 form")]
pub struct NotCanonical;

/// What a change says; its RFC 8785 form is what the id is a digest of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// What it is.
    pub kind: ChangeKind,
    /// Its name.
    pub name: String,
    /// SHA-256 of the new text: Cedar, [`reference_body`], or the RFC 8785 form of what the kind names.
    pub body_digest: Hex<32>,
    /// The version that it replaces; `null` when the rule is new.
    pub expected_version: Option<u64>,
    /// Who proposes it.
    pub author: String,
    /// 16 random bytes of the author: the same text can be proposed again, and is another change then.
    pub nonce: Hex<16>,
}

impl Statement {
    /// The id of the change.
    ///
    /// # Errors
    /// [`NotCanonical`].
    pub fn id(&self) -> Result<Hex<32>, NotCanonical> {
        let form = serde_json_canonicalizer::to_vec(self).map_err(|_| NotCanonical)?;
        Ok(sha256(&[CHANGE, &[0], &form]))
    }
}

/// What a person says about a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Word<'a> {
    /// The author proposes it.
    Propose,
    /// The author takes it back.
    Withdraw,
    /// Another agrees.
    Approve,
    /// Another has it applied at once, for this reason.
    BreakGlass(&'a str),
    /// Another has looked at what was applied at once.
    Acknowledge,
}

impl Word<'_> {
    /// The bytes that are signed: the word's domain, a zero byte, the id of the change, and for
    /// [`Word::BreakGlass`] SHA-256 of the reason.
    #[must_use]
    pub fn message(self, change: &Hex<32>) -> Vec<u8> {
        let domain: &[u8] = match self {
            Self::Propose => b"hanzo-kbs/v1/proposal",
            Self::Withdraw => b"hanzo-kbs/v1/withdrawal",
            Self::Approve => b"hanzo-kbs/v1/approval",
            Self::BreakGlass(_) => b"hanzo-kbs/v1/break-glass",
            Self::Acknowledge => b"hanzo-kbs/v1/acknowledgement",
        };
        let mut message = [domain, &[0], change.as_ref()].concat();
        if let Self::BreakGlass(reason) = self {
            message.extend_from_slice(sha256(&[reason.as_bytes()]).as_ref());
        }
        message
    }
}

/// A reference set as the text that is stored and that a change's digest is of: the RFC 8785 form of its
/// values.
///
/// # Errors
/// [`NotCanonical`].
pub fn reference_body(values: &[ReferenceValue]) -> Result<String, NotCanonical> {
    canonical(&values)
}

/// SHA-256 of a change's text.
#[must_use]
pub fn body_digest(body: &str) -> Hex<32> {
    sha256(&[body.as_bytes()])
}

fn sha256(parts: &[&[u8]]) -> Hex<32> {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    Hex(hash)
}

/// Body of `POST changes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposeChange {
    /// What it is.
    pub kind: ChangeKind,
    /// Its name.
    pub name: String,
    /// The new text: Cedar, [`reference_body`], or the RFC 8785 form of what the kind names.
    pub body: String,
    /// The version that it replaces; absent when the rule is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
    /// Who proposes it.
    pub author: String,
    /// 16 random bytes of the author.
    pub nonce: Hex<16>,
    /// The author's signature over [`Word::Propose`].
    pub signature: Hex<64>,
}

impl ProposeChange {
    /// What the author signed.
    #[must_use]
    pub fn statement(&self) -> Statement {
        Statement {
            kind: self.kind,
            name: self.name.clone(),
            body_digest: body_digest(&self.body),
            expected_version: self.expected_version,
            author: self.author.clone(),
            nonce: self.nonce,
        }
    }
}

/// Body of `POST changes/{id}/approvals` and of `POST changes/{id}/acknowledge`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApproveChange {
    /// Who.
    pub approver: String,
    /// Their signature over [`Word::Approve`] or [`Word::Acknowledge`].
    pub signature: Hex<64>,
}

/// Body of `POST changes/{id}/break-glass`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// Who.
    pub approver: String,
    /// Why it cannot wait: 1 to [`MAX_REASON`] bytes.
    pub reason: String,
    /// Their signature over [`Word::BreakGlass`].
    pub signature: Hex<64>,
}

/// Body of `POST changes/{id}/withdraw`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithdrawChange {
    /// The author's signature over [`Word::Withdraw`].
    pub signature: Hex<64>,
}

/// Where a change stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeState {
    /// It can be approved, and applied when enough have and its time has come.
    Open,
    /// It is the rule, or was until the next version.
    Applied,
    /// Its author took it back.
    Withdrawn,
    /// Nobody applied it in time.
    Expired,
}

impl ChangeState {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Applied => "applied",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }
}

/// What one person said about a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoteInfo {
    /// Who.
    pub person: String,
    /// When the broker heard it.
    pub at: UnixTime,
    /// Why the glass was broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What they signed it with.
    pub signature: Hex<64>,
    /// Whether it counts now: not if the person, or that key, is no longer in the configuration.
    pub counts: bool,
}

/// A change, as `GET changes` lists it and `GET changes/{id}` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeInfo {
    /// SHA-256, see [`Statement::id`].
    pub id: Hex<32>,
    /// What the author signed.
    pub statement: Statement,
    /// The new text; left out of lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The author's signature over [`Word::Propose`].
    pub signature: Hex<64>,
    /// The scopes of the configuration that the rule is in now; none means that it needs nobody's approval.
    pub scopes: Vec<String>,
    /// When it was proposed.
    pub proposed_at: UnixTime,
    /// The first instant at which it can be applied.
    pub due_at: UnixTime,
    /// The first instant at which it cannot be applied any more.
    pub expires_at: UnixTime,
    /// Where it stands.
    pub state: ChangeState,
    /// How many approvals it needs.
    pub needed: usize,
    /// Who approved it.
    pub approvals: Vec<VoteInfo>,
    /// How many must ask for it to be applied at once; absent where that is not possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass_needed: Option<usize>,
    /// Who asked for that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub break_glass: Vec<VoteInfo>,
    /// Whether it was applied at once, and is not acknowledged yet.
    #[serde(default)]
    pub glass_broken: bool,
    /// Who looked at it afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acknowledgements: Vec<VoteInfo>,
}

#[cfg(test)]
mod tests;
