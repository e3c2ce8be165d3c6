//! Which PCK chain certifies a quote: the one that it carries, or a stored one that it names (DCAP-12,
//! DCAP-13).
//!
//! A stored chain is as little an anchor as one in a quote: both are verified to a pinned root (COL-14).

use super::error::DcapError;
use super::pck::{PckExtension, SGX_EXTENSION};
use super::stored::StoredPck;
use hanzo_attestation_evidence::dcap::{Certification, PckChain};
use hanzo_attestation_evidence::x509::Certificate;
use std::sync::Arc;

/// The clear or encrypted PPID of certification types 1, 2 and 3 in bytes (`sgx_quote_3.h`:
/// `sgx_ql_ppid_*_cert_info_t`).
const PPID_LENGTHS: [usize; 3] = [16, 256, 384];
/// CPUSVN, PCESVN and PCEID after it.
const REST: usize = 16 + 2 + 2;
/// Most stored chains of which one may be the quote's. An encrypted PPID does not say which, so that each
/// costs a signature; a platform has one chain for each of its security versions at most.
const MAX_CANDIDATES: usize = 3;

/// Which platform a quote names.
struct Named {
    /// In clear, type 1 alone.
    ppid: Option<[u8; 16]>,
    cpusvn: [u8; 16],
    pcesvn: u16,
    pceid: [u8; 2],
}

/// The chains that may certify the quote, the likeliest first; never none.
pub(super) fn candidates<'a>(
    certification: &'a Certification,
    stored: &'a [Arc<StoredPck>],
) -> Result<Vec<&'a PckChain>, DcapError> {
    let (kind, data) = match certification {
        Certification::Chain(chain) => return Ok(vec![chain]),
        Certification::PlatformIdentifiers { kind, data } => (*kind, data),
    };
    let unavailable = DcapError::PckNotAvailable(kind);
    let named = Named::read(kind, data).ok_or_else(|| unavailable.clone())?;
    let mut found: Vec<(PckExtension, &PckChain)> = stored
        .iter()
        .filter_map(|stored| stored.chain.as_ref().ok())
        .filter_map(|chain| Some((extension(chain)?, chain)))
        .filter(|(extension, _)| named.may_be(extension))
        .collect();
    // The highest security version is the one that the quote's own is nearest to.
    found.sort_by_key(|(extension, _)| std::cmp::Reverse((extension.cpusvn, extension.pcesvn)));
    found.truncate(MAX_CANDIDATES);
    if found.is_empty() {
        // What cannot be read may have been it.
        let unread = stored.iter().find_map(|stored| stored.chain.as_ref().err());
        return Err(unread.cloned().unwrap_or(unavailable));
    }
    Ok(found.into_iter().map(|(_, chain)| chain).collect())
}

fn extension(chain: &PckChain) -> Option<PckExtension> {
    let leaf = Certificate::parse(&chain.leaf).ok()?;
    PckExtension::parse(leaf.extension(SGX_EXTENSION)?.value).ok()
}

impl Named {
    fn read(kind: u16, data: &[u8]) -> Option<Self> {
        let ppid_length = *PPID_LENGTHS.get(usize::from(kind).checked_sub(1)?)?;
        let (ppid, rest) = data.split_at_checked(ppid_length)?;
        let rest: &[u8; REST] = rest.try_into().ok()?;
        let (cpusvn, rest) = rest.split_first_chunk::<16>()?;
        let (pcesvn, pceid) = rest.split_first_chunk::<2>()?;
        Some(Self {
            ppid: ppid.try_into().ok(),
            cpusvn: *cpusvn,
            pcesvn: u16::from_le_bytes(*pcesvn),
            pceid: pceid.try_into().ok()?,
        })
    }

    /// DCAP-13: the same platform as far as the quote says, at a security version that the quote reaches.
    fn may_be(&self, pck: &PckExtension) -> bool {
        self.ppid.is_none_or(|ppid| ppid == pck.ppid.0)
            && self.pceid == pck.pceid.0
            && pck.cpusvn.0.iter().zip(self.cpusvn).all(|(pck, quote)| *pck <= quote)
            && pck.pcesvn <= self.pcesvn
    }
}

#[cfg(test)]
mod tests;
