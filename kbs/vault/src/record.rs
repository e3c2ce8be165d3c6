//! Reading the record, checking it, and writing decisions that have no other effect.

use crate::backend::{Backend, DecisionRows, HoldRows, MetaRows, NonceRows, Transaction};
use crate::error::{LogDamage, RecordError, StoreError};
use crate::ledger::expect_outcome;
use crate::sessions::{UsedNonce, prune};
use crate::vault::Vault;
use hanzo_kbs_log::{BrokenChain, Decision, Head, NewDecision, Outcome, verify_chain};

/// Most rows in one page: at a few kilobytes a row, a page stays in the low megabytes.
pub const MAX_PAGE: u32 = 1000;
/// How many rows at the end are checked when the seal opens: a few milliseconds of hashing.
const TAIL: u64 = 1000;

/// A page of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Rows in order.
    pub entries: Vec<Decision>,
    /// The newest row at the same moment.
    pub head: Head,
}

impl<B: Backend> Vault<B> {
    /// Records a decision that has no other effect. Returns its number.
    ///
    /// # Errors
    /// [`RecordError`].
    pub async fn record(&self, decision: NewDecision) -> Result<u64, RecordError> {
        let (mut tx, mut ledger) = self.write(decision.at).await?;
        let decision = ledger.append(&mut tx, decision).await?;
        ledger.close(&mut tx).await?;
        tx.commit().await?;
        Ok(decision.seq)
    }

    /// Records a refusal, and uses up its challenge in the same transaction. A challenge that was already
    /// used stays used; the refusal is recorded all the same. Returns the number of the row.
    ///
    /// # Errors
    /// [`RecordError::DecisionMismatch`] when the decision is no refusal; [`RecordError`].
    pub async fn refuse(&self, decision: NewDecision, nonce: Option<UsedNonce>) -> Result<u64, RecordError> {
        expect_outcome(&decision, Outcome::Refused)?;
        let (mut tx, mut ledger) = self.write(decision.at).await?;
        let mut decision = decision;
        if let Some(nonce) = nonce {
            prune(&mut tx, &ledger).await?;
            tx.use_nonce(&nonce.digest, nonce.expires_at).await?;
            decision.nonce_digest = Some(nonce.digest);
        }
        let decision = ledger.append(&mut tx, decision).await?;
        ledger.close(&mut tx).await?;
        tx.commit().await?;
        Ok(decision.seq)
    }

    /// A page of the record: at most `limit` rows (and at most [`MAX_PAGE`]) after number `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit(&self, after: u64, limit: u32) -> Result<Audit, StoreError> {
        let mut tx = self.backend().read().await?;
        let meta = tx.meta().await?.ok_or(StoreError::NotInitialised)?;
        let entries = tx.decisions(after, limit.min(MAX_PAGE)).await?;
        Ok(Audit { entries, head: meta.ledger.head })
    }

    /// One row.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn decision(&self, seq: u64) -> Result<Option<Decision>, StoreError> {
        let Some(before) = seq.checked_sub(1) else { return Ok(None) };
        let mut tx = self.backend().read().await?;
        let rows = tx.decisions(before, 1).await?;
        Ok(rows.into_iter().find(|row| row.seq == seq))
    }

    /// The record's head.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn head(&self) -> Result<Head, StoreError> {
        let mut tx = self.backend().read().await?;
        Ok(tx.meta().await?.ok_or(StoreError::NotInitialised)?.ledger.head)
    }

    /// Follows the whole chain, from the first row to the authenticated head, and compares the table of held
    /// devices with that head. Damage is remembered: from then on nothing is released or changed.
    ///
    /// # Errors
    /// [`RecordError::LogDamaged`], [`RecordError::Store`].
    pub async fn check_log(&self) -> Result<Head, RecordError> {
        self.check_from(0).await
    }

    /// The check when the seal opens. Damage does not fail it; it is remembered.
    pub(crate) async fn check_tail(&self) -> Result<(), StoreError> {
        let newest = self.head().await?.seq;
        match self.check_from(newest.saturating_sub(TAIL)).await {
            Ok(_) | Err(RecordError::LogDamaged(_)) => Ok(()),
            Err(RecordError::Store(error)) => Err(error),
            // No other error can come from reading.
            Err(error) => Err(StoreError::Damaged(error.to_string())),
        }
    }

    async fn check_from(&self, after: u64) -> Result<Head, RecordError> {
        match self.follow(after).await {
            Err(Check::Store(StoreError::Malformed { table, reason })) => {
                let seq = after.saturating_add(1);
                let reason = format!("{table}: {reason}");
                Err(self.found(BrokenChain::Unreadable { seq, reason }.into()).into())
            }
            Err(Check::Store(error)) => Err(error.into()),
            Err(Check::Damage(damage)) => Err(self.found(damage).into()),
            Ok(head) => Ok(head),
        }
    }

    /// One consistent state is read page by page.
    async fn follow(&self, after: u64) -> Result<Head, Check> {
        let mut tx = self.backend().read().await?;
        let end = tx.meta().await?.ok_or(StoreError::NotInitialised)?.ledger;
        self.ledger_key().verify(&end)?;
        let mut head = match after {
            0 => Head::EMPTY,
            // Where the check starts, the hash is taken as it stands.
            _ => match tx.decisions(after - 1, 1).await?.first() {
                Some(row) if row.seq == after => Head::from(row),
                row => {
                    let found = row.map_or(0, |row| row.seq);
                    return Err(LogDamage::Chain(BrokenChain::Order { expected: after, found }).into());
                }
            },
        };
        loop {
            let rows = tx.decisions(head.seq, MAX_PAGE).await?;
            if rows.is_empty() {
                break;
            }
            head = verify_chain(head, &rows).map_err(LogDamage::Chain)?;
        }
        if head.seq != end.head.seq {
            let (expected, found) = (end.head.seq, head.seq);
            return Err(LogDamage::Chain(BrokenChain::End { expected, found }).into());
        }
        if head.hash != end.head.hash {
            return Err(LogDamage::Chain(BrokenChain::Head { seq: head.seq }).into());
        }
        let holds = self.ledger_key().mask(end.holds, end.head.seq);
        self.holds_key().check(&tx.holds().await?, holds)?;
        Ok(head)
    }
}

enum Check {
    Store(StoreError),
    Damage(LogDamage),
}

impl From<StoreError> for Check {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<LogDamage> for Check {
    fn from(damage: LogDamage) -> Self {
        Self::Damage(damage)
    }
}
