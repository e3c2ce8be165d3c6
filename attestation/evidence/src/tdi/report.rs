//! DEVICE_INTERFACE_REPORT: what a device states of a locked interface (PCI Express 6.3, 11.3.11, TDI report
//! structure). Little-endian.

use super::error::TdiError;
use crate::dcap::reader::{Reader, length};
use crate::nvidia::Bytes;
use serde::Serialize;

/// Largest report in bytes that is read: its ranges, and as much again of the device's own.
pub const MAX_INTERFACE_REPORT: usize = 4 << 10;
/// Most MMIO ranges: a function has six BARs and a ROM, and each may be reported in several ranges.
pub const MAX_RANGES: usize = 64;
/// Pages of 4 KiB in an address space of 64 bits.
const PAGES: u64 = 1 << 52;
/// INTERFACE_INFO bits that have a meaning.
const KNOWN_INFO: u16 = 0x1F;
/// Range attribute bits that have a meaning.
const KNOWN_ATTRIBUTES: u16 = 0x0F;

/// A well-formed report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InterfaceReport {
    /// INTERFACE_INFO.
    pub info: InterfaceInfo,
    /// MSI_X_MESSAGE_CONTROL; 0 where the function has no MSI-X or its table is not locked.
    pub msi_x_message_control: u16,
    /// LNR_CONTROL.
    pub lnr_control: u16,
    /// TPH_CONTROL.
    pub tph_control: u32,
    /// MMIO ranges, in the report's order; none overlap.
    pub mmio_ranges: Vec<MmioRange>,
    /// DEVICE_SPECIFIC_INFO.
    pub device_specific: Bytes,
}

/// INTERFACE_INFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is one bit of the report")]
pub struct InterfaceInfo {
    /// Bit 0: firmware is not updated while the interface is locked or runs.
    pub no_firmware_update: bool,
    /// Bit 1: DMA without PASID.
    pub dma_without_pasid: bool,
    /// Bit 2: DMA with PASID.
    pub dma_with_pasid: bool,
    /// Bit 3: address translation services are supported and enabled.
    pub ats: bool,
    /// Bit 4: page requests are supported and enabled.
    pub prs: bool,
}

/// One MMIO range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is one bit of the report")]
pub struct MmioRange {
    /// First page of 4 KiB, with the reporting offset added.
    pub first_page: u64,
    /// Pages.
    pub pages: u32,
    /// It maps the MSI-X table.
    pub msi_x_table: bool,
    /// It maps the MSI-X pending bits.
    pub msi_x_pba: bool,
    /// It may be read and written from outside the TEE.
    pub non_tee: bool,
    /// Whether that can change later.
    pub updatable: bool,
    /// The device's own number of it.
    pub id: u16,
}

impl InterfaceReport {
    /// Reads a report to its last byte.
    ///
    /// # Errors
    /// [`TdiError::Report`] (TDI-01), [`TdiError::Range`] (TDI-02).
    pub fn parse(bytes: &[u8]) -> Result<Self, TdiError> {
        if bytes.len() > MAX_INTERFACE_REPORT {
            return Err(TdiError::Report("it has more bytes than are read"));
        }
        let mut reader = Reader::new(bytes);
        let ends = TdiError::Report("it ends before what it announces");
        let info = reader.u16().ok_or(ends.clone())?;
        let reserved = reader.u16().ok_or(ends.clone())?;
        if info & !KNOWN_INFO != 0 || reserved != 0 {
            return Err(TdiError::Report("a reserved bit is set"));
        }
        let msi_x_message_control = reader.u16().ok_or(ends.clone())?;
        let lnr_control = reader.u16().ok_or(ends.clone())?;
        let tph_control = reader.u32().ok_or(ends.clone())?;
        let count = length(reader.u32().ok_or(ends.clone())?);
        if count > MAX_RANGES {
            return Err(TdiError::Report("it has more ranges than are read"));
        }
        let mut mmio_ranges = Vec::with_capacity(count);
        for position in 0..count {
            let range = MmioRange::read(position, &mut reader)?;
            check_apart(position, &mmio_ranges, &range)?;
            mmio_ranges.push(range);
        }
        let specific = length(reader.u32().ok_or(ends.clone())?);
        let device_specific = Bytes(reader.take(specific).ok_or(ends)?.to_vec());
        if reader.remaining() > 0 {
            return Err(TdiError::Report("it goes on after the device's own information"));
        }
        let info = InterfaceInfo::of(info);
        Ok(Self { info, msi_x_message_control, lnr_control, tph_control, mmio_ranges, device_specific })
    }
}

impl InterfaceInfo {
    const fn of(bits: u16) -> Self {
        Self {
            no_firmware_update: bits & 1 != 0,
            dma_without_pasid: bits & 2 != 0,
            dma_with_pasid: bits & 4 != 0,
            ats: bits & 8 != 0,
            prs: bits & 16 != 0,
        }
    }
}

impl MmioRange {
    fn read(position: usize, reader: &mut Reader<'_>) -> Result<Self, TdiError> {
        let ends = TdiError::Report("it ends before what it announces");
        let first_page = reader.u64().ok_or(ends.clone())?;
        let pages = reader.u32().ok_or(ends.clone())?;
        let attributes = reader.u16().ok_or(ends.clone())?;
        let id = reader.u16().ok_or(ends)?;
        let refuse = |problem| Err(TdiError::Range { position, problem });
        if attributes & !KNOWN_ATTRIBUTES != 0 {
            return refuse("a reserved attribute is set");
        }
        if pages == 0 {
            return refuse("it has no page");
        }
        if first_page.checked_add(u64::from(pages)).is_none_or(|end| end > PAGES) {
            return refuse("it ends beyond the address space");
        }
        Ok(Self {
            first_page,
            pages,
            msi_x_table: attributes & 1 != 0,
            msi_x_pba: attributes & 2 != 0,
            non_tee: attributes & 4 != 0,
            updatable: attributes & 8 != 0,
            id,
        })
    }

    /// The page after the last; no overflow, because ranges end within the address space.
    fn end(&self) -> u64 {
        self.first_page.saturating_add(u64::from(self.pages))
    }
}

/// TDI-02: a page in two ranges would have two sets of attributes.
fn check_apart(position: usize, before: &[MmioRange], range: &MmioRange) -> Result<(), TdiError> {
    let overlaps = |other: &MmioRange| range.first_page < other.end() && other.first_page < range.end();
    match before.iter().any(overlaps) {
        true => Err(TdiError::Range { position, problem: "it overlaps an earlier one" }),
        false => Ok(()),
    }
}
