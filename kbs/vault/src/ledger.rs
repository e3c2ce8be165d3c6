//! Appending to the record: the numbers beside it are read, authenticated, moved on and written back in the
//! transaction of the decision itself.

use crate::backend::Transaction;
use crate::envelope::{self, EnvelopeError};
use crate::error::{LogDamage, RecordError, StoreError};
use crate::root::RootKey;
use crate::rows::{BrokenGlass, HoldsRow, LedgerRow};
use aws_lc_rs::hmac;
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_kbs_log::{BrokenChain, Decision, Head, NewDecision, Outcome, canonical};
use std::time::Duration;

/// How far the clock may go back behind the newest decision: what NTP steps, and brokers that share a store
/// differ by. Beyond it nothing is decided, because challenges and leases would live again.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(300);
/// Largest decision in bytes of its RFC 8785 form: the claims of a document are below 64 KiB, reasons are a
/// sentence for each rule; four times that leaves room and bounds the growth by one request.
pub const MAX_DECISION: usize = 256 * 1024;
/// Domain of the key that authenticates the ledger.
const DOMAIN: &[u8] = b"hanzo-kbs/v1/ledger-mac";
/// What the mask over the sum of held devices is made with; no message of the ledger is as short.
const MASK: &[u8] = b"holds-mask";

/// Authenticates the record's head: a rewritten chain with a fitting head needs the root key.
pub(crate) struct LedgerKey {
    key: hmac::Key,
    store_id: [u8; 16],
}

impl LedgerKey {
    pub(crate) fn derive(root: &RootKey, store_id: [u8; 16]) -> Result<Self, EnvelopeError> {
        let key = envelope::derive(root.expose(), DOMAIN, &store_id)?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()), store_id })
    }

    pub(crate) fn mac(&self, row: &LedgerRow) -> [u8; 32] {
        let mut mac = [0; 32];
        mac.copy_from_slice(hmac::sign(&self.key, &self.message(row)).as_ref());
        mac
    }

    pub(crate) fn verify(&self, row: &LedgerRow) -> Result<(), LogDamage> {
        hmac::verify(&self.key, &self.message(row), &row.mac).map_err(|_| LogDamage::HeadForged)
    }

    /// Every part has a fixed length, or one that no other sum of parts has. While no device is held and no
    /// glass is broken, the row reads as one did before there were any.
    fn message(&self, row: &LedgerRow) -> Vec<u8> {
        let mut message = [
            self.store_id.as_slice(),
            &row.head.seq.to_be_bytes(),
            row.head.hash.as_ref(),
            &row.clock_high.seconds().to_be_bytes(),
            &row.rules_epoch.to_be_bytes(),
        ]
        .concat();
        if row.holds != HoldsRow::EMPTY {
            message.extend_from_slice(&row.holds.count.to_be_bytes());
            message.extend_from_slice(row.holds.digest.as_ref());
        }
        message.extend_from_slice(&row.broken.to_bytes());
        message
    }

    /// Puts the mask of row `seq` over the sum of held devices, or takes it off. Without it, whoever keeps
    /// copies of the store would learn what single rows add, and could make other rows of the same sum
    /// (Clarke et al., Incremental Multiset Hash Functions, 2003, MSet-XOR-Hash).
    pub(crate) fn mask(&self, holds: HoldsRow, seq: u64) -> HoldsRow {
        if holds.count == 0 {
            return holds;
        }
        let mask = hmac::sign(&self.key, &[MASK, &self.store_id, &seq.to_be_bytes()].concat());
        HoldsRow { digest: xor(holds.digest, mask.as_ref()), ..holds }
    }
}

/// Adds to a sum, or takes away from it.
pub(crate) fn xor(sum: Hex<32>, share: &[u8]) -> Hex<32> {
    let mut sum = sum.0;
    sum.iter_mut().zip(share).for_each(|(byte, other)| *byte ^= other);
    Hex(sum)
}

/// The end of the record during one transaction.
pub(crate) struct Ledger<'a> {
    key: &'a LedgerKey,
    row: LedgerRow,
    /// Without its mask.
    holds: HoldsRow,
    now: UnixTime,
}

