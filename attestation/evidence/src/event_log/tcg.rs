//! The crypto-agile log: a header record, then TCG_PCR_EVENT2 records, little-endian (PC Client Platform
//! Firmware Profile 1.06, section 10.2.2), for a TPM or, as CCEL, for a TD.

use super::{EventKind, EventLogError, PcrBank};
use crate::dcap::{Reader, length};
use std::fmt;

/// Largest log in bytes (LOG-01).
pub const MAX_LOG: usize = 1 << 20;
/// Most records (LOG-01).
pub const MAX_EVENTS: usize = 8192;
/// Most bytes of one record's data (LOG-01).
pub const MAX_EVENT_DATA: usize = 64 << 10;
/// Most algorithms of the header's table (LOG-03).
pub(super) const MAX_ALGORITHMS: usize = 5;

/// Signature of the specification id event (PC Client Platform Firmware Profile 1.06, section 10.4.5.1).
const SIGNATURE: &[u8; 16] = b"Spec ID Event03\0";
/// Highest register of a TPM of the PC client profile (LOG-07).
const LAST_PCR: u32 = 23;
/// Highest index of a CCEL: RTMR3 (LOG-07).
const LAST_CCEL: u32 = 4;
/// An index that no register has: allowed for records that extend nothing (LOG-07).
const NO_REGISTER: u32 = u32::MAX;
/// Bytes at the start of a record that cannot all be fill: its index, type, and count of digests. A count of
/// zero is never right, and nor is one of all ones.
const RECORD_START: usize = 12;

/// Which registers a log speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// A TPM's: index 0 to 23 is the PCR.
    Tcg2,
    /// A TD's: index 1 to 4 is RTMR0 to RTMR3, and 0 is MRTD.
    Ccel,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcg2 => "TCG2",
            Self::Ccel => "CCEL",
        })
    }
}

/// A log, well formed to its last byte. Nothing in it is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log<'a> {
    banks: Vec<PcrBank>,
    events: Vec<Event<'a>>,
}

/// One record after the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The register's index in the log's own numbering; see [`LogFormat`].
    pub index: u32,
    /// The type.
    pub kind: EventKind,
    /// The event's data; what of it was hashed depends on the type.
    pub data: &'a [u8],
    /// Algorithm id and digest, repeated, in the order of the log's table.
    digests: &'a [u8],
}

impl<'a> Event<'a> {
    /// The digest in one bank.
    #[must_use]
    pub fn digest(&self, bank: PcrBank) -> Option<&'a [u8]> {
        self.digests().find_map(|(found, digest)| (found == bank).then_some(digest))
    }

    /// All digests, in the order of the log's table.
    pub fn digests(&self) -> impl Iterator<Item = (PcrBank, &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.digests);
        std::iter::from_fn(move || {
            let bank = PcrBank::from_id(reader.u16()?)?;
            Some((bank, reader.take(bank.size())?))
        })
    }
}

impl<'a> Log<'a> {
    /// Parses a log of a TPM.
    ///
    /// # Errors
    /// [`EventLogError`]: LOG-01 to LOG-07.
    pub fn tcg2(bytes: &'a [u8]) -> Result<Self, EventLogError> {
        Self::parse(bytes, LogFormat::Tcg2)
    }

    /// Parses the log of a TD, with the fill that follows it in its ACPI area.
    ///
    /// # Errors
    /// [`EventLogError`]: LOG-01 to LOG-08.
    pub fn ccel(bytes: &'a [u8]) -> Result<Self, EventLogError> {
        Self::parse(bytes, LogFormat::Ccel)
    }

    /// The banks of the header's table, in its order: every record has a digest for each.
    #[must_use]
    pub fn banks(&self) -> &[PcrBank] {
        &self.banks
    }

    /// The records after the header.
    #[must_use]
    pub fn events(&self) -> &[Event<'a>] {
        &self.events
    }

    fn parse(bytes: &'a [u8], format: LogFormat) -> Result<Self, EventLogError> {
        within("bytes of an event log", MAX_LOG, bytes.len())?;
        let mut reader = Reader::new(bytes);
        let banks = header(&mut reader, format)?;
        let mut events = Vec::new();
        while !is_end(reader.rest(), format)? {
            // The header is record 0.
            let record = events.len() + 1;
            within("records of an event log", MAX_EVENTS, record)?;
            let event = event(&mut reader, &banks, record)?;
            check_index(&event, format, record)?;
            events.push(event);
        }
        Ok(Self { banks, events })
    }
}

pub(super) fn within(what: &'static str, limit: usize, actual: usize) -> Result<(), EventLogError> {
    if actual <= limit { Ok(()) } else { Err(EventLogError::TooLarge { what, limit, actual }) }
}

/// The first record, in the old format: TCG_PCR_EVENT with a specification id event as its data (LOG-02,
/// LOG-03).
fn header(reader: &mut Reader<'_>, format: LogFormat) -> Result<Vec<PcrBank>, EventLogError> {
    const TRUNCATED: EventLogError = EventLogError::Truncated { record: 0 };
    let index = reader.u32().ok_or(TRUNCATED)?;
    let kind = EventKind(reader.u32().ok_or(TRUNCATED)?);
    let digest: [u8; 20] = reader.array().ok_or(TRUNCATED)?;
    let size = length(reader.u32().ok_or(TRUNCATED)?);
    within("bytes of one event's data", MAX_EVENT_DATA, size)?;
    let data = reader.take(size).ok_or(TRUNCATED)?;
    // Both real CCELs at hand have index 1 in their first record.
    if index != 0 && (index, format) != (1, LogFormat::Ccel) {
        return Err(EventLogError::Header("its index is not 0"));
    }
    if kind != EventKind::NO_ACTION {
        return Err(EventLogError::Header("its type is not EV_NO_ACTION"));
    }
    if digest != [0; 20] {
        return Err(EventLogError::Header("its digest is not zero"));
    }
    specification_id(data, format)
}

