//! Reference integrity manifests: whether one is NVIDIA's, and whether a device measures what it says.
//!
//! ```text
//! bytes ──form, digest, names──▶ StoredRim ──root, dates, revocation, signatures──▶ TrustedRim ──compare(device)──▶ RimResult
//! ```
//!
//! Two comparisons are kept apart. A manifest that is not NVIDIA's is no manifest; what a device then
//! measures is unknown. A device that differs from a manifest is genuine all the same: policy refuses it.

mod chain;
mod claims;
mod compare;
mod error;
mod revocation;
mod select;
mod stored;

pub use claims::{RimClaims, RimSigner};
pub use compare::{CounterMismatch, Device, Mismatch, Outcome, RimResult, RimUse, Runtime, Source, compare};
pub use error::{RimProblem, RimProofError};
pub use select::{Appraised, appraise};
pub use stored::TrustedRim;

pub(super) use select::Manifests;
pub(crate) use stored::StoredRim;

use super::proved::Proved;
use crate::verify::Context;

/// Verifies one manifest: form, digest, chain to a pinned root, device family, dates, revocation (by the OCSP
/// responses in collateral) and signatures.
///
/// # Errors
/// [`RimProofError`] with the first broken rule.
pub fn verify_rim(xml: &[u8], context: &Context<'_>) -> Result<TrustedRim, RimProofError> {
    StoredRim::new(xml).prove(&[], context, &mut Proved::new(&context.cache.nvidia_certificates))
}
