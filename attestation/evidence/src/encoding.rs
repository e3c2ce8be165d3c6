//! Base64 and hex with one spelling each (COL-02): two spellings of one evidence would defeat
//! replay detection, caching and logging.

use crate::rule::{Broken, Rule};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// A text that is not in the one accepted spelling.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// Not RFC 4648 base64 with the standard alphabet, padding, and zero trailing bits.
    #[error("not canonical standard base64")]
    Base64,
    /// Not RFC 4648 base64url without padding, with zero trailing bits.
    #[error("not canonical base64url")]
    Base64Url,
    /// Not an even number of lower-case hex digits.
    #[error("not lower-case hex")]
    Hex,
    /// Right alphabet, wrong size.
    #[error("{actual} bytes where {expected} are expected")]
    Length {
        /// The number of bytes that the field has.
        expected: usize,
        /// The number of bytes found.
        actual: usize,
    },
}

impl Broken for EncodingError {
    fn rule(&self) -> Rule {
        Rule::new("COL-02", "EncodingNotCanonical")
    }
}

/// Decodes standard base64 with padding; white space, the URL alphabet and non-zero unused bits are refused.
///
/// # Errors
/// [`EncodingError::Base64`].
pub fn base64_decode(text: &str) -> Result<Vec<u8>, EncodingError> {
    STANDARD.decode(text).map_err(|_| EncodingError::Base64)
}

/// Encodes as standard base64 with padding.
#[must_use]
pub fn base64_encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Decodes base64url without padding (RFC 7515, 2); white space and non-zero unused bits are refused.
///
/// # Errors
/// [`EncodingError::Base64Url`].
pub fn base64url_decode(text: &str) -> Result<Vec<u8>, EncodingError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| EncodingError::Base64Url)
}

/// Decodes lower-case hex of any length.
///
/// # Errors
/// [`EncodingError::Hex`] for upper-case digits, other characters, or an odd count.
pub fn hex_decode(text: &str) -> Result<Vec<u8>, EncodingError> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(EncodingError::Hex);
    }
    hex::decode(text).map_err(|_| EncodingError::Hex)
}

/// Decodes lower-case hex of exactly `N` bytes.
///
/// # Errors
/// [`EncodingError::Hex`], or [`EncodingError::Length`].
pub fn hex_array<const N: usize>(text: &str) -> Result<[u8; N], EncodingError> {
    let bytes = hex_decode(text)?;
    let actual = bytes.len();
    bytes.try_into().map_err(|_| EncodingError::Length { expected: N, actual })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_one_spelling() {
        assert_eq!(base64_decode(&base64_encode(b"any bytes")).unwrap(), b"any bytes");
        assert_eq!(base64_decode(""), Ok(Vec::new()));
        for text in ["QQ", "QQ=", "QR==", "QQ== ", "Q Q=", "_-8=", "QQ==QQ==", "=", "QUI\n"] {
            assert_eq!(base64_decode(text), Err(EncodingError::Base64), "{text}");
        }
    }

    #[test]
    fn hex_has_one_spelling_and_length() {
        assert_eq!(hex_array::<2>("00ff"), Ok([0, 0xff]));
        for text in ["0", "0F", "0g", "0x0f", " 0f", "é0"] {
            assert_eq!(hex_decode(text), Err(EncodingError::Hex), "{text}");
        }
        assert_eq!(hex_array::<2>("00"), Err(EncodingError::Length { expected: 2, actual: 1 }));
        assert_eq!(EncodingError::Hex.rule().to_string(), "COL-02 EncodingNotCanonical");
    }
}
