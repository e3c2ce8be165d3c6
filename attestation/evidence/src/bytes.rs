//! Fixed-size byte strings that print as lower-case hex.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// `N` bytes, written as `2 × N` lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hex<const N: usize>(pub [u8; N]);

impl<const N: usize> Hex<N> {
    /// Whether all bytes are zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }
}

impl<const N: usize> From<[u8; N]> for Hex<N> {
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes)
    }
}

impl<const N: usize> AsRef<[u8]> for Hex<N> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        crate::encoding::hex_array(&text).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_print_as_lower_case_hex_and_read_back() {
        let bytes = Hex([0x00, 0xab, 0xff]);
        assert_eq!((bytes.to_string().as_str(), format!("{bytes:?}").as_str()), ("00abff", "00abff"));
        assert_eq!(serde_json::from_str::<Hex<3>>("\"00abff\"").unwrap(), bytes);
        for text in ["\"00ABFF\"", "\"00ab\"", "\"00abffff\"", "\"zzzzzz\"", "3", "null"] {
            assert!(serde_json::from_str::<Hex<3>>(text).is_err(), "{text}");
        }
        assert!(Hex([0; 4]).is_zero() && !bytes.is_zero());
    }
}
