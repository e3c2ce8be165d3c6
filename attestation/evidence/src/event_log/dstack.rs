//! The log of a dstack guest: a JSON array with the boot events of the CCEL and, in RTMR3, dstack's own
//! events (<https://github.com/Dstack-TEE/dstack>, crate `cc-eventlog`, types `TdxEvent` and `RuntimeEvent`).
//!
//! `[{"imr":3,"event_type":134217729,"digest":HEX,"event":NAME,"event_payload":HEX,"version":2?}, …]`; `imr`
//! is the number of the RTMR. The digest of dstack's own events covers the name and the payload, in one of
//! two ways: [`DstackVersion`].

use super::tcg::{MAX_EVENT_DATA, MAX_EVENTS, MAX_LOG, within};
use super::{EventKind, EventLogError};
use crate::bytes::Hex;
use crate::{encoding, json};
use serde::Deserialize;

/// How the digest of a dstack event is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DstackVersion {
    /// SHA-384 over `type as u32 LE || ":" || name || ":" || payload`.
    One,
    /// SHA-384 over the RFC 8785 form of `{"event":…,"event_type":134217729,"payload":HEX,"version":2}`.
    Two,
}

/// One event of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DstackEvent {
    /// Number of the RTMR, 0 to 3.
    pub rtmr: u8,
    /// The type.
    pub kind: EventKind,
    /// The digest that was extended, as the log states it.
    pub digest: Hex<48>,
    /// The name; empty for boot events.
    pub name: String,
    /// A boot event's data, or the payload of one of dstack's own.
    pub payload: Vec<u8>,
    /// How the digest is made, for dstack's own events.
    pub version: DstackVersion,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    imr: u8,
    event_type: u32,
    digest: String,
    event: String,
    event_payload: String,
    #[serde(default = "one")]
    version: u8,
}

fn one() -> u8 {
    1
}

/// Whether a log is of this form and no CCEL: its first byte opens a JSON array, which would be a CCEL with a
/// first index of at least 91.
#[must_use]
pub fn is_dstack(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'[')
}

/// Parses the log.
///
/// # Errors
/// [`EventLogError`]: LOG-01, LOG-07, and LOG-20 for what is not of the published form.
pub fn parse(bytes: &[u8]) -> Result<Vec<DstackEvent>, EventLogError> {
    within("bytes of an event log", MAX_LOG, bytes.len())?;
    let problem = |error: json::JsonError| EventLogError::Dstack(error.problem().to_owned());
    let value = json::parse(bytes).map_err(problem)?;
    let records = value.as_array().map_or(0, Vec::len);
    within("records of an event log", MAX_EVENTS, records)?;
    let raw: Vec<Raw> = json::from_value(value).map_err(problem)?;
    raw.into_iter().enumerate().map(|(record, raw)| event(record, raw)).collect()
}

fn event(record: usize, raw: Raw) -> Result<DstackEvent, EventLogError> {
    let problem = |what: &dyn std::fmt::Display| EventLogError::Dstack(format!("record {record}: {what}"));
    within("bytes of one event's data", MAX_EVENT_DATA, raw.event_payload.len() / 2)?;
    if raw.imr > 3 {
        let index = u32::from(raw.imr);
        return Err(EventLogError::IndexRange { record, index, format: super::LogFormat::Ccel });
    }
    let version = match raw.version {
        1 => DstackVersion::One,
        2 => DstackVersion::Two,
        other => return Err(problem(&format_args!("version {other}; 1 and 2 are known"))),
    };
    Ok(DstackEvent {
        rtmr: raw.imr,
        kind: EventKind(raw.event_type),
        digest: Hex(encoding::hex_array(&raw.digest).map_err(|error| problem(&error))?),
        name: raw.event,
        payload: encoding::hex_decode(&raw.event_payload).map_err(|error| problem(&error))?,
        version,
    })
}
