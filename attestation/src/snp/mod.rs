//! AMD SEV-SNP: the report, its key, and the chain to AMD's pinned roots.
//!
//! The report itself is judged when it is parsed (`hanzo_attestation_evidence::snp`). Here its key is:
//! [`verify`](crate::verify()) finds the endorsement key's certificate, compares it with the report, walks
//! the one chain that its product has, asks the revocation list, and only then verifies signatures.

mod chain;
mod claims;
mod error;
mod known;
mod profile;
mod revocation;
mod stated;
mod stored;
mod vek;
mod verify;

pub use claims::*;
pub use error::SnpError;

pub(crate) use known::Known;
pub(crate) use stored::StoredVek;
pub(crate) use verify::{check_report_data, verify};

#[cfg(test)]
mod tests;
