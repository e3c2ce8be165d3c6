//! Bit numbers of 64-bit fields, as the specifications number them.

use serde::Deserialize;

/// A bit number, 0 to 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u8")]
pub struct Bit(u8);

/// A number above 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no bit of a 64-bit field; bits are 0 to 63")]
pub struct BitError(u8);

impl TryFrom<u8> for Bit {
    type Error = BitError;

    fn try_from(number: u8) -> Result<Self, BitError> {
        if number < 64 { Ok(Self(number)) } else { Err(BitError(number)) }
    }
}

/// The field in which exactly these bits are set.
pub(super) fn mask(bits: &[Bit]) -> u64 {
    bits.iter().fold(0, |mask, bit| mask | 1 << bit.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_make_masks_and_no_bit_lies_outside() {
        let bits: Vec<Bit> = [0, 6, 63].into_iter().map(|n| Bit::try_from(n).unwrap()).collect();
        assert_eq!(mask(&bits), 0x8000_0000_0000_0041);
        assert_eq!(mask(&[]), 0);
        for number in [64, 255] {
            assert_eq!(Bit::try_from(number), Err(BitError(number)));
            assert!(serde_json::from_value::<Bit>(number.into()).is_err());
        }
    }
}
