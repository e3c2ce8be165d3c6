//! What past decisions rested on: documents that are named by the SHA-256 of their bytes.
//!
//! A decision's row has the digest, so that the record's chain covers the document: what is read back is
//! compared with it. A document lives for a time after the last decision that named it, and only so many of
//! a kind are kept; then the decision still says what and why, and can no longer be made again.

use crate::backend::{Backend, DecisionRows, KeptRows, MetaRows, RuleRows, Transaction};
use crate::error::{RulesError, StoreError};
use crate::rows::{KeptKind, KeptRow, PastDecision, RuleKind};
use crate::rules::{Rules, sha256};
use crate::vault::Vault;
use hanzo_attestation_evidence::{Hex, UnixTime};
use std::time::Duration;

/// Largest document in bytes: evidence of the largest request, with what stands beside it.
pub const MAX_KEPT: usize = 2 << 20;
/// Most past decisions in one page: their documents, at some kilobytes each, stay in the low megabytes.
pub const MAX_PAST: u32 = 1000;
/// How many documents are forgotten with each new one: more than come, so that a lowered limit is reached.
const PRUNE: u32 = 8;

/// How long documents are kept, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// From the last decision that named the document. It may end up to half of this earlier for decisions
    /// that are made while it is kept already.
    pub lifetime: Duration,
    /// Most documents of the kind; the ones that end first are forgotten first.
    pub most: u64,
}

impl<B: Backend> Vault<B> {
    /// Keeps a document for a decision that is about to be recorded, and returns the digest that the row
    /// has to name. A document that is kept for long enough costs one look-up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep(
        &self,
        kind: KeptKind,
        body: Vec<u8>,
        now: UnixTime,
        retention: Retention,
    ) -> Result<Hex<32>, StoreError> {
        let (size, digest) = (body.len(), sha256(&body));
        if size > MAX_KEPT {
            return Err(malformed(format!("a document of {size} bytes; at most {MAX_KEPT} are kept")));
        }
        let half = retention.lifetime.checked_div(2).unwrap_or_default();
        let known = self.backend().read().await?.kept_until(&digest).await?;
        if known.is_some_and(|until| until >= now.after(half)) {
            return Ok(digest);
        }
        let keep_until = now.after(retention.lifetime);
        let mut tx = self.backend().begin().await?;
        tx.put_kept(&KeptRow { digest, kind, body, keep_until }).await?;
        tx.prune_kept(kind, now, retention.most, PRUNE).await?;
        tx.commit().await?;
        Ok(digest)
    }

    /// A document, if it is still kept.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] when the bytes are not those of the digest.
    pub async fn kept(&self, digest: &Hex<32>) -> Result<Option<KeptRow>, StoreError> {
        let mut rows = self.all_kept(std::slice::from_ref(digest)).await?;
        Ok(rows.pop())
    }

    /// Those of the documents that are still kept, in no order.
    ///
    /// # Errors
    /// As [`Vault::kept`].
    pub async fn all_kept(&self, digests: &[Hex<32>]) -> Result<Vec<KeptRow>, StoreError> {
        let rows = self.backend().read().await?.kept(digests).await?;
        match rows.iter().find(|row| sha256(&row.body) != row.digest) {
            Some(row) => Err(malformed(format!("{} has other bytes", row.digest))),
            None => Ok(rows),
        }
    }

    /// At most `limit` (and at most [`MAX_PAST`]) decisions after number `after` that policies made, in
    /// order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn past(&self, after: u64, limit: u32) -> Result<Vec<PastDecision>, StoreError> {
        self.backend().read().await?.past_decisions(after, limit.min(MAX_PAST)).await
    }

    /// Everything that decided at an epoch, authenticated.
    ///
    /// # Errors
    /// [`RulesError`].
    pub async fn rules_at(&self, epoch: u64) -> Result<Rules, RulesError> {
        let mut tx = self.backend().read().await?;
        tx.meta().await?.ok_or(StoreError::NotInitialised)?;
        let policies = tx.rules_until(RuleKind::Policy, epoch).await?;
        let references = tx.rules_until(RuleKind::Reference, epoch).await?;
        Ok(Rules {
            epoch,
            policies: policies.into_iter().map(|row| self.policy_of(row)).collect::<Result<_, _>>()?,
            references: references.into_iter().map(|row| self.reference_of(row)).collect::<Result<_, _>>()?,
        })
    }
}

const fn malformed(reason: String) -> StoreError {
    StoreError::Malformed { table: "kept", reason }
}
