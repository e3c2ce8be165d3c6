//! Intel DCAP quotes, formats 3, 4 and 5 (Intel SGX and TDX DCAP Quoting Library API, "Quote format").
//!
//! Parsing is complete and bounded: what [`Quote::parse`] returns is well formed to the last byte, and every
//! length in it fits the container around it with no gap. Nothing is verified here.

mod enclave;
mod error;
mod header;
pub(crate) mod pem;
mod qe_identity;
mod quote;
pub(crate) mod reader;
mod tcb_info;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use reader::{Reader, length};

pub use enclave::{EnclaveReport, QeReport};
pub use error::QuoteError;
pub use header::{Header, INTEL_QE_VENDOR_ID, TeeType};
pub use pem::read_certificates;
pub use qe_identity::{QeIdentity, QeIdentityError};
pub use quote::{
    Body, Certification, MAX_CERTIFICATE, MAX_QE_AUTH_DATA, MAX_QUOTE, MAX_TRAILING_ZEROS, PckChain, Quote,
};
pub use tcb_info::{
    LevelStatus, MAX_ADVISORIES, MAX_DOCUMENT, MAX_LEVELS, MAX_MODULE_IDENTITIES, ModuleIdentity,
    PlatformLevel, SvnLevel, TcbInfo, TcbInfoError, VersionedModule,
};
