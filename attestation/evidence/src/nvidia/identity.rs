//! What a device's certificates say of it beyond X.509: firmware id, serial number, PDI.

use super::error::FormatError;
use crate::bytes::Hex;
use crate::x509::der::{Cursor, context};
use crate::x509::{Certificate, ObjectIdentifier, X509Error};
use ::der::Tag;

/// Firmware id of Hopper and LS10 (TCG DICE, tcg-dice-TcbInfo's arc, in the vendor's own structure).
const FWID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.5.4.1");
/// Firmware id of Blackwell and later: DICE TcbInfo (TCG DICE Attestation Architecture, 6.1.1).
const TCB_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.5.4.1.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
/// id-DMTF-device-info (DSP0274, table 41).
const DEVICE_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.412.274.1");

/// Extensions of device certificates beyond basic ones that this module reads.
pub const EXTENSIONS: [ObjectIdentifier; 3] = [FWID, TCB_INFO, SUBJECT_ALT_NAME];

const MALFORMED: FormatError = FormatError::Extension("firmware id is not in a known form");
const NO_INFO: FormatError = FormatError::Extension("alternative name is no device information");

/// The firmware id in a device's leaf certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fwid {
    /// SHA-384 of the first mutable code.
    pub digest: Hex<48>,
    /// SubjectPublicKeyInfo of the key that the device has for good, in the older form: the issuer's.
    pub device_key: Option<Vec<u8>>,
}

/// The firmware id of a leaf certificate; `None` when it states none.
///
/// # Errors
/// [`FormatError::Extension`]: both forms at once, or not DER of one of them.
pub fn fwid(leaf: &Certificate<'_>) -> Result<Option<Fwid>, FormatError> {
    match (leaf.extension(FWID), leaf.extension(TCB_INFO)) {
        (None, None) => Ok(None),
        (Some(found), None) => composite(found.value).map(Some).map_err(|_| MALFORMED),
        (None, Some(found)) => tcb_info(found.value).map(Some).map_err(|_| MALFORMED),
        (Some(_), Some(_)) => Err(MALFORMED),
    }
}

/// `SEQUENCE { INTEGER 1, SubjectPublicKeyInfo, SEQUENCE { OID sha384, OCTET STRING (48) } }`.
fn composite(der: &[u8]) -> Result<Fwid, X509Error> {
    let what = "firmware id";
    let mut outer = Cursor::new(der, what)?;
    let mut sequence = outer.sequence(what)?;
    outer.finish()?;
    if sequence.unsigned()? != [1] {
        return Err(X509Error::Malformed(what));
    }
    let key = sequence.take(Tag::Sequence)?.raw;
    let digest = digest(&mut sequence.sequence(what)?)?;
    sequence.finish()?;
    Ok(Fwid { digest, device_key: Some(key.to_vec()) })
}

/// `DiceTcbInfo`, tags ascending; of `fwids [6]` the first counts.
fn tcb_info(der: &[u8]) -> Result<Fwid, X509Error> {
    let what = "DICE TcbInfo";
    let mut outer = Cursor::new(der, what)?;
    let mut sequence = outer.sequence(what)?;
    outer.finish()?;
    let mut next = 0;
    let mut found = None;
    while let Some(tag) = sequence.peek()? {
        // DiceTcbInfo has the tags 0 to 9 and, in later editions, 10.
        let number = (next..=10).find(|number| tag == context(*number, matches!(number, 6 | 10)));
        let number = number.ok_or(X509Error::Malformed(what))?;
        let element = sequence.take(tag)?;
        if number == 6 {
            let mut list = Cursor::new(element.value, what)?;
            found = Some(digest(&mut list.sequence(what)?)?);
        }
        next = number.saturating_add(1);
    }
    found.map(|digest| Fwid { digest, device_key: None }).ok_or(X509Error::Malformed(what))
}

fn digest(fwid: &mut Cursor<'_>) -> Result<Hex<48>, X509Error> {
    let malformed = X509Error::Malformed("firmware id");
    if fwid.oid()? != SHA384 {
        return Err(malformed);
    }
    let digest = fwid.take(Tag::OctetString)?.value;
    if !fwid.is_finished() {
        return Err(malformed);
    }
    digest.try_into().map(Hex).map_err(|_| malformed)
}

/// The device's name in its leaf certificate, `NVIDIA:CHIP:SERIAL` (DSP0274, DMTFOtherName); `None` when it
/// states none.
///
/// # Errors
/// [`FormatError::Extension`] when the alternative name is anything else.
pub fn device_info(leaf: &Certificate<'_>) -> Result<Option<String>, FormatError> {
    let read = |value| device_info_text(value).map_err(|_| NO_INFO);
    leaf.extension(SUBJECT_ALT_NAME).map(|found| read(found.value)).transpose()
}

/// `SEQUENCE { otherName [0] { OID, [0] { UTF8String } } }`.
fn device_info_text(der: &[u8]) -> Result<String, X509Error> {
    let what = "alternative name";
    let mut outer = Cursor::new(der, what)?;
    let mut names = outer.sequence(what)?;
    outer.finish()?;
    let mut other = Cursor::new(names.take(context(0, true))?.value, what)?;
    names.finish()?;
    if other.oid()? != DEVICE_INFO {
        return Err(X509Error::Malformed(what));
    }
    let mut explicit = Cursor::new(other.take(context(0, true))?.value, what)?;
    other.finish()?;
    let text = explicit.take(Tag::Utf8String)?.value;
    explicit.finish()?;
    let text = std::str::from_utf8(text).map_err(|_| X509Error::Malformed(what))?;
    let printable = text.chars().all(|c| c.is_ascii_graphic());
    if printable { Ok(text.to_owned()) } else { Err(X509Error::Malformed(what)) }
}

/// The PDI, Per-Device Identifier, from the serial number of the device's own authority: one byte that names
/// the engine (0x40 FSP, 0x41 GSP, 0x50 LS10), and the PDI. `None` for a serial number of another form.
#[must_use]
pub fn pdi(serial: &[u8]) -> Option<Hex<8>> {
    match serial {
        [_, pdi @ ..] => pdi.try_into().ok().map(Hex),
        [] => None,
    }
}
