//! Where the broker is: `https://…`, or plain `http://` on this very machine.

use crate::error::SetupError;
use reqwest::Url;
use std::fmt;
use std::net::IpAddr;

/// The address of a broker: scheme, host and port, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    url: Url,
    encrypted: bool,
}

impl Address {
    /// Reads `https://HOST[:PORT]`, or `http://IP[:PORT]` where the IP is a loopback address.
    ///
    /// A plain address must be a literal: a name, even `localhost`, is whatever the resolver says.
    ///
    /// # Errors
    /// [`SetupError::AddressInvalid`], [`SetupError::AddressExtras`] for user, path, query or fragment,
    /// [`SetupError::PlainHttp`], [`SetupError::Scheme`].
    pub fn parse(text: &str) -> Result<Self, SetupError> {
        let url = Url::parse(text).map_err(|error| SetupError::AddressInvalid(error.to_string()))?;
        let encrypted = match url.scheme() {
            "https" => true,
            "http" if is_loopback(&url) => false,
            "http" => return Err(SetupError::PlainHttp),
            other => return Err(SetupError::Scheme(other.to_owned())),
        };
        let bare = url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none();
        if !bare {
            return Err(SetupError::AddressExtras);
        }
        Ok(Self { url, encrypted })
    }

    /// Whether the connection is TLS.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// The address with a path of these segments, each escaped, and a query.
    ///
    /// An empty segment, `.` or `..` would name another resource than the caller meant: `None`.
    pub(crate) fn join(&self, segments: &[&str], query: &[(&str, String)]) -> Option<Url> {
        if segments.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
            return None;
        }
        let mut url = self.url.clone();
        url.path_segments_mut().ok()?.clear().extend(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Some(url)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    literal.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_tls_anywhere_and_plain_text_on_loopback() {
        for (text, shown) in [
            ("https://kbs.example:8080", "https://kbs.example:8080"),
            ("https://kbs.example/", "https://kbs.example"),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn refuses_plain_text_elsewhere() {
        for text in
            ["http://kbs.example", "http://localhost:8080", "http://10.0.0.1", "http://127.0.0.1.example"]
        {
            assert!(matches!(Address::parse(text), Err(SetupError::PlainHttp)), "{text}");
        }
    }

    #[test]
    fn refuses_other_schemes_and_extras() {
        assert!(matches!(Address::parse("ftp://127.0.0.1"), Err(SetupError::Scheme(s)) if s == "ftp"));
        assert!(matches!(Address::parse("127.0.0.1:8080"), Err(SetupError::AddressInvalid(_))));
        assert!(matches!(Address::parse(""), Err(SetupError::AddressInvalid(_))));
        for text in [
            "https://u@h",
            "https://u:p@h",
            "https://h/kbs",
            "https://h?x",
            "https://h#x",
            "http://u@127.0.0.1",
        ] {
            assert!(matches!(Address::parse(text), Err(SetupError::AddressExtras)), "{text}");
        }
    }

    #[test]
    fn a_segment_cannot_climb_or_split() {
        let address = Address::parse("https://h").unwrap();
        let url = address.join(&["kbs", "v1", "a/b?c"], &[("after", "1".to_owned())]).unwrap();
        assert_eq!(url.as_str(), "https://h/kbs/v1/a%2Fb%3Fc?after=1");
        for bad in ["", ".", ".."] {
            assert!(address.join(&["kbs", bad], &[]).is_none(), "{bad:?}");
        }
        assert_eq!(address.join(&["kbs", "%2e%2e"], &[]).unwrap().path(), "/kbs/%252e%252e");
    }
}
