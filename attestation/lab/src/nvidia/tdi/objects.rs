//! The objects, byte by byte. Little-endian.

use super::{TdiDefect, TdiOrder};
use crate::LabError;
use crate::sign::EcKey;
use aws_lc_rs::digest::{SHA384, digest};

/// The certificate slot that signs.
const SLOT: u8 = 0;
/// Context of a request of SPDM 1.3.
const CONTEXT: [u8; 8] = *b"lab-ctx0";
/// Measurement blocks.
const BLOCKS: u8 = 4;

/// Length, reserved field, digest of the root, and certificates from the root down. `chain` is leaf first.
pub(super) fn certificates(order: &TdiOrder, chain: &[Vec<u8>; 5]) -> Vec<u8> {
    let [.., root] = chain;
    let named: &[u8] = if order.defect == Some(TdiDefect::RootHash) { b"another" } else { root };
    let mut rest = digest(&SHA384, named).as_ref().to_vec();
    chain.iter().rev().for_each(|der| rest.extend(der));
    let wrong = u16::from(order.defect == Some(TdiDefect::ChainLength));
    let length = u16::try_from(rest.len() + 4).unwrap_or(u16::MAX) + wrong;
    let reserved = u16::from(order.defect == Some(TdiDefect::ChainReserved));
    [&length.to_le_bytes(), &reserved.to_le_bytes(), rest.as_slice()].concat()
}

const fn version(order: &TdiOrder) -> u8 {
    match (order.defect, order.spdm_1_3) {
        (Some(TdiDefect::VcaVersion), _) => 0x11,
        (_, false) => 0x12,
        (_, true) => 0x13,
    }
}

/// GET_VERSION to ALGORITHMS.
pub(super) fn vca(order: &TdiOrder) -> Vec<u8> {
    let version = version(order);
    let mut offered = vec![0x11, 0x12, 0x13];
    if order.defect == Some(TdiDefect::VcaNotOffered) {
        offered.retain(|offer| *offer != version);
    }
    let mut vca = vec![0x10, 0x84, 0, 0, 0x10, 0x04, 0, 0, 0];
    vca.push(u8::try_from(offered.len()).unwrap_or(u8::MAX));
    offered.iter().for_each(|offer| vca.extend([0, *offer]));
    for (code, flags) in [(0xE1, 0x0000_82C6_u32), (0x61, 0x0000_1AF7)] {
        vca.extend([version, code, 0, 0, 0, 0, 0, 0]);
        vca.extend(flags.to_le_bytes());
        vca.extend([0, 0x10, 0, 0, 0, 0x10, 0, 0]);
    }
    let asymmetric: u32 = if order.defect == Some(TdiDefect::Asymmetric) { 0x10 } else { 0x80 };
    let hash: u32 = if order.defect == Some(TdiDefect::Hash) { 0x01 } else { 0x02 };
    vca.extend([version, 0xE3, 0, 0, 32, 0, 1, 2, 0x80, 0, 0, 0, 2, 0, 0, 0]);
    vca.extend([0; 16]);
    vca.extend([version, 0x63, 0, 0, 36, 0, 1, 2, 4, 0, 0, 0]);
    vca.extend(asymmetric.to_le_bytes());
    vca.extend(hash.to_le_bytes());
    vca.extend([0; 16]);
    if order.defect == Some(TdiDefect::VcaTrailing) {
        vca.push(0);
    }
    vca
}

