//! A device's chain, as the vendor issues it: P-384 and ecdsa-with-SHA384 throughout.

use super::{DeviceOrder, LabChip, NvidiaDefect, NvidiaLab, ecdsa_with_sha384};
use crate::LabError;
use crate::der;
use crate::sign::{Curve, EcKey, Issuer as _};
use crate::x509::{self, KeyUsage, Plan, Validity, attribute};

const COMMON_NAME: &[u32] = &[2, 5, 4, 3];
const SERIAL_NUMBER: &[u32] = &[2, 5, 4, 5];
const FWID: &[u32] = &[2, 23, 133, 5, 4, 1];
const TCB_INFO: &[u32] = &[2, 23, 133, 5, 4, 1, 1];
const SHA384: &[u32] = &[2, 16, 840, 1, 101, 3, 4, 2, 2];
const DEVICE_INFO: &[u32] = &[1, 3, 6, 1, 4, 1, 412, 274, 1];
const SUBJECT_ALT_NAME: &[u32] = &[2, 5, 29, 17];

/// Firmware id of the lab's devices.
pub(super) const FIRMWARE: [u8; 48] = [0x5f; 48];

/// An authority: its key, its name and its certificate.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) key: EcKey,
    pub(super) subject: Vec<u8>,
    pub(super) serial: Vec<u8>,
    pub(super) der: Vec<u8>,
}

impl Link {
    /// The authority of this name, whose certificate is at hand.
    pub(super) fn of(common_name: &str, key: EcKey, der: Vec<u8>) -> Self {
        Self { subject: name(common_name), serial: key.key_id(), key, der }
    }
}

/// Leaf first, root last, and the key that signs reports.
pub(super) struct LabChain {
    pub(super) certificates: [Vec<u8>; 5],
    pub(super) leaf_key: EcKey,
}

pub(super) fn name(common_name: &str) -> Vec<u8> {
    der::sequence([attribute(COMMON_NAME, der::utf8(common_name))])
}

pub(super) fn root(common_name: &str, key: EcKey, validity: Validity) -> Result<Link, LabError> {
    let subject = name(common_name);
    let serial = key.key_id();
    let plan = Plan {
        serial: serial.clone(),
        algorithm: ecdsa_with_sha384(),
        issuer: subject.clone(),
        validity,
        subject: subject.clone(),
        public_key_info: key.public_key_info(),
        extensions: vec![
            x509::authority(None),
            KeyUsage::CertificateAndListSign.extension(),
            x509::subject_key_id(&key),
        ],
    };
    Ok(Link { der: plan.issue(&key)?, key, subject, serial })
}

pub(super) fn authority(
    common_name: &str,
    key: EcKey,
    issuer: &Link,
    validity: Validity,
) -> Result<Link, LabError> {
    let (subject, serial) = (name(common_name), key.key_id());
    let plan = authority_plan(&key, serial.clone(), subject.clone(), issuer, validity);
    Ok(Link { der: plan.issue(&issuer.key)?, key, subject, serial })
}

fn authority_plan(key: &EcKey, serial: Vec<u8>, subject: Vec<u8>, issuer: &Link, validity: Validity) -> Plan {
    Plan {
        serial,
        algorithm: ecdsa_with_sha384(),
        issuer: issuer.subject.clone(),
        validity,
        subject,
        public_key_info: key.public_key_info(),
        extensions: vec![
            x509::authority(None),
            KeyUsage::CertificateAndListSign.extension(),
            x509::subject_key_id(key),
            x509::authority_key_id(&issuer.key),
        ],
    }
}

/// The serial number of the device's own authority: engine and PDI.
pub(super) fn device_serial(order: &DeviceOrder) -> Vec<u8> {
    let mut serial = vec![order.chip.engine()];
    serial.extend(order.pdi);
    if order.defect == Some(NvidiaDefect::PdiForm) {
        serial.push(1);
    }
    serial
}

pub(super) fn chain(lab: &NvidiaLab, order: &DeviceOrder) -> Result<LabChain, LabError> {
    let validity = lab.validity.starting(order.issued_at);
    let device = device(lab, order, validity)?;
    let curve = if order.defect == Some(NvidiaDefect::LeafCurve) { Curve::P256 } else { Curve::P384 };
    let leaf_key = EcKey::generate(curve)?;
    let signer = if order.defect == Some(NvidiaDefect::LeafSignature) { &lab.stranger } else { &device.key };
    let leaf = leaf(lab, order, &leaf_key, &device, validity).issue(signer)?;
    let upper = [&lab.provisioner, &lab.product, &lab.root].map(|link| link.der.clone());
    let [provisioner, product, root] = upper;
    Ok(LabChain { certificates: [leaf, device.der, provisioner, product, root], leaf_key })
}

