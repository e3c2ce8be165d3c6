//! Changes as administrators read them.

use super::authentic::statement;
use super::{QuorumError, state};
use crate::backend::{Backend, ChangeRows, MetaRows};
use crate::error::{ChangeError, StoreError};
use crate::quorum::MAX_AGE;
use crate::rows::{BrokenGlass, ChangeRow, VoteRow, VoteWord};
use crate::vault::Vault;
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_kbs_protocol::{ChangeInfo, ChangeState, VoteInfo};

/// Most changes in a list: a page that a person can read.
const MAX_LISTED: u32 = 200;

impl<B: Backend> Vault<B> {
    /// The newest changes, newest first, without their texts.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn changes(&self, now: UnixTime) -> Result<Vec<ChangeInfo>, ChangeError> {
        let mut tx = self.backend().read().await?;
        let ledger = tx.meta().await?.ok_or(StoreError::NotInitialised)?.ledger;
        let now = now.max(ledger.clock_high);
        let mut changes = Vec::new();
        for row in tx.changes(MAX_LISTED).await? {
            let change = self.authentic_change(row)?;
            let info = self.info(&mut tx, change, now, ledger.broken).await?;
            changes.push(ChangeInfo { body: None, ..info });
        }
        Ok(changes)
    }

    /// One change with its text.
    ///
    /// # Errors
    /// [`QuorumError::ChangeUnknown`]; [`ChangeError`].
    pub async fn change(&self, id: &Hex<32>, now: UnixTime) -> Result<ChangeInfo, ChangeError> {
        let mut tx = self.backend().read().await?;
        let ledger = tx.meta().await?.ok_or(StoreError::NotInitialised)?.ledger;
        let change = self.stored(&mut tx, id).await?;
        self.info(&mut tx, change, now.max(ledger.clock_high), ledger.broken).await
    }

    /// The changes that were applied without their quorum and that nobody has acknowledged.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn broken_glass(&self) -> Result<Vec<Hex<32>>, StoreError> {
        let mut tx = self.backend().read().await?;
        Ok(tx.meta().await?.ok_or(StoreError::NotInitialised)?.ledger.broken.ids())
    }

    /// A stored change, authenticated.
    pub(super) async fn stored(&self, tx: &mut B::Tx, id: &Hex<32>) -> Result<ChangeRow, ChangeError> {
        let row = tx.change(id).await?.ok_or(QuorumError::ChangeUnknown { id: *id })?;
        Ok(self.authentic_change(row)?)
    }

    /// What people said about a change, authenticated, in order.
    pub(super) async fn votes_on(
        &self,
        tx: &mut B::Tx,
        change: &ChangeRow,
    ) -> Result<Vec<VoteRow>, ChangeError> {
        let votes = tx.votes(&change.id).await?;
        Ok(votes.into_iter().map(|vote| self.authentic_vote(vote)).collect::<Result<_, _>>()?)
    }

    /// A change with everything that was said about it.
    pub(super) async fn info(
        &self,
        tx: &mut B::Tx,
        change: ChangeRow,
        now: UnixTime,
        broken: BrokenGlass,
    ) -> Result<ChangeInfo, ChangeError> {
        let state: ChangeState = state(tx, &change, now).await?;
        let votes = self.votes_on(tx, &change).await?;
        let said = |word: VoteWord| {
            let votes = votes.iter().filter(|vote| vote.word == word);
            votes.map(|vote| self.shown(&change, vote)).collect::<Vec<_>>()
        };
        let (approvals, break_glass) = (said(VoteWord::Approve), said(VoteWord::BreakGlass));
        let acknowledgements = said(VoteWord::Acknowledge);
        let demand = self.demand_on(&change);
        let wait = demand.as_ref().map(|demand| demand.wait).unwrap_or_default();
        let id = change.id;
        Ok(ChangeInfo {
            id,
            statement: statement(&change),
            signature: change.signature,
            proposed_at: change.proposed_at,
            due_at: change.proposed_at.after(wait),
            expires_at: change.proposed_at.after(MAX_AGE),
            state,
            needed: demand.as_ref().map_or(0, |demand| demand.approvals),
            break_glass_needed: demand.as_ref().and_then(|demand| demand.break_glass),
            scopes: demand.map(|demand| demand.scopes).unwrap_or_default(),
            approvals,
            break_glass,
            glass_broken: broken.contains(&id),
            acknowledgements,
            body: Some(change.body),
        })
    }

    fn shown(&self, change: &ChangeRow, vote: &VoteRow) -> VoteInfo {
        VoteInfo {
            person: vote.person.clone(),
            at: vote.at,
            reason: vote.reason.clone(),
            signature: vote.signature,
            counts: self.counts(change, vote),
        }
    }
}
