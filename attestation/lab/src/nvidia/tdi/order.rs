//! What an interface is, and what the TSM tells of it.

use super::TdiDefect;
use crate::nvidia::LabChip;
use hanzo_attestation_evidence::UnixTime;

/// One interface. The default is what strict appraisal accepts.
#[derive(Clone, Debug)]
pub struct TdiOrder {
    /// The device's chip.
    pub chip: LabChip,
    /// The device's identity.
    pub pdi: [u8; 8],
    /// SPDM 1.3; else 1.2.
    pub spdm_1_3: bool,
    /// INTERFACE_INFO of the report.
    pub interface_info: u16,
    /// Attributes of the report's second range, which is the device's memory.
    pub memory_attributes: u16,
    /// Flags with which the interface is locked.
    pub lock_flags: u16,
    /// Its state when the guest records that it accepts it.
    pub state: &'static str,
    /// Start of validity of the device's own certificates, else the vendor's.
    pub issued_at: Option<UnixTime>,
    /// What is wrong with it.
    pub defect: Option<TdiDefect>,
}

impl Default for TdiOrder {
    fn default() -> Self {
        Self {
            chip: LabChip::Gb100,
            pdi: *b"lab-gpu0",
            spdm_1_3: false,
            // No firmware update while it is locked; DMA without PASID.
            interface_info: 0b11,
            memory_attributes: 0,
            // No firmware update; the MSI-X table is locked.
            lock_flags: 0b101,
            state: "RUN",
            issued_at: None,
            defect: None,
        }
    }
}
