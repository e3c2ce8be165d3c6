//! LOG-20: RuntimeEventDigest: agents' own events, in a closed list of formats.

use super::{ccel, td};
use hanzo_attestation::event_log::{EventFacts, RuntimeFormat};
use hanzo_attestation_lab::event_log::{EventKind, LabLog};
use serde_json::{Value, json};

const REFUSED: (&str, &str) = ("LOG-20", "RuntimeEventDigest");

fn one(register: u8, kind: EventKind, data: &[u8], hashed: &[u8]) -> LabLog {
    let mut log = LabLog::td();
    log.event_of(register, kind, data, hashed);
    log
}

fn read(facts: &EventFacts) -> Vec<(RuntimeFormat, &str, &str)> {
    facts
        .runtime_events
        .iter()
        .map(|event| (event.format, event.name.as_str(), event.payload.as_str()))
        .collect()
}

const V1: &[u8] = b"\x01\x00\x00\x08:app-id:\x01\xab";
const V2: &[u8] = br#"{"event":"app-id","event_type":134217729,"payload":"01ab","version":2}"#;
const AAEL: &[u8] = b"LEAA\x1c\0\0\0github.com PullImage a b c d";

#[test]
fn each_known_format_is_read_with_name_and_payload() {
    for (kind, data, expected) in [
        (EventKind::DSTACK_RUNTIME, V1, (RuntimeFormat::DstackV1, "app-id", "01ab")),
        (EventKind::DSTACK_RUNTIME, V2, (RuntimeFormat::DstackV2, "app-id", "01ab")),
        (EventKind::EVENT_TAG, AAEL, (RuntimeFormat::Aael, "github.com PullImage", "61206220632064")),
    ] {
        let facts = td(&one(3, kind, data, data)).unwrap();
        assert_eq!(read(&facts), [expected]);
        assert!(facts.boot_components.is_empty());
        // The text is changed and the digest kept.
        let mut changed = data.to_vec();
        changed[10] ^= 1;
        assert_eq!(td(&one(3, kind, &changed, data)).unwrap_err(), REFUSED);
        // A known format is held to its digest in every register.
        assert_eq!(td(&one(2, kind, &changed, data)).unwrap_err(), REFUSED);
        assert_eq!(read(&td(&one(2, kind, data, data)).unwrap()), [expected]);
    }
}

