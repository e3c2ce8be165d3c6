//! What this machine is, and the evidence it can give of it.
//!
//! [`detect()`] reads the kernel's own interfaces and says what is there, what is not, and what could not be
//! read. An [`EvidenceSource`] asks the hardware (or, if the configuration says so, a lab) for evidence that
//! carries one [`Binding`](hanzo_attestation_evidence::Binding). Nothing is simulated: without hardware there
//! is no evidence of it, and the tier is lower. A machine that has a registered key adds its signature
//! ([`Identified`]), one that has a TPM a quote ([`WithTpm`]), and one that has confidential GPUs their
//! reports ([`WithGpus`]).
//!
//! `unsafe` is allowed in three private modules alone: `ioctl`, since the guest device of AMD SEV-SNP has no
//! other interface, `nvidia::symbols`, for functions of NVML that no crate wraps, and `nvidia::nscq`, for the
//! library of NVSwitches.

#![deny(clippy::as_conversions)]

pub mod collect_error;
pub mod configfs;
pub mod detect;
mod files;
pub mod identity;
mod ioctl;
pub mod lab_socket;
pub mod nvidia;
mod report_tree;
pub mod seen;
pub mod sev_guest;
pub mod source;
pub mod tpm;

pub use collect_error::CollectError;
pub use configfs::ConfigfsTsm;
pub use detect::{Detected, detect};
pub use identity::{Identified, Identity, IdentityKey, KeyFileError};
pub use lab_socket::LabSocket;
pub use nvidia::WithGpus;
pub use seen::Seen;
pub use sev_guest::SevGuestDevice;
pub use source::{EvidenceSource, Source};
pub use tpm::{Tpm, WithTpm};
