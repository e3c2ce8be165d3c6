//! Quotes (TPM 2.0 Library, part 2, 10.12 TPMS_ATTEST). Integers are big-endian.

use super::public::sized;
use super::{TpmBank, TpmDefect, TpmHash, TpmOrder};

const MAGIC: u32 = 0xff54_4347;
const QUOTE: u16 = 0x8018;
const CERTIFY: u16 = 0x8017;
const NV: u16 = 0x8014;
/// Bytes of a bitmap: 24 registers.
const BITMAP: usize = 3;

/// TPMS_ATTEST of an order with its defect, and the offset of firmwareVersion in it.
pub(super) fn attest(order: &TpmOrder, signer: &[u8]) -> (Vec<u8>, usize) {
    let defect = order.defect;
    let magic = if defect == Some(TpmDefect::Magic) { 0 } else { MAGIC };
    let kind = match defect {
        Some(TpmDefect::Certify) => CERTIFY,
        Some(TpmDefect::NvContents) => NV,
        _ => QUOTE,
    };
    let mut signer = signer.to_vec();
    if defect == Some(TpmDefect::Signer) {
        // The id of SHA-384 before a digest of SHA-256.
        signer.splice(..2, TpmHash::Sha384.id().to_be_bytes());
    }
    let mut out = Vec::new();
    out.extend_from_slice(&magic.to_be_bytes());
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend(sized(&signer));
    out.extend(sized(&qualifying_data(order)));
    out.extend_from_slice(&order.clock.to_be_bytes());
    out.extend_from_slice(&order.reset_count.to_be_bytes());
    out.extend_from_slice(&order.restart_count.to_be_bytes());
    out.push(order.clock_safe.into());
    let firmware_version = out.len();
    out.extend_from_slice(&order.firmware_version.to_be_bytes());
    out.extend(selection(order));
    out.extend(sized(&pcr_digest(order)));
    match defect {
        Some(TpmDefect::AttestTrailing) => out.push(0),
        Some(TpmDefect::AttestTruncated) => {
            out.pop();
        }
        _ => {}
    }
    (out, firmware_version)
}

fn qualifying_data(order: &TpmOrder) -> Vec<u8> {
    let mut data = order.qualifying_data.clone();
    if let Some(first) = data.first_mut() {
        if order.wrong_nonce {
            *first ^= 0xff;
        }
        if order.defect == Some(TpmDefect::QualifyingData) {
            *first ^= 1;
        }
    }
    match order.defect {
        Some(TpmDefect::QualifyingDataShort) => {
            data.pop();
        }
        Some(TpmDefect::QualifyingDataPadded) => data.push(0),
        _ => {}
    }
    data
}

/// The banks as they are quoted.
pub(super) fn quoted(order: &TpmOrder) -> Vec<TpmBank> {
    let mut banks = order.banks.clone();
    for bank in &mut banks {
        let zeros = vec![0; bank.hash.length()];
        match order.defect {
            Some(TpmDefect::SelectionEmpty) => bank.values.clear(),
            Some(TpmDefect::SelectionIncomplete) => {
                bank.values.remove(&4);
            }
            // Another value there would show at once.
            Some(TpmDefect::PcrRelabelled) => {
                bank.values.remove(&8);
            }
            Some(TpmDefect::PcrExtra) => {
                bank.values.remove(&15);
            }
            Some(TpmDefect::PcrUnextended) => {
                bank.values.insert(0, zeros);
            }
            _ => {}
        }
    }
    if order.defect == Some(TpmDefect::SelectionTwice) {
        banks.extend(order.banks.first().cloned());
    }
    banks
}

/// TPML_PCR_SELECTION.
fn selection(order: &TpmOrder) -> Vec<u8> {
    let banks = quoted(order);
    let count = u32::try_from(banks.len()).unwrap_or(u32::MAX);
    let mut out = count.to_be_bytes().to_vec();
    for bank in &banks {
        let id = match order.defect {
            Some(TpmDefect::SelectionBank) => 0x00ff,
            _ => bank.hash.id(),
        };
        let mut bitmap = [0_u8; BITMAP];
        for register in bank.values.keys() {
            if let Some(byte) = bitmap.get_mut(usize::from(register / 8)) {
                *byte |= 1 << (register % 8);
            }
        }
        out.extend_from_slice(&id.to_be_bytes());
        match order.defect {
            Some(TpmDefect::SelectionSize) => out.extend_from_slice(&[4, bitmap[0], bitmap[1], bitmap[2], 0]),
            _ => out.extend_from_slice(&[3, bitmap[0], bitmap[1], bitmap[2]]),
        }
    }
    out
}

/// The digest over all values, in the order of the selection, by the hash function of the signature.
fn pcr_digest(order: &TpmOrder) -> Vec<u8> {
    let values: Vec<u8> =
        quoted(order).iter().flat_map(|bank| bank.values.values().flatten().copied()).collect();
    signing_hash(order).digest(&values)
}

pub(super) fn signing_hash(order: &TpmOrder) -> TpmHash {
    match order.defect {
        Some(TpmDefect::Sha1) => TpmHash::Sha1,
        _ => order.key.hash(),
    }
}

/// The banks as they are shown beside the quote.
pub(crate) fn shown(order: &TpmOrder) -> Vec<TpmBank> {
    let mut banks = quoted(order);
    banks.truncate(order.banks.len());
    let Some(bank) = banks.first_mut() else { return banks };
    match order.defect {
        Some(TpmDefect::PcrRelabelled) => {
            if let Some(resettable) = bank.values.remove(&16) {
                bank.values.insert(8, resettable);
            }
        }
        Some(TpmDefect::PcrExtra) => {
            bank.values.insert(15, vec![0; bank.hash.length()]);
        }
        Some(TpmDefect::PcrMissing) => {
            bank.values.remove(&7);
        }
        Some(TpmDefect::PcrLength) => {
            let moved = bank.values.get_mut(&1).and_then(Vec::pop);
            if let (Some(byte), Some(next)) = (moved, bank.values.get_mut(&2)) {
                next.insert(0, byte);
            }
        }
        Some(TpmDefect::PcrAltered) => {
            if let Some(byte) = bank.values.get_mut(&4).and_then(|value| value.first_mut()) {
                *byte ^= 1;
            }
        }
        _ => {}
    }
    banks
}
