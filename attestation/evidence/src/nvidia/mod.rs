//! NVIDIA devices: reports of GPUs and NVSwitches (SPDM 1.1, DSP0274), and the certificates that come with
//! them.
//!
//! A report is the request and the response of one GET_MEASUREMENTS exchange. Measurements alone say which
//! firmware runs; the opaque data says versions, mode and neighbours. Both are signed. What travels beside
//! them, such as the name of an architecture, is not, and is not read.

mod error;
mod identity;
mod ocsp;
mod opaque;
mod pem;
mod report;
pub mod rim;

pub use error::{FormatError, ItemError};
pub use identity::{EXTENSIONS, Fwid, device_info, fwid, pdi};
pub use ocsp::{OcspAnswer, OcspHash, OcspResponse, OcspStatus, Responder, is_ocsp_signer};
pub use opaque::{Architecture, Bytes, Entry, Fields, Format, Mode, Opaque, Toggle};
pub use pem::MAX_CERTIFICATES;
pub(crate) use report::blocks as read_blocks;
pub use report::{Block, MAX_REPORT, MAX_TRAILING, REQUEST_LENGTH, Report, ValueType};

use crate::binding::DeviceDigests;
use crate::document::Tee;

/// Most devices of one item: 8 GPUs or 4 switches share a baseboard, and 16 GPUs one virtual machine.
pub const MAX_DEVICES: usize = 16;
/// Most bytes of one device's certificates, PEM: NVML holds 5 KiB (0x1400), and a lab's keys may have longer
/// names.
pub const MAX_PEM: usize = 20 << 10;
/// Largest OCSP response in bytes: the vendor's have about 1.5 KiB, one certificate among them.
pub const MAX_OCSP: usize = 8 << 10;
/// Most OCSP responses of one item: three certificates of each device.
pub const MAX_OCSP_RESPONSES: usize = 3 * MAX_DEVICES;

/// GPUs or switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// GPUs.
    Gpu,
    /// NVSwitches.
    Switch,
}

impl Class {
    /// The kind of evidence.
    #[must_use]
    pub const fn tee(self) -> Tee {
        match self {
            Self::Gpu => Tee::NvidiaGpu,
            Self::Switch => Tee::NvidiaSwitch,
        }
    }
}

/// One device, as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The report.
    pub report: Vec<u8>,
    /// Its certificates, PEM.
    pub certs: String,
}

/// The devices of one class in a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// GPUs or switches.
    pub class: Class,
    /// In the document's order, which the binding keeps.
    pub devices: Vec<Device>,
    /// Answers about the devices' certificates (RFC 6960), DER, from whoever collected them.
    pub ocsp: Vec<Vec<u8>>,
}

/// One device, well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What it reports.
    pub report: Report,
    /// Its certificates, DER, in the order of the text.
    pub certs: Vec<Vec<u8>>,
    /// What a binding has of it.
    pub digests: DeviceDigests,
}

impl Evidence {
    /// Reads every device.
    ///
    /// # Errors
    /// [`ItemError`]: the first device that breaks a rule, and which rule.
    pub fn parse(class: Class, devices: &[Parts], ocsp: Vec<Vec<u8>>) -> Result<Self, ItemError> {
        let read = |(index, parts): (usize, &Parts)| {
            Device::parse(parts).map_err(|error| ItemError { device: index, error })
        };
        let devices = devices.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { class, devices, ocsp })
    }
}

impl Device {
    fn parse(parts: &Parts) -> Result<Self, FormatError> {
        Ok(Self {
            report: Report::parse(&parts.report)?,
            certs: pem::certificates(&parts.certs)?,
            digests: DeviceDigests::of(&parts.report, &parts.certs),
        })
    }
}

#[cfg(test)]
mod tests;