fn specification_id(data: &[u8], format: LogFormat) -> Result<Vec<PcrBank>, EventLogError> {
    const SHORT: EventLogError = EventLogError::Header("its data ends early");
    let mut reader = Reader::new(data);
    if &reader.array::<16>().ok_or(SHORT)? != SIGNATURE {
        return Err(EventLogError::Header("its signature is not `Spec ID Event03`"));
    }
    let _platform_class = reader.u32().ok_or(SHORT)?;
    let [minor, major, _errata, word] = reader.array().ok_or(SHORT)?;
    if (major, minor) != (2, 0) {
        return Err(EventLogError::Header("the specification's version is not 2.0"));
    }
    if !matches!(word, 1 | 2) {
        return Err(EventLogError::Header("its word size is neither 1 nor 2"));
    }
    let banks = algorithms(&mut reader, format)?;
    let vendor = reader.u8().ok_or(SHORT)?;
    reader.take(usize::from(vendor)).ok_or(SHORT)?;
    if reader.remaining() > 0 {
        return Err(EventLogError::Header("its data goes on after the vendor's part"));
    }
    Ok(banks)
}

fn algorithms(reader: &mut Reader<'_>, format: LogFormat) -> Result<Vec<PcrBank>, EventLogError> {
    const SHORT: EventLogError = EventLogError::Header("its data ends early");
    let count = length(reader.u32().ok_or(SHORT)?);
    if !(1..=MAX_ALGORITHMS).contains(&count) {
        return Err(EventLogError::AlgorithmTable("their number"));
    }
    let mut banks = Vec::with_capacity(count);
    for _ in 0..count {
        let id = reader.u16().ok_or(SHORT)?;
        let size = reader.u16().ok_or(SHORT)?;
        let bank = PcrBank::from_id(id).ok_or(EventLogError::AlgorithmTable("an unknown one"))?;
        if bank.size() != usize::from(size) {
            return Err(EventLogError::AlgorithmTable("a size that is not the algorithm's"));
        }
        if banks.contains(&bank) {
            return Err(EventLogError::AlgorithmTable("one twice"));
        }
        banks.push(bank);
    }
    if format == LogFormat::Ccel && banks != [PcrBank::Sha384] {
        return Err(EventLogError::AlgorithmTable("a CCEL has SHA-384 alone"));
    }
    Ok(banks)
}

/// Whether nothing but fill is left: of zeros, or in a CCEL of ones (LOG-06).
fn is_end(rest: &[u8], format: LogFormat) -> Result<bool, EventLogError> {
    let fills: &[u8] = match format {
        LogFormat::Tcg2 => &[0],
        LogFormat::Ccel => &[0xFF, 0],
    };
    let start = rest.get(..RECORD_START).unwrap_or(rest);
    let Some(fill) = fills.iter().find(|fill| start.iter().all(|byte| byte == *fill)) else {
        return Ok(false);
    };
    if rest.iter().all(|byte| byte == fill) { Ok(true) } else { Err(EventLogError::Tail) }
}

fn event<'a>(reader: &mut Reader<'a>, banks: &[PcrBank], record: usize) -> Result<Event<'a>, EventLogError> {
    let truncated = EventLogError::Truncated { record };
    let mut fields = || Some((reader.u32()?, EventKind(reader.u32()?), length(reader.u32()?)));
    let (index, kind, count) = fields().ok_or(truncated.clone())?;
    if count != banks.len() {
        return Err(EventLogError::DigestList { record });
    }
    let digests = digests(reader, banks, record)?;
    let size = length(reader.u32().ok_or(truncated.clone())?);
    within("bytes of one event's data", MAX_EVENT_DATA, size)?;
    let data = reader.take(size).ok_or(truncated)?;
    Ok(Event { index, kind, data, digests })
}

/// The digests of one record: the table's algorithms, each once, in the table's order (LOG-04).
fn digests<'a>(reader: &mut Reader<'a>, banks: &[PcrBank], record: usize) -> Result<&'a [u8], EventLogError> {
    let truncated = EventLogError::Truncated { record };
    let mut ahead = *reader;
    for bank in banks {
        if ahead.u16().ok_or(truncated.clone())? != bank.id() {
            return Err(EventLogError::DigestList { record });
        }
        ahead.take(bank.size()).ok_or(truncated.clone())?;
    }
    reader.take(reader.remaining() - ahead.remaining()).ok_or(truncated)
}

/// LOG-07 and LOG-08.
fn check_index(event: &Event<'_>, format: LogFormat, record: usize) -> Result<(), EventLogError> {
    let index = event.index;
    let last = match format {
        LogFormat::Tcg2 => LAST_PCR,
        LogFormat::Ccel => LAST_CCEL,
    };
    match (event.kind, index) {
        (EventKind::NO_ACTION, NO_REGISTER) => Ok(()),
        (_, index) if index > last => Err(EventLogError::IndexRange { record, index, format }),
        (EventKind::NO_ACTION, _) => Ok(()),
        (_, 0) if format == LogFormat::Ccel => Err(EventLogError::RegisterMap { record }),
        _ => Ok(()),
    }
}