fn device(lab: &NvidiaLab, order: &DeviceOrder, validity: Validity) -> Result<Link, LabError> {
    let key = EcKey::generate(Curve::P384)?;
    let engine = if order.fsp { "FSP" } else { "GSP" };
    let subject = name(&format!("{} A01 {engine} BROM", order.chip.name()));
    let serial = device_serial(order);
    let mut plan = authority_plan(&key, serial.clone(), subject.clone(), &lab.provisioner, validity);
    match order.defect {
        Some(NvidiaDefect::DeviceUsage) => plan.extensions[1] = KeyUsage::DigitalSignature.extension(),
        Some(NvidiaDefect::DeviceNotCa) => plan.extensions[0] = x509::end_entity(),
        _ => {}
    }
    let stranger = order.defect == Some(NvidiaDefect::DeviceSignature);
    let signer = if stranger { &lab.stranger } else { &lab.provisioner.key };
    Ok(Link { der: plan.issue(signer)?, key, subject, serial })
}

fn leaf(lab: &NvidiaLab, order: &DeviceOrder, key: &EcKey, device: &Link, validity: Validity) -> Plan {
    let defect = order.defect;
    let chip = match defect {
        Some(NvidiaDefect::ChipName) => LabChip::Gb100.name(),
        _ => order.chip.name(),
    };
    let common_name = attribute(COMMON_NAME, der::utf8(&format!("{chip} A01 GSP FMC LF")));
    let number = attribute(SERIAL_NUMBER, der::printable("LAB"));
    let info = der::utf8(&format!("LAB:{}:0001", order.chip.name()));
    let other = der::explicit(0, &[der::oid(DEVICE_INFO), der::explicit(0, &info)].concat());
    let authority_key =
        if defect == Some(NvidiaDefect::LeafAuthorityKey) { &lab.stranger } else { &device.key };
    let mut extensions = vec![
        KeyUsage::DigitalSignature.extension(),
        x509::subject_key_id(key),
        x509::authority_key_id(authority_key),
        x509::extension(SUBJECT_ALT_NAME, &der::sequence([other])),
        firmware(lab, order, device),
    ];
    if defect == Some(NvidiaDefect::LeafIsCa) {
        extensions.push(x509::authority(None));
    }
    let before = Validity { not_after: validity.not_before, ..validity };
    Plan {
        serial: key.key_id(),
        algorithm: ecdsa_with_sha384(),
        issuer: match defect {
            Some(NvidiaDefect::LeafIssuer) => lab.product.subject.clone(),
            _ => device.subject.clone(),
        },
        validity: if defect == Some(NvidiaDefect::LeafExpired) { before } else { validity },
        subject: der::sequence([number, common_name]),
        public_key_info: key.public_key_info(),
        extensions,
    }
}

/// The firmware id, in Hopper's form or in that of later chips.
fn firmware(lab: &NvidiaLab, order: &DeviceOrder, device: &Link) -> Vec<u8> {
    let digest = der::sequence([der::oid(SHA384), der::octet_string(&FIRMWARE)]);
    if order.defect == Some(NvidiaDefect::FwidForm) {
        return x509::extension(FWID, &der::sequence([der::integer(1), digest]));
    }
    if matches!(order.chip, LabChip::Gb100 | LabChip::Gr100) {
        let none = der::sequence([der::oid(SHA384), der::octet_string(&[0; 48])]);
        let fwids = der::explicit(6, &[digest, none].concat());
        let parts = [der::implicit(0, b"LAB"), der::implicit(1, b"lab"), fwids, der::implicit(7, &[0, 1])];
        return x509::extension(TCB_INFO, &der::sequence(parts));
    }
    let stranger = order.defect == Some(NvidiaDefect::FwidKey);
    let key = if stranger { lab.stranger.public_key_info() } else { device.key.public_key_info() };
    x509::extension(FWID, &der::sequence([der::integer(1), key, digest]))
}
