//! AMD SEV-SNP formats (SEV Secure Nested Paging Firmware ABI Specification, document 56860).

pub mod certificate_table;
mod error;
mod platform;
mod policy;
mod report;
mod tcb;

pub use error::ReportError;
pub use platform::{Cpuid, PlatformInfo, Product};
pub use policy::GuestPolicy;
pub use report::{Body, REPORT_LENGTH, Report, SIGNED_LENGTH, Vek};
pub use tcb::{FirmwareVersion, Tcb, TcbLayout};

/// One SEV-SNP item: a report and the certificates that came with it, which are candidates only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The attestation report.
    pub report: Report,
    /// DER certificates in any order, as received and not yet parsed; their number and sizes are within
    /// the budget of [`crate::x509`].
    pub certs: Vec<Vec<u8>>,
}

#[cfg(test)]
mod tests;
