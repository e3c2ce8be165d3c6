//! A deserializer over JSON values that gives a struct to an object only.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

/// A value whose structs are objects, all the way down.
pub(super) struct Objects(pub(super) Value);

impl<'de> Deserializer<'de> for Objects {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(Objects));
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| (name, Objects(value)));
                let mut members = MapDeserializer::new(members);
                let value = visitor.visit_map(&mut members)?;
                members.end()?;
                Ok(value)
            }
            plain => plain.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if !self.0.is_object() {
            return Err(de::Error::invalid_type(
                de::Unexpected::Other("a value that is no object"),
                &visitor,
            ));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        // Enums of documents and messages are names, with one spelling: `{"plain":null}` is not another.
        if !self.0.is_string() {
            return Err(de::Error::invalid_type(de::Unexpected::Other("a value that is no name"), &visitor));
        }
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Objects {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::json;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        number: u8,
    }

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        list: Vec<Inner>,
        pair: (u8, String),
        maybe: Option<Inner>,
        kind: Kind,
    }

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Plain,
    }

    #[test]
    fn objects_are_structs_at_every_depth() {
        let read: Outer = json::from_slice(
            br#"{"list":[{"number":1},{"number":2}],"pair":[3,"x"],"maybe":null,"kind":"plain"}"#,
        )
        .unwrap();
        let list = vec![Inner { number: 1 }, Inner { number: 2 }];
        assert_eq!(read, Outer { list, pair: (3, "x".to_owned()), maybe: None, kind: Kind::Plain });
    }

    #[test]
    fn arrays_are_no_structs_at_any_depth() {
        for text in [
            r#"[[],[3,"x"],null,"plain"]"#,
            r#"{"list":[[1]],"pair":[3,"x"],"maybe":null,"kind":"plain"}"#,
            r#"{"list":[],"pair":[3,"x"],"maybe":[1],"kind":"plain"}"#,
            r#"{"list":[],"pair":[3,"x",4],"maybe":null,"kind":"plain"}"#,
            r#"{"list":[],"pair":[3],"maybe":null,"kind":"plain"}"#,
            r#"{"list":[],"pair":[3,"x"],"maybe":null,"kind":{"plain":null}}"#,
        ] {
            json::from_slice::<Outer>(text.as_bytes()).unwrap_err();
        }
    }
}
