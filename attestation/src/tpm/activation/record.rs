//! Activation records: the broker's own statement that two keys are in one TPM (TPM-33).

use aws_lc_rs::hmac;
use hanzo_attestation_evidence::tpm::Name;
use hanzo_attestation_evidence::{Hex, UnixTime};

/// Longest record in bytes: version, digest, Name with SHA-512 and its length, two instants, tag.
pub const MAX_RECORD: usize = 1 + 32 + 1 + 66 + 8 + 8 + TAG;
/// Bytes of the authentication tag.
const TAG: usize = 32;
/// What separates these tags from every other use of a key.
const DOMAIN: &[u8] = b"hanzo-kbs/v1/tpm-activation\0";
/// First byte of a record: its version.
const VERSION: u8 = 1;
/// First byte of a record whose endorsement key a lab certified.
const VERSION_LAB: u8 = 0x81;
/// Seconds that a record's first instant may lie ahead: brokers' clocks differ (COL-08: 300 s).
const SKEW: i64 = 300;

/// A key that makes and verifies activation records: HMAC-SHA256. The brokers of one deployment share it.
#[derive(Clone, Debug)]
pub struct ActivationKey(hmac::Key);

/// That an attestation key is in the same TPM as an endorsement key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// SHA-256 of the endorsement key's SubjectPublicKeyInfo.
    pub ek_sha256: Hex<32>,
    /// Name of the attestation key.
    pub ak_name: Name,
    /// When it was activated.
    pub issued: UnixTime,
    /// Last instant at which the record counts.
    pub expires: UnixTime,
    /// Whether a lab certified the endorsement key: everything that the attestation key signs is marked, also
    /// where the lab is no longer configured.
    pub lab: bool,
}

/// A record that makes no key trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActivationError {
    /// Not a record of this version.
    #[error("it is malformed")]
    Malformed,
    /// No configured key made it, or it was altered.
    #[error("its tag does not verify")]
    Tag,
    /// It is of another attestation key.
    #[error("it names another attestation key")]
    OtherName,
    /// The evidence does not say which Name its key has.
    #[error("the evidence has no `ak_tpmt`, so that no Name can be compared")]
    NameUnknown,
    /// It has expired, or is not yet issued.
    #[error("it is valid from {issued} to {expires}, not at {now}")]
    NotInValidity {
        /// The instant of the verification.
        now: UnixTime,
        /// Its first instant.
        issued: UnixTime,
        /// Its last instant.
        expires: UnixTime,
    },
}

impl ActivationKey {
    /// A key from 32 secret, random bytes.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Writes a record: version, endorsement key, Name and its length, both instants, tag.
    #[must_use]
    pub fn seal(&self, record: &Record) -> Vec<u8> {
        let name = record.ak_name.as_bytes();
        // A Name has 66 bytes at most.
        let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        let version = if record.lab { VERSION_LAB } else { VERSION };
        let mut bytes = [&[version], record.ek_sha256.0.as_slice(), &[length], name].concat();
        for instant in [record.issued, record.expires] {
            bytes.extend_from_slice(&instant.seconds().to_be_bytes());
        }
        let tag = hmac::sign(&self.0, &[DOMAIN, &bytes].concat());
        bytes.extend_from_slice(tag.as_ref());
        bytes
    }

    fn made(&self, body: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, &[DOMAIN, body].concat(), tag).is_ok()
    }
}

/// Opens a record: its tag under one of the keys, then its Name, then its dates.
pub(in crate::tpm) fn open(
    keys: &[ActivationKey],
    bytes: &[u8],
    ak_name: &Name,
    now: UnixTime,
) -> Result<Record, ActivationError> {
    let (body, tag) = bytes
        .len()
        .checked_sub(TAG)
        .and_then(|length| bytes.split_at_checked(length))
        .ok_or(ActivationError::Malformed)?;
    if !keys.iter().any(|key| key.made(body, tag)) {
        return Err(ActivationError::Tag);
    }
    let record = read(body).ok_or(ActivationError::Malformed)?;
    if record.ak_name != *ak_name {
        return Err(ActivationError::OtherName);
    }
    let begun = record.issued.seconds() <= now.seconds().saturating_add(SKEW);
    if begun && now <= record.expires {
        return Ok(record);
    }
    let (issued, expires) = (record.issued, record.expires);
    Err(ActivationError::NotInValidity { now, issued, expires })
}

fn read(body: &[u8]) -> Option<Record> {
    let (version, rest) = body.split_first()?;
    let (ek_sha256, rest) = rest.split_first_chunk::<32>()?;
    let (length, rest) = rest.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let (issued, rest) = rest.split_first_chunk::<8>()?;
    let expires: &[u8; 8] = rest.try_into().ok()?;
    let instant = |bytes: &[u8; 8]| UnixTime::from_seconds(i64::from_be_bytes(*bytes)).ok();
    let lab = match *version {
        VERSION => false,
        VERSION_LAB => true,
        _ => return None,
    };
    Some(Record {
        ek_sha256: Hex(*ek_sha256),
        ak_name: Name::from_bytes(name).ok()?,
        issued: instant(issued)?,
        expires: instant(expires)?,
        lab,
    })
}
