//! What an OVMF image says of itself: its table of GUIDs, and the SEV metadata that one entry points to (EDK II,
//! `OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm`).

use super::{MAX_FIRMWARE, MAX_PAGES, MeasureError};
use crate::table::{self, Entry};

/// Most sections: OVMF has under ten.
const MAX_SECTIONS: usize = 64;
/// The image ends at 4 GiB.
const END: u64 = 1 << 32;

// GUIDs as they stand in memory (RFC 9562, 4, with the first three fields little-endian).
/// 7255371f-3a3b-4b04-927b-1da6efa8d454, SEV_HASH_TABLE_RV_GUID.
const HASH_TABLE: [u8; 16] = *b"\x1f\x37\x55\x72\x3b\x3a\x04\x4b\x92\x7b\x1d\xa6\xef\xa8\xd4\x54";
/// 00f771de-1a7e-4fcb-890e-68c77e2fb44e, SEV_ES_RESET_BLOCK_GUID.
const RESET_BLOCK: [u8; 16] = *b"\xde\x71\xf7\x00\x7e\x1a\xcb\x4f\x89\x0e\x68\xc7\x7e\x2f\xb4\x4e";
/// dc886566-984a-4798-a75e-5585a7bf67cc, OVMF_SEV_METADATA_GUID.
const METADATA: [u8; 16] = *b"\x66\x65\x88\xdc\x4a\x98\x98\x47\xa7\x5e\x55\x85\xa7\xbf\x67\xcc";

/// Kinds of sections of the metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SectionKind {
    /// Memory that the firmware uses before it has accepted any.
    Memory,
    /// The secrets page.
    Secrets,
    /// The CPUID page.
    Cpuid,
    /// Calling area of a secure VM service module.
    SvsmArea,
    /// Digests of kernel, initial disk and command line.
    KernelHashes,
}

/// Pages that are measured at launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) address: u64,
    pub(super) size: u64,
    pub(super) kind: SectionKind,
}

pub(super) struct Firmware<'a> {
    image: &'a [u8],
    entries: Vec<Entry<'a>>,
    sections: Vec<Section>,
}

impl<'a> Firmware<'a> {
    pub(super) fn parse(image: &'a [u8]) -> Result<Self, MeasureError> {
        if image.is_empty() || image.len() > MAX_FIRMWARE || !image.len().is_multiple_of(4096) {
            return Err(MeasureError::FirmwareSize(image.len()));
        }
        let entries = table::entries(image)?;
        let mut firmware = Self { image, entries, sections: Vec::new() };
        let offset = firmware.number(METADATA, "SEV metadata")?;
        firmware.sections = metadata(image, offset)?;
        Ok(firmware)
    }

    /// Where the image begins in the guest's memory.
    pub(super) fn address(&self) -> u64 {
        END.saturating_sub(u64::try_from(self.image.len()).unwrap_or(END))
    }

    pub(super) fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Where every vCPU but the first begins.
    pub(super) fn ap_reset_vector(&self) -> Result<u32, MeasureError> {
        self.number(RESET_BLOCK, "the reset vector of SEV-ES")
    }

    /// Where the firmware looks for the digests of a kernel.
    pub(super) fn hash_table(&self) -> Result<u32, MeasureError> {
        let address = self.number(HASH_TABLE, "the digests of a kernel")?;
        if address == 0 { Err(MeasureError::NoKernelHashes) } else { Ok(address) }
    }

    /// The first four bytes of an entry.
    fn number(&self, guid: [u8; 16], name: &'static str) -> Result<u32, MeasureError> {
        Ok(table::number(&self.entries, guid).ok_or(MeasureError::NoEntry(name))??)
    }
}

/// `ASEV`, length, version 1, number of sections; then each section's address, size and kind, 4 bytes each.
fn metadata(image: &[u8], from_end: u32) -> Result<Vec<Section>, MeasureError> {
    let outside = MeasureError::Metadata("not inside the image");
    let from_end = usize::try_from(from_end).map_err(|_| outside)?;
    let start = image.len().checked_sub(from_end).ok_or(outside)?;
    let words: Vec<u32> = image
        .get(start..)
        .unwrap_or_default()
        .chunks_exact(4)
        .take(4 + 3 * MAX_SECTIONS)
        .filter_map(|word| word.try_into().ok().map(u32::from_le_bytes))
        .collect();
    let [signature, length, version, count, rest @ ..] = words.as_slice() else { return Err(outside) };
    if signature.to_le_bytes() != *b"ASEV" {
        return Err(MeasureError::Metadata("no signature `ASEV`"));
    }
    if *version != 1 {
        return Err(MeasureError::Metadata("another version than 1"));
    }
    let count = usize::try_from(*count).unwrap_or(usize::MAX);
    if count > MAX_SECTIONS {
        return Err(MeasureError::Metadata("too many sections"));
    }
    if usize::try_from(*length).ok() != Some(16 + 12 * count) {
        return Err(MeasureError::Metadata("its length is not that of its sections"));
    }
    let words = rest.get(..3 * count).ok_or(outside)?;
    let sections = words.chunks_exact(3).map(section).collect::<Result<Vec<_>, _>>()?;
    let pages: u64 = sections.iter().map(|section| section.size / super::PAGE).sum();
    if pages > MAX_PAGES { Err(MeasureError::Metadata("too many pages")) } else { Ok(sections) }
}

fn section(words: &[u32]) -> Result<Section, MeasureError> {
    let [address, size, kind] = words else { return Err(MeasureError::Metadata("half a section")) };
    let kind = match kind {
        1 => SectionKind::Memory,
        2 => SectionKind::Secrets,
        3 => SectionKind::Cpuid,
        4 => SectionKind::SvsmArea,
        0x10 => SectionKind::KernelHashes,
        other => return Err(MeasureError::SectionKind(*other)),
    };
    let whole = *size > 0 && size.is_multiple_of(4096) && address.is_multiple_of(4096);
    // Of these three there is one page.
    let single = matches!(kind, SectionKind::Secrets | SectionKind::Cpuid | SectionKind::KernelHashes);
    if !whole || (single && *size != 4096) {
        return Err(MeasureError::Metadata("a section that is not whole pages"));
    }
    Ok(Section { address: u64::from(*address), size: u64::from(*size), kind })
}
