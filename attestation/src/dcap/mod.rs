//! What TDX and SGX quotes share: the quoting enclave and the PCK chain to Intel's pinned root.

mod chain;
mod claims;
mod error;
mod pck;
mod verify;

pub use claims::{Claims, PckCa, Rating};
pub use error::{DcapError, Link};
pub use pck::PckExtensionError;

pub(crate) use verify::{Subject, verify};
