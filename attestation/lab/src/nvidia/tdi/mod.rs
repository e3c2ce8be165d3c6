//! TEE device interfaces of the lab's GPUs: what a TSM holds of one that it locked, the event with which a guest
//! accepts it, and the device's answer to a challenge.
//!
//! ```
//! use hanzo_attestation_lab::event_log::{EventKind, LabLog};
//! use hanzo_attestation_lab::{LabChip, NvidiaLab, TdiOrder, Validity};
//! # use hanzo_attestation_evidence::UnixTime;
//!
//! # fn main() -> Result<(), hanzo_attestation_lab::LabError> {
//! # let at = |text| UnixTime::parse(text).unwrap_or(UnixTime::MAX);
//! # let validity = Validity { not_before: at("2026-01-01T00:00:00Z"), not_after: UnixTime::MAX };
//! let vendor = NvidiaLab::generate(LabChip::Gb100, validity)?;
//! let interface = vendor.interface(&TdiOrder::default())?;
//! let mut log = LabLog::usual_td();
//! log.event(3, EventKind::EVENT_TAG, &interface.accept_event());
//! let item = NvidiaLab::interfaces(&[interface.answer([7; 32])?], &[]);
//! assert_eq!(item["type"], "tdi");
//! # Ok(())
//! # }
//! ```

mod defect;
mod objects;
mod order;

pub use defect::TdiDefect;
pub use order::TdiOrder;

use super::certificates;
use super::vendor::NvidiaVendor;
use super::{DeviceOrder, Devices, DevicesOrder, NvidiaLab, OcspStaple};
use crate::LabError;
use crate::sign::EcKey;
use aws_lc_rs::digest::{SHA384, digest};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_evidence::tdi::{ACCEPT, Parts};
use serde_json::{Value, json};

/// Tag of an event of Confidential Containers' agent, `AAEL`, little-endian.
const AAEL: &[u8; 4] = b"LEAA";
/// The nonce that the guest chose when the interface was locked.
const NONCE_AT_LOCK: [u8; 32] = [0x10; 32];

/// An interface that the TSM has locked for a guest.
pub struct LabInterface {
    order: TdiOrder,
    key: EcKey,
    stranger: EcKey,
    certs: Vec<u8>,
    vca: Vec<u8>,
    report: Vec<u8>,
    at_lock: Vec<u8>,
}

impl NvidiaLab {
    /// Locks an interface of a device.
    ///
    /// # Errors
    /// [`LabError::KeyGeneration`], [`LabError::Signing`].
    pub fn interface(&self, order: &TdiOrder) -> Result<LabInterface, LabError> {
        let chain = certificates::chain(self, &device(order))?;
        let stranger = EcKey::generate(crate::sign::Curve::P384)?;
        let at_lock = objects::exchange(order, NONCE_AT_LOCK, true, &chain.leaf_key, &stranger)?;
        Ok(LabInterface {
            certs: objects::certificates(order, &chain.certificates),
            vca: objects::vca(order),
            report: objects::report(order),
            at_lock,
            order: order.clone(),
            key: chain.leaf_key,
            stranger,
        })
    }

    /// The item of these interfaces.
    #[must_use]
    pub fn interfaces(interfaces: &[Parts], ocsp: &[Vec<u8>]) -> Value {
        let devices: Vec<Value> = interfaces
            .iter()
            .map(|parts| {
                json!({
                    "certs": base64_encode(&parts.certs),
                    "vca": base64_encode(&parts.vca),
                    "interface_report": base64_encode(&parts.interface_report),
                    "measurements_at_lock": base64_encode(&parts.measurements_at_lock),
                    "measurements": base64_encode(&parts.measurements),
                })
            })
            .collect();
        let ocsp: Vec<String> = ocsp.iter().map(|der| base64_encode(der)).collect();
        json!({"type": "tdi", "devices": devices, "ocsp": ocsp})
    }
}

impl NvidiaVendor {
    /// Locks an interface of each GPU of a machine; the defect is of the first.
    pub(crate) fn interfaces(
        &self,
        order: &DevicesOrder,
        defect: Option<TdiDefect>,
    ) -> Result<Vec<LabInterface>, LabError> {
        let (chip, issued_at) = (order.chip, order.issued_at);
        let orders = order.gpu_pdis().into_iter().enumerate().map(|(index, pdi)| {
            let defect = defect.filter(|_| index == 0);
            TdiOrder { chip, pdi, issued_at, defect, ..TdiOrder::default() }
        });
        orders.map(|order| self.of(order.chip).interface(&order)).collect()
    }

    /// The item of these interfaces, answering a challenge.
    pub(crate) fn interface_item(
        &self,
        interfaces: &[LabInterface],
        nonce: [u8; 32],
        ocsp: Option<OcspStaple>,
    ) -> Result<Devices, LabError> {
        let parts = interfaces.iter().map(|interface| interface.answer(nonce));
        let parts = parts.collect::<Result<Vec<Parts>, _>>()?;
        let devices: Vec<DeviceOrder> = interfaces.iter().map(|interface| device(&interface.order)).collect();
        let answers = ocsp.map(|staple| self.chain_answers(&devices, staple.now)).transpose()?;
        let item = NvidiaLab::interfaces(&parts, &answers.unwrap_or_default());
        Ok(Devices { items: vec![item], digests: parts.iter().map(Parts::digests).collect() })
    }
}

/// The device that an interface is a part of.
fn device(order: &TdiOrder) -> DeviceOrder {
    DeviceOrder { chip: order.chip, pdi: order.pdi, issued_at: order.issued_at, ..DeviceOrder::default() }
}

impl LabInterface {
    /// The objects, with the device's answer to a challenge.
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn answer(&self, nonce: [u8; 32]) -> Result<Parts, LabError> {
        Ok(Parts {
            certs: self.certs.clone(),
            vca: self.vca.clone(),
            interface_report: self.report.clone(),
            measurements_at_lock: self.at_lock.clone(),
            measurements: objects::exchange(&self.order, nonce, false, &self.key, &self.stranger)?,
        })
    }

    /// Data of the event with which the guest accepts the interface: a tagged event of Confidential Containers'
    /// agent, with what the TSM tells.
    #[must_use]
    pub fn accept_event(&self) -> Vec<u8> {
        tagged(ACCEPT, &self.told())
    }

    /// The same with another name or content, for logs that say something else.
    #[must_use]
    pub fn event(name: &str, content: &str) -> Vec<u8> {
        tagged(name, content)
    }

    /// What the TSM tells, as the event has it.
    #[must_use]
    pub fn told(&self) -> String {
        let response = self.at_lock.get(objects::request_length(&self.order)..).unwrap_or_default();
        json!({
            "certs_sha384": sha384(&self.certs),
            "measurements_sha384": sha384(response),
            "interface_report_sha384": sha384(&self.report),
            "lock_flags": self.order.lock_flags,
            "tdi_state": self.order.state,
        })
        .to_string()
    }
}

fn tagged(name: &str, content: &str) -> Vec<u8> {
    let text = format!("{name} {content}");
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
    [AAEL, length.as_slice(), text.as_bytes()].concat()
}

fn sha384(bytes: &[u8]) -> String {
    digest(&SHA384, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
