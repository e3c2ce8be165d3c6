//! The record: one typed, append-only row for each decision, chained by hash.
//!
//! A row's hash covers the hash of the row before, so that a flipped, dropped, reordered or spliced row
//! breaks the chain at a place that [`verify_chain`] names. A cut at the end is seen by whoever holds a
//! [`Head`]: the store keeps one, and every release hands one to the caller.
//!
//! Pure: no IO, no clock, no randomness.

#![cfg_attr(not(test), deny(clippy::as_conversions))]

mod chain;
mod claims;
mod decision;

pub use chain::{BrokenChain, ChainError, Head, canonical, chain, verify_chain, verify_chain_to};
pub use claims::{Claims, ClaimsError};
pub use decision::{Action, ChangeRecord, Decision, Door, NewDecision, Outcome};
