//! The client's side of a release as two states, each named for what it expects next. No IO: the caller
//! moves the messages.
//!
//! ```text
//! ExpectChallenge ──challenge──▶ ExpectAnswer ──answer──▶ Session
//! ```

use crate::aad::{Expected, ExpectedAad};
use crate::challenge::Challenge;
use crate::messages::{
    AttestRequest, AuthorizeProof, AuthorizeRequest, AuthorizeResponse, Checkpoint, RenewRequest,
};
use crate::recipient::RecipientKeyPair;
use crate::sealed::OpenError;
use hanzo_attestation_evidence::binding::BindingError;
use hanzo_attestation_evidence::{Binding, UnixTime};
use serde_json::Value;
use zeroize::Zeroizing;

/// An answer that does not follow from the question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The challenge came too late, or from a broker with another clock.
    #[error("the challenge ended at {expires_at}, it is {now}")]
    ChallengeExpired {
        /// Its last moment.
        expires_at: UnixTime,
        /// The time given.
        now: UnixTime,
    },
    /// The runtime data has no canonical form.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// Another number of keys, or others, or in another order than asked for.
    #[error("the answer holds other keys than asked for")]
    Keys,
    /// The receipts do not belong to the keys.
    #[error("the receipt of `{key_id}` is missing or of another release")]
    Receipt {
        /// The key.
        key_id: String,
    },
    /// The session is already over.
    #[error("the session ended at {expires_at}, it is {now}")]
    SessionExpired {
        /// Its deadline.
        expires_at: UnixTime,
        /// The time given.
        now: UnixTime,
    },
    /// A renewal was answered with another session.
    #[error("asked to renew session `{expected}`, answered with `{found}`")]
    Session {
        /// The session to renew.
        expected: String,
        /// The session in the answer.
        found: String,
    },
    /// A key's envelope does not open, or is not the one asked for.
    #[error("`{key_id}`: {error}")]
    Open {
        /// The key.
        key_id: String,
        /// Why.
        error: OpenError,
    },
}

/// Waits for the broker's challenge.
#[derive(Debug)]
pub struct ExpectChallenge<'a> {
    keys: &'a RecipientKeyPair,
    runtime_data: Option<Value>,
}

/// Waits for the broker's answer. Holds the challenge and the binding that evidence has to carry.
#[derive(Debug)]
pub struct ExpectAnswer<'a> {
    keys: &'a RecipientKeyPair,
    runtime_data: Option<Value>,
    binding: Binding,
}

/// A key that came out of its envelope.
pub struct OpenedKey {
    /// The key.
    pub key_id: String,
    /// Its version.
    pub version: u64,
    /// When the grant ends.
    pub expires_at: UnixTime,
    /// The material, wiped on drop.
    pub material: Zeroizing<Vec<u8>>,
}

/// What a release gave.
pub struct Session {
    /// The session.
    pub session_id: String,
    /// The tier that the evidence proved.
    pub tier: u8,
    /// Its deadline.
    pub expires_at: UnixTime,
    /// The keys, in the order asked for.
    pub keys: Vec<OpenedKey>,
    /// The record's head: keep the newest, and refuse a broker that answers with an older one.
    pub checkpoint: Checkpoint,
}

impl<'a> ExpectChallenge<'a> {
    /// Starts a release to this recipient.
    #[must_use]
    pub const fn new(keys: &'a RecipientKeyPair, runtime_data: Option<Value>) -> Self {
        Self { keys, runtime_data }
    }

    /// Takes the challenge.
    ///
    /// # Errors
    /// [`HandshakeError::ChallengeExpired`], [`HandshakeError::Binding`].
    pub fn challenge(self, challenge: &Challenge, now: UnixTime) -> Result<ExpectAnswer<'a>, HandshakeError> {
        let expires_at = challenge.expires_at;
        if now > expires_at {
            return Err(HandshakeError::ChallengeExpired { expires_at, now });
        }
        let Self { keys, runtime_data } = self;
        let binding = Binding::new(&challenge.nonce, keys.recipient(), runtime_data.as_ref(), &[])?;
        Ok(ExpectAnswer { keys, runtime_data, binding })
    }
}

