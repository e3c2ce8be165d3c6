//! One certificate.

use super::der::{Cursor, context, key_identifier};
use super::{MAX_CERTIFICATE, Name, PublicKey, X509Error, check_size};
use crate::time::UnixTime;
use ::der::asn1::{BitStringRef, ObjectIdentifier};
use ::der::{Decode, Tag};

const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const SUBJECT_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const AUTHORITY_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");

/// Most extensions in a certificate; AMD's have thirteen at most.
const MAX_EXTENSIONS: usize = 32;
/// Longest serial number in octets (RFC 5280, 4.1.2.2).
const MAX_SERIAL: usize = 20;

/// A parsed certificate. It borrows the bytes it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    der: &'a [u8],
    tbs: &'a [u8],
    signature_algorithm: &'a [u8],
    signature: &'a [u8],
    serial: &'a [u8],
    issuer: Name<'a>,
    subject: Name<'a>,
    not_before: UnixTime,
    not_after: UnixTime,
    spki: &'a [u8],
    public_key: PublicKey<'a>,
    extensions: Vec<Extension<'a>>,
    basic_constraints: Option<BasicConstraints>,
    key_usage: Option<KeyUsage>,
}

/// One extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Which extension.
    pub oid: ObjectIdentifier,
    /// Whether a reader that does not know it must refuse the certificate.
    pub critical: bool,
    /// The content of its OCTET STRING.
    pub value: &'a [u8],
}

/// basicConstraints (RFC 5280, 4.2.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// The subject is a certification authority.
    pub ca: bool,
    /// How many more authorities may follow below it.
    pub path_len: Option<u8>,
}

/// keyUsage (RFC 5280, 4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// Bit 0.
    #[must_use]
    pub const fn digital_signature(self) -> bool {
        self.0 & 1 != 0
    }

    /// Bit 1.
    #[must_use]
    pub const fn non_repudiation(self) -> bool {
        self.0 & 1 << 1 != 0
    }

    /// Bit 2.
    #[must_use]
    pub const fn key_encipherment(self) -> bool {
        self.0 & 1 << 2 != 0
    }

    /// Bit 4.
    #[must_use]
    pub const fn key_agreement(self) -> bool {
        self.0 & 1 << 4 != 0
    }

    /// Bit 5.
    #[must_use]
    pub const fn key_cert_sign(self) -> bool {
        self.0 & 1 << 5 != 0
    }

    /// Bit 6.
    #[must_use]
    pub const fn crl_sign(self) -> bool {
        self.0 & 1 << 6 != 0
    }
}

impl<'a> Certificate<'a> {
    /// Reads one certificate from DER.
    ///
    /// # Errors
    /// The [`X509Error`] of the first rule it breaks.
    pub fn parse(der: &'a [u8]) -> Result<Self, X509Error> {
        check_size("certificate", der, MAX_CERTIFICATE)?;
        let mut file = Cursor::new(der, "certificate")?;
        let mut outer = file.sequence("certificate")?;
        file.finish().map_err(|_| X509Error::TrailingBytes("certificate"))?;
        let tbs = outer.take(Tag::Sequence)?;
        let signature_algorithm = outer.take(Tag::Sequence)?.raw;
        let signature = outer.bit_string()?;
        outer.finish()?;

        let mut inner = Cursor::new(tbs.value, "certificate")?;
        version_3(&mut inner)?;
        let serial = serial(&mut inner)?;
        if inner.take(Tag::Sequence)?.raw != signature_algorithm {
            return Err(X509Error::AlgorithmsDiffer);
        }
        let issuer = Name::read(&mut inner)?;
        let mut validity = inner.sequence("validity")?;
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        validity.finish()?;
        let subject = Name::read(&mut inner)?;
        let (public_key, spki) = PublicKey::read(&mut inner)?;
        let extensions = match inner.take_if(context(3, true))? {
            Some(explicit) => extensions(explicit.value)?,
            None => Vec::new(),
        };
        inner.finish()?;

        let find = |oid| extensions.iter().find(|extension: &&Extension<'a>| extension.oid == oid);
        let basic_constraints =
            find(BASIC_CONSTRAINTS).map(|found| basic_constraints(found.value)).transpose()?;
        let key_usage = find(KEY_USAGE).map(|found| key_usage(found.value)).transpose()?;
        Ok(Self {
            der,
            tbs: tbs.raw,
            signature_algorithm,
            signature,
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            spki,
            public_key,
            basic_constraints,
            key_usage,
            extensions,
        })
    }

    /// All bytes, as received.
    #[must_use]
    pub const fn der(&self) -> &'a [u8] {
        self.der
    }

