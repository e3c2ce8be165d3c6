//! Events of agents that run inside: a closed list of formats, each with a digest over name and payload
//! (LOG-20).

use super::facts::{RuntimeEvent, RuntimeFormat};
use super::measured::Measured;
use super::replay::is_hash;
use super::{Register, ReplayError};
use hanzo_attestation_evidence::event_log::dstack::DstackVersion;
use hanzo_attestation_evidence::event_log::{EventKind, PcrBank};

/// The first bytes of what dstack hashes in version 1: its event type, little-endian, and a colon.
const DSTACK_V1: &[u8; 5] = b"\x01\x00\x00\x08:";
/// Tag of an event of Confidential Containers' attestation agent, `AAEL`, little-endian
/// (`guest-components`, `attestation-agent/src/eventlog/tcg2.rs`).
const AAEL: &[u8; 4] = b"LEAA";

/// Reads an agent's event; `None` for an event of firmware or a boot loader. RTMR3 is the agents' register:
/// in it, every event must be of a known format.
pub(super) fn read(bank: PcrBank, event: &Measured<'_>) -> Result<Option<RuntimeEvent>, ReplayError> {
    let register = event.register;
    let refuse = |problem| Err(ReplayError::RuntimeEvent { register, problem });
    let parts = match (event.kind, event.named) {
        (EventKind::DSTACK_RUNTIME, Some((name, version))) => named(name, version, event.data),
        (EventKind::DSTACK_RUNTIME, None) => dstack_record(event.data),
        (EventKind::EVENT_TAG, _) if event.data.starts_with(AAEL) => aael(event.data),
        _ if register == Register::Rtmr(3) => return refuse("its format is not known"),
        _ => return Ok(None),
    };
    let Some(Parts { format, name, payload, hashed }) = parts else {
        return refuse("it is not of its declared format");
    };
    if !is_hash(bank, [hashed.as_slice()], event.digest) {
        return refuse("its digest is not that of its name and payload");
    }
    Ok(Some(RuntimeEvent { register, format, name, payload: hex::encode(payload) }))
}

struct Parts {
    format: RuntimeFormat,
    name: String,
    payload: Vec<u8>,
    /// What the digest is made over.
    hashed: Vec<u8>,
}

/// An event whose name and payload stand apart, in dstack's JSON log.
fn named(name: &str, version: DstackVersion, payload: &[u8]) -> Option<Parts> {
    let (format, hashed) = match version {
        // A name with a colon could be cut in two places, and one digest would stand for two events.
        DstackVersion::One if name.contains(':') => return None,
        DstackVersion::One => (RuntimeFormat::DstackV1, [DSTACK_V1, name.as_bytes(), b":", payload].concat()),
        DstackVersion::Two => (RuntimeFormat::DstackV2, version_two(name, payload)?),
    };
    Some(Parts { format, name: name.to_owned(), payload: payload.to_vec(), hashed })
}

/// RFC 8785 form of the object that version 2 hashes. Only names without characters that JSON escapes are
/// read: dstack's own are words.
fn version_two(name: &str, payload: &[u8]) -> Option<Vec<u8>> {
    if name.chars().any(|char| char.is_control() || matches!(char, '"' | '\\')) {
        return None;
    }
    let payload = hex::encode(payload);
    let kind = EventKind::DSTACK_RUNTIME.0;
    let text = format!(r#"{{"event":"{name}","event_type":{kind},"payload":"{payload}","version":2}}"#);
    Some(text.into_bytes())
}

/// The same event as a record of a CCEL: its data is what was hashed.
fn dstack_record(data: &[u8]) -> Option<Parts> {
    if let Some(rest) = data.strip_prefix(DSTACK_V1) {
        let colon = rest.iter().position(|byte| *byte == b':')?;
        let (name, payload) = rest.split_at_checked(colon)?;
        return named(std::str::from_utf8(name).ok()?, DstackVersion::One, payload.strip_prefix(b":")?);
    }
    let text = std::str::from_utf8(data).ok()?;
    let (name, rest) =
        text.strip_prefix(r#"{"event":""#)?.split_once(r#"","event_type":134217729,"payload":""#)?;
    let payload = hex::decode(rest.strip_suffix(r#"","version":2}"#)?).ok()?;
    let parts = named(name, DstackVersion::Two, &payload)?;
    (parts.hashed == data).then_some(parts)
}

/// A tagged event: tag, length, and `domain operation content`. All of it is hashed.
fn aael(data: &[u8]) -> Option<Parts> {
    let (size, text) = data.strip_prefix(AAEL)?.split_first_chunk::<4>()?;
    if usize::try_from(u32::from_le_bytes(*size)).ok()? != text.len() {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let (second_blank, _) = text.match_indices(' ').nth(1)?;
    let (name, content) = text.split_at_checked(second_blank)?;
    Some(Parts {
        format: RuntimeFormat::Aael,
        name: name.to_owned(),
        payload: content.strip_prefix(' ')?.as_bytes().to_vec(),
        hashed: data.to_vec(),
    })
}
