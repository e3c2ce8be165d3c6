//! Thresholds for TEE-I/O (`docs/tee-io-rules.md`, TDI-20 to TDI-30): whether the interfaces that the guest
//! was given are its GPUs' own, by the word of the CPU's TSM.
//!
//! What contradicts itself is refused. What is only absent, and a guest whose word does not count, leave tier 4
//! unproved, and a finding names each of them.

mod check;
mod guest;

pub use guest::{Guest, GuestError};

pub(super) use check::findings;
pub(crate) use check::{Parts, is_judged, is_proven, missing};

use serde::Deserialize;

/// What TEE-I/O needs beside evidence. [`Default`] names no guest: tier 4 is then never proved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Guests that are known to accept an interface only after they compared what the TSM told them, and to
    /// record it before the first DMA.
    pub guests: Vec<Guest>,
}

#[cfg(test)]
mod tests;
