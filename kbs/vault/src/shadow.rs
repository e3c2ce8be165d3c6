//! The candidate that is asked beside the rules in force, and how far it has been asked.
//!
//! It decides nothing. It is kept so that a restart neither ends it nor loses what was counted: the report says up
//! to which decision it counts, and everything after that is in the record. A row that another hand wrote, or put
//! back after it was taken away, is refused: people decide by what it says.

use crate::backend::{Backend, DecisionRows, ShadowRows, Transaction};
use crate::error::{RecordError, StoreError};
use crate::ledger::expect_outcome;
use crate::rows::ShadowRow;
use crate::rules::sha256;
use crate::vault::Vault;
use aws_lc_rs::hmac;
use hanzo_attestation_evidence::UnixTime;
use hanzo_kbs_log::{Action, NewDecision, Outcome};

/// What the rows of the record about it name as their subject.
const SUBJECT: &str = "shadow";

/// The candidate, and what was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredShadow {
    /// The candidate, as the caller wrote it.
    pub candidate: String,
    /// Number of the decision that set it.
    pub decision: u64,
    /// When.
    pub since: UnixTime,
    /// The newest decision that is counted.
    pub seen: u64,
    /// What was counted, as the caller wrote it; empty at the beginning.
    pub report: String,
}

impl<B: Backend> Vault<B> {
    /// Sets a candidate in place of the one that there is, and records it.
    ///
    /// # Errors
    /// [`RecordError`].
    pub async fn put_shadow(
        &self,
        candidate: String,
        decision: NewDecision,
    ) -> Result<StoredShadow, RecordError> {
        expect_outcome(&decision, Outcome::Granted)?;
        let (mut tx, mut ledger) = self.write(decision.at).await?;
        let since = decision.at;
        let decision = NewDecision { subject: Some(SUBJECT.to_owned()), ..decision };
        let decision = ledger.append(&mut tx, decision).await?.seq;
        ledger.close(&mut tx).await?;
        let shadow = StoredShadow { candidate, decision, since, seen: decision, report: String::new() };
        tx.put_shadow(&self.shadow_row(&shadow)).await?;
        tx.commit().await?;
        Ok(shadow)
    }

    /// Takes the candidate away, and records it.
    ///
    /// # Errors
    /// [`RecordError`].
    pub async fn clear_shadow(&self, decision: NewDecision) -> Result<(), RecordError> {
        expect_outcome(&decision, Outcome::Granted)?;
        let (mut tx, mut ledger) = self.write(decision.at).await?;
        let decision = NewDecision { subject: Some(SUBJECT.to_owned()), ..decision };
        ledger.append(&mut tx, decision).await?;
        ledger.close(&mut tx).await?;
        tx.clear_shadow().await?;
        Ok(tx.commit().await?)
    }

    /// The candidate.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] for a row that the vault did not write, or that was put back.
    pub async fn shadow(&self) -> Result<Option<StoredShadow>, StoreError> {
        let mut tx = self.backend().read().await?;
        self.shadow_in(&mut tx).await
    }

    /// Writes down that `known` was asked about everything up to `seen`. `false` if it is no longer the one that
    /// there is, or was asked further by another broker: nothing is written then.
    ///
    /// # Errors
    /// As [`Vault::shadow`].
    pub async fn advance_shadow(
        &self,
        known: &StoredShadow,
        seen: u64,
        report: String,
    ) -> Result<bool, StoreError> {
        let mut tx = self.backend().begin().await?;
        if self.shadow_in(&mut tx).await?.as_ref() != Some(known) {
            return Ok(false);
        }
        let shadow = StoredShadow { seen, report, ..known.clone() };
        tx.put_shadow(&self.shadow_row(&shadow)).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn shadow_in(&self, tx: &mut B::Tx) -> Result<Option<StoredShadow>, StoreError> {
        let Some(row) = tx.shadow().await? else { return Ok(None) };
        let wrong = |reason: &str| StoreError::Malformed { table: "shadow", reason: reason.to_owned() };
        hmac::verify(self.rules_key(), &message(&row), &row.mac)
            .map_err(|_| wrong("it is not authentic: take the candidate away, or put it anew"))?;
        if tx.newest_decision_about(Action::PolicyShadow, SUBJECT).await? != Some(row.decision) {
            return Err(wrong("it was put back: the record names a newer decision about it"));
        }
        let ShadowRow { candidate, decision, since, seen, report, .. } = row;
        Ok(Some(StoredShadow { candidate, decision, since, seen, report }))
    }

    fn shadow_row(&self, shadow: &StoredShadow) -> ShadowRow {
        let StoredShadow { candidate, decision, since, seen, report } = shadow.clone();
        let unsigned = ShadowRow { candidate, decision, since, seen, report, mac: [0; 32] };
        let mut mac = [0; 32];
        mac.copy_from_slice(hmac::sign(self.rules_key(), &message(&unsigned)).as_ref());
        ShadowRow { mac, ..unsigned }
    }
}

/// No kind of rule is called like this; everything after it has a fixed length.
fn message(row: &ShadowRow) -> Vec<u8> {
    [
        b"shadow\0".as_slice(),
        sha256(row.candidate.as_bytes()).as_ref(),
        &row.decision.to_be_bytes(),
        &row.since.seconds().to_be_bytes(),
        &row.seen.to_be_bytes(),
        sha256(row.report.as_bytes()).as_ref(),
    ]
    .concat()
}
