//! What a verdict rests on (COL-24).

use super::{CollateralUse, Facts};
use hanzo_attestation_evidence::{Hex, UnixTime};
use serde::Serialize;

/// Version of the rules that this build enforces: `docs/rules.md` lists them. It grows when a rule is added
/// or decides otherwise, so that a document can ask for a verifier that knows it.
pub const RULESET: u32 = 1;

/// Everything besides the evidence that a verdict rests on: with it, an auditor can reach the same verdict
/// again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// [`RULESET`].
    pub ruleset: u32,
    /// The instant at which every date was judged.
    pub verified_at: UnixTime,
    /// SHA-256 of the root's certificate, DER; absent where no certificate vouches for the item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Hex<32>>,
    /// Documents of collateral, with their digests and dates.
    pub collateral: Vec<CollateralUse>,
}

impl Trace {
    /// The trace of an item with these facts, verified at that instant.
    #[must_use]
    pub fn of(facts: &Facts, verified_at: UnixTime) -> Self {
        Self { ruleset: RULESET, verified_at, root: facts.root, collateral: facts.collateral.clone() }
    }
}
