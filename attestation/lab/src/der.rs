//! A small DER writer (ITU-T X.690): only what certificates, revocation lists and their lab-made defects
//! need.
//!
//! It is written by hand because the lab must also write values that an honest encoder refuses to write:
//! an SVN of 256, an integer that is not minimal, an extension that appears twice.

use hanzo_attestation_evidence::UnixTime;

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const OBJECT_IDENTIFIER: u8 = 0x06;
const ENUMERATED: u8 = 0x0a;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// One element: tag, definite length, content.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    match significant.as_slice() {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            // At most eight length bytes, so the count always fits the low seven bits.
            out.push(0x80 | long.len().to_be_bytes().last().copied().unwrap_or_default());
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

pub(crate) fn sequence(parts: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    element(SEQUENCE, &parts.into_iter().flatten().collect::<Vec<u8>>())
}

pub(crate) fn set(parts: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    element(SET, &parts.into_iter().flatten().collect::<Vec<u8>>())
}

/// `[number] EXPLICIT`, constructed.
pub(crate) fn explicit(number: u8, content: &[u8]) -> Vec<u8> {
    element(0xa0 | number, content)
}

/// `[number] IMPLICIT` of a primitive type.
pub(crate) fn implicit(number: u8, content: &[u8]) -> Vec<u8> {
    element(0x80 | number, content)
}

/// A non-negative INTEGER from its magnitude, most significant byte first.
pub(crate) fn unsigned(magnitude: &[u8]) -> Vec<u8> {
    element(INTEGER, &minimal(magnitude))
}

/// A non-negative INTEGER.
pub(crate) fn integer(value: u32) -> Vec<u8> {
    unsigned(&value.to_be_bytes())
}

/// An INTEGER whose content bytes are given as they are, minimal or not.
pub(crate) fn raw_integer(content: &[u8]) -> Vec<u8> {
    element(INTEGER, content)
}

pub(crate) fn enumerated(value: u8) -> Vec<u8> {
    element(ENUMERATED, &[value])
}

pub(crate) fn boolean(value: bool) -> Vec<u8> {
    element(BOOLEAN, &[if value { 0xff } else { 0 }])
}

pub(crate) fn null() -> Vec<u8> {
    element(NULL, &[])
}

/// A BIT STRING of whole bytes.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    named_bits(0, bytes)
}

/// A BIT STRING of which the last `unused` bits do not count.
pub(crate) fn named_bits(unused: u8, bytes: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[unused], bytes].concat())
}

pub(crate) fn octet_string(bytes: &[u8]) -> Vec<u8> {
    element(OCTET_STRING, bytes)
}

pub(crate) fn utf8(text: &str) -> Vec<u8> {
    element(UTF8_STRING, text.as_bytes())
}

pub(crate) fn printable(text: &str) -> Vec<u8> {
    element(PRINTABLE_STRING, text.as_bytes())
}

pub(crate) fn ia5(text: &str) -> Vec<u8> {
    element(IA5_STRING, text.as_bytes())
}

/// An OBJECT IDENTIFIER from its arcs; the first two are combined (X.690, 8.19).
pub(crate) fn oid(arcs: &[u32]) -> Vec<u8> {
    let (first, rest) = match arcs {
        [a, b, rest @ ..] => (a.saturating_mul(40).saturating_add(*b), rest),
        _ => (0, &[][..]),
    };
    let mut content = base128(first);
    for arc in rest {
        content.extend(base128(*arc));
    }
    element(OBJECT_IDENTIFIER, &content)
}

/// UTCTime before 2050, GeneralizedTime from then on (RFC 5280, 4.1.2.5).
pub(crate) fn time(time: UnixTime) -> Vec<u8> {
    let mut digits: String = time.to_string().chars().filter(char::is_ascii_digit).collect();
    digits.push('Z');
    match digits.get(2..) {
        Some(short) if digits.as_str() < "2050" => element(UTC_TIME, short.as_bytes()),
        _ => element(GENERALIZED_TIME, digits.as_bytes()),
    }
}

fn base128(mut arc: u32) -> Vec<u8> {
    let mut groups = vec![low_seven(arc)];
    while arc > 0x7f {
        arc >>= 7;
        groups.push(low_seven(arc) | 0x80);
    }
    groups.reverse();
    groups
}

fn low_seven(arc: u32) -> u8 {
    arc.to_be_bytes()[3] & 0x7f
}

/// Without leading zeros, but with the one that keeps the value positive.
fn minimal(magnitude: &[u8]) -> Vec<u8> {
    let mut content: Vec<u8> = magnitude.iter().copied().skip_while(|byte| *byte == 0).collect();
    if content.first().is_none_or(|byte| *byte >= 0x80) {
        content.insert(0, 0);
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_minimal_and_positive() {
        assert_eq!(integer(0), [2, 1, 0]);
        assert_eq!(integer(127), [2, 1, 127]);
        assert_eq!(integer(128), [2, 2, 0, 128]);
        assert_eq!(integer(65537), [2, 3, 1, 0, 1]);
        assert_eq!(unsigned(&[0, 0, 0x95, 1]), [2, 3, 0, 0x95, 1]);
    }

    #[test]
    fn lengths_take_the_short_and_the_long_form() {
        assert_eq!(element(4, &[0; 127])[..2], [4, 127]);
        assert_eq!(element(4, &[0; 128])[..3], [4, 0x81, 128]);
        assert_eq!(element(4, &[0; 256])[..4], [4, 0x82, 1, 0]);
    }

    #[test]
    fn object_identifiers_are_base_128() {
        assert_eq!(
            oid(&[1, 2, 840, 113_549, 1, 1, 10]),
            [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10]
        );
        assert_eq!(oid(&[2, 5, 4, 3]), [6, 3, 0x55, 4, 3]);
    }

    #[test]
    fn times_change_form_in_2050() {
        let utc = UnixTime::parse("2049-12-31T23:59:59Z").unwrap();
        assert_eq!(time(utc), element(UTC_TIME, b"491231235959Z"));
        let general = UnixTime::parse("2050-01-01T00:00:00Z").unwrap();
        assert_eq!(time(general), element(GENERALIZED_TIME, b"20500101000000Z"));
    }
}
