//! TEE device interfaces (TDIs): what a device shows of an interface that a guest was given, and what the TSM
//! of the CPU told that guest about it (PCI Express 6.3, chapter 11, TDISP; SPDM, DSP0274 1.2 and 1.3).
//!
//! The formats belong to no vendor, so they have a place of their own beside `nvidia`. Whose devices are
//! believed is a matter of the root below which their certificates lie. What a TDI proves, and what it does
//! not, is in `docs/tee-io.md`; the rules are in `docs/tee-io-rules.md`.

mod accept;
mod certs;
mod error;
mod measurements;
mod report;
mod vca;

pub use accept::{ACCEPT, Accepted, LockFlags, TdiState, is_ours};
pub use certs::{CertificateChain, MAX_CERTIFICATE_CHAIN};
pub use error::{ItemError, TdiError};
pub use measurements::{MAX_EXCHANGE, Measurements};
pub use report::{InterfaceInfo, InterfaceReport, MAX_INTERFACE_REPORT, MAX_RANGES, MmioRange};
pub use vca::{MAX_VCA, SpdmVersion, Vca};

use crate::binding::DeviceDigests;
use crate::bytes::Hex;
use crate::nvidia;
use aws_lc_rs::digest::{SHA384, digest};
use serde::Serialize;

/// Most interfaces of one item: one for each GPU.
pub const MAX_DEVICES: usize = nvidia::MAX_DEVICES;

/// One interface, as sent. Every byte string is the object that Linux's PCI/TSM hands to the guest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The SPDM certificate chain of the slot that signs.
    pub certs: Vec<u8>,
    /// The transcript of version, capabilities and algorithms.
    pub vca: Vec<u8>,
    /// The TDISP report, as the TSM had it when it locked the interface.
    pub interface_report: Vec<u8>,
    /// GET_MEASUREMENTS and MEASUREMENTS of that moment.
    pub measurements_at_lock: Vec<u8>,
    /// The same exchange over the verifier's nonce.
    pub measurements: Vec<u8>,
}

/// The interfaces of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// In the document's order, which the binding keeps.
    pub devices: Vec<Device>,
    /// Answers about the devices' certificates (RFC 6960), DER.
    pub ocsp: Vec<Vec<u8>>,
}

/// One interface, well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its device's certificates.
    pub certs: CertificateChain,
    /// What SPDM negotiated.
    pub vca: Vca,
    /// What the device reports of the interface.
    pub interface_report: InterfaceReport,
    /// What it measured when the interface was locked.
    pub measured_at_lock: Measurements,
    /// What it measures now.
    pub measured: Measurements,
    /// What a TSM that holds these objects tells the guest of them.
    pub tsm: TsmDigests,
    /// What a binding has of it.
    pub digests: DeviceDigests,
}

/// SHA-384 of the objects that a TSM holds of an interface: `certs_digest`, `meas_digest` and
/// `interface_report_digest` of TIO_MSG_TDI_INFO_RSP (SEV-TIO Firmware Interface 0.91, table 61).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TsmDigests {
    /// Of the SPDM certificate chain.
    pub certs: Hex<48>,
    /// Of the MEASUREMENTS response at the time of the lock.
    pub measurements: Hex<48>,
    /// Of the TDISP report.
    pub interface_report: Hex<48>,
}

impl Evidence {
    /// Reads every interface.
    ///
    /// # Errors
    /// [`ItemError`]: the first one that breaks a rule, and which rule.
    pub fn parse(devices: &[Parts], ocsp: Vec<Vec<u8>>) -> Result<Self, ItemError> {
        let read = |(device, parts): (usize, &Parts)| {
            Device::parse(parts).map_err(|error| ItemError { device, error })
        };
        let devices = devices.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { devices, ocsp })
    }
}

impl Device {
    fn parse(parts: &Parts) -> Result<Self, TdiError> {
        let vca = Vca::parse(&parts.vca)?;
        let measured_at_lock = Measurements::parse(&parts.measurements_at_lock, vca.version)?;
        let tsm = TsmDigests {
            certs: sha384(&parts.certs),
            measurements: sha384(measured_at_lock.response()),
            interface_report: sha384(&parts.interface_report),
        };
        Ok(Self {
            certs: CertificateChain::parse(&parts.certs)?,
            interface_report: InterfaceReport::parse(&parts.interface_report)?,
            measured: Measurements::parse(&parts.measurements, vca.version)?,
            measured_at_lock,
            vca,
            tsm,
            digests: binding_digests(parts),
        })
    }
}

impl Parts {
    /// What a binding has of this interface.
    #[must_use]
    pub fn digests(&self) -> DeviceDigests {
        binding_digests(self)
    }
}

/// The certificates as they are; in the report's place one digest over those of the four other objects, in
/// the order of their names' first use: interface report, VCA, measurements at the lock, measurements.
fn binding_digests(parts: &Parts) -> DeviceDigests {
    let objects = [&parts.interface_report, &parts.vca, &parts.measurements_at_lock, &parts.measurements];
    let each: Vec<[u8; 48]> = objects.iter().map(|object| sha384(object).0).collect();
    DeviceDigests { report: sha384(&each.concat()).0, certs: sha384(&parts.certs).0 }
}

fn sha384(bytes: &[u8]) -> Hex<48> {
    let mut array = [0; 48];
    array.copy_from_slice(digest(&SHA384, bytes).as_ref());
    Hex(array)
}

#[cfg(test)]
mod tests;
