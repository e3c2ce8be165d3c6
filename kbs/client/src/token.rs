//! The administrator's token: shown to nobody, wiped when dropped.

use crate::error::SetupError;
use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

/// Longest token accepted, in bytes: a broker's own has 43, a signed one a few thousand, and servers
/// commonly bound all headers together at 16 KiB.
pub(crate) const MAX_TOKEN: usize = 8192;

/// A bearer token that administers a broker. It has no `Debug`, no `Display` and no serialised form:
///
/// ```compile_fail,E0277
/// fn print<T: std::fmt::Debug>() {}
/// print::<hanzo_kbs_client::AdminToken>();
/// ```
#[derive(Clone)]
pub struct AdminToken(Zeroizing<String>);

impl AdminToken {
    /// Reads a token; white space around it (a file's last newline) is no part of it.
    ///
    /// # Errors
    /// [`SetupError::TokenInvalid`] if it is empty, too long, or has other than visible ASCII.
    pub fn parse(text: &str) -> Result<Self, SetupError> {
        let text = text.trim();
        let fits = (1..=MAX_TOKEN).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SetupError::TokenInvalid);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The token itself, to store it where its owner asked. The name is long so that every use is found.
    #[must_use]
    pub fn expose_to_store(&self) -> &str {
        &self.0
    }

    pub(crate) fn header(&self) -> Result<HeaderValue, SetupError> {
        bearer(&self.0)
    }
}

/// An `Authorization` value, marked so that no library prints it.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue, SetupError> {
    let text = Zeroizing::new(format!("Bearer {token}"));
    let mut value = HeaderValue::from_str(&text).map_err(|_| SetupError::TokenInvalid)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newline_at_the_end_is_no_part_of_it() {
        assert_eq!(AdminToken::parse("abc-_9\n").unwrap().expose_to_store(), "abc-_9");
    }

    #[test]
    fn refuses_what_no_header_carries() {
        let long = "a".repeat(MAX_TOKEN + 1);
        for text in ["", " \n", "a b", "a\nb", "é", "a\u{0}", &long] {
            assert!(matches!(AdminToken::parse(text), Err(SetupError::TokenInvalid)));
        }
    }

    #[test]
    fn the_header_does_not_print() {
        let header = AdminToken::parse("secret").unwrap().header().unwrap();
        assert!(!format!("{header:?}").contains("secret"));
    }
}
