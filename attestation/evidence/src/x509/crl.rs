//! One certificate revocation list.

use super::certificate::{extensions, serial};
use super::der::{Cursor, context, key_identifier};
use super::{MAX_CRL, Name, X509Error, check_size};
use crate::time::UnixTime;
use ::der::Tag;
use ::der::asn1::ObjectIdentifier;

const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const AUTHORITY_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const REASON_CODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");

/// A parsed revocation list, version 2. It borrows the bytes it was read from.
///
/// Any critical extension refuses it: those that exist make a list speak for less than its issuer
/// (a delta, one distribution point, other issuers), and absence from such a list proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crl<'a> {
    der: &'a [u8],
    tbs: &'a [u8],
    signature_algorithm: &'a [u8],
    signature: &'a [u8],
    issuer: Name<'a>,
    this_update: UnixTime,
    next_update: UnixTime,
    revoked: Vec<&'a [u8]>,
    number: Option<&'a [u8]>,
    authority_key_id: Option<&'a [u8]>,
}

impl<'a> Crl<'a> {
    /// Reads one list from DER. nextUpdate must be present.
    ///
    /// # Errors
    /// The [`X509Error`] of the first rule it breaks.
    pub fn parse(der: &'a [u8]) -> Result<Self, X509Error> {
        check_size("revocation list", der, MAX_CRL)?;
        let mut file = Cursor::new(der, "revocation list")?;
        let mut outer = file.sequence("revocation list")?;
        file.finish().map_err(|_| X509Error::TrailingBytes("revocation list"))?;
        let tbs = outer.take(Tag::Sequence)?;
        let signature_algorithm = outer.take(Tag::Sequence)?.raw;
        let signature = outer.bit_string()?;
        outer.finish()?;

        let mut inner = Cursor::new(tbs.value, "revocation list")?;
        // Version 2 is the number 1; version 1 has no version field.
        match inner.take_if(Tag::Integer)?.map(|element| element.value) {
            Some([1]) => {}
            _ => return Err(X509Error::Version { what: "revocation list", expected: 2 }),
        }
        if inner.take(Tag::Sequence)?.raw != signature_algorithm {
            return Err(X509Error::AlgorithmsDiffer);
        }
        let issuer = Name::read(&mut inner)?;
        let (this_update, next_update) = (inner.time()?, inner.time()?);
        let revoked = match inner.take_if(Tag::Sequence)? {
            Some(list) => entries(list.value)?,
            None => Vec::new(),
        };
        let mut list = Self {
            der,
            tbs: tbs.raw,
            signature_algorithm,
            signature,
            issuer,
            this_update,
            next_update,
            revoked,
            number: None,
            authority_key_id: None,
        };
        if let Some(explicit) = inner.take_if(context(0, true))? {
            list.read_extensions(explicit.value)?;
        }
        inner.finish()?;
        Ok(list)
    }

    fn read_extensions(&mut self, explicit: &'a [u8]) -> Result<(), X509Error> {
        for extension in extensions(explicit)? {
            if extension.critical {
                return Err(X509Error::UnknownCritical(extension.oid));
            }
            if extension.oid == CRL_NUMBER {
                let mut number = Cursor::new(extension.value, "CRL number")?;
                self.number = Some(number.unsigned()?);
                number.finish()?;
            } else if extension.oid == AUTHORITY_KEY_ID {
                self.authority_key_id = key_identifier(extension.value)?;
            }
        }
        Ok(())
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

    /// The issuer.
    #[must_use]
    pub const fn issuer(&self) -> &Name<'a> {
        &self.issuer
    }

    /// When it was issued.
    #[must_use]
    pub const fn this_update(&self) -> UnixTime {
        self.this_update
    }

    /// When the next one is due: the last instant at which this one counts.
    #[must_use]
    pub const fn next_update(&self) -> UnixTime {
        self.next_update
    }

    /// Whether the instant lies between thisUpdate and nextUpdate, both included.
    #[must_use]
    pub fn is_current_at(&self, now: UnixTime) -> bool {
        self.this_update <= now && now <= self.next_update
    }

    /// CRL number, big-endian, if present.
    #[must_use]
    pub const fn number(&self) -> Option<&'a [u8]> {
        self.number
    }

    /// Identifier of the key that signed it, if stated.
    #[must_use]
    pub const fn authority_key_id(&self) -> Option<&'a [u8]> {
        self.authority_key_id
    }

    /// Serial numbers on the list, as [`super::Certificate::serial`] writes them.
    #[must_use]
    pub fn revoked(&self) -> &[&'a [u8]] {
        &self.revoked
    }

    /// Whether this serial number is on the list.
    #[must_use]
    pub fn revokes(&self, serial: &[u8]) -> bool {
        self.revoked.contains(&serial)
    }
}

fn entries(list: &[u8]) -> Result<Vec<&[u8]>, X509Error> {
    let mut cursor = Cursor::new(list, "revoked certificates")?;
    let mut revoked = Vec::new();
    while !cursor.is_finished() {
        let mut entry = cursor.sequence("revoked certificate")?;
        revoked.push(serial(&mut entry)?);
        entry.time()?;
        if let Some(element) = entry.take_if(Tag::Sequence)? {
            let known = |oid| oid == REASON_CODE;
            let found = extensions(element.raw)?;
            if let Some(unknown) = found.iter().find(|extension| extension.critical && !known(extension.oid))
            {
                return Err(X509Error::UnknownCritical(unknown.oid));
            }
        }
        entry.finish()?;
    }
    Ok(revoked)
}
