//! Certificates and revocation lists (RFC 5280), assembled from encoded parts so that a defect is one changed
//! part.

use crate::LabError;
use crate::der;
use crate::sign::Issuer;
use hanzo_attestation_evidence::UnixTime;
use serde::{Deserialize, Serialize};

/// OIDs of certificate extensions (RFC 5280, 4.2 and 5.2).
pub(crate) mod oids {
    pub(crate) const SUBJECT_KEY_ID: &[u32] = &[2, 5, 29, 14];
    pub(crate) const SUBJECT_ALT_NAME: &[u32] = &[2, 5, 29, 17];
    pub(crate) const EXTENDED_KEY_USAGE: &[u32] = &[2, 5, 29, 37];
    pub(crate) const KEY_USAGE: &[u32] = &[2, 5, 29, 15];
    pub(crate) const BASIC_CONSTRAINTS: &[u32] = &[2, 5, 29, 19];
    pub(crate) const CRL_NUMBER: &[u32] = &[2, 5, 29, 20];
    pub(crate) const CRL_DISTRIBUTION_POINTS: &[u32] = &[2, 5, 29, 31];
    pub(crate) const AUTHORITY_KEY_ID: &[u32] = &[2, 5, 29, 35];
}

/// From and until when something is valid, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validity {
    /// First valid second.
    pub not_before: UnixTime,
    /// Last valid second.
    pub not_after: UnixTime,
}

impl Validity {
    /// The same end with another start, if one is given.
    pub(crate) fn starting(self, not_before: Option<UnixTime>) -> Self {
        Self { not_before: not_before.unwrap_or(self.not_before), ..self }
    }

    pub(crate) fn to_der(self) -> Vec<u8> {
        der::sequence([der::time(self.not_before), der::time(self.not_after)])
    }
}

/// A certificate before it is signed. Every field is DER already.
#[derive(Clone)]
pub(crate) struct Plan {
    /// Content bytes of the serial number, most significant first.
    pub(crate) serial: Vec<u8>,
    pub(crate) algorithm: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) validity: Validity,
    pub(crate) subject: Vec<u8>,
    pub(crate) public_key_info: Vec<u8>,
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl Plan {
    pub(crate) fn issue(&self, issuer: &impl Issuer) -> Result<Vec<u8>, LabError> {
        let mut parts = vec![
            der::explicit(0, &der::integer(2)),
            der::unsigned(&self.serial),
            self.algorithm.clone(),
            self.issuer.clone(),
            self.validity.to_der(),
            self.subject.clone(),
            self.public_key_info.clone(),
        ];
        if !self.extensions.is_empty() {
            parts.push(der::explicit(3, &der::sequence(self.extensions.iter().cloned())));
        }
        signed(der::sequence(parts), &self.algorithm, issuer)
    }
}

/// A revocation list before it is signed.
pub(crate) struct ListPlan {
    pub(crate) algorithm: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) validity: Validity,
    /// Serial numbers, content bytes.
    pub(crate) revoked: Vec<Vec<u8>>,
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl ListPlan {
    pub(crate) fn issue(&self, issuer: &impl Issuer) -> Result<Vec<u8>, LabError> {
        let mut parts = vec![
            der::integer(1),
            self.algorithm.clone(),
            self.issuer.clone(),
            der::time(self.validity.not_before),
            der::time(self.validity.not_after),
        ];
        if !self.revoked.is_empty() {
            let date = der::time(self.validity.not_before);
            let entries =
                self.revoked.iter().map(|serial| der::sequence([der::unsigned(serial), date.clone()]));
            parts.push(der::sequence(entries));
        }
        parts.push(der::explicit(0, &der::sequence(self.extensions.iter().cloned())));
        signed(der::sequence(parts), &self.algorithm, issuer)
    }
}

