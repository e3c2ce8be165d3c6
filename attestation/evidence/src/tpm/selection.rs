//! TPML_PCR_SELECTION (part 2, 10.9.7).

use super::algorithm::Hash;
use super::error::FormatError;
use super::reader::Reader;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// Registers of one bank: 0 to 23 (TCG PC Client Platform TPM Profile, 4.6).
pub const PCRS: u8 = 24;
/// Most entries (TPM-16: 1 to 8), which is more than there are banks.
const MAX_ENTRIES: u32 = 8;
/// Bytes of one bitmap: 24 registers.
const SELECT_LENGTH: u8 = 3;

/// Which registers of which banks a quote speaks of. No bank occurs twice, and at least one register is
/// selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection(Vec<(Hash, u32)>);

impl Selection {
    /// TPM-16 and TPM-17.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        let malformed = FormatError::Selection;
        let count = reader.u32().ok_or(malformed("it ends before its count"))?;
        if !(1..=MAX_ENTRIES).contains(&count) {
            return Err(malformed("it has none or more than 8 entries"));
        }
        let mut banks: Vec<(Hash, u32)> = Vec::new();
        for _ in 0..count {
            let id = reader.u16().ok_or(malformed("it ends in an entry"))?;
            let bank = Hash::from_id(id).ok_or(malformed("a bank of an unknown hash function"))?;
            if reader.u8() != Some(SELECT_LENGTH) {
                return Err(malformed("a bitmap that has not 3 bytes"));
            }
            let [a, b, c] = reader.array().ok_or(malformed("it ends in a bitmap"))?;
            if banks.iter().any(|(earlier, _)| *earlier == bank) {
                return Err(malformed("a bank occurs twice"));
            }
            banks.push((bank, u32::from_le_bytes([a, b, c, 0])));
        }
        if banks.iter().all(|(_, bitmap)| *bitmap == 0) {
            return Err(FormatError::SelectionEmpty);
        }
        Ok(Self(banks))
    }

    /// Every selected register: banks in the list's order, indices ascending. It is the order of the digest.
    pub fn registers(&self) -> impl Iterator<Item = (Hash, u8)> {
        self.0.iter().flat_map(|(bank, bitmap)| {
            (0..PCRS).filter(move |index| bitmap >> index & 1 == 1).map(move |index| (*bank, index))
        })
    }

    /// Whether a register is selected.
    #[must_use]
    pub fn contains(&self, bank: Hash, index: u8) -> bool {
        self.registers().any(|register| register == (bank, index))
    }
}

/// As `{"sha256": [0, 1, …]}`.
impl Serialize for Selection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (bank, _) in &self.0 {
            let indices: Vec<u8> =
                self.registers().filter(|(of, _)| of == bank).map(|(_, index)| index).collect();
            map.serialize_entry(bank, &indices)?;
        }
        map.end()
    }
}
