//! Distinguished names.

use super::X509Error;
use super::der::Cursor;
use ::der::Tag;
use ::der::asn1::ObjectIdentifier;
use std::str;

/// Most attributes in a name; the vendors' names have at most six.
const MAX_ATTRIBUTES: usize = 16;

/// A distinguished name: a list of attributes, one in each relative name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    der: &'a [u8],
    attributes: Vec<(ObjectIdentifier, &'a str)>,
}

impl<'a> Name<'a> {
    /// countryName.
    pub const COUNTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");
    /// stateOrProvinceName.
    pub const STATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.8");
    /// localityName.
    pub const LOCALITY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.7");
    /// organizationName.
    pub const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
    /// organizationalUnitName.
    pub const ORGANIZATIONAL_UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");
    /// commonName.
    pub const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

    pub(super) fn read(cursor: &mut Cursor<'a>) -> Result<Self, X509Error> {
        let sequence = cursor.take(Tag::Sequence)?;
        let mut relative = Cursor::new(sequence.value, "name")?;
        let mut attributes = Vec::new();
        while !relative.is_finished() {
            if attributes.len() >= MAX_ATTRIBUTES {
                return Err(X509Error::Malformed("name"));
            }
            let mut set = Cursor::new(relative.take(Tag::Set)?.value, "name")?;
            let mut attribute = set.sequence("name attribute")?;
            set.finish()?;
            let kind = attribute.oid()?;
            let text = match attribute.peek()? {
                Some(tag @ (Tag::Utf8String | Tag::PrintableString | Tag::Ia5String)) => {
                    attribute.take(tag)?.value
                }
                _ => return Err(X509Error::Malformed("name attribute")),
            };
            attribute.finish()?;
            let text = str::from_utf8(text).map_err(|_| X509Error::Malformed("name attribute"))?;
            attributes.push((kind, text));
        }
        Ok(Self { der: sequence.raw, attributes })
    }

    /// The whole encoding: names are equal when these bytes are.
    #[must_use]
    pub const fn der(&self) -> &'a [u8] {
        self.der
    }

    /// Types and values in the order of the encoding.
    #[must_use]
    pub fn attributes(&self) -> &[(ObjectIdentifier, &'a str)] {
        &self.attributes
    }

    /// The common name, if there is exactly one.
    #[must_use]
    pub fn common_name(&self) -> Option<&'a str> {
        let mut names = self.attributes.iter().filter(|(kind, _)| *kind == Self::COMMON_NAME);
        match (names.next(), names.next()) {
            (Some((_, text)), None) => Some(text),
            _ => None,
        }
    }
}