/// Three ranges: the MSI-X table, which the host may touch; the device's memory; its registers.
pub(super) fn report(order: &TdiOrder) -> Vec<u8> {
    let defect = order.defect;
    let info = order.interface_info | u16::from(defect == Some(TdiDefect::ReportReserved)) << 7;
    let count: u32 = if defect == Some(TdiDefect::ReportRanges) { 65 } else { 3 };
    let mut report = Vec::new();
    report.extend(info.to_le_bytes());
    report.extend([0; 10]);
    report.extend(count.to_le_bytes());
    let second = if defect == Some(TdiDefect::RangesOverlap) { 0x0 } else { 0x10 };
    let third = if defect == Some(TdiDefect::RangeBeyond) { u64::MAX } else { 0x100_0000 };
    let pages = u32::from(defect != Some(TdiDefect::RangeEmpty));
    let ranges: [(u64, u32, u16); 3] =
        [(0, 1, 0b101), (second, 0x1000, order.memory_attributes), (third, pages, 0)];
    for (number, (first, pages, attributes)) in (0_u16..).zip(ranges) {
        report.extend(first.to_le_bytes());
        report.extend(pages.to_le_bytes());
        report.extend(attributes.to_le_bytes());
        report.extend(number.to_le_bytes());
    }
    report.extend([3, 0, 0, 0]);
    report.extend(b"lab");
    match defect {
        Some(TdiDefect::ReportTruncated) => drop(report.pop()),
        Some(TdiDefect::ReportTrailing) => report.push(0),
        _ => {}
    }
    report
}

/// Bytes of a request.
pub(super) const fn request_length(order: &TdiOrder) -> usize {
    if order.spdm_1_3 { 45 } else { 37 }
}

/// GET_MEASUREMENTS and MEASUREMENTS, signed. A defect of the exchange is in the answer to the challenge, unless
/// it says otherwise.
pub(super) fn exchange(
    order: &TdiOrder,
    nonce: [u8; 32],
    at_lock: bool,
    key: &EcKey,
    stranger: &EcKey,
) -> Result<Vec<u8>, LabError> {
    let defect = order.defect.filter(|defect| at_lock == (*defect == TdiDefect::SignatureAtLock));
    let version = version(order);
    let asked = u8::from(defect != Some(TdiDefect::Unsigned));
    let mut message = vec![version, 0xE0, asked, 0xFF];
    message.extend(nonce);
    message.push(SLOT);
    let context: &[u8] = if order.spdm_1_3 { &CONTEXT } else { &[] };
    message.extend(context);
    let answering = if defect == Some(TdiDefect::ResponseVersion) { 0x11 } else { version };
    let param2 = match defect {
        Some(TdiDefect::ResponseSlot) => SLOT + 1,
        Some(TdiDefect::ContentChanged) => SLOT | 0x10,
        _ => SLOT | 0x20,
    };
    message.extend([answering, 0x60, 0, param2, BLOCKS]);
    let record = record(defect);
    let [low, middle, high, _] = u32::try_from(record.len()).unwrap_or(u32::MAX).to_le_bytes();
    message.extend([low, middle, high]);
    message.extend(record);
    message.extend([if at_lock { 0xA0 } else { 0xA1 }; 32]);
    message.extend([0, 0]);
    message.extend(context);
    let signer = match defect {
        Some(TdiDefect::Signature | TdiDefect::SignatureAtLock) => stranger,
        _ => key,
    };
    let transcript = [vca(order).as_slice(), &message].concat();
    let signature = match defect {
        Some(TdiDefect::WithoutPrefix) => signer.sign_fixed(&transcript)?,
        _ => signer.sign_fixed(&signed(version, &transcript))?,
    };
    message.extend(signature);
    if defect == Some(TdiDefect::ExchangeTrailing) {
        message.push(0);
    }
    Ok(message)
}

/// Prefix, context and digest of the transcript.
fn signed(version: u8, transcript: &[u8]) -> Vec<u8> {
    let minor = version & 0x0F;
    let prefix = format!("dmtf-spdm-v1.{minor}.*").repeat(4);
    let digest = digest(&SHA384, transcript);
    [prefix.as_bytes(), &[0; 6], b"responder-measurements signing", digest.as_ref()].concat()
}

fn record(defect: Option<TdiDefect>) -> Vec<u8> {
    let mut record = Vec::new();
    for index in 1..=BLOCKS {
        let number = if defect == Some(TdiDefect::DuplicateIndex) && index == 2 { 1 } else { index };
        let firmware = if defect == Some(TdiDefect::Changed) { 0xF0 } else { 0x70 };
        record.extend([number, 1, 51, 0, 1, 48, 0]);
        record.extend([firmware | index; 48]);
    }
    record
}
