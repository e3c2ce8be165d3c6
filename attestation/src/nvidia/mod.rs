//! NVIDIA GPUs and NVSwitches: each device's report, its chain to the pinned root, and what of it is revoked.
//!
//! The report is judged when it is parsed (`hanzo_attestation_evidence::nvidia`). Here its key is: the one
//! chain that a device has is read, compared with what the report says of the chip and its firmware, and only
//! then are signatures verified. What a device measured is compared with the vendor's manifests; that it
//! matches is for appraisal to ask.

mod chain;
mod claims;
mod eat;
mod error;
mod gathered;
mod lists;
mod proved;
mod revocation;
pub mod rim;
pub mod tdi;
mod verify;

pub use claims::{Claims, DeviceClaims, FwidMatch, Source, Standing};
pub use eat::{EatVersion, eat_claims, policy_input};
pub use error::{DeviceError, NvidiaError, Place};

pub(crate) use chain::Chain;
pub(crate) use revocation::ecdsa;
pub(crate) use verify::{check_covered, check_nonces, verify};
