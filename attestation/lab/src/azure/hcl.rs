//! The report that the paravisor keeps in its TPM's NV memory: hardware report and runtime data.
//! Little-endian.

use super::{AzDefect, AzGuest, AzOrder};
use crate::TpmHash;

/// Length on the wire in bytes.
const LENGTH: usize = 2600;
const HEADER: usize = 32;
/// Place of the hardware report in bytes.
const HARDWARE: usize = 1184;
/// Bytes between the hardware report and the runtime data.
const DATA_HEADER: usize = 20;

pub(super) fn report(order: &AzOrder, hardware: &[u8], runtime_data: &[u8]) -> Vec<u8> {
    let defect = order.defect;
    // Lengths are a few kilobytes.
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let add_if = |value: u32, one: AzDefect| value + u32::from(defect == Some(one));
    let size = number(HEADER + HARDWARE + DATA_HEADER + runtime_data.len());
    let data_size = number(runtime_data.len());
    let mut out = Vec::with_capacity(LENGTH);
    out.extend_from_slice(if defect == Some(AzDefect::HclMagic) { b"HCLB" } else { b"HCLA" });
    let version = if defect == Some(AzDefect::HclVersion) { 3 } else { order.hcl_version };
    let request_type = if defect == Some(AzDefect::HclRequestType) { 1 } else { 2 };
    let size = add_if(size + u32::from(defect == Some(AzDefect::HclDataSize)), AzDefect::HclReportSize);
    for value in [version, size, request_type, add_if(0, AzDefect::HclStatus)] {
        out.extend_from_slice(&value.to_le_bytes());
    }
    let reserved = u8::from(defect == Some(AzDefect::HclReserved));
    out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, reserved]);
    out.extend_from_slice(hardware);
    out.resize(HEADER + HARDWARE, 0);
    let data_size = add_if(data_size, AzDefect::HclDataSize);
    let whole = data_size + number(DATA_HEADER);
    for value in [whole, add_if(1, AzDefect::HclDataVersion), report_type(order), hash_type(order), data_size]
    {
        out.extend_from_slice(&value.to_le_bytes());
    }
    out.extend_from_slice(runtime_data);
    out.resize(out.len().max(LENGTH), 0);
    match defect {
        Some(AzDefect::HclTruncated) => out.truncate(1235),
        Some(AzDefect::HclPadding) => {
            if let Some(last) = out.last_mut() {
                *last = 1;
            }
        }
        _ => {}
    }
    out
}

fn report_type(order: &AzOrder) -> u32 {
    let (own, other) = match order.guest {
        AzGuest::Snp(_) => (2, 4),
        AzGuest::Tdx(_) => (4, 2),
    };
    if order.defect == Some(AzDefect::HclReportType) { other } else { own }
}

fn hash_type(order: &AzOrder) -> u32 {
    match (order.defect, order.hash) {
        (Some(AzDefect::HclHashType), _) => 99,
        (_, TpmHash::Sha1 | TpmHash::Sha256) => 1,
        (_, TpmHash::Sha384) => 2,
        (_, TpmHash::Sha512) => 3,
    }
}
