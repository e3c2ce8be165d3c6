//! Names of keys: one spelling for one key.
//!
//! `tenant/name`, two to four segments in all. A segment starts with a lower-case letter or a digit and goes
//! on with those, `.`, `_` and `-`, at most 63 characters, never two dots in a row. Nothing is decoded,
//! folded or trimmed: a text either is the name of a key or is refused, so that two spellings never reach
//! one key.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// Fewest segments: the tenant and one name.
pub(crate) const MIN_SEGMENTS: usize = 2;
/// Most segments: a tenant and three levels of names are as deep as operators nest them.
pub(crate) const MAX_SEGMENTS: usize = 4;
/// Longest segment in characters: a DNS label, so that a tenant can be a host name.
pub(crate) const MAX_SEGMENT: usize = 63;

/// The name of a key, e.g. `acme/models/llama`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

/// A text that is not the name of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyIdError {
    /// Not two to four segments.
    #[error("a key id has {MIN_SEGMENTS} to {MAX_SEGMENTS} segments separated by `/`, not {0}")]
    Segments(usize),
    /// A segment is empty or longer than 63 characters.
    #[error("segment {position} has {length} bytes; a segment has 1 to {MAX_SEGMENT}")]
    SegmentLength {
        /// Which segment, from 1.
        position: usize,
        /// Its length in bytes.
        length: usize,
    },
    /// A character outside the alphabet, or a segment that starts with `.`, `_` or `-`.
    #[error("segment {position} has a character that key ids do not have: `{character}`", character = .character.escape_default())]
    Character {
        /// Which segment, from 1.
        position: usize,
        /// The character.
        character: char,
    },
    /// Two dots in a row.
    #[error("segment {0} has two dots in a row")]
    Dots(usize),
}

impl KeyId {
    /// Reads a key id.
    ///
    /// # Errors
    /// [`KeyIdError`] for every text that is not in the one spelling.
    pub fn parse(text: &str) -> Result<Self, KeyIdError> {
        // Counted before anything is looked at: the work is bounded by four segments.
        let segments = text.split('/').take(MAX_SEGMENTS + 1).count();
        if !(MIN_SEGMENTS..=MAX_SEGMENTS).contains(&segments) {
            return Err(KeyIdError::Segments(segments));
        }
        for (segment, position) in text.split('/').zip(1..) {
            check_segment(segment, position)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first segment: who owns the key.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.0.split_once('/').map_or(self.0.as_str(), |(tenant, _)| tenant)
    }

    /// Everything after the tenant.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }
}

fn check_segment(segment: &str, position: usize) -> Result<(), KeyIdError> {
    let length = segment.len();
    if !(1..=MAX_SEGMENT).contains(&length) {
        return Err(KeyIdError::SegmentLength { position, length });
    }
    for (character, index) in segment.chars().zip(0_usize..) {
        let plain = character.is_ascii_lowercase() || character.is_ascii_digit();
        let inner = index > 0 && matches!(character, '.' | '_' | '-');
        if !plain && !inner {
            return Err(KeyIdError::Character { position, character });
        }
    }
    if segment.contains("..") {
        return Err(KeyIdError::Dots(position));
    }
    Ok(())
}

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        Self::parse(text)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.0)
    }
}

impl AsRef<str> for KeyId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_in_the_one_spelling_are_keys() {
        let longest = format!("{}/{}", "a".repeat(63), "9".repeat(63));
        for text in ["acme/disk", "acme/models/llama-3.1", "a/b/c/d", "0/0", "acme.example/db_main", &longest]
        {
            let key = KeyId::parse(text).unwrap();
            assert_eq!(key.as_str(), text);
            assert_eq!(format!("{}/{}", key.tenant(), key.name()), text);
        }
    }

    #[test]
    fn each_rule_refuses_by_name() {
        let length = |position, length| KeyIdError::SegmentLength { position, length };
        let character = |position, character| KeyIdError::Character { position, character };
        for (text, error) in [
            ("", KeyIdError::Segments(1)),
            ("acme", KeyIdError::Segments(1)),
            ("a/b/c/d/e", KeyIdError::Segments(5)),
            ("a/b/c/d/e/f/g", KeyIdError::Segments(5)),
            ("/disk", length(1, 0)),
            ("acme/", length(2, 0)),
            ("acme//disk", length(2, 0)),
            (&format!("acme/{}", "x".repeat(64)), length(2, 64)),
            ("Acme/disk", character(1, 'A')),
            ("acme/..", character(2, '.')),
            ("acme/.hidden", character(2, '.')),
            ("acme/-x", character(2, '-')),
            ("acme/di sk", character(2, ' ')),
            ("acme/%2e%2e", character(2, '%')),
            ("acme/disk\0", character(2, '\0')),
            ("acme/d\u{456}sk", character(2, '\u{456}')),
            ("acme\\disk/x", character(1, '\\')),
            ("acme/a..b", KeyIdError::Dots(2)),
        ] {
            assert_eq!(KeyId::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn json_is_checked_as_text_is() {
        assert!(serde_json::from_str::<KeyId>("\"acme/disk\"").is_ok());
        for refused in ["\"acme\"", "\"acme/../x\"", "7", "null"] {
            assert!(serde_json::from_str::<KeyId>(refused).is_err(), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_reads_back_as_itself(text in "[a-zA-Z0-9._/%-]{0,24}") {
            if let Ok(key) = KeyId::parse(&text) {
                prop_assert_eq!(key.to_string(), text);
            }
        }

        #[test]
        fn any_text_is_answered(text in any::<String>()) {
            let _ = KeyId::parse(&text);
        }
    }
}
