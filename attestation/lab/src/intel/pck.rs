//! PCK certificates and their SGX extension (Intel SGX PCK Certificate and CRL Profile Specification).

use super::{PckAuthority, TdxDefect, TdxOrder};
use crate::der;
use crate::x509;

/// 1.2.840.113741.1.13.1.
const SGX: &[u32] = &[1, 2, 840, 113_741, 1, 13, 1];
/// The 16 component SVNs of the lab's platforms, which are also the bytes of CPUSVN.
pub(super) const COMPONENTS: [u8; 16] = [4, 4, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0];
pub(super) const PCE_SVN: u16 = 13;
pub(super) const PCE_ID: [u8; 2] = [0, 0];
/// Family, model, stepping of the lab's platforms; the last bytes spell "lab".
pub(super) const FMSPC: [u8; 6] = [0x90, 0xc0, 0x6f, b'l', b'a', b'b'];

/// The SGX extension for an order, with the order's defect in it.
pub(super) fn sgx_extension(order: &TdxOrder) -> Vec<u8> {
    let mut parts = vec![
        pair(&[1], der::octet_string(&order.ppid())),
        pair(&[2], tcb(order)),
        pair(&[3], der::octet_string(&PCE_ID)),
        pair(&[4], der::octet_string(&FMSPC)),
    ];
    if order.defect == Some(TdxDefect::FmspcTwice) {
        parts.push(pair(&[4], der::octet_string(&FMSPC)));
    }
    match order.pck_authority {
        PckAuthority::Processor => parts.push(pair(&[5], der::enumerated(0))),
        PckAuthority::Platform => {
            parts.push(pair(&[5], der::enumerated(1)));
            if order.defect != Some(TdxDefect::PlatformInstanceMissing) {
                let instance: Vec<u8> = order.ppid().iter().rev().copied().collect();
                parts.push(pair(&[6], der::octet_string(&instance)));
            }
            let flags = [1, 2, 3].map(|number| pair(&[7, number], der::boolean(number != 1)));
            parts.push(pair(&[7], der::sequence(flags)));
        }
    }
    x509::extension(SGX, &der::sequence(parts))
}

fn tcb(order: &TdxOrder) -> Vec<u8> {
    let mut components = COMPONENTS;
    if order.tcb_below {
        components[0] -= 1;
    }
    let mut parts: Vec<Vec<u8>> = (1..)
        .zip(components)
        .map(|(number, svn)| match (order.defect, number) {
            (Some(TdxDefect::ComponentOutOfRange), 1) => pair(&[2, number], der::integer(256)),
            _ => pair(&[2, number], der::integer(svn.into())),
        })
        .collect();
    if order.defect != Some(TdxDefect::PceSvnMissing) {
        parts.push(pair(&[2, 17], der::integer(PCE_SVN.into())));
    }
    if order.defect == Some(TdxDefect::CpuSvnDiffers) {
        components[15] ^= 1;
    }
    parts.push(pair(&[2, 18], der::octet_string(&components)));
    der::sequence(parts)
}

fn pair(tail: &[u32], value: Vec<u8>) -> Vec<u8> {
    der::sequence([der::oid(&[SGX, tail].concat()), value])
}
