//! OCSP responses (RFC 6960), strictly: DER alone, basic responses alone, and no critical extension.
//!
//! Nothing here verifies a signature, nor asks whose certificate an answer is about.

use super::error::FormatError;
use crate::time::UnixTime;
use crate::x509::der::{Cursor, context};
use crate::x509::{Certificate, Extension, ObjectIdentifier, X509Error, extensions};
use ::der::Tag;

/// id-pkix-ocsp-basic.
const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
/// id-pkix-ocsp-nonce.
const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");
/// id-kp-OCSPSigning.
const OCSP_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
/// CRLReason certificateHold (RFC 5280, 5.3.1).
const CERTIFICATE_HOLD: u8 = 6;
/// Most answers of one response: a responder is asked about one certificate, or about the few of one chain.
const MAX_ANSWERS: usize = 8;
/// Most certificates of one response: the responder's, and what is above it.
const MAX_CERTIFICATES: usize = 4;

const WHAT: &str = "OCSP response";

/// A response whose form is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspResponse<'a> {
    /// The signed part, as received.
    pub tbs: &'a [u8],
    /// AlgorithmIdentifier of the signature, DER.
    pub signature_algorithm: &'a [u8],
    /// The signature: content of its BIT STRING.
    pub signature: &'a [u8],
    /// Who says that it signed.
    pub responder: Responder<'a>,
    /// What it says of certificates.
    pub answers: Vec<OcspAnswer<'a>>,
    /// Certificates that came along, DER.
    pub certificates: Vec<&'a [u8]>,
}

/// ResponderID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Responder<'a> {
    /// A name, DER.
    Name(&'a [u8]),
    /// SHA-1 of a public key's bits.
    KeyHash(&'a [u8]),
}

/// SingleResponse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspAnswer<'a> {
    /// By which function the issuer is named.
    pub hash: OcspHash,
    /// Hash of the issuer's name, DER.
    pub issuer_name: &'a [u8],
    /// Hash of the bits of the issuer's key.
    pub issuer_key: &'a [u8],
    /// Serial number, as certificates write it.
    pub serial: &'a [u8],
    /// What is said.
    pub status: OcspStatus,
    /// Since when it is known to be so.
    pub this_update: UnixTime,
    /// When there will be news.
    pub next_update: Option<UnixTime>,
}

/// The functions by which an answer may name an issuer. SHA-1 identifies here, and proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspHash {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
}

/// CertStatus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspStatus {
    /// Not revoked. Of device certificates it does not say that they were issued.
    Good,
    /// Revoked.
    Revoked {
        /// Since when.
        at: UnixTime,
        /// CRLReason, if stated.
        reason: Option<u8>,
    },
    /// The responder does not know the certificate.
    Unknown,
}

impl OcspStatus {
    /// Whether the certificate is on hold: revoked, and perhaps not for ever.
    #[must_use]
    pub const fn is_hold(self) -> bool {
        matches!(self, Self::Revoked { reason: Some(CERTIFICATE_HOLD), .. })
    }
}

impl<'a> OcspResponse<'a> {
    /// Reads one response.
    ///
    /// # Errors
    /// [`FormatError::OcspUnsuccessful`] for a responder that did not answer, [`FormatError::Ocsp`] for any
    /// other form.
    pub fn parse(der: &'a [u8]) -> Result<Self, FormatError> {
        let mut file = Cursor::new(der, WHAT).map_err(malformed)?;
        let mut outer = file.sequence(WHAT).map_err(malformed)?;
        file.finish().map_err(malformed)?;
        match outer.take(Tag::Enumerated).map_err(malformed)?.value {
            [0] => {}
            [status] => return Err(FormatError::OcspUnsuccessful(*status)),
            _ => return Err(FormatError::Ocsp),
        }
        basic(&mut outer).map_err(malformed)
    }
}

fn malformed(_: X509Error) -> FormatError {
    FormatError::Ocsp
}

fn wrong() -> X509Error {
    X509Error::Malformed(WHAT)
}

fn basic<'a>(outer: &mut Cursor<'a>) -> Result<OcspResponse<'a>, X509Error> {
    let mut explicit = explicit(outer.take(context(0, true))?.value)?;
    let mut bytes = explicit.sequence(WHAT)?;
    explicit.finish()?;
    if bytes.oid()? != BASIC {
        return Err(wrong());
    }
    let response = bytes.take(Tag::OctetString)?.value;
    bytes.finish()?;
    let mut file = Cursor::new(response, WHAT)?;
    let mut signed = file.sequence(WHAT)?;
    file.finish()?;
    let tbs = signed.take(Tag::Sequence)?;
    let signature_algorithm = signed.take(Tag::Sequence)?.raw;
    let signature = signed.bit_string()?;
    let certificates = match signed.take_if(context(0, true))? {
        Some(list) => certificates(list.value)?,
        None => Vec::new(),
    };
    signed.finish()?;
    let (responder, answers) = data(tbs.value)?;
    Ok(OcspResponse { tbs: tbs.raw, signature_algorithm, signature, responder, answers, certificates })
}

/// The content of an explicit tag.
fn explicit(content: &[u8]) -> Result<Cursor<'_>, X509Error> {
    Cursor::new(content, WHAT)
}

fn certificates(content: &[u8]) -> Result<Vec<&[u8]>, X509Error> {
    let mut outer = explicit(content)?;
    let mut list = outer.sequence(WHAT)?;
    outer.finish()?;
    let mut found = Vec::new();
    while !list.is_finished() {
        if found.len() >= MAX_CERTIFICATES {
            return Err(wrong());
        }
        found.push(list.take(Tag::Sequence)?.raw);
    }
    Ok(found)
}

