//! TD bodies (TDX DCAP Quoting Library API, TD 1.0 and TD 1.5).

use super::enclave::QuotingEnclave;
use super::quote::QuotePlan;
use super::{TdxBody, TdxDefect, TdxOrder};

/// Offset of MRTD in a body.
const MR_TD: usize = 136;

/// Which layout a quote of this order has: version 4 knows only TD 1.0.
const fn layout(order: &TdxOrder) -> TdxBody {
    match order.version {
        5 => order.body,
        _ => TdxBody::Td10,
    }
}

/// The quote of an order, unsigned.
pub(super) fn plan(order: &TdxOrder) -> QuotePlan<'static> {
    QuotePlan {
        version: order.version,
        tee_type: 0x81,
        body_type: match (layout(order), order.defect) {
            (_, Some(TdxDefect::ExtendedBody)) => 4,
            (_, Some(TdxDefect::BodyDescriptor)) | (TdxBody::Td10, _) => 2,
            (TdxBody::Td15, _) => 3,
        },
        body: body(order),
        measurement: MR_TD,
        enclave: &QuotingEnclave::TDX,
        header_qe_svn: 0,
        defect: order.defect,
    }
}

impl TdxOrder {
    /// TDREPORT_STRUCT (Intel TDX Module ABI), 1024 bytes, of which only the TD's own facts are filled:
    /// nothing outside the machine that made it can check the rest.
    pub(crate) fn td_report(&self) -> Vec<u8> {
        // Where a field is, where it is in a body, and its length: report data, TEE_TCB_SVN, MRSEAM,
        // attributes, XFAM, and everything from MRTD to RTMR3, which stands in the same order in both.
        let fields =
            [(128, 520, 64), (264, 0, 16), (280, 16, 48), (512, 120, 8), (520, 128, 8), (528, 136, 384)];
        let body = body(self);
        let mut report = vec![0; 1024];
        if let Some(kind) = report.first_mut() {
            *kind = 0x81;
        }
        for (to, from, length) in fields {
            if let (Some(to), Some(from)) = (report.get_mut(to..to + length), body.get(from..from + length)) {
                to.copy_from_slice(from);
            }
        }
        report
    }
}

/// The body with the order's defect in it; every signature is made over it.
fn body(order: &TdxOrder) -> Vec<u8> {
    let mut seam_attributes = 0_u64;
    let mut signer = [0_u8; 48];
    let mut attributes = order.td_attributes | u64::from(order.debug);
    let mut xfam = order.xfam;
    let mut owner = order.mr_owner;
    let mut service_td = order.mr_service_td;
    let mut svn = order.tee_tcb_svn;
    let mut svn_2 = order.tee_tcb_svn_2;
    let mut report_data = order.report_data;
    if order.tcb_below {
        svn[0] = svn[0].saturating_sub(1);
        svn_2[0] = svn_2[0].saturating_sub(1);
    }
    if order.wrong_nonce {
        report_data[0] ^= 0xff;
    }
    match order.defect {
        Some(TdxDefect::SeamAttributes) => seam_attributes = 1,
        Some(TdxDefect::ModuleSigner) => signer = [0x11; 48],
        Some(TdxDefect::Debug) => attributes |= 1,
        Some(TdxDefect::Profiling) => attributes |= 1 << 5,
        Some(TdxDefect::AttributesReserved) => attributes |= 1 << 40,
        Some(TdxDefect::SeptVeEnabled) => attributes &= !TdxOrder::SEPT_VE_DISABLE,
        Some(TdxDefect::Migratable) => attributes |= 1 << 29,
        Some(TdxDefect::ServiceTdExtension) => attributes |= 1 << 17,
        Some(TdxDefect::PerfMon) => attributes |= 1 << 63,
        Some(TdxDefect::ServiceTdBound) => service_td = [0x22; 48],
        Some(TdxDefect::XfamFixedBits) => xfam &= !1,
        Some(TdxDefect::XfamReserved) => xfam |= 1 << 40,
        Some(TdxDefect::Owner) => owner = [0x33; 48],
        Some(TdxDefect::TcbSvnOrder) => svn_2[2] = svn[2].saturating_sub(1),
        Some(TdxDefect::ReportData) => report_data[0] ^= 1,
        Some(TdxDefect::ReportDataUpperHalf) => report_data[63] ^= 1,
        _ => {}
    }
    let mut out = Vec::with_capacity(648);
    out.extend_from_slice(&svn);
    out.extend_from_slice(&order.mr_seam);
    out.extend_from_slice(&signer);
    out.extend_from_slice(&seam_attributes.to_le_bytes());
    out.extend_from_slice(&attributes.to_le_bytes());
    out.extend_from_slice(&xfam.to_le_bytes());
    out.extend_from_slice(&order.mr_td);
    out.extend_from_slice(&order.mr_config_id);
    out.extend_from_slice(&owner);
    out.extend_from_slice(&order.mr_owner_config);
    out.extend(order.rtmr.iter().flatten());
    out.extend_from_slice(&report_data);
    if layout(order) == TdxBody::Td15 {
        out.extend_from_slice(&svn_2);
        out.extend_from_slice(&service_td);
    }
    if order.defect == Some(TdxDefect::ExtendedBody) {
        out.resize(885, 0);
    }
    out
}
