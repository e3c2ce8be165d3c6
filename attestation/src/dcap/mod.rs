//! What TDX and SGX quotes share: the quoting enclave and the PCK chain to Intel's pinned root.

mod chain;
mod claims;
mod error;
mod pck;
mod verify;

pub use claims::{Claims, PckCa};
pub use error::{DcapError, Link};
pub use pck::PckExtensionError;

pub(crate) use verify::verify;

use crate::verify::Refused;
use hanzo_attestation_evidence::{Broken, Tee};

/// A refusal of the item. Only TDX quotes come this far in this build.
fn refused(error: impl Broken) -> Refused {
    Refused::new(Tee::Tdx, &error)
}
