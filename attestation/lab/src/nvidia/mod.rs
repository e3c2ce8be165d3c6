//! A vendor of NVIDIA devices: a root of one's own, and GPUs and switches whose reports and chains have the
//! vendor's formats.
//!
//! A lab's directory has one root over all families of devices, and one over manifests ([`crate::Lab`]). A
//! [`NvidiaLab`] or a [`RimVendor`] alone has keys that live as long as the value.

mod answers;
mod certificates;
mod crl;
mod defect;
mod devices;
mod ocsp;
mod order;
mod report;
mod rim;
mod tdi;
mod vendor;

pub use answers::{OcspStaple, OcspSubject};
pub use crl::CrlOrder;
pub use defect::{CrlDefect, DevicesDefect, NvidiaDefect, OcspDefect};
pub use devices::{Devices, DevicesOrder, LabMode};
pub use ocsp::OcspOrder;
pub use order::{DeviceOrder, LabChip};
pub use rim::{RimDefect, RimMinimum, RimOrder, RimProduct, RimVendor};
pub use tdi::{LabInterface, TdiDefect, TdiOrder};

use crate::LabError;
use crate::der;
use crate::sign::{Curve, EcKey, Issuer as _};
use crate::x509::{self, Validity};
use certificates::Link;
use hanzo_attestation_evidence::binding::DeviceDigests;
use hanzo_attestation_evidence::encoding::base64_encode;
use serde_json::{Value, json};

pub(crate) use vendor::{NvidiaKeys, NvidiaVendor, Standard};

/// The vendor of one family of devices.
#[derive(Clone)]
pub struct NvidiaLab {
    root: Link,
    product: Link,
    provisioner: Link,
    stranger: EcKey,
    responder: EcKey,
    validity: Validity,
}

/// A device's evidence, and what of its chain a responder is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabDevice {
    /// The report.
    pub report: Vec<u8>,
    /// Leaf, device, provisioner, product and root, PEM.
    pub certs: String,
    /// Serial number of the device's own authority.
    pub device_serial: Vec<u8>,
}

impl LabDevice {
    /// What the CPU's report data says of it.
    #[must_use]
    pub fn digests(&self) -> DeviceDigests {
        DeviceDigests::of(&self.report, &self.certs)
    }
}

impl NvidiaLab {
    /// A vendor with new keys.
    ///
    /// # Errors
    /// [`LabError::KeyGeneration`], [`LabError::Signing`].
    pub fn generate(chip: LabChip, validity: Validity) -> Result<Self, LabError> {
        let key = || EcKey::generate(Curve::P384);
        let root = certificates::root("Hanzo Lab Device Identity", key()?, validity)?;
        let product = certificates::authority(
            &format!("Hanzo Lab {} Identity", chip.product()),
            key()?,
            &root,
            validity,
        )?;
        let name = format!("Hanzo Lab {} Provisioner", chip.name());
        let provisioner = certificates::authority(&name, key()?, &product, validity)?;
        Ok(Self { root, product, provisioner, stranger: key()?, responder: key()?, validity })
    }

    /// The root's certificate, DER.
    #[must_use]
    pub fn root(&self) -> &[u8] {
        &self.root.der
    }

    /// A device, or one with a defect.
    ///
    /// # Errors
    /// [`LabError::KeyGeneration`], [`LabError::Signing`].
    pub fn device(&self, order: &DeviceOrder) -> Result<LabDevice, LabError> {
        let chain = certificates::chain(self, order)?;
        let report = report::signed(order, &chain.leaf_key, &self.stranger)?;
        let mut certs: Vec<String> =
            chain.certificates.iter().map(|der| x509::pem("CERTIFICATE", der)).collect();
        match order.defect {
            Some(NvidiaDefect::ChainText) => certs.insert(1, "device's own:\n".to_owned()),
            Some(NvidiaDefect::ChainShort) => drop(certs.remove(2)),
            _ => {}
        }
        Ok(LabDevice { report, certs: certs.concat(), device_serial: certificates::device_serial(order) })
    }

    /// An OCSP response about one certificate of a device's chain.
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn ocsp(&self, order: &OcspOrder) -> Result<Vec<u8>, LabError> {
        ocsp::response(self, order)
    }

    /// A revocation list of one of the authorities above a device.
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn crl(&self, order: &CrlOrder) -> Result<Vec<u8>, LabError> {
        crl::list(self, order)
    }

    /// The item of these devices.
    #[must_use]
    pub fn item(kind: &str, devices: &[LabDevice], ocsp: &[Vec<u8>]) -> Value {
        let devices: Vec<Value> = devices
            .iter()
            .map(|device| json!({"report": base64_encode(&device.report), "certs": device.certs}))
            .collect();
        let ocsp: Vec<String> = ocsp.iter().map(|der| base64_encode(der)).collect();
        json!({"type": kind, "devices": devices, "ocsp": ocsp})
    }
}

/// ecdsa-with-SHA384.
fn ecdsa_with_sha384() -> Vec<u8> {
    der::sequence([der::oid(&[1, 2, 840, 10045, 4, 3, 3])])
}

/// Bits of a link's key, which OCSP hashes.
fn key_bits(link: &Link) -> Vec<u8> {
    link.key.public_key().to_vec()
}