impl ExpectAnswer<'_> {
    /// What the evidence has to carry, for a machine without devices.
    #[must_use]
    pub const fn binding(&self) -> &Binding {
        &self.binding
    }

    /// The request to `attest`; `evidence` is the array of items.
    #[must_use]
    pub fn attest(&self, evidence: Value) -> AttestRequest {
        AttestRequest {
            nonce: self.binding.nonce().to_owned(),
            recipient: self.keys.recipient().clone(),
            evidence,
            runtime_data: self.runtime_data.clone(),
        }
    }

    /// The request to `authorize`.
    #[must_use]
    pub fn authorize(&self, evidence: Value, keys: Vec<String>) -> AuthorizeRequest {
        AuthorizeRequest { proof: AuthorizeProof::Evidence(Box::new(self.attest(evidence))), keys }
    }

    /// The request to `renew`.
    #[must_use]
    pub fn renew(&self, evidence: Value, session_id: String) -> RenewRequest {
        let AttestRequest { nonce, recipient, evidence, runtime_data } = self.attest(evidence);
        RenewRequest { session_id, nonce, recipient, evidence, runtime_data }
    }

    /// Takes the answer to `authorize`, and opens every key. `asked` are the keys in the request's order.
    ///
    /// # Errors
    /// [`HandshakeError`]; no key is kept when one does not open.
    pub fn answer(
        self,
        answer: &AuthorizeResponse,
        asked: &[String],
        now: UnixTime,
    ) -> Result<Session, HandshakeError> {
        open_answer(self.keys, answer, asked, now)
    }

    /// Takes the answer to `renew`; `asked` are the keys that the session holds.
    ///
    /// # Errors
    /// As [`ExpectAnswer::answer`], and [`HandshakeError::Session`].
    pub fn renewed(
        self,
        answer: &AuthorizeResponse,
        session_id: &str,
        asked: &[String],
        now: UnixTime,
    ) -> Result<Session, HandshakeError> {
        if answer.session_id != session_id {
            let (expected, found) = (session_id.to_owned(), answer.session_id.clone());
            return Err(HandshakeError::Session { expected, found });
        }
        open_answer(self.keys, answer, asked, now)
    }
}

/// Checks an answer against the question and opens its keys. Public for a client that authorizes by token.
///
/// # Errors
/// [`HandshakeError`].
pub fn open_answer(
    pair: &RecipientKeyPair,
    answer: &AuthorizeResponse,
    asked: &[String],
    now: UnixTime,
) -> Result<Session, HandshakeError> {
    if now >= answer.expires_at {
        return Err(HandshakeError::SessionExpired { expires_at: answer.expires_at, now });
    }
    if answer.keys.len() != asked.len() || answer.receipts.len() != asked.len() {
        return Err(HandshakeError::Keys);
    }
    let mut keys = Vec::with_capacity(asked.len());
    for ((granted, receipt), key_id) in answer.keys.iter().zip(&answer.receipts).zip(asked) {
        if granted.key_id != *key_id {
            return Err(HandshakeError::Keys);
        }
        let named = crate::aad::Aad::from_bytes(&granted.sealed.aad)
            .map_err(|error| HandshakeError::Open { key_id: key_id.clone(), error: error.into() })?;
        if receipt.key_id != *key_id || receipt.version != granted.version || receipt.hash != named.receipt {
            return Err(HandshakeError::Receipt { key_id: key_id.clone() });
        }
        let expected = ExpectedAad {
            key_id: key_id.clone(),
            session_id: answer.session_id.clone(),
            version: Expected::Exactly(granted.version),
            tier: Expected::Exactly(answer.tier),
        };
        let material = pair
            .open(&granted.sealed, &expected)
            .map_err(|error| HandshakeError::Open { key_id: key_id.clone(), error })?;
        let (version, expires_at) = (granted.version, granted.expires_at);
        keys.push(OpenedKey { key_id: key_id.clone(), version, expires_at, material });
    }
    let AuthorizeResponse { session_id, tier, expires_at, checkpoint, .. } = answer;
    Ok(Session {
        session_id: session_id.clone(),
        tier: *tier,
        expires_at: *expires_at,
        keys,
        checkpoint: *checkpoint,
    })
}

#[cfg(test)]
mod tests;
