//! Byte strings that print as lower-case hex: of a fixed size, and digests of any size that a hash function
//! has.

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

/// A digest of 1 to 64 bytes, written as lower-case hex: which hash function made it, its context says.
///
/// Two digests are equal when their bytes are; one is never a prefix or a padding of another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    /// Bytes in use.
    length: u8,
    /// The bytes, zero beyond the length.
    bytes: [u8; Digest::MAX],
}

/// Bytes that are no digest: none, or more than 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest has 1 to {max} bytes, not {0}", max = Digest::MAX)]
pub struct DigestLength(pub usize);

impl Digest {
    /// Most bytes of a digest: SHA-512.
    pub const MAX: usize = 64;

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Whether all bytes are zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.bytes.iter().all(|byte| *byte == 0)
    }
}

impl TryFrom<&[u8]> for Digest {
    type Error = DigestLength;

    fn try_from(given: &[u8]) -> Result<Self, DigestLength> {
        let wrong = DigestLength(given.len());
        let mut bytes = [0; Self::MAX];
        bytes.get_mut(..given.len()).ok_or(wrong)?.copy_from_slice(given);
        let length = u8::try_from(given.len()).ok().filter(|length| *length > 0).ok_or(wrong)?;
        Ok(Self { length, bytes })
    }
}

macro_rules! digest_from_hex {
    ($($size:literal),*) => {$(
        impl From<Hex<$size>> for Digest {
            fn from(hex: Hex<$size>) -> Self {
                let mut bytes = [0; Self::MAX];
                bytes[..$size].copy_from_slice(&hex.0);
                Self { length: $size, bytes }
            }
        }
    )*};
}
digest_from_hex!(20, 32, 48, 64);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = crate::encoding::hex_decode(&text).map_err(de::Error::custom)?;
        Self::try_from(bytes.as_slice()).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_keep_their_length() {
        let short = Digest::from(Hex([1; 32]));
        let long = Digest::try_from(&[[1; 32].as_slice(), &[0; 16]].concat()[..]).unwrap();
        assert_ne!(short, long, "zeros at the end count");
        assert_eq!((short.as_bytes().len(), long.as_bytes().len()), (32, 48));
        assert_eq!(short.to_string(), "01".repeat(32));
        assert_eq!(serde_json::from_str::<Digest>(&format!("\"{long}\"")).unwrap(), long);
        assert!(Digest::from(Hex([0; 48])).is_zero() && !short.is_zero());
        for length in [0, 65, 100] {
            assert_eq!(Digest::try_from(vec![7; length].as_slice()), Err(DigestLength(length)));
        }
        for text in ["\"\"", "\"0\"", "\"AB\"", "3", "null"] {
            assert!(serde_json::from_str::<Digest>(text).is_err(), "{text}");
        }
    }

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
