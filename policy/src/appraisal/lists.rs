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

/// Bytes in lower-case hex, where the platform decides how many: a chip id has 64 bytes, or 8 on Turin.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HexText(String);

impl TryFrom<String> for HexText {
    type Error = encoding::EncodingError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if encoding::hex_decode(&text)?.is_empty() {
            return Err(encoding::EncodingError::Length { expected: 1, actual: 0 });
        }
        Ok(Self(text))
    }
}

impl HexText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether one of the texts is in the list.
pub(super) fn names(list: &[HexText], text: &str) -> bool {
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
    fn hex_text_is_lower_case_and_whole() {
        assert!(serde_json::from_str::<HexText>("\"00ff\"").is_ok());
        for refused in ["\"\"", "\"0\"", "\"FF\"", "\"0x00\"", "\"zz\"", "7"] {
            assert!(serde_json::from_str::<HexText>(refused).is_err(), "{refused}");
        }
    }
}