    /// The signed part, as received.
    #[must_use]
    pub const fn tbs(&self) -> &'a [u8] {
        self.tbs
    }

    /// AlgorithmIdentifier of the signature, DER; the same inside and outside.
    #[must_use]
    pub const fn signature_algorithm(&self) -> &'a [u8] {
        self.signature_algorithm
    }

    /// The signature: content of its BIT STRING.
    #[must_use]
    pub const fn signature(&self) -> &'a [u8] {
        self.signature
    }

    /// Serial number, big-endian without leading zeros; `[0]` for zero.
    #[must_use]
    pub const fn serial(&self) -> &'a [u8] {
        self.serial
    }

    /// Whether the serial number is zero, which RFC 5280 forbids and AMD's endorsement keys have.
    #[must_use]
    pub fn serial_is_zero(&self) -> bool {
        self.serial == [0]
    }

    /// The issuer.
    #[must_use]
    pub const fn issuer(&self) -> &Name<'a> {
        &self.issuer
    }

    /// The subject.
    #[must_use]
    pub const fn subject(&self) -> &Name<'a> {
        &self.subject
    }

    /// Whether issuer and subject are the same, byte for byte.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.issuer.der() == self.subject.der()
    }

    /// First instant of validity.
    #[must_use]
    pub const fn not_before(&self) -> UnixTime {
        self.not_before
    }

    /// Last instant of validity.
    #[must_use]
    pub const fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// Whether the instant lies in the validity period, both ends included.
    #[must_use]
    pub fn is_valid_at(&self, now: UnixTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// SubjectPublicKeyInfo, DER.
    #[must_use]
    pub const fn spki(&self) -> &'a [u8] {
        self.spki
    }

    /// The subject's key.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey<'a> {
        self.public_key
    }

    /// All extensions, in order; none occurs twice.
    #[must_use]
    pub fn extensions(&self) -> &[Extension<'a>] {
        &self.extensions
    }

    /// The extension of that name.
    #[must_use]
    pub fn extension(&self, oid: ObjectIdentifier) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|extension| extension.oid == oid)
    }

    /// basicConstraints, if present.
    #[must_use]
    pub const fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.basic_constraints
    }

    /// Whether basicConstraints says that this is an authority.
    #[must_use]
    pub fn is_ca(&self) -> bool {
        self.basic_constraints.is_some_and(|constraints| constraints.ca)
    }

    /// keyUsage, if present.
    #[must_use]
    pub const fn key_usage(&self) -> Option<KeyUsage> {
        self.key_usage
    }

    /// Content of the subject key identifier, if present and well formed.
    #[must_use]
    pub fn subject_key_id(&self) -> Option<&'a [u8]> {
        let mut cursor = Cursor::new(self.extension(SUBJECT_KEY_ID)?.value, "key identifier").ok()?;
        cursor.take(Tag::OctetString).ok().map(|element| element.value)
    }

    /// keyIdentifier of the authority key identifier, if present and well formed.
    #[must_use]
    pub fn authority_key_id(&self) -> Option<&'a [u8]> {
        key_identifier(self.extension(AUTHORITY_KEY_ID)?.value).ok()?
    }

    /// Refuses a critical extension that is neither basicConstraints, keyUsage nor one of `known`.
    ///
    /// # Errors
    /// [`X509Error::UnknownCritical`].
    pub fn refuse_unknown_critical(&self, known: &[ObjectIdentifier]) -> Result<(), X509Error> {
        let unknown = self.extensions.iter().find(|extension| {
            extension.critical
                && extension.oid != BASIC_CONSTRAINTS
                && extension.oid != KEY_USAGE
                && !known.contains(&extension.oid)
        });
        unknown.map_or(Ok(()), |extension| Err(X509Error::UnknownCritical(extension.oid)))
    }
}

