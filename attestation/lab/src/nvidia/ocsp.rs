//! OCSP responses (RFC 6960), signed by a responder that the issuer certified.

use super::certificates::{Link, name};
use super::{NvidiaLab, OcspDefect, ecdsa_with_sha384, key_bits};
use crate::LabError;
use crate::der;
use crate::sign::{EcKey, Issuer as _};
use crate::x509::{self, KeyUsage, Plan, Validity};
use aws_lc_rs::digest;
use hanzo_attestation_evidence::UnixTime;

const BASIC: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 1];
const SHA1: &[u32] = &[1, 3, 14, 3, 2, 26];
const SHA384: &[u32] = &[2, 16, 840, 1, 101, 3, 4, 2, 2];
const OCSP_SIGNING: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 3, 9];
const SERVER: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
const DAY: i64 = 86_400;

/// An answer.
#[derive(Clone, Debug)]
pub struct OcspOrder {
    /// Index in the chain: 1 the device's own certificate, 2 the provisioner's, 3 the product's.
    pub index: usize,
    /// Serial number of the device's own certificate, where it is asked about.
    pub device_serial: Vec<u8>,
    /// Whether the issuer is named by SHA-384, as some clients ask; else by SHA-1.
    pub sha384: bool,
    /// Whether the issuer answers itself.
    pub by_issuer: bool,
    /// The instant at which it is made; it counts for a day.
    pub now: UnixTime,
    /// What is wrong with it.
    pub defect: Option<OcspDefect>,
}

/// Who answers, and for whom.
pub(super) struct Parties<'a> {
    pub(super) responder: &'a EcKey,
    pub(super) stranger: &'a EcKey,
    pub(super) validity: Validity,
    pub(super) issuer: &'a Link,
    /// An authority that did not issue the certificate.
    pub(super) other: &'a Link,
}

/// About a certificate of a device's chain.
pub(super) fn response(lab: &NvidiaLab, order: &OcspOrder) -> Result<Vec<u8>, LabError> {
    let (serial, issuer, other) = match order.index {
        1 => (order.device_serial.clone(), &lab.provisioner, &lab.root),
        2 => (lab.provisioner.serial.clone(), &lab.product, &lab.root),
        _ => (lab.product.serial.clone(), &lab.root, &lab.product),
    };
    let (responder, stranger) = (&lab.responder, &lab.stranger);
    about(serial, &Parties { responder, stranger, validity: lab.validity, issuer, other }, order)
}

/// About the certificate with this serial number.
pub(super) fn about(serial: Vec<u8>, parties: &Parties<'_>, order: &OcspOrder) -> Result<Vec<u8>, LabError> {
    match order.defect {
        Some(OcspDefect::Malformed) => return Ok(b"no response".to_vec()),
        Some(OcspDefect::Unauthorized) => return Ok(der::sequence([der::enumerated(6)])),
        _ => {}
    }
    let issuer = parties.issuer;
    let responder = name("Hanzo Lab Responder");
    let id = if order.by_issuer { issuer.subject.clone() } else { responder.clone() };
    let data = der::sequence([
        der::explicit(1, &id),
        generalized(order.now),
        der::sequence([answer(order, serial, issuer)]),
    ]);
    let signer = match (order.defect, order.by_issuer) {
        (Some(OcspDefect::Signature), _) => parties.stranger,
        (_, true) => &issuer.key,
        (_, false) => parties.responder,
    };
    let mut parts =
        vec![data.clone(), ecdsa_with_sha384(), der::bit_string(&signer.sign_certificate(&data)?)];
    if !order.by_issuer && order.defect != Some(OcspDefect::ResponderAbsent) {
        let certificate = certificate(parties, order, responder)?;
        parts.push(der::explicit(0, &der::sequence([certificate])));
    }
    let basic = der::sequence([der::oid(BASIC), der::octet_string(&der::sequence(parts))]);
    Ok(der::sequence([der::enumerated(0), der::explicit(0, &basic)]))
}

/// The responder's certificate.
fn certificate(parties: &Parties<'_>, order: &OcspOrder, subject: Vec<u8>) -> Result<Vec<u8>, LabError> {
    let &Parties { responder: key, stranger, validity, issuer, other } = parties;
    let purpose = if order.defect == Some(OcspDefect::ResponderPurpose) { SERVER } else { OCSP_SIGNING };
    let named = if order.defect == Some(OcspDefect::ResponderIssuer) { other } else { issuer };
    let signer = if order.defect == Some(OcspDefect::ResponderSignature) { stranger } else { &named.key };
    let expired = Validity { not_after: validity.not_before, ..validity };
    let plan = Plan {
        serial: key.key_id(),
        algorithm: ecdsa_with_sha384(),
        issuer: named.subject.clone(),
        validity: if order.defect == Some(OcspDefect::ResponderExpired) { expired } else { validity },
        subject,
        public_key_info: key.public_key_info(),
        extensions: vec![
            KeyUsage::DigitalSignature.extension(),
            x509::extended_key_usage(purpose),
            x509::authority_key_id(&named.key),
        ],
    };
    plan.issue(signer)
}

/// SingleResponse.
fn answer(order: &OcspOrder, mut serial: Vec<u8>, issuer: &Link) -> Vec<u8> {
    let (algorithm, oid) =
        if order.sha384 { (&digest::SHA384, SHA384) } else { (&digest::SHA1_FOR_LEGACY_USE_ONLY, SHA1) };
    if order.defect == Some(OcspDefect::OtherSerial) {
        serial.push(1);
    }
    let hash = |bytes: &[u8]| der::octet_string(digest::digest(algorithm, bytes).as_ref());
    let id = der::sequence([
        der::sequence([der::oid(oid), der::null()]),
        hash(&issuer.subject),
        hash(&key_bits(issuer)),
        der::unsigned(&serial),
    ]);
    let status = match order.defect {
        Some(OcspDefect::Revoked) => der::explicit(1, &generalized(order.now)),
        Some(OcspDefect::Hold) => {
            der::explicit(1, &[generalized(order.now), der::explicit(0, &der::enumerated(6))].concat())
        }
        Some(OcspDefect::Unknown) => der::implicit(2, &[]),
        _ => der::implicit(0, &[]),
    };
    let (from, to) = match order.defect {
        Some(OcspDefect::Expired) => (-2 * DAY, Some(-DAY)),
        Some(OcspDefect::NotYet) => (DAY, Some(2 * DAY)),
        Some(OcspDefect::OldWithoutEnd) => (-2 * 3600, None),
        _ => (0, Some(DAY)),
    };
    let at = |offset| generalized(later(order.now, offset));
    let mut parts = vec![id, status, at(from)];
    parts.extend(to.map(|to| der::explicit(0, &at(to))));
    der::sequence(parts)
}

fn later(now: UnixTime, seconds: i64) -> UnixTime {
    UnixTime::from_seconds(now.seconds().saturating_add(seconds)).unwrap_or(now)
}

/// GeneralizedTime, whatever the year.
fn generalized(time: UnixTime) -> Vec<u8> {
    let digits: String = time.to_string().chars().filter(char::is_ascii_digit).collect();
    der::element(0x18, format!("{digits}Z").as_bytes())
}
