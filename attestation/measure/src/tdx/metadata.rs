//! The TDX metadata of a firmware (Intel TDX Virtual Firmware Design Guide, 11; EDK II,
//! `OvmfPkg/ResetVector/X64/IntelTdxMetadata.asm`): which parts of it, and which blank memory, a TD begins with.

use super::MeasureError;
use crate::table;

/// Bytes of a page.
pub(super) const PAGE: u64 = 4096;
/// Most sections: OVMF has 7, td-shim 9.
const MAX_SECTIONS: usize = 64;
/// Most pages that a machine monitor adds before a start: 256 MiB. OVMF has 4 MiB, td-shim with a kernel under 64.
const MAX_PAGES: u64 = 1 << 16;
/// No guest can address more (Intel TDX Module Base, guest physical address width: at most 52 bits).
const MAX_ADDRESS: u64 = 1 << 52;
/// Where an x86 processor starts: the section there is the code that runs first.
const RESET_VECTOR: u64 = 0xFFFF_FFF0;
/// Bytes of a section in the metadata.
const SECTION: usize = 32;

// GUIDs as they stand in memory.
/// e47a6535-984a-4798-865e-4685a7bf8ec2, the table's entry: where the metadata is.
const OFFSET: [u8; 16] = *b"\x35\x65\x7a\xe4\x4a\x98\x98\x47\x86\x5e\x46\x85\xa7\xbf\x8e\xc2";
/// e9eaf9f3-168e-44d5-a8eb-7f4d8738f6ae, right before the metadata.
const METADATA: [u8; 16] = *b"\xf3\xf9\xea\xe9\x8e\x16\xd5\x44\xa8\xeb\x7f\x4d\x87\x38\xf6\xae";

/// TDVF_SECTION attributes.
const MR_EXTEND: u32 = 1;
const PAGE_AUG: u32 = 2;

/// TDVF_SECTION types (344991, 11; td-shim specification, for those above 3), of which these differ in what is
/// asked of them.
mod kind {
    /// Boot firmware volume: code.
    pub(super) const BFV: u32 = 0;
    /// Configuration firmware volume: variables, measured by the firmware itself into RTMR0.
    pub(super) const CFV: u32 = 1;
    /// Hand-off blocks, which the machine monitor writes.
    pub(super) const TD_HOB: u32 = 2;
    /// Stack, heap and mailbox.
    pub(super) const TEMP_MEM: u32 = 3;
    /// Memory that the TD accepts by itself.
    pub(super) const PERM_MEM: u32 = 4;
    /// Information about the TD, and its parameters: parts of a boot volume, and no memory of their own. Between
    /// the two before and these are 5, a payload, and 6, its parameters.
    pub(super) const TD_INFO: u32 = 7;
    pub(super) const TD_PARAMS: u32 = 8;
}

/// Memory with which a TD begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Section<'a> {
    address: u64,
    size: u64,
    /// The TD accepts it while it runs (PAGE.AUG): nothing of it is added before the start.
    pub(super) accepted_later: bool,
    /// What stands in it, if that is measured.
    measured: Option<&'a [u8]>,
    boot_volume: bool,
}

impl<'a> Section<'a> {
    /// What a part of a boot volume adds of its own.
    const NOTHING: Self =
        Self { address: 0, size: 0, accepted_later: false, measured: None, boot_volume: false };

    pub(super) const fn pages(&self) -> u64 {
        if self.accepted_later { 0 } else { self.size / PAGE }
    }

    pub(super) const fn page_address(&self, page: u64) -> u64 {
        self.address.saturating_add(page.saturating_mul(PAGE))
    }

    /// The contents of a page that are measured, if they are.
    pub(super) fn measured_page(&self, page: u64) -> &'a [u8] {
        let contents = self.measured.unwrap_or_default();
        let start = usize::try_from(page.saturating_mul(PAGE)).unwrap_or(usize::MAX);
        contents.get(start..).map(|rest| rest.get(..4096).unwrap_or(rest)).unwrap_or_default()
    }

    const fn end(&self) -> u64 {
        self.address.saturating_add(self.size)
    }

    const fn overlaps(&self, other: &Self) -> bool {
        self.address < other.end() && other.address < self.end()
    }

    const fn starts_the_machine(&self) -> bool {
        let here = self.address <= RESET_VECTOR && RESET_VECTOR < self.end();
        self.boot_volume && self.measured.is_some() && here
    }
}

/// The sections, in the order of the metadata, which is that in which they are added.
pub(super) fn sections(image: &[u8]) -> Result<Vec<Section<'_>>, MeasureError> {
    let entries = table::entries(image)?;
    let from_end = table::number(&entries, OFFSET).ok_or(MeasureError::NoMetadata)??;
    let records = records(image, from_end)?;
    let mut sections: Vec<Section<'_>> = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let section = section(image, index, record)?;
        if let Some(other) = sections.iter().position(|known| known.overlaps(&section)) {
            return Err(MeasureError::Overlap(other, index));
        }
        sections.push(section);
    }
    if sections.iter().map(Section::pages).sum::<u64>() > MAX_PAGES {
        return Err(MeasureError::Metadata("too many pages"));
    }
    if sections.iter().any(Section::starts_the_machine) {
        Ok(sections)
    } else {
        Err(MeasureError::Unmeasured)
    }
}

