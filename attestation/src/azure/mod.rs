//! Azure's confidential virtual machines: the hardware's report, the runtime data that it binds, the vTPM's
//! attestation key in that data, and the vTPM's quote (rule book A.5 and B.8).
//!
//! The paravisor runs in the guest's own TEE, below its kernel: that it is a known one is for appraisal to
//! ask (AZ-18), because without it any firmware could claim any key.

mod claims;
mod error;
mod verify;

pub use claims::{SnpClaims, TdxClaims, Vtpm};
pub use error::AzureError;
pub use hanzo_attestation_evidence::azure::{Version, VmConfig};

pub(crate) use verify::{check_qualifying_data, verify_snp, verify_tdx};
