//! MRTD of a TD: the digest of what its machine monitor puts into its memory before it starts.
//!
//! ```text
//! firmware image ─▶ its TDX metadata ─▶ sections ─▶ pages added, and the contents of those that are measured ─▶ MRTD
//! ```
//!
//! Sources: Intel TDX Module Base Architecture Specification (348549), "MRTD: Build-Time Measurement Register", and
//! the ABI (348551), TDH.MEM.PAGE.ADD and TDH.MR.EXTEND (what the digest takes in); Intel TDX Virtual Firmware
//! Design Guide (344991), 11 (the metadata); EDK II, `OvmfPkg/ResetVector/X64/IntelTdxMetadata.asm`; QEMU
//! `target/i386/kvm/tdx.c` and KVM `arch/x86/kvm/vmx/tdx.c` (which pages, in which order). Held against two
//! calculators that are others' work, in the tests.
//!
//! MRTD depends on the image and on the order alone: neither the memory's size nor the number of vCPUs is in it.

mod metadata;

use crate::table::TableError;
use hanzo_attestation_evidence::Hex;
use metadata::{PAGE, Section};
use sha2::{Digest as _, Sha384};

/// Largest firmware in bytes: QEMU maps 8 MiB of flash below 4 GiB, and other builds have up to 16.
pub const MAX_FIRMWARE: usize = 16 << 20;
/// Bytes that one TDH.MR.EXTEND takes in.
const CHUNK: usize = 256;

/// In which order the machine monitor adds and measures pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageOrder {
    /// Each page is added, then measured: KVM since TDX came into Linux 6.16, under QEMU 9 and later, and Google
    /// Compute Engine.
    ByPage,
    /// All pages of a section are added, then measured: kernels with Intel's patches before that, under QEMU 8.
    BySection,
}

/// Why no measurement can be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MeasureError {
    /// Empty, larger than [`MAX_FIRMWARE`], or not whole pages.
    #[error("a firmware has whole pages of 4096 bytes, at most {MAX_FIRMWARE} bytes; this one has {0}")]
    FirmwareSize(usize),
    /// No table of GUIDs at its end: no OVMF, or its variables alone (`OVMF_VARS.fd`).
    #[error("the firmware has no OVMF table at its end")]
    NoTable,
    /// A table that is not what it should be.
    #[error("the firmware's table: {0}")]
    Table(&'static str),
    /// A firmware that was not built for TDX.
    #[error("the firmware's table has no entry for TDX metadata: it was not built for TDX")]
    NoMetadata,
    /// Metadata that is not what it should be.
    #[error("the firmware's TDX metadata: {0}")]
    Metadata(&'static str),
    /// A kind of section that is not known.
    #[error("the firmware's TDX metadata has a section of the unknown kind {0}")]
    SectionKind(u32),
    /// A section that is not what it should be.
    #[error("section {index} of the firmware's TDX metadata: {problem}")]
    Section {
        /// Its number, from 0.
        index: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// Two sections in one place: a page can be added once.
    #[error("sections {0} and {1} of the firmware's TDX metadata are in one place")]
    Overlap(usize, usize),
    /// A machine that would start with code that nobody measured.
    #[error(
        "no measured boot volume of the firmware is where the machine starts: its MRTD would say nothing"
    )]
    Unmeasured,
}

impl From<TableError> for MeasureError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::None => Self::NoTable,
            TableError::Form(problem) => Self::Table(problem),
        }
    }
}

/// Computes MRTD.
///
/// # Errors
/// [`MeasureError`] with the first thing that is in the way.
pub fn measure(firmware: &[u8], order: PageOrder) -> Result<Hex<48>, MeasureError> {
    if firmware.is_empty() || firmware.len() > MAX_FIRMWARE || !firmware.len().is_multiple_of(4096) {
        return Err(MeasureError::FirmwareSize(firmware.len()));
    }
    let mut digest = Sha384::new();
    for section in metadata::sections(firmware)? {
        match order {
            PageOrder::ByPage => (0..section.pages()).for_each(|page| {
                add(&mut digest, &section, page);
                extend(&mut digest, &section, page);
            }),
            PageOrder::BySection => {
                (0..section.pages()).for_each(|page| add(&mut digest, &section, page));
                (0..section.pages()).for_each(|page| extend(&mut digest, &section, page));
            }
        }
    }
    Ok(Hex(digest.finalize().into()))
}

/// TDH.MEM.PAGE.ADD, unless the TD is to accept the pages itself.
fn add(digest: &mut Sha384, section: &Section<'_>, page: u64) {
    if !section.accepted_later {
        digest.update(record(b"MEM.PAGE.ADD", section.page_address(page)));
    }
}

/// TDH.MR.EXTEND for each chunk of a page, where the section is measured.
fn extend(digest: &mut Sha384, section: &Section<'_>, page: u64) {
    let mut address = section.page_address(page);
    for chunk in section.measured_page(page).chunks(CHUNK) {
        digest.update(record(b"MR.EXTEND", address));
        digest.update(chunk);
        address = address.saturating_add(PAGE / 16);
    }
}

/// The 128 bytes by which a leaf function says what it did: its name, and at 16 the address, little-endian.
fn record(leaf: &[u8], address: u64) -> [u8; 128] {
    let mut record = [0; 128];
    record.iter_mut().zip(leaf).for_each(|(place, byte)| *place = *byte);
    record.iter_mut().skip(16).zip(address.to_le_bytes()).for_each(|(place, byte)| *place = byte);
    record
}

#[cfg(test)]
mod tests;
