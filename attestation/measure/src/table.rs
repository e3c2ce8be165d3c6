//! The table of GUIDs at the end of an OVMF image (EDK II, `OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm`): it
//! ends 32 bytes before the end of the image and is read backwards. What one entry points to is metadata, counted
//! in bytes from the end of the image.

/// The table ends here, in bytes from the end of the image.
const TABLE_END: usize = 32;
/// Length and GUID of an entry, which follow its data.
const ENTRY: usize = 18;
/// Most entries: OVMF has under ten.
const MAX_ENTRIES: usize = 64;
/// 96b582de-1fb2-45f7-baea-a366c55a082d, the table's own, as it stands in memory (RFC 9562, 4, with the first
/// three fields little-endian).
const FOOTER: [u8; 16] = *b"\xde\x82\xb5\x96\xb2\x1f\xf7\x45\xba\xea\xa3\x66\xc5\x5a\x08\x2d";

/// Why an image has no table that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableError {
    /// None at its end.
    None,
    /// One that is not what it should be.
    Form(&'static str),
}

/// GUID and data.
pub(crate) type Entry<'a> = ([u8; 16], &'a [u8]);

/// The entries of the table: each is its data, its length with this, and its GUID.
pub(crate) fn entries(image: &[u8]) -> Result<Vec<Entry<'_>>, TableError> {
    let table = image.len().checked_sub(TABLE_END).and_then(|end| image.get(..end));
    let table = table.ok_or(TableError::None)?;
    let (_, length, rest) = last_entry(table).filter(|entry| entry.0 == FOOTER).ok_or(TableError::None)?;
    // The footer's length is that of the whole table, itself included.
    let inside = usize::from(length).checked_sub(ENTRY).ok_or(TableError::Form("too short"))?;
    let start = rest.len().checked_sub(inside).ok_or(TableError::Form("longer than the image"))?;
    let mut rest = rest.get(start..).unwrap_or_default();
    let mut entries: Vec<Entry<'_>> = Vec::new();
    while !rest.is_empty() {
        let (guid, length, before) = last_entry(rest).ok_or(TableError::Form("ends inside an entry"))?;
        let data = usize::from(length).checked_sub(ENTRY).ok_or(TableError::Form("an entry is too short"))?;
        let split = before.len().checked_sub(data).ok_or(TableError::Form("an entry is too long"))?;
        let (before, data) = before.split_at(split);
        if entries.iter().any(|(known, _)| *known == guid) {
            return Err(TableError::Form("one entry twice"));
        }
        if entries.len() == MAX_ENTRIES {
            return Err(TableError::Form("too many entries"));
        }
        entries.push((guid, data));
        rest = before;
    }
    Ok(entries)
}

/// The first four bytes of an entry, which are a number; nothing if there is no such entry.
pub(crate) fn number(entries: &[Entry<'_>], guid: [u8; 16]) -> Option<Result<u32, TableError>> {
    let (_, data) = entries.iter().find(|(known, _)| *known == guid)?;
    let bytes = data.first_chunk().ok_or(TableError::Form("an entry is too short"));
    Some(bytes.map(|bytes| u32::from_le_bytes(*bytes)))
}

/// GUID and length at the end of these bytes, and what is before them.
fn last_entry(bytes: &[u8]) -> Option<([u8; 16], u16, &[u8])> {
    let (rest, guid) = bytes.split_last_chunk::<16>()?;
    let (rest, length) = rest.split_last_chunk::<2>()?;
    Some((*guid, u16::from_le_bytes(*length), rest))
}
