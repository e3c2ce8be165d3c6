//! Strict JSON (COL-03): UTF-8, no duplicate keys, bounded depth, integers only, nothing after the value.
//!
//! First-wins and last-wins parsers disagree on duplicate keys, a float can be read in several ways, and an
//! integer beyond ±(2^53 − 1) is another number to whoever reads doubles, the canonical form of RFC 8785
//! included: all are refused, so that every reader of a document sees the same document.

mod shape;

use crate::rule::{Broken, Rule};
use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Deepest nesting of arrays and objects (rule book B.0, "JSON depth 16").
pub const MAX_DEPTH: usize = 16;

/// Largest integer, positive or negative, that every JSON reader holds exactly (RFC 7493, section 2.2).
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Whether every JSON reader holds a number exactly: an integer up to ±[`MAX_INTEGER`].
#[must_use]
pub fn is_exact(number: &Number) -> bool {
    let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
    magnitude.is_some_and(|magnitude| magnitude <= MAX_INTEGER)
}

/// A text that is not strict JSON, or not of the expected shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed JSON: {0}")]
pub struct JsonError(String);

impl JsonError {
    /// What is wrong, without the words before it.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.0
    }
}

impl Broken for JsonError {
    fn rule(&self) -> Rule {
        Rule::new("COL-03", "EnvelopeMalformed")
    }
}

/// Parses strict JSON into a value.
///
/// # Errors
/// [`JsonError`] for anything that the module documentation refuses.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut deserializer).map_err(|e| JsonError(e.to_string()))?;
    deserializer.end().map_err(|e| JsonError(e.to_string()))?;
    Ok(value)
}

/// Parses strict JSON into a type; the type says which fields are known.
///
/// # Errors
/// [`JsonError`] for anything that is not strict JSON or not of that type.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    from_value(parse(bytes)?)
}

/// Reads a value as a type, where a struct is an object and nothing else: an array of a struct's values in
/// order, which serde would take as well, is a second spelling and refused.
///
/// # Errors
/// [`JsonError`] for a value that is not of that type.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, JsonError> {
    T::deserialize(shape::Objects(value)).map_err(|e| JsonError(e.to_string()))
}

const NOT_EXACT: &str = "a number that is no integer up to 2^53 - 1";

fn exact<E: de::Error>(number: Number) -> Result<Value, E> {
    if is_exact(&number) { Ok(Value::Number(number)) } else { Err(E::custom(NOT_EXACT)) }
}

struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: de::Error>(&self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH}")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without floats or duplicate keys")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<Value, E> {
        exact(v.into())
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Value, E> {
        exact(v.into())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Value, E> {
        Err(E::custom(NOT_EXACT))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.deeper()?)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(de::Error::custom(format_args!("duplicate key `{}`", key.escape_debug())));
            }
            let value = map.next_value_seed(self.deeper()?)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_json_is_read() {
        let value = parse(b" {\"a\":[1,-2,9007199254740991,true,null,\"\\u00e9\"]} ").unwrap();
        assert_eq!(value["a"][5], "é");
        assert_eq!(from_slice::<Vec<u8>>(b"[1,2]").unwrap(), [1, 2]);
    }

    #[test]
    fn what_readers_disagree_on_is_refused() {
        for text in [
            "{\"a\":1,\"a\":1}",
            "{\"a\":1,\"\\u0061\":2}",
            "{\"a\":{\"b\":1,\"b\":2}}",
            "1.0",
            "1e2",
            "-0.0",
            "9007199254740992",
            "-9007199254740992",
            "18446744073709551616",
            "NaN",
            "{} {}",
            "[1,]",
            "// 1",
            "\"\\ud800\"",
            "'a'",
            "",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(b"\"\xc3\"").is_err(), "not UTF-8");
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        assert!(parse(&nested(MAX_DEPTH + 1)).is_err());
        assert!(parse(&nested(200_000)).is_err());
        let error = parse(&nested(100)).unwrap_err();
        assert_eq!(error.rule().to_string(), "COL-03 EnvelopeMalformed");
    }
}