#[test]
fn what_is_not_of_its_format_is_refused() {
    for (kind, data) in [
        (EventKind::DSTACK_RUNTIME, b"".as_slice()),
        (EventKind::DSTACK_RUNTIME, b"app-id"),
        (EventKind::DSTACK_RUNTIME, b"\x01\x00\x00\x08:app-id"),
        (EventKind::DSTACK_RUNTIME, b"\x01\x00\x00\x08:\xFF:"),
        (EventKind::DSTACK_RUNTIME, br#"{"event":"a","event_type":134217729,"payload":"AB","version":2}"#),
        (EventKind::DSTACK_RUNTIME, br#"{"event":"a","event_type":134217729,"payload":"ab","version":3}"#),
        (EventKind::DSTACK_RUNTIME, br#"{"event":"a", "event_type":134217729,"payload":"ab","version":2}"#),
        (EventKind::DSTACK_RUNTIME, br#"{"event":"\n","event_type":134217729,"payload":"ab","version":2}"#),
        (EventKind::EVENT_TAG, b"LEAA"),
        (EventKind::EVENT_TAG, b"LEAA\x05\0\0\0a b c d"),
        (EventKind::EVENT_TAG, b"LEAA\x03\0\0\0a b"),
        (EventKind::EVENT_TAG, b"LEAA\xFF\xFF\xFF\xFFa b c"),
        (EventKind::EVENT_TAG, b"LEAA\x05\0\0\0a b \xFF"),
    ] {
        assert_eq!(td(&one(3, kind, data, data)).unwrap_err(), REFUSED, "{data:?}");
    }
}

#[test]
fn rtmr3_holds_events_of_known_formats_only() {
    for kind in [EventKind::EVENT_TAG, EventKind::IPL, EventKind::SEPARATOR, EventKind(0x7777_7777)] {
        assert_eq!(td(&one(3, kind, &[0; 4], &[0; 4])).unwrap_err(), REFUSED, "{kind}");
        assert!(td(&one(2, kind, &[0; 4], &[0; 4])).is_ok(), "{kind}");
    }
}

/// dstack's JSON log of one event, with its register.
fn dstack(name: &str, payload: &str, version: Option<u8>, hashed: &[u8]) -> (Value, [[u8; 48]; 4]) {
    let log = one(3, EventKind::DSTACK_RUNTIME, &[], hashed);
    let bytes = log.bytes();
    // The digest stands before the length of the empty data.
    let digest: String =
        bytes[bytes.len() - 52..bytes.len() - 4].iter().map(|byte| format!("{byte:02x}")).collect();
    let mut event = json!({
        "imr": 3, "event_type": 134_217_729, "digest": digest, "event": name, "event_payload": payload,
    });
    if let Some(version) = version {
        event["version"] = version.into();
    }
    (json!([event]), log.rtmrs())
}

#[test]
fn dstacks_json_log_is_read_in_both_versions() {
    let judge = |(log, rtmrs): (Value, [[u8; 48]; 4])| ccel(log.to_string().as_bytes(), rtmrs);
    for (version, hashed, format) in [
        (None, V1, RuntimeFormat::DstackV1),
        (Some(1), V1, RuntimeFormat::DstackV1),
        (Some(2), V2, RuntimeFormat::DstackV2),
    ] {
        let facts = judge(dstack("app-id", "01ab", version, hashed)).unwrap();
        assert_eq!(read(&facts), [(format, "app-id", "01ab")]);
    }
    for (name, payload, version, hashed) in [
        ("app-id", "01ac", None, V1),
        ("app-idx", "01ab", None, V1),
        ("app-id", "01ab", Some(2), V1),
        ("app-id", "01ab", Some(1), V2),
        ("app-id", "01ab", Some(3), V2),
        ("app-id", "01AB", None, V1),
        ("app-id", "01a", None, V1),
        // One digest for two events: the name ends at its first colon, and has none.
        ("app-id:\u{1}", "", None, b"\x01\x00\x00\x08:app-id:\x01:"),
    ] {
        let answer = judge(dstack(name, payload, version, hashed));
        assert_eq!(answer.unwrap_err(), REFUSED, "{name} {payload} {version:?}");
    }
}

#[test]
fn dstacks_json_log_is_strict() {
    let (log, rtmrs) = dstack("app-id", "01ab", None, V1);
    let text = log.to_string();
    let codes = [
        (text.replace("\"imr\":3", "\"imr\":4"), ("LOG-07", "EventLogIndexRange")),
        (text.replace("\"imr\":3", "\"imr\":2"), ("LOG-12", "EventLogReplayMismatch")),
        (text.replace("\"imr\":3", "\"imr\":3,\"imr\":3"), REFUSED),
        (text.replace("\"imr\":3", "\"imr\":3,\"note\":1"), REFUSED),
        (text.replace("\"imr\":3,", ""), REFUSED),
        (text.replace("\"digest\":\"", "\"digest\":\"00"), REFUSED),
        (format!("{text}]"), REFUSED),
        (text[..text.len() - 1].to_owned(), REFUSED),
        ("[".repeat(100_000), REFUSED),
        (format!("[{}]", vec!["0"; 8193].join(",")), ("LOG-01", "EventLogTooLarge")),
        (format!("[{}", " ".repeat(1 << 20)), ("LOG-01", "EventLogTooLarge")),
    ];
    for (text, expected) in codes {
        assert_eq!(ccel(text.as_bytes(), rtmrs).unwrap_err(), expected, "{}", &text[..text.len().min(90)]);
    }
    assert!(ccel(text.as_bytes(), rtmrs).is_ok());
    assert!(ccel(b"[]", [[0; 48]; 4]).unwrap().runtime_events.is_empty());
}
