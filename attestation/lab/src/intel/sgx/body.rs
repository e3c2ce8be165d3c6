//! Enclave reports (Intel SDM volume 3D, REPORT body), 384 bytes.

use super::{SgxDefect, SgxOrder};
use crate::TdxDefect;
use crate::intel::enclave::QuotingEnclave;
use crate::intel::quote::QuotePlan;

/// Length of a body in bytes.
const LENGTH: usize = 384;
/// Offset of MRENCLAVE in a body.
const MR_ENCLAVE: usize = 64;

/// The quote of an order, unsigned.
pub(in crate::intel) fn plan(order: &SgxOrder) -> QuotePlan<'static> {
    QuotePlan {
        version: order.version,
        tee_type: 0,
        // A size that is that of another type.
        body_type: if order.quote_defect == Some(TdxDefect::BodyDescriptor) { 2 } else { 1 },
        body: body(order),
        measurement: MR_ENCLAVE,
        enclave: &QuotingEnclave::SGX,
        header_qe_svn: order.header_qe_svn,
        defect: order.quote_defect,
    }
}

/// The body with the order's defect in it; every signature is made over it.
fn body(order: &SgxOrder) -> Vec<u8> {
    let mut body = vec![0; LENGTH];
    let mut field = |offset: usize, bytes: &[u8]| {
        if let Some(place) = body.get_mut(offset..offset + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    let mut report_data = order.report_data;
    if order.wrong_nonce {
        report_data[0] ^= 0xff;
    }
    match order.defect {
        Some(SgxDefect::ReportData) => report_data[0] ^= 1,
        Some(SgxDefect::ReportDataUpperHalf) => report_data[63] ^= 1,
        _ => {}
    }
    field(0, &order.cpu_svn);
    field(16, &misc_select(order).to_le_bytes());
    field(20, &[order.cet_attributes]);
    field(32, &order.isv_ext_prod_id);
    field(48, &attributes(order).to_le_bytes());
    field(56, &xfrm(order).to_le_bytes());
    field(MR_ENCLAVE, &order.mr_enclave);
    field(128, &order.mr_signer);
    field(192, &order.config_id);
    field(256, &order.isv_prod_id.to_le_bytes());
    field(258, &order.isv_svn.to_le_bytes());
    field(260, &order.config_svn.to_le_bytes());
    field(304, &order.isv_family_id);
    field(320, &report_data);
    match order.defect {
        Some(SgxDefect::ReservedMisc) => field(21, &[1]),
        Some(SgxDefect::ReservedMiddle) => field(96, &[1]),
        Some(SgxDefect::ReservedSigner) => field(191, &[1]),
        Some(SgxDefect::ReservedTail) => field(262, &[1]),
        Some(SgxDefect::CetAttributes) => field(20, &[1]),
        Some(SgxDefect::ConfigIdWithoutKss) => field(192, &[1]),
        Some(SgxDefect::ConfigSvnWithoutKss) => field(260, &[1]),
        Some(SgxDefect::ExtendedProductWithoutKss) => field(32, &[1]),
        Some(SgxDefect::FamilyWithoutKss) => field(304, &[1]),
        _ => {}
    }
    body
}

fn misc_select(order: &SgxOrder) -> u32 {
    if order.defect == Some(SgxDefect::MiscSelect) { 2 } else { order.misc_select }
}

fn attributes(order: &SgxOrder) -> u64 {
    let attributes = order.attributes | u64::from(order.debug) << 1;
    match order.defect {
        Some(SgxDefect::NotInitialised) => attributes & !SgxOrder::INIT,
        Some(SgxDefect::Debug) => attributes | 1 << 1,
        Some(SgxDefect::Mode32) => attributes & !SgxOrder::MODE64,
        Some(SgxDefect::ProvisionKey) => attributes | 1 << 4,
        Some(SgxDefect::EinitTokenKey) => attributes | 1 << 5,
        Some(SgxDefect::ReservedAttribute) => attributes | 1 << 40,
        _ => attributes,
    }
}

fn xfrm(order: &SgxOrder) -> u64 {
    match order.defect {
        Some(SgxDefect::XfrmFixedBits) => order.xfrm & !2,
        Some(SgxDefect::XfrmUnknown) => order.xfrm | 1 << 20,
        _ => order.xfrm,
    }
}