impl<'a> Ledger<'a> {
    /// Reads and authenticates the numbers, and compares the clock with them.
    pub(crate) async fn open(
        tx: &mut impl Transaction,
        key: &'a LedgerKey,
        now: UnixTime,
    ) -> Result<Self, RecordError> {
        let meta = tx.meta().await?.ok_or(StoreError::NotInitialised)?;
        let row = meta.ledger;
        key.verify(&row)?;
        let (expected, found) = (row.head.seq, tx.newest_decision().await?);
        if expected != found {
            return Err(LogDamage::Chain(BrokenChain::End { expected, found }).into());
        }
        let newest = row.clock_high;
        if now.after(CLOCK_TOLERANCE) < newest {
            return Err(RecordError::ClockWentBack { now, newest });
        }
        let holds = key.mask(row.holds, row.head.seq);
        Ok(Self { key, row, holds, now })
    }

    pub(crate) const fn head(&self) -> Head {
        self.row.head
    }

    pub(crate) const fn rules_epoch(&self) -> u64 {
        self.row.rules_epoch
    }

    pub(crate) const fn holds(&self) -> HoldsRow {
        self.holds
    }

    /// Counts a held device, by what its row adds to the sum.
    pub(crate) fn hold(&mut self, share: &[u8]) {
        let HoldsRow { count, digest } = self.holds;
        self.holds = HoldsRow { count: count.saturating_add(1), digest: xor(digest, share) };
    }

    /// Takes one away.
    pub(crate) fn free(&mut self, share: &[u8]) -> Result<(), LogDamage> {
        let HoldsRow { count, digest } = self.holds;
        let count = count.checked_sub(1).ok_or(LogDamage::HoldsForged)?;
        self.holds = HoldsRow { count, digest: xor(digest, share) };
        if count == 0 && !self.holds.digest.is_zero() {
            return Err(LogDamage::HoldsForged);
        }
        Ok(())
    }

    /// The newest time of any decision, this one included: a clock that was set back does not move it.
    pub(crate) fn newest_time(&self) -> UnixTime {
        self.row.clock_high.max(self.now)
    }

    /// The changes that were applied at once and are not acknowledged.
    pub(crate) const fn broken_glass(&self) -> BrokenGlass {
        self.row.broken
    }

    /// Names a change in every row from the next one on; `false` when too many are named.
    pub(crate) fn break_glass(&mut self, id: Hex<32>) -> bool {
        self.row.broken.add(id)
    }

    /// Names it no more, from the next row on.
    pub(crate) fn acknowledge(&mut self, id: &Hex<32>) {
        self.row.broken.remove(id);
    }

    /// No clock that is accepted from now on can be before this.
    pub(crate) fn oldest_possible_now(&self) -> UnixTime {
        self.row.clock_high.before(CLOCK_TOLERANCE)
    }

    /// Appends one decision, which names the changes that were applied without their quorum.
    pub(crate) async fn append(
        &mut self,
        tx: &mut impl Transaction,
        entry: NewDecision,
    ) -> Result<Decision, RecordError> {
        let entry = NewDecision { break_glass: self.row.broken.ids(), ..entry };
        let decision = self.row.head.append(entry)?;
        let size = canonical(decision.seq, &decision.entry)?.len();
        if size > MAX_DECISION {
            return Err(RecordError::DecisionTooLarge { size, limit: MAX_DECISION });
        }
        tx.append_decision(&decision).await?;
        self.row.head = Head::from(&decision);
        Ok(decision)
    }

    /// Notes that the decision just appended changed a rule.
    pub(crate) const fn rules_changed(&mut self) {
        self.row.rules_epoch = self.row.head.seq;
    }

    /// Writes the numbers back. The transaction is still to be committed.
    pub(crate) async fn close(mut self, tx: &mut impl Transaction) -> Result<Head, RecordError> {
        self.row.clock_high = self.row.clock_high.max(self.now);
        self.row.holds = self.key.mask(self.holds, self.row.head.seq);
        self.row.mac = self.key.mac(&self.row);
        tx.set_ledger(&self.row).await?;
        Ok(self.row.head)
    }
}

/// A decision has to say what happens.
pub(crate) fn expect_outcome(decision: &NewDecision, expected: Outcome) -> Result<(), RecordError> {
    if decision.outcome != expected {
        let (expected, found) = (expected.name(), decision.outcome.name());
        return Err(RecordError::DecisionMismatch { expected, found });
    }
    Ok(())
}
