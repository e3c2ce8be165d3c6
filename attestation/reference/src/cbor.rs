//! CBOR (RFC 8949) as far as signed manifests need it: integers, strings, arrays, maps, tags, booleans, null.
//!
//! One spelling for each value: definite lengths and the shortest heads (4.2.1), and no key twice (5.6). The
//! order of keys is left free, because the published manifests do not keep one. Floating-point numbers,
//! `undefined` and other simple values are refused.

use std::str;

/// Largest document in bytes: a thousand measurements have under 100 KiB.
pub const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting: a CoRIM has 5 levels around a CoMID, which has 11.
const MAX_DEPTH: usize = 24;
/// Most items in one document: bounds memory to some megabytes.
const MAX_ITEMS: usize = 1 << 16;
/// Most entries of one map: the longest of a CoRIM's has as many as a TPM has registers.
const MAX_ENTRIES: usize = 256;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// An integer, from -2^64 to 2^64-1.
    Int(i128),
    /// A byte string.
    Bytes(&'a [u8]),
    /// A text string.
    Text(&'a str),
    /// An array.
    Array(Vec<Self>),
    /// A map, its entries as they stand.
    Map(Vec<(Self, Self)>),
    /// A tagged value.
    Tag(u64, Box<Self>),
    /// A truth value.
    Bool(bool),
    /// Nothing.
    Null,
}

/// Bytes that are no document of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// Larger than [`MAX_BYTES`].
    #[error("larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// The bytes end inside a value.
    #[error("ends inside a value")]
    Truncated,
    /// Bytes after the value.
    #[error("bytes after the value")]
    Trailing,
    /// A head that could be shorter.
    #[error("a length or number that is not in its shortest form")]
    NotShortest,
    /// A length that is not said beforehand.
    #[error("an indefinite length")]
    Indefinite,
    /// A floating-point number, or another simple value than true, false and null.
    #[error("a kind of value that has no place here")]
    Unsupported,
    /// Text that is not UTF-8.
    #[error("text that is not UTF-8")]
    Text,
    /// A key that is neither an integer nor text.
    #[error("a key that is neither an integer nor text")]
    Key,
    /// One key twice.
    #[error("one key twice in a map")]
    DuplicateKey,
    /// Nested too deep.
    #[error("nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// Too many items, or entries of a map.
    #[error("too many items")]
    TooMany,
}

/// Reads one value to the last byte.
///
/// # Errors
/// [`CborError`] with the first broken rule.
pub fn parse(bytes: &[u8]) -> Result<Item<'_>, CborError> {
    if bytes.len() > MAX_BYTES {
        return Err(CborError::TooLarge);
    }
    let mut reader = Reader { rest: bytes, items: 0 };
    let item = reader.item(0)?;
    if reader.rest.is_empty() { Ok(item) } else { Err(CborError::Trailing) }
}

struct Reader<'a> {
    rest: &'a [u8],
    items: usize,
}

impl<'a> Reader<'a> {
    fn item(&mut self, depth: usize) -> Result<Item<'a>, CborError> {
        if depth > MAX_DEPTH {
            return Err(CborError::TooDeep);
        }
        self.items += 1;
        if self.items > MAX_ITEMS {
            return Err(CborError::TooMany);
        }
        let head = self.byte()?;
        if head >> 5 == 7 {
            return simple(head & 0x1f);
        }
        let argument = self.argument(head & 0x1f)?;
        match head >> 5 {
            0 => Ok(Item::Int(i128::from(argument))),
            1 => Ok(Item::Int(-1 - i128::from(argument))),
            2 => Ok(Item::Bytes(self.take(argument)?)),
            3 => str::from_utf8(self.take(argument)?).map(Item::Text).map_err(|_| CborError::Text),
            4 => self.array(argument, depth),
            5 => self.map(argument, depth),
            _ => Ok(Item::Tag(argument, Box::new(self.item(depth + 1)?))),
        }
    }

    fn byte(&mut self) -> Result<u8, CborError> {
        let (first, rest) = self.rest.split_first().ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], CborError> {
        let length = usize::try_from(length).map_err(|_| CborError::Truncated)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The number of a head (RFC 8949, 3): in the head itself below 24, else in 1, 2, 4 or 8 bytes after it.
    fn argument(&mut self, information: u8) -> Result<u64, CborError> {
        let (length, least) = match information {
            0..=23 => return Ok(u64::from(information)),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            31 => return Err(CborError::Indefinite),
            _ => return Err(CborError::Unsupported),
        };
        let value = self.take(length)?.iter().fold(0, |value: u64, byte| (value << 8) | u64::from(*byte));
        if value < least { Err(CborError::NotShortest) } else { Ok(value) }
    }

    /// Each value has at least one byte, so what is said of a length is believed only as far as bytes go.
    fn count(&self, argument: u64, bytes_each: usize) -> Result<usize, CborError> {
        let count = usize::try_from(argument).map_err(|_| CborError::Truncated)?;
        if count > self.rest.len() / bytes_each { Err(CborError::Truncated) } else { Ok(count) }
    }

    fn array(&mut self, argument: u64, depth: usize) -> Result<Item<'a>, CborError> {
        let count = self.count(argument, 1)?;
        (0..count).map(|_| self.item(depth + 1)).collect::<Result<_, _>>().map(Item::Array)
    }

    fn map(&mut self, argument: u64, depth: usize) -> Result<Item<'a>, CborError> {
        let count = self.count(argument, 2)?;
        if count > MAX_ENTRIES {
            return Err(CborError::TooMany);
        }
        let mut entries: Vec<(Item<'a>, Item<'a>)> = Vec::new();
        for _ in 0..count {
            let key = self.item(depth + 1)?;
            if !matches!(key, Item::Int(_) | Item::Text(_)) {
                return Err(CborError::Key);
            }
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(CborError::DuplicateKey);
            }
            entries.push((key, self.item(depth + 1)?));
        }
        Ok(Item::Map(entries))
    }
}