/// `TDVF`, length, version 1, number of sections; then the sections. The GUID stands before it.
fn records(image: &[u8], from_end: u32) -> Result<&[[u8; SECTION]], MeasureError> {
    let outside = MeasureError::Metadata("not inside the image");
    let from_end = usize::try_from(from_end).map_err(|_| outside)?;
    let start = image.len().checked_sub(from_end).ok_or(outside)?;
    let (before, metadata) = image.split_at(start);
    if !before.ends_with(&METADATA) {
        return Err(MeasureError::Metadata("its GUID is not before it"));
    }
    let (descriptor, rest) = metadata.split_first_chunk::<16>().ok_or(outside)?;
    let [signature, length, version, count] = words(descriptor);
    if signature.to_le_bytes() != *b"TDVF" {
        return Err(MeasureError::Metadata("no signature `TDVF`"));
    }
    if version != 1 {
        return Err(MeasureError::Metadata("another version than 1"));
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > MAX_SECTIONS {
        return Err(MeasureError::Metadata("too many sections"));
    }
    if usize::try_from(length).ok() != Some(16 + SECTION * count) {
        return Err(MeasureError::Metadata("its length is not that of its sections"));
    }
    rest.as_chunks().0.get(..count).ok_or(outside)
}

/// DataOffset, RawDataSize, MemoryAddress (8 bytes), MemoryDataSize (8 bytes), Type, Attributes.
fn section<'a>(image: &'a [u8], index: usize, record: &[u8; SECTION]) -> Result<Section<'a>, MeasureError> {
    let wrong = |problem| Err(MeasureError::Section { index, problem });
    let [offset, raw, address_low, address_high, size_low, size_high, kind, attributes] = words(record);
    let address = u64::from(address_high) << 32 | u64::from(address_low);
    let size = u64::from(size_high) << 32 | u64::from(size_low);
    if kind > kind::TD_PARAMS {
        return Err(MeasureError::SectionKind(kind));
    }
    if attributes & !(MR_EXTEND | PAGE_AUG) != 0 {
        return wrong("an attribute that is not known");
    }
    let outside = MeasureError::Section {
        index,
        problem: "its data is not inside the image (a part of one, without its variables?)",
    };
    let contents = contents(image, offset, raw).ok_or(outside)?;
    if matches!(kind, kind::TD_INFO | kind::TD_PARAMS) {
        let nothing = (address, size, attributes) == (0, 0, 0);
        return if nothing { Ok(Section::NOTHING) } else { wrong("a description that is memory too") };
    }
    if size == 0 || !size.is_multiple_of(PAGE) || !address.is_multiple_of(PAGE) {
        return wrong("not whole pages");
    }
    if address.checked_add(size).is_none_or(|end| end > MAX_ADDRESS) {
        return wrong("beyond what a guest can address");
    }
    let accepted_later = attributes & PAGE_AUG != 0;
    if accepted_later && (kind != kind::PERM_MEM || attributes & MR_EXTEND != 0) {
        return wrong("PAGE.AUG is for permanent memory that is not measured");
    }
    let length = u64::try_from(contents.len()).unwrap_or(u64::MAX);
    match kind {
        kind::BFV | kind::CFV if length != size => {
            return wrong("a firmware volume whose data is not as long as its memory");
        }
        kind::TD_HOB | kind::TEMP_MEM | kind::PERM_MEM if length != 0 => {
            return wrong("blank memory with data");
        }
        _ if length > size => return wrong("more data than memory"),
        _ => {}
    }
    let measured = attributes & MR_EXTEND != 0;
    if measured && length != size {
        // What the machine monitor writes there, the image does not say.
        return wrong("memory is measured whose contents are not in the image");
    }
    let (measured, boot_volume) = (measured.then_some(contents), kind == kind::BFV);
    Ok(Section { address, size, accepted_later, measured, boot_volume })
}

fn contents(image: &[u8], offset: u32, length: u32) -> Option<&[u8]> {
    let (offset, length) = (usize::try_from(offset).ok()?, usize::try_from(length).ok()?);
    image.get(offset..)?.get(..length)
}

/// Little-endian words of four bytes.
fn words<const BYTES: usize, const WORDS: usize>(bytes: &[u8; BYTES]) -> [u32; WORDS] {
    const { assert!(BYTES == 4 * WORDS) };
    let mut words = [0; WORDS];
    words.iter_mut().zip(bytes.as_chunks().0).for_each(|(word, bytes)| *word = u32::from_le_bytes(*bytes));
    words
}
