//! Lab TPMs: quotes, attestation keys with their certificates, endorsement keys with theirs.

mod attest;
mod certificates;
mod defect;
mod order;
mod public;
mod vendor;

pub(crate) use attest::shown;
pub use defect::{EkDefect, TpmDefect};
pub use order::{AkCertificate, AkUsage, GceInstance, TpmBank, TpmHash, TpmKey, TpmOrder};
pub use vendor::EndorsementKey;
pub(crate) use vendor::{TpmKeys, TpmVendor};
