//! Opaque data of a report: typed entries in one of two layouts.
//!
//! Older drivers write entries one after the other. Newer ones (with CUDA 13.5) write a header that starts
//! with `NVDAOD`, and say of each entry what type of value it has. Entries of unknown types are kept as they
//! are: they are signed, and a new driver must not make a device unreadable.

mod fields;

pub use fields::{Architecture, Bytes, Fields, Mode, Toggle};

use super::error::FormatError;
use super::report::{ValueType, as_hex};
use crate::dcap::reader::Reader;
use serde::Serialize;

const MAGIC: &[u8; 6] = b"NVDAOD";
/// Highest version of opaque data that is known (as of the vendor's SDK 2.0.0).
const MAX_VERSION: u16 = 2;
/// Type of the entry that has the version in the older layout.
const VERSION: u16 = 34;

/// The layout of opaque data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Entries of type, size and data.
    Legacy,
    /// A header, then entries of type, value type, size and data.
    Nvdaod,
}

/// Opaque data, read to the last byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Opaque {
    /// The layout.
    pub format: Format,
    /// Its version: major of the header, or the entry of type 34, or 0.
    pub version: u16,
    /// What the entries of known types say.
    pub fields: Fields,
    /// Every entry in order; no type occurs twice.
    #[serde(skip)]
    pub entries: Vec<Entry>,
    /// Entries of types that this build has no name for.
    pub unknown: Vec<Entry>,
    /// Known types whose content is not of the known form: they count as absent.
    pub undecoded: Vec<u16>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: u16,
    /// What kind of value it has; the older layout does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_type: Option<ValueType>,
    /// Its data.
    #[serde(serialize_with = "as_hex")]
    pub data: Vec<u8>,
}

impl Opaque {
    /// Reads opaque data.
    ///
    /// # Errors
    /// [`FormatError::Opaque`], [`FormatError::OpaqueVersion`], [`FormatError::DuplicateEntry`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let header = if bytes.starts_with(MAGIC) { Some(header(&mut reader)?) } else { None };
        let entries = entries(&mut reader, header.is_some())?;
        let stated = entries.iter().find(|entry| entry.kind == VERSION);
        let version = match (header, stated) {
            (Some(major), _) => u16::from(major),
            (None, Some(entry)) => fields::u16_of(&entry.data)
                .ok_or(FormatError::Opaque("the version is no number of 16 bits"))?,
            (None, None) => 0,
        };
        if version > MAX_VERSION {
            return Err(FormatError::OpaqueVersion(version));
        }
        let format = if header.is_some() { Format::Nvdaod } else { Format::Legacy };
        let (mut fields, mut unknown, mut undecoded) = (Fields::default(), Vec::new(), Vec::new());
        for entry in &entries {
            match fields.take(entry) {
                fields::Taken::Yes => {}
                fields::Taken::UnknownType => unknown.push(entry.clone()),
                fields::Taken::UnknownForm => undecoded.push(entry.kind),
            }
        }
        Ok(Self { format, version, fields, entries, unknown, undecoded })
    }

    /// The entry of a type.
    #[must_use]
    pub fn entry(&self, kind: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.kind == kind)
    }
}

/// The major version of an NVDAOD header: magic, profile, major, minor, patch, padding.
fn header(reader: &mut Reader<'_>) -> Result<u8, FormatError> {
    let header: [u8; 12] = reader.array().ok_or(FormatError::Opaque("the header is cut"))?;
    match header {
        [_, _, _, _, _, _, 0, 0, major, ..] => Ok(major),
        _ => Err(FormatError::Opaque("a profile other than 0")),
    }
}

fn entries(reader: &mut Reader<'_>, typed: bool) -> Result<Vec<Entry>, FormatError> {
    let cut = FormatError::Opaque("an entry goes beyond the end");
    let mut entries: Vec<Entry> = Vec::new();
    while reader.remaining() > 0 {
        let kind = reader.u16().ok_or(cut.clone())?;
        let value_type = if typed { Some(value_type(reader.u16().ok_or(cut.clone())?)?) } else { None };
        let size = reader.u16().ok_or(cut.clone())?;
        let data = reader.take(usize::from(size)).ok_or(cut.clone())?.to_vec();
        // Few enough to compare all: an entry has four bytes at least, and a report eight KiB at most.
        if entries.iter().any(|entry| entry.kind == kind) {
            return Err(FormatError::DuplicateEntry(kind));
        }
        entries.push(Entry { kind, value_type, data });
    }
    Ok(entries)
}

/// A value type of 16 bits, of which SPDM's byte is the low one.
fn value_type(raw: u16) -> Result<ValueType, FormatError> {
    u8::try_from(raw).map(ValueType).map_err(|_| FormatError::Opaque("a value type beyond one byte"))
}
