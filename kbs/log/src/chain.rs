//! The hash chain over decisions.

use crate::decision::{Decision, NewDecision};
use aws_lc_rs::digest::{self, SHA256};
use hanzo_attestation_evidence::Hex;
use serde::{Deserialize, Serialize};

/// Domain of a row's hash.
const DOMAIN: &[u8] = b"hanzo-kbs/v1/decision";

/// The newest row's number and hash. Before the first row both are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Number of the newest row.
    pub seq: u64,
    /// Its hash.
    pub hash: Hex<32>,
}

impl Head {
    /// The head of an empty record.
    pub const EMPTY: Self = Self { seq: 0, hash: Hex([0; 32]) };

    /// The head after one more decision, which is thereby numbered.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn append(&self, entry: NewDecision) -> Result<Decision, ChainError> {
        let seq = self.seq.checked_add(1).ok_or(ChainError::Full)?;
        let hash = chain(&self.hash, seq, &entry)?;
        Ok(Decision { seq, hash, entry })
    }
}

impl From<&Decision> for Head {
    fn from(decision: &Decision) -> Self {
        Self { seq: decision.seq, hash: decision.hash }
    }
}

/// A decision that cannot be chained.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The row has no RFC 8785 form.
    #[error("the decision has no RFC 8785 form: {0}")]
    Canonical(String),
    /// No number is left.
    #[error("the record is full")]
    Full,
}

/// The first place at which a record is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// A row is missing, doubled or out of order.
    #[error("row {expected} is missing: row {found} stands in its place")]
    Order {
        /// The number that comes next.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// A row, or its predecessor's hash, was changed.
    #[error("row {seq} does not match its hash: it, or the row before it, was changed")]
    Hash {
        /// The row.
        seq: u64,
    },
    /// A row cannot be read.
    #[error("row {seq} is unreadable: {reason}")]
    Unreadable {
        /// The row.
        seq: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Rows at the end are missing, or there are more than there should be.
    #[error("the record ends at row {found}, and should end at row {expected}")]
    End {
        /// Number of the last row that there should be.
        expected: u64,
        /// Number of the last row that there is.
        found: u64,
    },
    /// The right number of rows, but another history.
    #[error("row {seq} has another hash than the head that was kept: the record was rewritten")]
    Head {
        /// The last row.
        seq: u64,
    },
}

/// What is hashed of a row besides the hash before it: the RFC 8785 form of the decision with its `seq`.
///
/// # Errors
/// [`ChainError::Canonical`].
pub fn canonical(seq: u64, entry: &NewDecision) -> Result<Vec<u8>, ChainError> {
    #[derive(Serialize)]
    struct Row<'a> {
        seq: u64,
        #[serde(flatten)]
        entry: &'a NewDecision,
    }
    serde_json_canonicalizer::to_vec(&Row { seq, entry }).map_err(|e| ChainError::Canonical(e.to_string()))
}

/// Hash of a row: SHA-256 over the domain `hanzo-kbs/v1/decision`, one zero byte, the hash before, and
/// [`canonical`]. All parts but the last have a fixed length, so that no two inputs run together.
///
/// # Errors
/// [`ChainError::Canonical`].
pub fn chain(prev: &Hex<32>, seq: u64, entry: &NewDecision) -> Result<Hex<32>, ChainError> {
    let mut context = digest::Context::new(&SHA256);
    context.update(DOMAIN);
    context.update(&[0]);
    context.update(prev.as_ref());
    context.update(&canonical(seq, entry)?);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    Ok(Hex(hash))
}

/// Follows the chain from `start` and names the first row that breaks it. Returns the head reached.
///
/// # Errors
/// [`BrokenChain`].
pub fn verify_chain<'a>(
    start: Head,
    rows: impl IntoIterator<Item = &'a Decision>,
) -> Result<Head, BrokenChain> {
    let mut head = start;
    for row in rows {
        let expected = head.seq.saturating_add(1);
        if row.seq != expected {
            return Err(BrokenChain::Order { expected, found: row.seq });
        }
        let hash = chain(&head.hash, row.seq, &row.entry)
            .map_err(|error| BrokenChain::Unreadable { seq: row.seq, reason: error.to_string() })?;
        if hash != row.hash {
            return Err(BrokenChain::Hash { seq: row.seq });
        }
        head = row.into();
    }
    Ok(head)
}

/// As [`verify_chain`], and demands that the chain ends at `end`: this is how a cut is seen.
///
/// # Errors
/// [`BrokenChain`].
pub fn verify_chain_to<'a>(
    start: Head,
    rows: impl IntoIterator<Item = &'a Decision>,
    end: Head,
) -> Result<(), BrokenChain> {
    let head = verify_chain(start, rows)?;
    if head.seq != end.seq {
        return Err(BrokenChain::End { expected: end.seq, found: head.seq });
    }
    if head.hash != end.hash {
        return Err(BrokenChain::Head { seq: end.seq });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