fn version_3(inner: &mut Cursor<'_>) -> Result<(), X509Error> {
    let wrong = X509Error::Version { what: "certificate", expected: 3 };
    let explicit = inner.take_if(context(0, true))?.ok_or(wrong.clone())?;
    let mut version = Cursor::new(explicit.value, "version")?;
    let value = version.unsigned()?;
    version.finish()?;
    if value == [2] { Ok(()) } else { Err(wrong) }
}

/// A serial number without its sign octet.
pub(super) fn serial<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], X509Error> {
    let serial = cursor.unsigned().map_err(|_| X509Error::SerialNumber)?;
    if serial.len() > MAX_SERIAL { Err(X509Error::SerialNumber) } else { Ok(serial) }
}

/// Extensions, from the content of their explicit tag.
pub(crate) fn extensions(explicit: &[u8]) -> Result<Vec<Extension<'_>>, X509Error> {
    let mut outer = Cursor::new(explicit, "extensions")?;
    let mut sequence = outer.sequence("extensions")?;
    outer.finish()?;
    let mut found: Vec<Extension<'_>> = Vec::new();
    while !sequence.is_finished() {
        if found.len() >= MAX_EXTENSIONS {
            return Err(X509Error::Malformed("extensions"));
        }
        let mut extension = sequence.sequence("extension")?;
        let oid = extension.oid()?;
        let critical = match extension.take_if(Tag::Boolean)?.map(|element| element.value) {
            None => false,
            Some([0xff]) => true,
            // FALSE is the default, which DER leaves out.
            Some(_) => return Err(X509Error::Malformed("extension")),
        };
        let value = extension.take(Tag::OctetString)?.value;
        extension.finish()?;
        if found.iter().any(|earlier| earlier.oid == oid) {
            return Err(X509Error::DuplicateExtension(oid));
        }
        found.push(Extension { oid, critical, value });
    }
    Ok(found)
}

fn basic_constraints(value: &[u8]) -> Result<BasicConstraints, X509Error> {
    let malformed = X509Error::Malformed("basicConstraints");
    let mut outer = Cursor::new(value, "basicConstraints")?;
    let mut sequence = outer.sequence("basicConstraints")?;
    outer.finish()?;
    let ca = match sequence.take_if(Tag::Boolean)?.map(|element| element.value) {
        None => false,
        Some([0xff]) => true,
        Some(_) => return Err(malformed),
    };
    let path_len = match sequence.peek()? {
        None => None,
        Some(_) => match sequence.unsigned()? {
            [length] if ca => Some(*length),
            _ => return Err(malformed),
        },
    };
    sequence.finish()?;
    Ok(BasicConstraints { ca, path_len })
}

fn key_usage(value: &[u8]) -> Result<KeyUsage, X509Error> {
    let malformed = X509Error::Malformed("keyUsage");
    let bits = BitStringRef::from_der(value).map_err(|_| malformed.clone())?;
    // Nine bits are defined.
    if bits.bit_len() > 9 || bits.is_empty() {
        return Err(malformed);
    }
    let usage =
        bits.bits().enumerate().filter(|(_, set)| *set).fold(0, |usage, (bit, _)| usage | 1_u16 << bit);
    Ok(KeyUsage(usage))
}
