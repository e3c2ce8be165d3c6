//! Lab vendors: an AMD, an Intel, an NVIDIA and a TPM manufacturer of one's own, with their own roots, that
//! sign evidence in the vendors' byte formats.
//!
//! The lab is not a mock. What it makes is verified by exactly the code that verifies the real thing; the one
//! difference is the root, which a verifier accepts only from configuration and which marks everything that
//! rests on it. Negative cases are knobs: an order says what is wrong ([`SnpDefect`], [`TdxDefect`],
//! [`SgxDefect`], [`ListDefect`], [`IntelDefect`], [`TpmDefect`], [`AzDefect`], [`NvidiaDefect`],
//! [`DevicesDefect`], [`OcspDefect`], [`RimDefect`]), and everything that the defect does not concern is
//! properly signed, so that exactly one rule is broken.
//!
//! ```
//! use hanzo_attestation_lab::{Lab, SnpOrder, SnpProduct};
//!
//! # fn main() -> Result<(), hanzo_attestation_lab::LabError> {
//! let lab = Lab::fixture();
//! let order = SnpOrder { report_data: [7; 64], product: SnpProduct::Genoa, version: 5, ..SnpOrder::default() };
//! let item = lab.snp(&order)?;
//! let document = Lab::document(vec![item]);
//! assert_eq!(document["evidence"][0]["type"], "sev-snp");
//! # Ok(())
//! # }
//! ```
//!
//! No shipped program links this crate.

mod amd;
mod azure;
mod defect;
mod der;
mod directory;
mod error;
pub mod event_log;
mod fixture;

mod intel;
mod lab;
mod nvidia;
mod sign;
mod tpm;
mod trust;

mod x509;

pub use amd::{ListDefect, SnpDefect, SnpOrder, SnpProduct, SnpTcb, Vek};
pub use azure::{AzDefect, AzGuest, AzOrder, VmConfiguration};
pub use defect::UnknownDefect;
pub use error::LabError;
pub use intel::{
    IntelCollateral, IntelDefect, IntelOrder, Module, ModuleIdentity, PckAuthority, QeIdentity, SgxDefect,
    SgxOrder, Standing, SvnLevel, TcbInfo, TcbLevel, TdxBody, TdxDefect, TdxOrder,
};
pub use lab::Lab;
pub use nvidia::{
    CrlDefect, CrlOrder, DeviceOrder, Devices, DevicesDefect, DevicesOrder, LabChip, LabDevice, LabInterface,
    LabMode, NvidiaDefect, NvidiaLab, OcspDefect, OcspOrder, OcspStaple, OcspSubject, RimDefect, RimMinimum,
    RimOrder, RimProduct, RimVendor, TdiDefect, TdiOrder,
};
pub use tpm::{
    AkCertificate, AkUsage, EkDefect, EndorsementKey, GceInstance, TpmBank, TpmDefect, TpmHash, TpmKey,
    TpmOrder,
};
pub use x509::Validity;
