use super::*;
use crate::{Action, Claims, Door};
use hanzo_attestation_evidence::UnixTime;
use proptest::prelude::*;
use serde_json::{Value, json};

fn entry(n: i64) -> NewDecision {
    let at = UnixTime::from_seconds(1_790_000_000 + n).unwrap();
    let mut entry = NewDecision::granted(
        at,
        Door::Native,
        Action::Authorize,
        format!("recipient:{n}"),
        format!("req-{n}"),
    );
    entry.key_id = Some("acme/model".to_owned());
    entry.key_version = Some(1);
    entry.claims = Some(Claims::new(json!({"n": n, "big": u64::MAX})));
    entry
}

fn record(length: i64) -> Vec<Decision> {
    let mut rows: Vec<Decision> = Vec::new();
    for n in 0..length {
        let head = rows.last().map_or(Head::EMPTY, Head::from);
        rows.push(head.append(entry(n)).unwrap());
    }
    rows
}

fn end(rows: &[Decision]) -> Head {
    rows.last().map_or(Head::EMPTY, Head::from)
}

#[test]
fn a_record_verifies_to_its_head() {
    let rows = record(20);
    assert_eq!(verify_chain(Head::EMPTY, &rows), Ok(end(&rows)));
    assert_eq!(verify_chain_to(Head::EMPTY, &rows, end(&rows)), Ok(()));
    // A part verifies from the head before it.
    assert_eq!(verify_chain_to(Head::from(&rows[9]), &rows[10..], end(&rows)), Ok(()));
    assert_eq!(verify_chain(Head::EMPTY, &[]), Ok(Head::EMPTY));
}

#[test]
fn the_hash_is_what_the_documentation_says() {
    // Computed outside this crate: sha256(domain ‖ 00 ‖ 00×32 ‖ canonical JSON), Python hashlib.
    let at = UnixTime::from_seconds(1_790_000_000).unwrap();
    let entry = NewDecision::granted(at, Door::Admin, Action::KeyCreate, "admin-token:ab", "r1");
    assert_eq!(
        String::from_utf8(canonical(1, &entry).unwrap()).unwrap(),
        r#"{"action":"key.create","actor":"admin-token:ab","at":"2026-09-21T14:13:20Z","code":"Granted","door":"admin","lab":false,"outcome":"granted","reason":"","request_id":"r1","seq":1}"#
    );
    assert_eq!(
        chain(&Hex([0; 32]), 1, &entry).unwrap().to_string(),
        "05c44c0ab4d26fd92cf156c506678ffa9121aa764dce4f665459473e3d476797"
    );
}

#[test]
fn a_flipped_row_is_named() {
    for victim in 0..10_usize {
        let mut rows = record(10);
        rows[victim].entry.reason.push('x');
        let seq = rows[victim].seq;
        assert_eq!(verify_chain(Head::EMPTY, &rows), Err(BrokenChain::Hash { seq }));
    }
}

#[test]
fn a_row_whose_hash_was_recomputed_breaks_the_next_one() {
    let mut rows = record(10);
    rows[4].entry.reason = "forged".to_owned();
    rows[4].hash = chain(&rows[3].hash, rows[4].seq, &rows[4].entry).unwrap();
    assert_eq!(verify_chain(Head::EMPTY, &rows), Err(BrokenChain::Hash { seq: 6 }));
}

#[test]
fn a_dropped_row_is_named() {
    let mut rows = record(10);
    rows.remove(4);
    assert_eq!(verify_chain(Head::EMPTY, &rows), Err(BrokenChain::Order { expected: 5, found: 6 }));
    let mut renumbered = record(10);
    renumbered.remove(4);
    for (index, row) in renumbered.iter_mut().enumerate() {
        row.seq = index as u64 + 1;
    }
    assert_eq!(verify_chain(Head::EMPTY, &renumbered), Err(BrokenChain::Hash { seq: 5 }));
}

