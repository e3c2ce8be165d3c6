//! The report: SPDM 1.1 request ‖ response, signed by the leaf's key.

use super::certificates::FIRMWARE;
use super::{DeviceOrder, LabChip, NvidiaDefect};
use crate::LabError;
use crate::sign::EcKey;

/// Version of the BIOS of the lab's switches.
pub(super) const SWITCH_BIOS: &str = "96.10.55.00.01";
/// Offset of the request's slot.
const SLOT: usize = 36;
/// Offset of the response.
const RESPONSE: usize = 37;

/// One entry of opaque data: type, value type, data.
type Entry = (u16, u16, Vec<u8>);

pub(super) fn signed(order: &DeviceOrder, key: &EcKey, stranger: &EcKey) -> Result<Vec<u8>, LabError> {
    let defect = order.defect;
    let mut message = message(order);
    let mut flip = |offset: usize, value: u8| {
        if let Some(byte) = message.get_mut(offset) {
            *byte = value;
        }
    };
    match defect {
        Some(NvidiaDefect::RequestVersion) => flip(0, 0x12),
        Some(NvidiaDefect::RequestOperation) => flip(3, 0),
        Some(NvidiaDefect::RequestSlot) => flip(SLOT, 1),
        Some(NvidiaDefect::ResponseCode) => flip(RESPONSE + 1, 0x61),
        Some(NvidiaDefect::ResponseSlot) => flip(RESPONSE + 3, 2),
        _ => {}
    }
    let signer = if defect == Some(NvidiaDefect::ReportSignature) { stranger } else { key };
    let mut signature = signer.sign_fixed(&message)?;
    // A leaf on P-256 is refused before any signature is read.
    signature.resize(96, 1);
    message.extend(signature);
    message.resize(message.len() + order.trailing, 0);
    match defect {
        Some(NvidiaDefect::TrailingByte) => message.push(1),
        Some(NvidiaDefect::TrailingZeros) => message.extend([0; 17]),
        Some(NvidiaDefect::Oversized) => message.resize(0x2001, 0),
        Some(NvidiaDefect::Truncated) => message.truncate(message.len() - 1),
        _ => {}
    }
    Ok(message)
}

fn message(order: &DeviceOrder) -> Vec<u8> {
    let (count, record) = record(order);
    let opaque = opaque(order);
    let [low, middle, high, _] = u32::try_from(record.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut message = vec![0x11, 0xe0, 0x01, 0xff];
    message.extend(order.nonce);
    message.push(0);
    message.extend([0x11, 0x60, 0, 0, count, low, middle, high]);
    message.extend(record);
    message.extend([0xd5; 32]);
    message.extend(u16::try_from(opaque.len()).unwrap_or(u16::MAX).to_le_bytes());
    message.extend(opaque);
    message
}

/// 64 measurements of a GPU, 31 of a switch.
fn record(order: &DeviceOrder) -> (u8, Vec<u8>) {
    let count: u8 = if order.chip == LabChip::Ls10 { 31 } else { 64 };
    let mut record = Vec::new();
    for index in 1..=count {
        let (mut number, mut specification, mut size) = (index, 1, 48);
        match (order.defect, index) {
            (Some(NvidiaDefect::DuplicateIndex), 2) => number = 1,
            (Some(NvidiaDefect::BlockZero), 1) => number = 0,
            (Some(NvidiaDefect::BlockSpecification), 1) => specification = 2,
            (Some(NvidiaDefect::BlockSize), 1) => size = 47,
            _ => {}
        }
        record.extend([number, specification, 51, 0, 1, size, 0]);
        let altered = order.altered == Some(index);
        record.extend([if altered { 0xff } else { index }; 48]);
    }
    let counted = if order.defect == Some(NvidiaDefect::BlockCount) { count - 1 } else { count };
    (counted, record)
}

fn opaque(order: &DeviceOrder) -> Vec<u8> {
    let mut entries = if order.chip == LabChip::Ls10 { of_switch(order) } else { of_gpu(order) };
    if order.defect == Some(NvidiaDefect::DuplicateEntry) {
        entries.extend(entries.first().cloned());
    }
    let mut opaque = Vec::new();
    if order.nvdaod {
        let major = if order.defect == Some(NvidiaDefect::OpaqueVersion) { 3 } else { 2 };
        opaque.extend(*b"NVDAOD");
        opaque.extend([0, 0, major, 0, 0, 0]);
    }
    for (kind, value_type, data) in &entries {
        opaque.extend(kind.to_le_bytes());
        if order.nvdaod {
            opaque.extend(value_type.to_le_bytes());
        }
        opaque.extend(u16::try_from(data.len()).unwrap_or(u16::MAX).to_le_bytes());
        opaque.extend(data);
    }
    if order.defect == Some(NvidiaDefect::OpaqueOverrun) {
        opaque.extend([0xff, 0x7f, 0xff, 0xff]);
    }
    opaque
}

fn of_gpu(order: &DeviceOrder) -> Vec<Entry> {
    let defect = order.defect;
    let other = if order.chip == LabChip::Gb100 { LabChip::Gh100 } else { LabChip::Gb100 };
    let id = if defect == Some(NvidiaDefect::ChipId) { other.id() } else { order.chip.id() };
    let mut info = id.to_le_bytes().to_vec();
    info.extend([0; 4]);
    let version: u16 = if defect == Some(NvidiaDefect::OpaqueVersion) { 3 } else { 1 };
    let mut entries: Vec<Entry> = vec![
        (4, 0x82, info),
        (6, 0x86, order.vbios.to_vec()),
        (11, 0x82, vec![order.nvdec0]),
        (17, 0x82, b"LAB1\0".to_vec()),
        (21, 0x85, vec![if order.protected_pcie { 0xaa } else { 0x55 }]),
        (34, 0x86, version.to_le_bytes().to_vec()),
        (37, 0x87, order.security_version.to_le_bytes().to_vec()),
        (4711, 0x83, b"of a later driver".to_vec()),
    ];
    if !order.driver.is_empty() {
        entries.push((3, 0x86, [order.driver.as_bytes(), &[0]].concat()));
    }
    if let Some(mode) = order.mode {
        entries.push((36, 0x85, mode.to_le_bytes().to_vec()));
    }
    if order.fwid {
        let digest = if defect == Some(NvidiaDefect::FwidOther) { [0x5e; 48] } else { FIRMWARE };
        entries.push((20, 0x01, digest.to_vec()));
    }
    if order.chip == LabChip::Gb100 || defect == Some(NvidiaDefect::ChipInfo) {
        let chip = if defect == Some(NvidiaDefect::ChipInfo) { other } else { order.chip };
        entries.push((35, 0x86, chip.name().as_bytes().to_vec()));
    }
    if !order.neighbours.is_empty() {
        let mut links: Vec<u8> = order.neighbours.iter().flat_map(|pdi| pdi.iter().rev().copied()).collect();
        links.resize(18 * 8, 0);
        entries.push((22, 0x83, links));
    }
    entries
}

fn of_switch(order: &DeviceOrder) -> Vec<Entry> {
    let mut gpus: Vec<u8> = order.neighbours.concat();
    gpus.resize(64, 0);
    gpus.extend([0xff; 64]);
    vec![
        (6, 0x86, [SWITCH_BIOS.as_bytes(), &[0]].concat()),
        (22, 0x83, order.pdi.to_vec()),
        (25, 0x83, vec![u8::from(order.locked), 0]),
        (26, 0x83, gpus),
    ]
}
