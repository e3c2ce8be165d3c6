//! Lists of accepted values, where an empty list means none.

use hanzo_attestation_evidence::encoding;
use serde::{Deserialize, Deserializer, de};

/// Which values of a field that owners set are accepted. Zero, "not set", always is; everything else must
/// be listed, or the check is switched off by the word `any`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed<T> {
    /// Not checked here: policies may ask for it instead. Written `"any"`.
    Any,
    /// These values. Written as a list; an empty one admits none.
    Listed(Vec<T>),
}

impl<T: PartialEq> Allowed<T> {
    /// Nothing but "not set".
    #[must_use]
    pub const fn none() -> Self {
        Self::Listed(Vec::new())
    }

    pub(super) fn admits(&self, value: &T) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(values) => values.contains(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Allowed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "`\"any\"`, or a list of values in lower-case hex of the field's length"
        )]
        enum Raw<T> {
            Word(String),
            List(Vec<T>),
        }
        match Raw::deserialize(deserializer)? {
            Raw::Word(word) if word == "any" => Ok(Self::Any),
            Raw::Word(word) => Err(de::Error::custom(format_args!("`{word}` is neither `any` nor a list"))),
            Raw::List(values) => Ok(Self::Listed(values)),
        }
    }
}

/// The id of one chip in lower-case hex: 64 bytes, or 8 on Turin. The other spelling of a Turin id, 64 bytes
/// with zeros after the eighth as a report pads it, is refused: it would match nothing, and a deny list that
/// matches nothing protects nobody.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ChipId(String);

/// A text that names no chip.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChipIdError {
    /// Not lower-case hex.
    #[error("a chip id is {0}")]
    Encoding(#[from] encoding::EncodingError),
    /// Another number of bytes than any product has.
    #[error("a chip id has 64 bytes, or 8 on Turin, not {actual}")]
    Length {
        /// The number of bytes found.
        actual: usize,
    },
    /// A Turin id with the zeros that a report pads it with.
    #[error("a Turin chip id is written as its 8 bytes, without the zeros after them")]
    Padded,
}

impl TryFrom<String> for ChipId {
    type Error = ChipIdError;

    fn try_from(text: String) -> Result<Self, ChipIdError> {
        let bytes = encoding::hex_decode(&text)?;
        match bytes.len() {
            8 => Ok(Self(text)),
            64 if bytes.iter().skip(8).all(|byte| *byte == 0) => Err(ChipIdError::Padded),
            64 => Ok(Self(text)),
            actual => Err(ChipIdError::Length { actual }),
        }
    }
}

impl ChipId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a chip is in the list.
pub(super) fn names(list: &[ChipId], text: &str) -> bool {
    list.iter().any(|entry| entry.as_str() == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hanzo_attestation_evidence::Hex;

    fn read(json: &str) -> Result<Allowed<Hex<2>>, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn any_and_lists_are_read_and_nothing_else() {
        assert_eq!(read("\"any\""), Ok(Allowed::Any));
        assert_eq!(read("[]"), Ok(Allowed::none()));
        assert_eq!(read("[\"0102\"]"), Ok(Allowed::Listed(vec![Hex([1, 2])])));
        for refused in ["\"all\"", "\"\"", "true", "null", "[\"01\"]", "[\"0102 \"]", "[\"ABCD\"]", "{}"] {
            assert!(read(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn an_empty_list_admits_nothing() {
        assert!(!Allowed::none().admits(&1));
        assert!(Allowed::Any.admits(&1));
        assert!(Allowed::Listed(vec![1]).admits(&1) && !Allowed::Listed(vec![1]).admits(&2));
    }

    #[test]
    fn a_chip_id_has_one_spelling() {
        let read = |text: String| ChipId::try_from(text);
        assert_eq!(read("ab".repeat(64)).unwrap().as_str(), "ab".repeat(64));
        assert_eq!(read("ab".repeat(8)).unwrap().as_str(), "ab".repeat(8));
        assert_eq!(read("ab".repeat(8) + &"00".repeat(56)), Err(ChipIdError::Padded));
        for length in [0, 1, 7, 9, 63, 65] {
            assert_eq!(read("ab".repeat(length)), Err(ChipIdError::Length { actual: length }));
        }
        for text in ["AB".repeat(64), "a".to_owned(), "0xab".to_owned(), "zz".repeat(8)] {
            assert!(matches!(read(text), Err(ChipIdError::Encoding(_))));
        }
        assert!(serde_json::from_str::<ChipId>("7").is_err());
    }
}
