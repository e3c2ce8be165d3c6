//! Stored changes and votes carry the MAC of rules, under words of their own.

use super::QuorumError;
use crate::backend::Backend;
use crate::rows::{ChangeRow, VoteRow};
use crate::vault::Vault;
use aws_lc_rs::hmac;
use hanzo_attestation_evidence::Hex;
use hanzo_kbs_protocol::changes::{Statement, body_digest};

impl<B: Backend> Vault<B> {
    pub(super) fn change_mac(&self, row: &ChangeRow) -> [u8; 32] {
        self.mac(&change_message(row))
    }

    pub(super) fn vote_mac(&self, row: &VoteRow) -> [u8; 32] {
        self.mac(&vote_message(row))
    }

    /// Checks that the vault wrote the row, and that its id is the digest of what it says.
    pub(super) fn authentic_change(&self, row: ChangeRow) -> Result<ChangeRow, QuorumError> {
        let forged = QuorumError::Forged { id: row.id };
        hmac::verify(self.rules_key(), &change_message(&row), &row.mac).map_err(|_| forged.clone())?;
        let named = statement(&row).id();
        if named == Ok(row.id) { Ok(row) } else { Err(forged) }
    }

    pub(super) fn authentic_vote(&self, row: VoteRow) -> Result<VoteRow, QuorumError> {
        let forged = QuorumError::Forged { id: row.change };
        hmac::verify(self.rules_key(), &vote_message(&row), &row.mac).map_err(|_| forged)?;
        Ok(row)
    }

    fn mac(&self, message: &[u8]) -> [u8; 32] {
        let mut mac = [0; 32];
        mac.copy_from_slice(hmac::sign(self.rules_key(), message).as_ref());
        mac
    }
}

/// What the author signed.
pub(super) fn statement(row: &ChangeRow) -> Statement {
    Statement {
        kind: row.kind,
        name: row.name.clone(),
        body_digest: body_digest(&row.body),
        expected_version: row.expected_version,
        author: row.author.clone(),
        nonce: row.nonce,
    }
}

/// No kind of rule begins like this; the id stands for everything that the author signed.
fn change_message(row: &ChangeRow) -> Vec<u8> {
    [
        b"change\0".as_slice(),
        row.id.as_ref(),
        row.signature.as_ref(),
        &row.proposed_at.seconds().to_be_bytes(),
        &row.decision.to_be_bytes(),
    ]
    .concat()
}

/// Word and person hold no zero byte; the digest stands for the reason.
fn vote_message(row: &VoteRow) -> Vec<u8> {
    let reason: Hex<32> = body_digest(row.reason.as_deref().unwrap_or_default());
    [
        b"vote\0".as_slice(),
        row.change.as_ref(),
        row.word.name().as_bytes(),
        &[0],
        row.person.as_bytes(),
        &[0],
        &[u8::from(row.reason.is_some())],
        reason.as_ref(),
        row.signature.as_ref(),
        &row.at.seconds().to_be_bytes(),
        &row.decision.to_be_bytes(),
    ]
    .concat()
}
