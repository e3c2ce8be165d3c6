//! The ACPI table that says where a TD's log lies (ACPI 6.5, section 5.2.34).

use super::EventLogError;
use crate::dcap::Reader;

/// Bytes of the table.
const LENGTH: usize = 56;
/// CC type of Intel TDX.
const TDX: u8 = 2;

/// A CCEL table, well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CcelTable {
    /// LAML: bytes of the area that the log was written into, fill included.
    pub log_length: u64,
}

impl CcelTable {
    /// Parses the table.
    ///
    /// # Errors
    /// [`EventLogError::CcelTable`] (LOG-09).
    pub fn parse(bytes: &[u8]) -> Result<Self, EventLogError> {
        let wrong = EventLogError::CcelTable;
        let table: &[u8; LENGTH] = bytes.try_into().map_err(|_| wrong("it has not 56 bytes"))?;
        let mut reader = Reader::new(table);
        if reader.array() != Some(*b"CCEL") {
            return Err(wrong("its signature is not `CCEL`"));
        }
        if reader.u32() != Some(56) {
            return Err(wrong("its length field is not 56"));
        }
        if table.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) != 0 {
            return Err(wrong("its checksum is wrong"));
        }
        // Revision, checksum, and the names of vendor and creator.
        reader.take(28).ok_or(wrong("it ends early"))?;
        if reader.u8() != Some(TDX) {
            return Err(wrong("its type is not TDX"));
        }
        // Subtype and reserved bytes: a real table has blanks in the latter.
        reader.take(3).ok_or(wrong("it ends early"))?;
        Ok(Self { log_length: reader.u64().ok_or(wrong("it ends early"))? })
    }

    /// Whether the table describes a log of this many bytes.
    ///
    /// # Errors
    /// [`EventLogError::CcelTable`] (LOG-09).
    pub fn check_log(&self, log: &[u8]) -> Result<(), EventLogError> {
        match u64::try_from(log.len()) {
            Ok(length) if length == self.log_length => Ok(()),
            _ => Err(EventLogError::CcelTable("the log has another length than it says")),
        }
    }
}