#[test]
fn reordered_rows_are_named() {
    let mut rows = record(10);
    rows.swap(2, 3);
    assert_eq!(verify_chain(Head::EMPTY, &rows), Err(BrokenChain::Order { expected: 3, found: 4 }));
    let (third, fourth) = (rows[2].seq, rows[3].seq);
    rows[2].seq = fourth;
    rows[3].seq = third;
    assert_eq!(verify_chain(Head::EMPTY, &rows), Err(BrokenChain::Hash { seq: 3 }));
}

#[test]
fn a_cut_at_either_end_is_named() {
    let rows = record(10);
    let whole = end(&rows);
    assert_eq!(
        verify_chain_to(Head::EMPTY, &rows[..7], whole),
        Err(BrokenChain::End { expected: 10, found: 7 })
    );
    assert_eq!(
        verify_chain_to(Head::EMPTY, &rows[1..], whole),
        Err(BrokenChain::Order { expected: 1, found: 2 })
    );
    assert_eq!(
        verify_chain_to(Head::EMPTY, &rows, Head::from(&rows[8])),
        Err(BrokenChain::End { expected: 9, found: 10 })
    );
}

#[test]
fn two_records_spliced_are_named() {
    let ours = record(10);
    let mut head = Head::EMPTY;
    let mut other = Vec::new();
    for n in 100..110 {
        let row = head.append(entry(n)).unwrap();
        head = Head::from(&row);
        other.push(row);
    }
    let spliced: Vec<Decision> = ours[..5].iter().chain(&other[5..]).cloned().collect();
    assert_eq!(verify_chain(Head::EMPTY, &spliced), Err(BrokenChain::Hash { seq: 6 }));
    // A whole other record verifies in itself; the head that was kept tells it from ours.
    assert_eq!(verify_chain_to(Head::EMPTY, &other, end(&ours)), Err(BrokenChain::Head { seq: 10 }));
}

#[test]
fn a_full_record_takes_no_more() {
    let head = Head { seq: u64::MAX, hash: Hex([1; 32]) };
    assert_eq!(head.append(entry(1)), Err(ChainError::Full));
}

#[test]
fn rows_travel_as_flat_json_and_unknown_fields_are_refused() {
    let row = record(1).remove(0);
    let json = serde_json::to_value(&row).unwrap();
    assert_eq!(json["seq"], 1);
    assert_eq!(json["action"], "authorize");
    assert_eq!(json["claims"]["big"], "18446744073709551615");
    assert_eq!(serde_json::from_value::<Decision>(json.clone()).unwrap(), row);

    for broken in [
        with(&json, "extra", json!(1)),
        with(&json, "seq", Value::Null),
        with(&json, "hash", json!("00")),
        with(&json, "action", json!("nothing")),
        with(&json, "claims", json!({"big": u64::MAX})),
        with(&json, "claims", json!({"f": 0.5})),
    ] {
        assert!(serde_json::from_value::<Decision>(broken).is_err());
    }
}

fn with(json: &Value, name: &str, value: Value) -> Value {
    let mut json = json.clone();
    json[name] = value;
    json
}

#[test]
fn numbers_that_doubles_confuse_stay_apart() {
    let (a, b) = ((1_u64 << 53) + 1, 1_u64 << 53);
    let hash = |n: u64| {
        let mut entry = entry(0);
        entry.claims = Some(Claims::new(json!({"n": n})));
        chain(&Hex([0; 32]), 1, &entry).unwrap()
    };
    assert_ne!(hash(a), hash(b));
}

proptest! {
    #[test]
    fn any_two_texts_give_two_hashes(a in ".{0,40}", b in ".{0,40}") {
        let hash = |code: &str, reason: &str| {
            let decision = entry(0).refused(code, reason);
            chain(&Hex([0; 32]), 1, &decision).unwrap()
        };
        prop_assert_eq!(hash(&a, &b) == hash(&b, &a), a == b);
    }
}
