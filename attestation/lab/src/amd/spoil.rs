//! The defects of a report: bytes changed before it is signed, or after.

use super::report::{LENGTH, at, put};
use super::{SnpDefect, SnpOrder, SnpProduct};

pub(super) fn before_signing(report: &mut [u8], order: &SnpOrder) {
    if order.wrong_nonce {
        flip(report, at::REPORT_DATA, 0xff);
    }
    if order.provisional {
        raise(report, at::CURRENT_TCB + 7);
    }
    let Some(defect) = order.defect else { return };
    match defect {
        SnpDefect::VersionUnknown => put(report, at::VERSION, &6_u32.to_le_bytes()),
        SnpDefect::VersionAncient => put(report, at::VERSION, &1_u32.to_le_bytes()),
        SnpDefect::ReservedTail => flip(report, at::RESERVED, 1),
        SnpDefect::ReservedVersion => flip(report, at::CURRENT_VERSION + 3, 1),
        SnpDefect::ReservedCpuid => flip(report, at::CPUID + 3, 1),
        SnpDefect::MitVectorInOldVersion => flip(report, at::LAUNCH_MIT_VECTOR, 1),
        SnpDefect::PolicyBit17Clear => flip_bit(report, at::POLICY, 17),
        SnpDefect::PolicyReserved => flip_bit(report, at::POLICY, 26),
        SnpDefect::KeyInfoReserved => flip_bit(report, at::KEY_INFO, 5),
        SnpDefect::SigningKeyUndefined => put(report, at::KEY_INFO, &(2_u32 << 2).to_le_bytes()),
        SnpDefect::SignatureAlgorithm => put(report, at::SIGNATURE_ALGO, &2_u32.to_le_bytes()),
        SnpDefect::VmplOutOfRange => put(report, at::VMPL, &4_u32.to_le_bytes()),
        SnpDefect::HostRequested => put(report, at::VMPL, &u32::MAX.to_le_bytes()),
        SnpDefect::NotSigned => put(report, at::KEY_INFO, &(7_u32 << 2).to_le_bytes()),
        SnpDefect::ChipKeyMasked => flip_bit(report, at::KEY_INFO, 1),
        SnpDefect::SigningKeyMismatch => {
            put(report, at::KEY_INFO, &0_u32.to_le_bytes());
            put(report, at::CHIP_ID, &order.chip_id());
        }
        SnpDefect::CpuUnknown => put(report, at::CPUID, &[0x1b]),
        SnpDefect::ProductMismatch => put(report, at::CPUID, &SnpProduct::Genoa.cpuid()),
        // Byte 4 is reserved in both layouts.
        SnpDefect::TcbReserved => flip(report, at::CURRENT_TCB + 4, 1),
        SnpDefect::ChipIdLayout => flip(report, at::CHIP_ID + 8, 1),
        SnpDefect::ChipIdMasked => put(report, at::CHIP_ID, &[0; 64]),
        SnpDefect::ReportData => flip(report, at::REPORT_DATA, 1),
        SnpDefect::ReportDataLastBit => flip(report, at::REPORT_DATA + 63, 1),
        SnpDefect::Debug => flip_bit(report, at::POLICY, 19),
        SnpDefect::MigrationAllowed => flip_bit(report, at::POLICY, 18),
        SnpDefect::MigrationAgent => put(report, at::REPORT_ID_MA, &[0x11; 32]),
        SnpDefect::SmtContradiction => flip_bit(report, at::POLICY, 16),
        SnpDefect::RaplContradiction => flip_bit(report, at::POLICY, 23),
        SnpDefect::CiphertextHidingContradiction => flip_bit(report, at::POLICY, 24),
        SnpDefect::CxlAllowed => flip_bit(report, at::POLICY, 21),
        SnpDefect::PlatformInfoUnknown => flip_bit(report, at::PLATFORM_INFO, 40),
        SnpDefect::Vmpl1 => put(report, at::VMPL, &1_u32.to_le_bytes()),
        SnpDefect::IdKeyUnknown => put(report, at::ID_KEY_DIGEST, &[0x22; 48]),
        SnpDefect::AuthorKeyInconsistent => put(report, at::AUTHOR_KEY_DIGEST, &[0x33; 48]),
        SnpDefect::AuthorKeyWithoutIdKey => {
            put(report, at::AUTHOR_KEY_DIGEST, &[0x33; 48]);
            flip_bit(report, at::KEY_INFO, 0);
        }
        // Microcode is the last byte in both layouts.
        SnpDefect::TcbOrder => raise(report, at::COMMITTED_TCB + 7),
        _ => {}
    }
}

pub(super) fn after_signing(report: &mut Vec<u8>, order: &SnpOrder) {
    match order.defect {
        Some(SnpDefect::ReportTruncated) => report.truncate(LENGTH - 1),
        Some(SnpDefect::ReportOverlong) => report.push(0),
        Some(SnpDefect::SignaturePadding) => flip(report, at::SIGNATURE + 48, 1),
        Some(SnpDefect::SignatureTail) => flip(report, LENGTH - 1, 1),
        Some(SnpDefect::SignatureZero) => put(report, at::SIGNATURE, &[0; 48]),
        Some(SnpDefect::AlteredAfterSigning) => flip(report, at::MEASUREMENT, 1),
        Some(SnpDefect::AlteredSignature) => flip(report, at::SIGNATURE + 72, 1),
        _ => {}
    }
}

fn flip(report: &mut [u8], offset: usize, mask: u8) {
    if let Some(byte) = report.get_mut(offset) {
        *byte ^= mask;
    }
}

/// Flips one bit of a little-endian field.
fn flip_bit(report: &mut [u8], offset: usize, bit: usize) {
    flip(report, offset + bit / 8, 1 << (bit % 8));
}

fn raise(report: &mut [u8], offset: usize) {
    if let Some(byte) = report.get_mut(offset) {
        *byte = byte.saturating_add(1);
    }
}
