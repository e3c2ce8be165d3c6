//! Reference values in the forms in which others publish them, read strictly.
//!
//! ```text
//! COSE_Sign1 ──a pinned signer's signature──▶ Signed ──CoRIM, its dates──▶ Corim ──▶ Measured
//! RVPS message, signed beside it or not ───────────────────────────────────────────▶ Measured
//! ```
//!
//! What comes out are measurements under the names that the publisher gave them ([`Measured`]): which register
//! of ours a name means is said by a published profile or by whoever imports, never guessed.
//!
//! No IO, no clock: files and the time are arguments.
#![cfg_attr(not(test), deny(clippy::as_conversions))]

pub mod cbor;
pub mod corim;
pub mod cose;
pub mod rvps;
pub mod signer;

use hanzo_attestation_evidence::Digest;

/// Most measurements that one document may have: a hundred releases with the registers of a TPM.
pub const MAX_MEASURED: usize = 4096;

/// One measurement under its publisher's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The publisher's name, e.g. `snp_launch_measurement` or `sev-snp/key:641`.
    pub name: String,
    /// Its digests: one, or one for each algorithm or release.
    pub digests: Vec<Digest>,
    /// What it was published together with, if with anything: such values count together or not at all.
    pub group: Option<String>,
    /// For people: what the publisher says of it.
    pub note: Option<String>,
    /// Why it says more, or something else, than digests can: then it cannot be a reference value.
    pub problem: Option<String>,
}