fn simple(information: u8) -> Result<Item<'static>, CborError> {
    match information {
        20 => Ok(Item::Bool(false)),
        21 => Ok(Item::Bool(true)),
        22 => Ok(Item::Null),
        31 => Err(CborError::Indefinite),
        _ => Err(CborError::Unsupported),
    }
}

/// The head of a byte or text string of this length, of major type 2 or 3.
pub(crate) fn string_head(major: u8, length: usize) -> Vec<u8> {
    let major = major << 5;
    let bytes = u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes();
    match (length, bytes) {
        (0..24, [.., low]) => vec![major | low],
        (24..=0xff, [.., low]) => vec![major | 24, low],
        (0x100..=0xffff, [.., high, low]) => vec![major | 25, high, low],
        (_, [_, _, _, _, a, b, c, d]) => vec![major | 26, a, b, c, d],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Examples of RFC 8949, appendix A.
    #[test]
    fn the_examples_of_the_standard_are_read() {
        for (bytes, item) in [
            (&b"\x00"[..], Item::Int(0)),
            (b"\x18\x18", Item::Int(24)),
            (b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff", Item::Int(18_446_744_073_709_551_615)),
            (b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", Item::Int(-18_446_744_073_709_551_616)),
            (b"\x38\x63", Item::Int(-100)),
            (b"\xf5", Item::Bool(true)),
            (b"\xf6", Item::Null),
            (b"\x44\x01\x02\x03\x04", Item::Bytes(&[1, 2, 3, 4])),
            (b"\x62\xc3\xbc", Item::Text("ü")),
            (b"\x83\x01\x02\x03", Item::Array(vec![Item::Int(1), Item::Int(2), Item::Int(3)])),
            (b"\xa1\x61a\x01", Item::Map(vec![(Item::Text("a"), Item::Int(1))])),
            (b"\xc1\x1a\x51\x4b\x67\xb0", Item::Tag(1, Box::new(Item::Int(1_363_896_240)))),
        ] {
            assert_eq!(parse(bytes), Ok(item));
        }
    }

    #[test]
    fn each_rule_refuses_by_name() {
        for (bytes, error) in [
            (&b""[..], CborError::Truncated),
            (b"\x82\x01", CborError::Truncated),
            (b"\x44\x01", CborError::Truncated),
            (b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", CborError::Truncated),
            (b"\x00\x00", CborError::Trailing),
            (b"\x18\x17", CborError::NotShortest),
            (b"\x19\x00\xff", CborError::NotShortest),
            (b"\x1a\x00\x00\xff\xff", CborError::NotShortest),
            (b"\x1b\x00\x00\x00\x00\xff\xff\xff\xff", CborError::NotShortest),
            (b"\x9f\xff", CborError::Indefinite),
            (b"\x5f\xff", CborError::Indefinite),
            (b"\xff", CborError::Indefinite),
            (b"\x1c", CborError::Unsupported),
            (b"\xf7", CborError::Unsupported),
            (b"\xf9\x00\x00", CborError::Unsupported),
            (b"\xfb\x00\x00\x00\x00\x00\x00\x00\x00", CborError::Unsupported),
            (b"\x61\xff", CborError::Text),
            (b"\xa1\x41\x00\x00", CborError::Key),
            (b"\xa2\x01\x00\x01\x00", CborError::DuplicateKey),
        ] {
            assert_eq!(parse(bytes), Err(error), "{bytes:02x?}");
        }
        assert_eq!(parse(&[0x81; 40]), Err(CborError::TooDeep));
        assert_eq!(parse(&vec![0; MAX_BYTES + 1]), Err(CborError::TooLarge));
        let many = [&[0x9a, 0, 1, 0, 1][..], &[0; 65_537]].concat();
        assert_eq!(parse(&many), Err(CborError::TooMany));
        let entries = (0..=256_u16).flat_map(|key| [&[0x19][..], &(key + 256).to_be_bytes(), &[0]].concat());
        let wide: Vec<u8> = [0xb9, 1, 1].into_iter().chain(entries).collect();
        assert_eq!(parse(&wide), Err(CborError::TooMany));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            drop(parse(&bytes));
        }

        #[test]
        fn a_head_is_read_back(length in 0_usize..200_000) {
            let bytes = [string_head(2, length), vec![7; length]].concat();
            prop_assert!(matches!(parse(&bytes), Ok(Item::Bytes(inside)) if inside.len() == length));
        }
    }
}
