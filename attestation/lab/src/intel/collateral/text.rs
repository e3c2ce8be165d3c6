//! JSON exactly as Intel writes it: no white space, hex in capitals, fields in the order in which they are
//! given.
//!
//! It is written by hand because the bytes are signed, and because the lab must also write what an honest
//! encoder refuses to write: one key twice.

/// An object. A key that is given twice is written twice.
pub(super) fn object(fields: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let fields: Vec<String> =
        fields.into_iter().map(|(name, value)| format!("{}:{value}", string(name))).collect();
    format!("{{{}}}", fields.join(","))
}

pub(super) fn array(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}

/// A string. Nothing that the lab writes needs an escape.
pub(super) fn string(text: &str) -> String {
    format!("\"{text}\"")
}

pub(super) fn hex(bytes: &[u8]) -> String {
    string(&bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_no_white_space_and_keeps_its_order() {
        let inner = array([hex(&[0, 0xab]), string("x")]);
        let text = object([("b", "1".to_owned()), ("a", inner), ("b", "2".to_owned())]);
        assert_eq!(text, r#"{"b":1,"a":["00AB","x"],"b":2}"#);
        assert_eq!(object([]), "{}");
        assert_eq!(array([]), "[]");
    }
}
