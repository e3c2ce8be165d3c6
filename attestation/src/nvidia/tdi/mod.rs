//! TEE device interfaces of NVIDIA's GPUs: each one's certificates to the pinned root, and what its device
//! signed when the interface was locked and over this challenge.
//!
//! The formats are read by `hanzo_attestation_evidence::tdi`. What is proved here is that a device of this
//! identity speaks SPDM with its own key, now, and measures what it measured at the lock. That the interface
//! serves this guest is the word of the CPU's TSM, which the CPU's event log carries: appraisal compares the
//! two (`docs/tee-io.md`).

mod claims;
mod error;
mod verify;

pub use claims::{Claims, DeviceClaims, accepted};
pub use error::{DeviceError, TdiError};

pub(crate) use verify::{check_nonces, verify};