/// ResponseData. Version 1 is the default, which DER leaves out.
fn data(content: &[u8]) -> Result<(Responder<'_>, Vec<OcspAnswer<'_>>), X509Error> {
    let mut data = explicit(content)?;
    let responder = match data.peek()? {
        Some(tag) if tag == context(1, true) => {
            let mut name = explicit(data.take(tag)?.value)?;
            let name_der = name.take(Tag::Sequence)?.raw;
            name.finish()?;
            Responder::Name(name_der)
        }
        Some(tag) if tag == context(2, true) => {
            let mut hash = explicit(data.take(tag)?.value)?;
            let hash_bytes = hash.take(Tag::OctetString)?.value;
            hash.finish()?;
            Responder::KeyHash(hash_bytes)
        }
        _ => return Err(wrong()),
    };
    generalized(&mut data)?;
    let mut list = data.sequence(WHAT)?;
    let mut answers = Vec::new();
    while !list.is_finished() {
        if answers.len() >= MAX_ANSWERS {
            return Err(wrong());
        }
        answers.push(answer(&mut list.sequence(WHAT)?)?);
    }
    refuse_critical(&mut data)?;
    data.finish()?;
    Ok((responder, answers))
}

/// SingleResponse.
fn answer<'a>(cursor: &mut Cursor<'a>) -> Result<OcspAnswer<'a>, X509Error> {
    let mut id = cursor.sequence(WHAT)?;
    let hash = hash(&mut id.sequence(WHAT)?)?;
    let issuer_name = id.take(Tag::OctetString)?.value;
    let issuer_key = id.take(Tag::OctetString)?.value;
    let serial = id.unsigned()?;
    if !id.is_finished() {
        return Err(wrong());
    }
    let status = status(cursor)?;
    let this_update = generalized(cursor)?;
    let next_update = match cursor.take_if(context(0, true))? {
        None => None,
        Some(found) => {
            let mut next = explicit(found.value)?;
            let time = generalized(&mut next)?;
            next.finish()?;
            Some(time)
        }
    };
    refuse_critical(cursor)?;
    if !cursor.is_finished() {
        return Err(wrong());
    }
    Ok(OcspAnswer { hash, issuer_name, issuer_key, serial, status, this_update, next_update })
}

/// A hash algorithm, with NULL parameters or none.
fn hash(algorithm: &mut Cursor<'_>) -> Result<OcspHash, X509Error> {
    let hash = match algorithm.oid()? {
        SHA1 => OcspHash::Sha1,
        SHA256 => OcspHash::Sha256,
        SHA384 => OcspHash::Sha384,
        _ => return Err(wrong()),
    };
    algorithm.take_if(Tag::Null)?;
    if algorithm.is_finished() { Ok(hash) } else { Err(wrong()) }
}

/// CertStatus.
fn status(cursor: &mut Cursor<'_>) -> Result<OcspStatus, X509Error> {
    let (good, revoked, unknown) = (context(0, false), context(1, true), context(2, false));
    let tag = cursor.peek()?.filter(|tag| [good, revoked, unknown].contains(tag)).ok_or(wrong())?;
    let content = cursor.take(tag)?.value;
    if tag == revoked {
        return revoked_info(content);
    }
    match content {
        [] if tag == good => Ok(OcspStatus::Good),
        [] => Ok(OcspStatus::Unknown),
        _ => Err(wrong()),
    }
}

fn revoked_info(content: &[u8]) -> Result<OcspStatus, X509Error> {
    let mut info = explicit(content)?;
    let at = generalized(&mut info)?;
    let reason = match info.take_if(context(0, true))? {
        None => None,
        Some(found) => {
            let mut inside = explicit(found.value)?;
            let value = inside.take(Tag::Enumerated)?.value;
            inside.finish()?;
            let [reason] = value else { return Err(wrong()) };
            Some(*reason)
        }
    };
    info.finish()?;
    Ok(OcspStatus::Revoked { at, reason })
}

fn generalized(cursor: &mut Cursor<'_>) -> Result<UnixTime, X509Error> {
    if cursor.peek()? == Some(Tag::GeneralizedTime) { cursor.time() } else { Err(wrong()) }
}

/// Extensions `[1]`: dates of an archive, and the nonce of whoever asked. Nothing here needs them, and
/// nothing that must be understood is accepted but that nonce.
fn refuse_critical(cursor: &mut Cursor<'_>) -> Result<(), X509Error> {
    let Some(found) = cursor.take_if(context(1, true))? else { return Ok(()) };
    let unknown = |extension: &&Extension<'_>| extension.critical && extension.oid != NONCE;
    match extensions(found.value)?.iter().find(unknown) {
        Some(unknown) => Err(X509Error::UnknownCritical(unknown.oid)),
        None => Ok(()),
    }
}

/// Whether a certificate is for signing OCSP responses: id-kp-OCSPSigning among its extended key usages.
#[must_use]
pub fn is_ocsp_signer(certificate: &Certificate<'_>) -> bool {
    let Some(extension) = certificate.extension(EXTENDED_KEY_USAGE) else { return false };
    purposes(extension.value).is_ok_and(|purposes| purposes.contains(&OCSP_SIGNING))
}

fn purposes(der: &[u8]) -> Result<Vec<ObjectIdentifier>, X509Error> {
    let mut outer = Cursor::new(der, "extended key usage")?;
    let mut list = outer.sequence("extended key usage")?;
    outer.finish()?;
    let mut purposes = Vec::new();
    while !list.is_finished() {
        purposes.push(list.oid()?);
    }
    Ok(purposes)
}
