//! SubjectPublicKeyInfo from the parts of a key (RFC 3279, 2.3).

/// AlgorithmIdentifier of RSA keys: rsaEncryption, NULL.
const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
/// OBJECT IDENTIFIER id-ecPublicKey, 1.2.840.10045.2.1.
const EC_PUBLIC_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";

/// SubjectPublicKeyInfo (DER) of an RSA key. Leading zeros of either number are not part of it.
///
/// `None` when a number is zero or longer than 1,024 bytes, which no key here is.
#[must_use]
pub fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    let key = element(0x30, &[&integer(modulus)?, &integer(exponent)?])?;
    element(0x30, &[RSA, &element(0x03, &[&[0], &key])?])
}

/// SubjectPublicKeyInfo (DER) of a point, by the curve's object identifier (DER).
pub(super) fn ec_spki(curve: &[u8], x: &[u8], y: &[u8]) -> Option<Vec<u8>> {
    let algorithm = element(0x30, &[EC_PUBLIC_KEY, curve])?;
    element(0x30, &[&algorithm, &element(0x03, &[&[0, 4], x, y])?])
}

/// A positive INTEGER.
fn integer(number: &[u8]) -> Option<Vec<u8>> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = number.get(zeros..).filter(|number| !number.is_empty() && number.len() <= 1024)?;
    let sign: &[u8] = if number.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
    element(0x02, &[sign, number])
}

/// One element with a length of up to two octets.
fn element(tag: u8, parts: &[&[u8]]) -> Option<Vec<u8>> {
    let content = parts.concat();
    let [high, low] = u16::try_from(content.len()).ok()?.to_be_bytes();
    let mut element = match (high, low) {
        (0, 0..0x80) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    element.extend_from_slice(&content);
    Some(element)
}
