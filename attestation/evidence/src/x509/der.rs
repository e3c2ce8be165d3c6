//! A cursor over DER that hands out the very bytes it read.

use super::X509Error;
use crate::time::UnixTime;
use ::der::asn1::{BitStringRef, GeneralizedTime, ObjectIdentifier, UtcTime};
use ::der::{AnyRef, Decode, Reader, SliceReader, Tag};

/// Reads the values of one structure in turn. `what` names the structure in errors.
pub(crate) struct Cursor<'a> {
    reader: SliceReader<'a>,
    what: &'static str,
}

/// One element: its whole encoding and its content octets.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) raw: &'a [u8],
    pub(crate) value: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Result<Self, X509Error> {
        let reader = SliceReader::new(bytes).map_err(|_| X509Error::Malformed(what))?;
        Ok(Self { reader, what })
    }

    /// The next element, which must have this tag.
    pub(crate) fn take(&mut self, tag: Tag) -> Result<Element<'a>, X509Error> {
        let malformed = X509Error::Malformed(self.what);
        let raw = self.reader.tlv_bytes().map_err(|_| malformed.clone())?;
        let any = AnyRef::from_der(raw).map_err(|_| malformed.clone())?;
        if ::der::Tagged::tag(&any) != tag {
            return Err(malformed);
        }
        Ok(Element { raw, value: any.value() })
    }

    /// The next element if it has this tag.
    pub(crate) fn take_if(&mut self, tag: Tag) -> Result<Option<Element<'a>>, X509Error> {
        match self.peek()? {
            Some(next) if next == tag => self.take(tag).map(Some),
            _ => Ok(None),
        }
    }

    pub(crate) fn peek(&self) -> Result<Option<Tag>, X509Error> {
        if self.reader.is_finished() {
            return Ok(None);
        }
        Tag::peek(&self.reader).map(Some).map_err(|_| X509Error::Malformed(self.what))
    }

    /// The next element, a SEQUENCE, as a cursor over its content.
    pub(crate) fn sequence(&mut self, what: &'static str) -> Result<Cursor<'a>, X509Error> {
        Cursor::new(self.take(Tag::Sequence)?.value, what)
    }

    pub(crate) fn oid(&mut self) -> Result<ObjectIdentifier, X509Error> {
        let element = self.take(Tag::ObjectIdentifier)?;
        if element.value.is_empty() {
            return Err(X509Error::Malformed(self.what));
        }
        ObjectIdentifier::from_bytes(element.value).map_err(|_| X509Error::Malformed(self.what))
    }

    /// The octets of a BIT STRING without unused bits.
    pub(crate) fn bit_string(&mut self) -> Result<&'a [u8], X509Error> {
        let raw = self.take(Tag::BitString)?.raw;
        let bits = BitStringRef::from_der(raw).map_err(|_| X509Error::Malformed(self.what))?;
        bits.as_bytes().ok_or(X509Error::Malformed(self.what))
    }

    /// Content octets of a non-negative INTEGER in its shortest form, without the sign octet.
    pub(crate) fn unsigned(&mut self) -> Result<&'a [u8], X509Error> {
        let value = self.take(Tag::Integer)?.value;
        match value {
            [0] => Ok(value),
            [0, next, ..] if *next >= 0x80 => Ok(&value[1..]),
            [first, ..] if (1..0x80).contains(first) => Ok(value),
            _ => Err(X509Error::Malformed(self.what)),
        }
    }

    /// A UTCTime or GeneralizedTime of RFC 5280, between the years 1970 and 9999.
    pub(crate) fn time(&mut self) -> Result<UnixTime, X509Error> {
        let malformed = X509Error::Malformed(self.what);
        let duration = match self.peek()? {
            Some(Tag::UtcTime) => {
                UtcTime::from_der(self.take(Tag::UtcTime)?.raw).map(|time| time.to_unix_duration())
            }
            Some(Tag::GeneralizedTime) => GeneralizedTime::from_der(self.take(Tag::GeneralizedTime)?.raw)
                .map(|time| time.to_unix_duration()),
            _ => return Err(malformed),
        }
        .map_err(|_| malformed.clone())?;
        let seconds = i64::try_from(duration.as_secs()).map_err(|_| malformed.clone())?;
        UnixTime::from_seconds(seconds).map_err(|_| malformed)
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.reader.is_finished()
    }

    /// Nothing may follow the last element read.
    pub(crate) fn finish(self) -> Result<(), X509Error> {
        if self.reader.is_finished() { Ok(()) } else { Err(X509Error::Malformed(self.what)) }
    }
}

/// The context-specific tag `[number]`.
pub(crate) const fn context(number: u32, constructed: bool) -> Tag {
    Tag::ContextSpecific { constructed, number: ::der::TagNumber(number) }
}

/// The keyIdentifier of an authority key identifier (RFC 5280, 4.2.1.1), from an extension's value.
pub(crate) fn key_identifier(value: &[u8]) -> Result<Option<&[u8]>, X509Error> {
    let mut outer = Cursor::new(value, "authority key identifier")?;
    let mut sequence = outer.sequence("authority key identifier")?;
    outer.finish()?;
    Ok(sequence.take_if(context(0, false))?.map(|element| element.value))
}
