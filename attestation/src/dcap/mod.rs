//! What TDX and SGX quotes share: the quoting enclave and the PCK chain to Intel's pinned root.

mod available;
mod chain;
mod claims;
mod documents;
mod error;
mod pck;
mod profile;
mod stored;
mod tcb;
mod verify;

pub use claims::{Claims, PckCa, Rating};
pub use error::{DcapError, Document, Link, Period};
pub use pck::PckExtensionError;

pub(crate) use chain::Chain;
pub(crate) use stored::{Stored, StoredPck};
pub(crate) use verify::{Subject, check_report_data, verify};