fn signed(tbs: Vec<u8>, algorithm: &[u8], issuer: &impl Issuer) -> Result<Vec<u8>, LabError> {
    let signature = issuer.sign_certificate(&tbs)?;
    Ok(der::sequence([tbs, algorithm.to_vec(), der::bit_string(&signature)]))
}

/// One attribute of a name, in its own SET.
pub(crate) fn attribute(oid: &[u32], value: Vec<u8>) -> Vec<u8> {
    der::set([der::sequence([der::oid(oid), value])])
}

pub(crate) fn extension(oid: &[u32], value: &[u8]) -> Vec<u8> {
    der::sequence([der::oid(oid), der::octet_string(value)])
}

pub(crate) fn critical_extension(oid: &[u32], value: &[u8]) -> Vec<u8> {
    der::sequence([der::oid(oid), der::boolean(true), der::octet_string(value)])
}

/// `CA:TRUE`, with a path length if one is given.
pub(crate) fn authority(path_length: Option<u8>) -> Vec<u8> {
    let mut parts = vec![der::boolean(true)];
    parts.extend(path_length.map(|length| der::integer(length.into())));
    critical_extension(oids::BASIC_CONSTRAINTS, &der::sequence(parts))
}

/// `CA:FALSE`, as an empty SEQUENCE because FALSE is the default.
pub(crate) fn end_entity() -> Vec<u8> {
    critical_extension(oids::BASIC_CONSTRAINTS, &der::sequence([]))
}

/// Key usage, as the bits of RFC 5280 4.2.1.3 from the most significant one.
#[derive(Clone, Copy)]
pub(crate) enum KeyUsage {
    CertificateSign,
    CertificateAndListSign,
    DigitalSignatureAndNonRepudiation,
    DigitalSignature,
    KeyEncipherment,
}

impl KeyUsage {
    pub(crate) fn extension(self) -> Vec<u8> {
        let bits = match self {
            Self::CertificateSign => der::named_bits(2, &[0x04]),
            Self::CertificateAndListSign => der::named_bits(1, &[0x06]),
            Self::DigitalSignatureAndNonRepudiation => der::named_bits(6, &[0xc0]),
            Self::DigitalSignature => der::named_bits(7, &[0x80]),
            Self::KeyEncipherment => der::named_bits(5, &[0x20]),
        };
        critical_extension(oids::KEY_USAGE, &bits)
    }
}

pub(crate) fn extended_key_usage(purpose: &[u32]) -> Vec<u8> {
    extension(oids::EXTENDED_KEY_USAGE, &der::sequence([der::oid(purpose)]))
}

/// A subject that is named only here, by a directory name (RFC 5280, 4.2.1.6): critical, because the subject
/// is empty.
pub(crate) fn directory_name(name: &[u8]) -> Vec<u8> {
    critical_extension(oids::SUBJECT_ALT_NAME, &der::sequence([der::explicit(4, name)]))
}

pub(crate) fn subject_key_id(key: &impl Issuer) -> Vec<u8> {
    extension(oids::SUBJECT_KEY_ID, &der::octet_string(&key.key_id()))
}

pub(crate) fn authority_key_id(key: &impl Issuer) -> Vec<u8> {
    extension(oids::AUTHORITY_KEY_ID, &der::sequence([der::implicit(0, &key.key_id())]))
}

pub(crate) fn distribution_point(url: &str) -> Vec<u8> {
    let full_name = der::explicit(0, &der::implicit(6, url.as_bytes()));
    let point = der::sequence([der::explicit(0, &full_name)]);
    extension(oids::CRL_DISTRIBUTION_POINTS, &der::sequence([point]))
}

pub(crate) fn list_number(number: u32) -> Vec<u8> {
    extension(oids::CRL_NUMBER, &der::integer(number))
}

/// PEM with lines of 64 characters (RFC 7468).
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let base64 = hanzo_attestation_evidence::encoding::base64_encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        // Base64 is ASCII, so any index is a character boundary.
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
