//! Evidence formats and their parsers: bounded, strict, without any verification.
//!
//! This crate is the vocabulary of the project. It turns bytes into typed values and says, for every
//! input that it refuses, which rule was broken. It decides nothing about trust: a parsed
//! [`snp::Report`] is well formed, and may still be a forgery. Verification lives in
//! `hanzo-attestation`.
//!
//! Pure: no IO, no clock, no randomness.

#![cfg_attr(not(test), deny(clippy::as_conversions))]

pub mod azure;
pub mod binding;
pub mod bytes;
pub mod dcap;
pub mod document;
pub mod encoding;
pub mod event_log;
pub mod finding;
pub mod hardware;
pub mod identity;
pub mod json;
pub mod nvidia;
pub mod rule;
pub mod sgx;
pub mod snp;
pub mod tdi;
pub mod tdx;
pub mod time;
pub mod tpm;
pub mod x509;

pub use binding::{Binding, Kem, Recipient};
pub use bytes::{Digest, Hex};
pub use document::{Document, DocumentError, DocumentItem, Evidence, EvidenceError, Item, Tee};
pub use finding::{Finding, Severity};
pub use hardware::{DeviceId, MachineId};
pub use rule::{Broken, Rule};
pub use time::UnixTime;
