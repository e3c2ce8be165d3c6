//! Values of platform configuration registers.

use super::algorithm::{Hash, SigningHash};
use super::error::FormatError;
use super::selection::{PCRS, Selection};
use crate::bytes::Digest;
use aws_lc_rs::digest;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// Most banks of values in evidence (rule book B.0: "PCR values 24 × 5 banks").
pub const MAX_BANKS: usize = 5;

/// The values of exactly the registers that a quote selects, each as long as its bank's digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcrValues {
    values: BTreeMap<(Hash, u8), Digest>,
    selection: Selection,
}

impl PcrValues {
    /// TPM-19: none missing, none extra, none twice. TPM-20: of the bank's length.
    pub(super) fn read(
        received: Vec<(Hash, u8, Vec<u8>)>,
        selection: &Selection,
    ) -> Result<Self, FormatError> {
        // More than all registers of all banks cannot be a selection.
        if received.len() > MAX_BANKS * usize::from(PCRS) {
            return Err(FormatError::PcrSet("more values than registers"));
        }
        let mut found: BTreeMap<(Hash, u8), Vec<u8>> = BTreeMap::new();
        for (bank, index, value) in received {
            if !selection.contains(bank, index) {
                return Err(FormatError::PcrSet("a value of a register that is not quoted"));
            }
            if found.insert((bank, index), value).is_some() {
                return Err(FormatError::PcrSet("two values of one register"));
            }
        }
        if selection.registers().any(|register| !found.contains_key(&register)) {
            return Err(FormatError::PcrSet("a quoted register without a value"));
        }
        let values = found.into_iter().map(|((bank, index), value)| {
            let wrong = FormatError::PcrLength { bank, index, actual: value.len() };
            match Digest::try_from(value.as_slice()) {
                Ok(digest) if value.len() == bank.length() => Ok(((bank, index), digest)),
                _ => Err(wrong),
            }
        });
        Ok(Self { values: values.collect::<Result<_, _>>()?, selection: selection.clone() })
    }

    /// The value of a quoted register.
    #[must_use]
    pub fn get(&self, bank: Hash, index: u8) -> Option<&Digest> {
        self.values.get(&(bank, index))
    }

    /// Every value, by bank and index.
    pub fn iter(&self) -> impl Iterator<Item = (Hash, u8, &Digest)> {
        self.values.iter().map(|((bank, index), value)| (*bank, *index, value))
    }

    /// The digest that a quote states (part 1, 15.4, and part 3, 18.4): over the values in the order of the
    /// selection.
    #[must_use]
    pub fn digest(&self, hash: SigningHash) -> digest::Digest {
        let registers = self.selection.registers();
        hash.digest(registers.filter_map(|(bank, index)| self.get(bank, index)).map(Digest::as_bytes))
    }
}

/// As `{"sha256": {"0": "…"}}`.
impl Serialize for PcrValues {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut banks: BTreeMap<Hash, BTreeMap<u8, &Digest>> = BTreeMap::new();
        for (bank, index, value) in self.iter() {
            banks.entry(bank).or_default().insert(index, value);
        }
        let mut map = serializer.serialize_map(Some(banks.len()))?;
        for (bank, values) in &banks {
            map.serialize_entry(bank, values)?;
        }
        map.end()
    }
}
