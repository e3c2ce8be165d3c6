//! ATTESTATION_REPORT (SEV-SNP Firmware ABI), 1184 bytes, versions 2 to 5.

use super::spoil;
use super::{SnpDefect, SnpOrder, Vek};
use crate::LabError;
use crate::sign::EcKey;
use aws_lc_rs::digest;

/// Length of a report in bytes.
pub(super) const LENGTH: usize = 0x4a0;
/// Length of the signed part in bytes.
pub(super) const SIGNED: usize = 0x2a0;
/// Length of R, and of S, in bytes: 48 that count and 24 zeros.
const SCALAR: usize = 72;

/// Offsets of fields.
pub(super) mod at {
    pub(crate) const VERSION: usize = 0x000;
    pub(crate) const GUEST_SVN: usize = 0x004;
    pub(crate) const POLICY: usize = 0x008;
    pub(crate) const FAMILY_ID: usize = 0x010;
    pub(crate) const IMAGE_ID: usize = 0x020;
    pub(crate) const VMPL: usize = 0x030;
    pub(crate) const SIGNATURE_ALGO: usize = 0x034;
    pub(crate) const CURRENT_TCB: usize = 0x038;
    pub(crate) const PLATFORM_INFO: usize = 0x040;
    pub(crate) const KEY_INFO: usize = 0x048;
    pub(crate) const REPORT_DATA: usize = 0x050;
    pub(crate) const MEASUREMENT: usize = 0x090;
    pub(crate) const HOST_DATA: usize = 0x0c0;
    pub(crate) const ID_KEY_DIGEST: usize = 0x0e0;
    pub(crate) const AUTHOR_KEY_DIGEST: usize = 0x110;
    pub(crate) const REPORT_ID: usize = 0x140;
    pub(crate) const REPORT_ID_MA: usize = 0x160;
    pub(crate) const REPORTED_TCB: usize = 0x180;
    pub(crate) const CPUID: usize = 0x188;
    pub(crate) const CHIP_ID: usize = 0x1a0;
    pub(crate) const COMMITTED_TCB: usize = 0x1e0;
    pub(crate) const CURRENT_VERSION: usize = 0x1e8;
    pub(crate) const COMMITTED_VERSION: usize = 0x1ec;
    pub(crate) const LAUNCH_TCB: usize = 0x1f0;
    pub(crate) const LAUNCH_MIT_VECTOR: usize = 0x1f8;
    pub(crate) const CURRENT_MIT_VECTOR: usize = 0x200;
    pub(crate) const RESERVED: usize = 0x208;
    pub(crate) const SIGNATURE: usize = 0x2a0;
}

/// Build, minor, major of the lab's firmware.
const FIRMWARE: [u8; 3] = [49, 55, 1];
/// Mitigations of the lab's machines.
const MITIGATIONS: u64 = 0x0b;

pub(super) fn signed(order: &SnpOrder, key: &EcKey) -> Result<Vec<u8>, LabError> {
    let mut report = body(order);
    spoil::before_signing(&mut report, order);
    let message = report.get(..SIGNED).unwrap_or_default();
    let unsigned = matches!(order.defect, Some(SnpDefect::NotSigned | SnpDefect::ChipKeyMasked));
    if !unsigned {
        let signature = key.sign_fixed(message)?;
        for (number, scalar) in signature.chunks(48).enumerate() {
            let little_endian: Vec<u8> = scalar.iter().rev().copied().collect();
            put(&mut report, at::SIGNATURE + number * SCALAR, &little_endian);
        }
    }
    spoil::after_signing(&mut report, order);
    Ok(report)
}

/// Writes a field. Offsets and lengths are constants of the format, inside the report.
pub(super) fn put(report: &mut [u8], offset: usize, bytes: &[u8]) {
    if let Some(field) = report.get_mut(offset..offset + bytes.len()) {
        field.copy_from_slice(bytes);
    }
}

fn body(order: &SnpOrder) -> Vec<u8> {
    let mut report = vec![0; LENGTH];
    let mut field = |offset: usize, bytes: &[u8]| put(&mut report, offset, bytes);
    field(at::VERSION, &order.version.to_le_bytes());
    field(at::GUEST_SVN, &order.guest_svn.to_le_bytes());
    let debug = u64::from(order.debug) << 19;
    let migrate = u64::from(order.migration_agent.is_some()) << 18;
    field(at::POLICY, &(order.policy | debug | migrate).to_le_bytes());
    field(at::FAMILY_ID, &order.family_id);
    field(at::IMAGE_ID, &order.image_id);
    field(at::VMPL, &order.vmpl.to_le_bytes());
    field(at::SIGNATURE_ALGO, &1_u32.to_le_bytes());
    let platform_info = order.platform_info.unwrap_or_else(|| order.product.platform_info());
    field(at::PLATFORM_INFO, &platform_info.to_le_bytes());
    field(at::KEY_INFO, &key_info(order).to_le_bytes());
    field(at::REPORT_DATA, &order.report_data);
    field(at::MEASUREMENT, &order.measurement);
    field(at::HOST_DATA, &order.host_data);
    field(at::ID_KEY_DIGEST, &order.id_key_digest);
    field(at::AUTHOR_KEY_DIGEST, &order.author_key_digest);
    field(at::REPORT_ID, &report_id(order));
    field(at::REPORT_ID_MA, &order.migration_agent.unwrap_or([0xff; 32]));
    let tcb = order.effective_tcb().bytes(order.product);
    for offset in [at::CURRENT_TCB, at::REPORTED_TCB, at::COMMITTED_TCB, at::LAUNCH_TCB] {
        field(offset, &tcb);
    }
    if order.version >= 3 {
        field(at::CPUID, &order.product.cpuid());
    }
    if order.vek == Vek::Vcek {
        field(at::CHIP_ID, &order.chip_id());
    }
    field(at::CURRENT_VERSION, &FIRMWARE);
    field(at::COMMITTED_VERSION, &FIRMWARE);
    if order.version >= 5 {
        field(at::LAUNCH_MIT_VECTOR, &MITIGATIONS.to_le_bytes());
        field(at::CURRENT_MIT_VECTOR, &MITIGATIONS.to_le_bytes());
    }
    report
}

fn key_info(order: &SnpOrder) -> u32 {
    let author = u32::from(order.author_key_digest != [0; 48]);
    let signing_key = match order.vek {
        Vek::Vcek => 0,
        Vek::Vlek => 1,
    };
    author | signing_key << 2
}

/// One id for one guest: the same launch on the same chip always has the same (SNP-75).
fn report_id(order: &SnpOrder) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"hanzo-lab/sev-snp/guest");
    context.update(&order.chip_id());
    context.update(&order.measurement);
    context.update(&order.host_data);
    context.update(&order.effective_tcb().bytes(order.product));
    context.finish().as_ref().to_vec()
}
