//! What the lab's responder says of devices' and manifests' certificates.

use super::certificates::device_serial;
use super::devices::pdi;
use super::vendor::NvidiaVendor;
use super::{DeviceOrder, LabChip, LabDevice, OcspDefect, OcspOrder};
use crate::LabError;
use hanzo_attestation_evidence::UnixTime;

/// OCSP answers that come along: about every certificate of every device and of its manifests but roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OcspStaple {
    /// When the responder answers. An answer counts for a day.
    pub now: UnixTime,
    /// What is wrong with the first, which is about the first device's own certificate.
    pub defect: Option<OcspDefect>,
}

/// A certificate that a responder is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspSubject {
    /// That of a device's own authority: the GPU or the switch of this number, from 1, in a machine.
    Device {
        /// Which of the lab's machines.
        machine: u32,
        /// Which of its GPUs or of its switches.
        number: u8,
    },
    /// The provisioner's.
    Provisioner,
    /// The product's.
    Product,
    /// That of the signer of manifests.
    RimSigner,
    /// That of the authority above the signer.
    RimLevel3,
    /// That of the family's authority over manifests.
    RimFamily,
}

impl NvidiaVendor {
    /// One answer.
    pub(crate) fn answer(
        &self,
        chip: LabChip,
        subject: OcspSubject,
        staple: OcspStaple,
    ) -> Result<Vec<u8>, LabError> {
        let OcspStaple { now, defect } = staple;
        let of_chain = |index, serial: &[u8]| self.of(chip).ocsp(&about(index, serial, now, defect));
        let of_manifest = |index| self.rims.ocsp(chip.rim(), &about(index, &[], now, defect));
        match subject {
            OcspSubject::Device { machine, number } => {
                let kind = if chip == LabChip::Ls10 { b'S' } else { b'G' };
                let pdi = pdi(kind, machine, number);
                of_chain(1, &device_serial(&DeviceOrder { chip, pdi, ..DeviceOrder::default() }))
            }
            OcspSubject::Provisioner => of_chain(2, &[]),
            OcspSubject::Product => of_chain(3, &[]),
            OcspSubject::RimSigner => of_manifest(0),
            OcspSubject::RimLevel3 => of_manifest(1),
            OcspSubject::RimFamily => of_manifest(2),
        }
    }

    /// What the responder says of the chains of these devices, each certificate once, and of no manifest.
    pub(super) fn chain_answers(
        &self,
        orders: &[DeviceOrder],
        now: UnixTime,
    ) -> Result<Vec<Vec<u8>>, LabError> {
        let own = orders.iter().map(|order| (order.chip, 1, device_serial(order)));
        let above = orders.first().map(|order| [2, 3].map(|index| (order.chip, index, Vec::new())));
        own.chain(above.into_iter().flatten())
            .map(|(chip, index, serial)| self.of(chip).ocsp(&about(index, &serial, now, None)))
            .collect()
    }

    /// What the responder says of every certificate, each once.
    pub(super) fn answers(
        &self,
        orders: &[DeviceOrder],
        devices: &[LabDevice],
        staple: OcspStaple,
    ) -> Result<Vec<Vec<u8>>, LabError> {
        let mut answers = Vec::new();
        let mut families: Vec<LabChip> = Vec::new();
        let mut known: Vec<&[u8]> = Vec::new();
        for (order, device) in orders.iter().zip(devices) {
            if !known.contains(&device.device_serial.as_slice()) {
                let defect = staple.defect.filter(|_| known.is_empty());
                known.push(&device.device_serial);
                let about = about(1, &device.device_serial, staple.now, defect);
                answers.push(self.of(order.chip).ocsp(&about)?);
            }
            if !families.contains(&order.chip) {
                families.push(order.chip);
            }
        }
        for chip in families {
            for index in 2..=3 {
                answers.push(self.of(chip).ocsp(&about(index, &[], staple.now, None))?);
            }
            for index in 0..3 {
                answers.push(self.rims.ocsp(chip.rim(), &about(index, &[], staple.now, None))?);
            }
        }
        Ok(answers)
    }
}

fn about(index: usize, device_serial: &[u8], now: UnixTime, defect: Option<OcspDefect>) -> OcspOrder {
    OcspOrder { index, device_serial: device_serial.to_vec(), sha384: true, by_issuer: false, now, defect }
}
