//! PCK certificates and their SGX extension (Intel SGX PCK Certificate and CRL Profile Specification).

use super::order::ppid;
use super::{PckAuthority, SgxOrder, TdxDefect, TdxOrder};
use crate::der;
use crate::x509;
use hanzo_attestation_evidence::UnixTime;

/// 1.2.840.113741.1.13.1.
const SGX: &[u32] = &[1, 2, 840, 113_741, 1, 13, 1];
/// The 16 component SVNs of the lab's platforms, which are also the bytes of CPUSVN.
pub(super) const COMPONENTS: [u8; 16] = [4, 4, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0];
pub(super) const PCE_SVN: u16 = 13;
pub(super) const PCE_ID: [u8; 2] = [0, 0];
/// Family, model, stepping of the lab's platforms; the last bytes spell "lab".
pub(super) const FMSPC: [u8; 6] = [0x90, 0xc0, 0x6f, b'l', b'a', b'b'];

/// The machine that an order is for, and what is wrong with its chain.
pub(super) struct Platform {
    pub(super) number: u32,
    pub(super) authority: PckAuthority,
    pub(super) issued_at: Option<UnixTime>,
    pub(super) tcb_below: bool,
    pub(super) defect: Option<TdxDefect>,
}

impl From<&TdxOrder> for Platform {
    fn from(order: &TdxOrder) -> Self {
        Self {
            number: order.platform,
            authority: order.pck_authority,
            issued_at: order.issued_at,
            tcb_below: order.tcb_below,
            defect: order.defect,
        }
    }
}

impl From<&SgxOrder> for Platform {
    fn from(order: &SgxOrder) -> Self {
        Self {
            number: order.platform,
            authority: order.pck_authority,
            issued_at: order.issued_at,
            tcb_below: order.tcb_below,
            defect: order.quote_defect,
        }
    }
}

/// The SGX extension for a platform, with the order's defect in it.
pub(super) fn sgx_extension(platform: &Platform) -> Vec<u8> {
    let mut parts = vec![
        pair(&[1], der::octet_string(&ppid(platform.number))),
        pair(&[2], tcb(platform)),
        pair(&[3], der::octet_string(&PCE_ID)),
        pair(&[4], der::octet_string(&FMSPC)),
    ];
    if platform.defect == Some(TdxDefect::FmspcTwice) {
        parts.push(pair(&[4], der::octet_string(&FMSPC)));
    }
    match platform.authority {
        PckAuthority::Processor => parts.push(pair(&[5], der::enumerated(0))),
        PckAuthority::Platform => {
            parts.push(pair(&[5], der::enumerated(1)));
            if platform.defect != Some(TdxDefect::PlatformInstanceMissing) {
                let instance: Vec<u8> = ppid(platform.number).iter().rev().copied().collect();
                parts.push(pair(&[6], der::octet_string(&instance)));
            }
            let flags = [1, 2, 3].map(|number| pair(&[7, number], der::boolean(number != 1)));
            parts.push(pair(&[7], der::sequence(flags)));
        }
    }
    x509::extension(SGX, &der::sequence(parts))
}

fn tcb(platform: &Platform) -> Vec<u8> {
    let mut components = COMPONENTS;
    if platform.tcb_below {
        components[0] -= 1;
    }
    let mut parts: Vec<Vec<u8>> = (1..)
        .zip(components)
        .map(|(number, svn)| match (platform.defect, number) {
            (Some(TdxDefect::ComponentOutOfRange), 1) => pair(&[2, number], der::integer(256)),
            _ => pair(&[2, number], der::integer(svn.into())),
        })
        .collect();
    if platform.defect != Some(TdxDefect::PceSvnMissing) {
        parts.push(pair(&[2, 17], der::integer(PCE_SVN.into())));
    }
    if platform.defect == Some(TdxDefect::CpuSvnDiffers) {
        components[15] ^= 1;
    }
    parts.push(pair(&[2, 18], der::octet_string(&components)));
    der::sequence(parts)
}

fn pair(tail: &[u32], value: Vec<u8>) -> Vec<u8> {
    der::sequence([der::oid(&[SGX, tail].concat()), value])
}
