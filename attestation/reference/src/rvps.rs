//! Messages of Trustee's reference value provider service (RVPS), version 0.1.0.
//!
//! ```json
//! {"version":"0.1.0","type":"sample","payload":"BASE64 of {\"NAME\":[\"HEX\",…],…}"}
//! ```
//!
//! A message of type `corim` carries a CoRIM, which has to be signed as any other. `swid` is refused by name.
//! No message is signed by itself: whoever imports one verifies a signature beside it, or says why not.

use crate::{MAX_MEASURED, Measured};
use hanzo_attestation_evidence::Digest;
use hanzo_attestation_evidence::encoding::{EncodingError, base64_decode, hex_decode};
use hanzo_attestation_evidence::json::{self, JsonError};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The version of messages that is read.
const VERSION: &str = "0.1.0";
/// Longest name in bytes.
const MAX_NAME: usize = 256;
/// Most digests under one name: a hundred releases.
const MAX_DIGESTS: usize = 128;

/// What a message carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Names and values.
    Sample(Vec<Measured>),
    /// A CoRIM.
    Corim(Vec<u8>),
}

/// Why a message cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RvpsError {
    /// Not the object that a message is.
    #[error("the message: {0}")]
    Message(JsonError),
    /// Another version.
    #[error("version `{0}`; {VERSION} is read")]
    Version(String),
    /// A type that is not read: `swid`, and what Trustee does not have.
    #[error("messages of type `{0}` are not read; `sample` and `corim` are")]
    Type(String),
    /// A payload that is no base64.
    #[error("the payload: {0}")]
    Encoding(EncodingError),
    /// A payload that is no object of names.
    #[error("the payload: {0}")]
    Payload(JsonError),
    /// More names or values than are read.
    #[error("more than {MAX_MEASURED} names, or than {MAX_DIGESTS} values under one")]
    TooMany,
    /// A name that is empty, too long, or has a control character.
    #[error("a name has 1 to {MAX_NAME} bytes and no control characters")]
    Name,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    version: String,
    #[serde(rename = "type")]
    kind: String,
    payload: String,
}

/// Reads a message.
///
/// # Errors
/// [`RvpsError`] with the first broken rule.
pub fn read(bytes: &[u8]) -> Result<Payload, RvpsError> {
    let message: Message = json::from_slice(bytes).map_err(RvpsError::Message)?;
    if message.version != VERSION {
        return Err(RvpsError::Version(short(&message.version)));
    }
    let payload = || base64_decode(&message.payload).map_err(RvpsError::Encoding);
    match message.kind.as_str() {
        "sample" => sample(&payload()?).map(Payload::Sample),
        "corim" => payload().map(Payload::Corim),
        other => Err(RvpsError::Type(short(other))),
    }
}

fn short(text: &str) -> String {
    text.chars().take(MAX_NAME).collect()
}

/// `{NAME: VALUE}`. A value that is no list of digests is named, so that it is left out knowingly.
fn sample(payload: &[u8]) -> Result<Vec<Measured>, RvpsError> {
    let values: Map<String, Value> = json::from_slice(payload).map_err(RvpsError::Payload)?;
    if values.len() > MAX_MEASURED {
        return Err(RvpsError::TooMany);
    }
    let mut measured = Vec::new();
    for (name, value) in values {
        if !(1..=MAX_NAME).contains(&name.len()) || name.chars().any(char::is_control) {
            return Err(RvpsError::Name);
        }
        let (digests, problem) = match digests(&value)? {
            Ok(digests) => (digests, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        measured.push(Measured { name, digests, group: None, note: None, problem });
    }
    measured.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(measured)
}

fn digests(value: &Value) -> Result<Result<Vec<Digest>, String>, RvpsError> {
    let list = match value {
        Value::Array(list) if list.len() > MAX_DIGESTS => return Err(RvpsError::TooMany),
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    if list.is_empty() {
        return Ok(Err("no digest".to_owned()));
    }
    Ok(list.iter().map(digest).collect())
}

fn digest(value: &Value) -> Result<Digest, String> {
    let text = value.as_str().ok_or("a value that is no text")?;
    let bytes = hex_decode(text).map_err(|error| format!("a value that is {error}"))?;
    Digest::try_from(bytes.as_slice()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hanzo_attestation_evidence::encoding::base64_encode;
    use serde_json::json;

    fn message(payload: &Value) -> Value {
        let payload = base64_encode(payload.to_string().as_bytes());
        json!({"version": "0.1.0", "type": "sample", "payload": payload})
    }

    fn read_value(value: &Value) -> Result<Payload, RvpsError> {
        read(value.to_string().as_bytes())
    }

    #[test]
    fn names_come_with_their_digests() {
        let payload = json!({"snp_launch_measurement": ["11".repeat(48), "22".repeat(48)], "svn": 7,
            "one": "33".repeat(32), "upper": ["AB".repeat(48)], "none": []});
        let Ok(Payload::Sample(measured)) = read_value(&message(&payload)) else { panic!("a sample") };
        let found: Vec<_> =
            measured.iter().map(|m| (m.name.as_str(), m.digests.len(), m.problem.is_some())).collect();
        let expected = [
            ("none", 0, true),
            ("one", 1, false),
            ("snp_launch_measurement", 2, false),
            ("svn", 0, true),
            ("upper", 0, true),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_corim_is_handed_on() {
        let message = json!({"version": "0.1.0", "type": "corim", "payload": base64_encode(&[1, 2, 3])});
        assert_eq!(read_value(&message), Ok(Payload::Corim(vec![1, 2, 3])));
    }

    #[test]
    fn each_rule_refuses_by_name() {
        let good = || message(&json!({"a": ["11".repeat(48)]}));
        assert!(read_value(&good()).is_ok());
        let with = |key: &str, value: Value| {
            let mut message = good();
            message[key] = value;
            read_value(&message).unwrap_err()
        };
        assert_eq!(with("version", json!("0.2.0")), RvpsError::Version("0.2.0".to_owned()));
        assert_eq!(with("type", json!("swid")), RvpsError::Type("swid".to_owned()));
        assert_eq!(with("type", json!("in-toto")), RvpsError::Type("in-toto".to_owned()));
        assert!(matches!(with("provenance", json!("")), RvpsError::Message(_)));
        assert!(matches!(with("payload", json!("*")), RvpsError::Encoding(_)));
        assert!(matches!(with("payload", json!(base64_encode(b"[]"))), RvpsError::Payload(_)));
        let twice = base64_encode(br#"{"a":["11"],"a":["22"]}"#);
        assert!(matches!(with("payload", json!(twice)), RvpsError::Payload(_)), "one name twice");
        assert_eq!(read_value(&message(&json!({"": []}))), Err(RvpsError::Name));
        let many = vec!["11".repeat(48); MAX_DIGESTS + 1];
        assert_eq!(read_value(&message(&json!({"a": many}))), Err(RvpsError::TooMany));
    }
}
