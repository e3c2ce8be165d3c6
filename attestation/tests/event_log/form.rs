//! LOG-01 to LOG-10 and LOG-21: the form of a log.

use super::{SHA256, ccel, tcg2, td, tpm};
use hanzo_attestation_evidence::Broken;
use hanzo_attestation_evidence::event_log::{
    CcelTable, EventKind, Log, MAX_EVENT_DATA, MAX_EVENTS, MAX_LOG, PcrBank, ima,
};
use hanzo_attestation_lab::event_log::LabLog;

/// The bytes of a TPM's log with something written over them, and the rule that answers.
fn changed(log: &LabLog, offset: usize, bytes: &[u8]) -> &'static str {
    let mut log = log.bytes();
    log[offset..offset + bytes.len()].copy_from_slice(bytes);
    Log::tcg2(&log).map_or_else(|error| error.rule().id, |_| "accepted")
}

/// LOG-01: EventLogTooLarge at each budget and one above it.
#[test]
fn a_log_is_bounded_in_bytes_events_and_data() {
    let log = LabLog::td();
    assert!(ccel(&log.bytes_with_fill(MAX_LOG), [[0; 48]; 4]).is_ok());
    let refused = ccel(&log.bytes_with_fill(MAX_LOG + 1), [[0; 48]; 4]);
    assert_eq!(refused.unwrap_err(), ("LOG-01", "EventLogTooLarge"));

    let mut full = LabLog::tpm(SHA256);
    for _ in 0..MAX_EVENTS - 1 {
        full.record(9, EventKind::IPL, &[(PcrBank::Sha256, vec![0; 32])], &[]);
    }
    full.record(9, EventKind::IPL, &[(PcrBank::Sha256, vec![0; 32])], &[]);
    assert_eq!(Log::tcg2(&full.bytes()).unwrap().events().len(), MAX_EVENTS);
    full.record(9, EventKind::IPL, &[(PcrBank::Sha256, vec![0; 32])], &[]);
    assert_eq!(Log::tcg2(&full.bytes()).unwrap_err().rule().code, "EventLogTooLarge");

    let data = |size: usize| {
        let mut log = LabLog::td();
        log.event(2, EventKind::IPL, &vec![0; size]);
        td(&log).map(|facts| facts.events)
    };
    assert_eq!(data(MAX_EVENT_DATA), Ok(1));
    assert_eq!(data(MAX_EVENT_DATA + 1), Err(("LOG-01", "EventLogTooLarge")));
}

/// LOG-01: the budgets of an IMA list.
#[test]
fn an_ima_list_is_bounded_in_bytes_and_entries() {
    assert_eq!(ima::parse(&vec![0; ima::MAX_LIST + 1]).unwrap_err().rule().code, "EventLogTooLarge");
    let entry = [[0; 24].as_slice(), &[3, 0, 0, 0], b"ima", &[0; 24]].concat();
    assert_eq!(ima::parse(&entry.repeat(ima::MAX_ENTRIES)).unwrap().len(), ima::MAX_ENTRIES);
    assert_eq!(ima::parse(&entry.repeat(ima::MAX_ENTRIES + 1)).unwrap_err().rule().id, "LOG-01");
    let long = [[0; 24].as_slice(), &[6, 0, 0, 0], b"ima-ng", &[1, 0, 1, 0]].concat();
    assert_eq!(ima::parse(&long).unwrap_err().rule().id, "LOG-01");
}

/// LOG-02: EventLogHeader.
#[test]
fn the_first_record_is_a_specification_id_event() {
    let log = LabLog::usual_tpm(SHA256);
    assert!(tpm(&log).is_ok());
    // Offsets: index 0, type 4, digest 8, size 28, signature 32, class 48, version 52, word size 55.
    for (offset, bytes) in [
        (0, [1].as_slice()),
        (0, &[0xFF; 4]),
        (4, &[4]),
        (27, &[1]),
        (28, &[0xFF]),
        (32, b"Spec ID Event02\0"),
        (32, b"Spec ID Event00\0"),
        (52, &[1]),
        (53, &[1]),
        (55, &[0]),
        (55, &[3]),
    ] {
        assert_eq!(changed(&log, offset, bytes), "LOG-02", "{offset} {bytes:?}");
    }
    assert_eq!(changed(&log, 48, &[1]), "accepted", "any platform class");
    // In a CCEL, real firmware writes index 1; 0 is as good, 2 is not.
    for (index, accepted) in [(0, true), (1, true), (2, false)] {
        let log = LabLog::usual_td();
        let mut bytes = log.bytes();
        bytes[0] = index;
        let refused = (!accepted).then_some(("LOG-02", "EventLogHeader"));
        assert_eq!(ccel(&bytes, log.rtmrs()).err(), refused, "{index}");
    }
    // The old format, SHA-1 only, has records of another shape from the start.
    let mut old = 8_u32.to_le_bytes().to_vec();
    old.extend([8, 0, 0, 0]);
    old.extend([1; 20]);
    old.extend([2, 0, 0, 0, 7, 7]);
    assert_eq!(Log::tcg2(&old).unwrap_err().rule().code, "EventLogHeader");
}

/// LOG-03: EventLogAlgorithmTable.
#[test]
fn the_table_has_known_algorithms_each_once_with_its_size() {
    let all = [PcrBank::Sha1, PcrBank::Sha256, PcrBank::Sha384, PcrBank::Sha512, PcrBank::Sm3];
    assert_eq!(Log::tcg2(&LabLog::tpm(&all).bytes()).unwrap().banks(), all);
    let two = LabLog::tpm(&[PcrBank::Sha256, PcrBank::Sha384]);
    // Offsets: count 56, first algorithm 60, its size 62, second algorithm 64.
    for (offset, bytes) in [
        (56, [0].as_slice()),
        (56, &[6]),
        (56, &[0xFF; 4]),
        (60, &[0x0A]),
        (62, &[20]),
        (62, &[48]),
        (64, &[0x0B, 0, 32, 0]),
    ] {
        assert_eq!(changed(&two, offset, bytes), "LOG-03", "{offset} {bytes:?}");
    }
    // A TD has SHA-384 alone.
    let other = LabLog::tpm(&[PcrBank::Sha384, PcrBank::Sha256]).bytes();
    assert_eq!(ccel(&other, [[0; 48]; 4]).unwrap_err(), ("LOG-03", "EventLogAlgorithmTable"));
}

/// LOG-04: EventLogDigestList.
#[test]
fn every_record_has_the_tables_digests_in_order() {
    let banks = [PcrBank::Sha256, PcrBank::Sha384];
    let with = |digests: &[(PcrBank, Vec<u8>)]| {
        let mut log = LabLog::tpm(&banks);
        log.record(9, EventKind::IPL, digests, b"data");
        Log::tcg2(&log.bytes()).map(|log| log.events().len()).map_err(|error| error.rule().code)
    };
    let of = |bank: PcrBank| (bank, vec![1; bank.size()]);
    assert_eq!(with(&banks.map(of)), Ok(1));
    for wrong in [
        vec![],
        vec![of(PcrBank::Sha256)],
        vec![of(PcrBank::Sha384)],
        vec![of(PcrBank::Sha384), of(PcrBank::Sha256)],
        vec![of(PcrBank::Sha256), of(PcrBank::Sha256)],
        vec![of(PcrBank::Sha256), of(PcrBank::Sha384), of(PcrBank::Sha384)],
        vec![of(PcrBank::Sha256), of(PcrBank::Sha1)],
    ] {
        assert_eq!(with(&wrong), Err("EventLogDigestList"), "{wrong:?}");
    }
    // A bank that is quoted and that the log lacks: nothing was extended in it.
    let log = LabLog::usual_tpm(SHA256);
    let quoted = LabLog::usual_tpm(&[PcrBank::Sha384]).pcrs();
    assert_eq!(tcg2(&log.bytes(), &quoted).unwrap_err(), ("LOG-04", "EventLogDigestList"));
}

/// LOG-05, LOG-12, LOG-13: every truncation is refused, by its form or because it does not replay.
#[test]
fn every_truncation_is_refused() {
    let (td_log, tpm_log) = (LabLog::usual_td(), LabLog::usual_tpm(&[PcrBank::Sha1, PcrBank::Sha256]));
    let mut tried = 0;
    for length in 0..td_log.bytes().len() {
        let refused = ccel(&td_log.bytes()[..length], td_log.rtmrs()).unwrap_err();
        assert!(["LOG-02", "LOG-05", "LOG-12", "LOG-13"].contains(&refused.0), "{length}: {refused:?}");
        tried += 1;
    }
    for length in 0..tpm_log.bytes().len() {
        let refused = tcg2(&tpm_log.bytes()[..length], &tpm_log.pcrs()).unwrap_err();
        assert!(["LOG-02", "LOG-05", "LOG-12", "LOG-13"].contains(&refused.0), "{length}: {refused:?}");
        tried += 1;
    }
    println!("{tried} truncations refused");
}

/// LOG-06: EventLogTail.
#[test]
fn nothing_follows_the_fill() {
    let log = LabLog::usual_td();
    let mut hidden = LabLog::td();
    hidden.separator(2);
    let header = LabLog::td().bytes().len();
    for (fill, accepted) in [(0xFF, true), (0, true), (0x20, false)] {
        let bytes = [log.bytes(), vec![fill; 100]].concat();
        assert_eq!(ccel(&bytes, log.rtmrs()).is_ok(), accepted, "{fill:#x}");
        let bytes = [bytes, hidden.bytes()[header..].to_vec()].concat();
        let refused = ccel(&bytes, log.rtmrs()).unwrap_err();
        assert!(!accepted || refused == ("LOG-06", "EventLogTail"), "{fill:#x} {refused:?}");
    }
    let bytes = [log.bytes(), vec![0xFF; 50], vec![0; 50]].concat();
    assert_eq!(ccel(&bytes, log.rtmrs()).unwrap_err(), ("LOG-06", "EventLogTail"));
    // A TPM's log may end in zeros, not in ones.
    let log = LabLog::usual_tpm(SHA256);
    assert!(tcg2(&[log.bytes(), vec![0; 7]].concat(), &log.pcrs()).is_ok());
    assert!(tcg2(&[log.bytes(), vec![0xFF; 100]].concat(), &log.pcrs()).is_err());
}

/// LOG-07: EventLogIndexRange; LOG-08: CcelRegisterMap.
#[test]
fn indexes_are_those_of_the_format() {
    let with = |td: bool, index: u32, kind: EventKind| {
        let bank = if td { PcrBank::Sha384 } else { PcrBank::Sha256 };
        let mut log = if td { LabLog::td() } else { LabLog::tpm(SHA256) };
        log.record(index, kind, &[(bank, vec![0; bank.size()])], b"data");
        let parse = if td { Log::ccel } else { Log::tcg2 };
        parse(&log.bytes()).map(|_| ()).map_err(|error| (error.rule().id, error.rule().code))
    };
    const RANGE: Result<(), (&str, &str)> = Err(("LOG-07", "EventLogIndexRange"));
    for kind in [EventKind::IPL, EventKind::NO_ACTION] {
        for (td, last) in [(false, 23), (true, 4)] {
            assert_eq!(with(td, last, kind), Ok(()));
            assert_eq!(with(td, last + 1, kind), RANGE);
            assert_eq!(with(td, u32::MAX - 1, kind), RANGE);
        }
    }
    for td in [false, true] {
        assert_eq!(with(td, u32::MAX, EventKind::IPL), RANGE);
        assert_eq!(with(td, u32::MAX, EventKind::NO_ACTION), Ok(()));
        assert_eq!(with(td, 0, EventKind::NO_ACTION), Ok(()));
    }
    assert_eq!(with(false, 0, EventKind::IPL), Ok(()));
    assert_eq!(with(true, 0, EventKind::IPL), Err(("LOG-08", "CcelRegisterMap")));
}

/// LOG-08: a log whose indexes are shifted by one explains other registers.
#[test]
fn a_stage_that_moves_by_one_register_does_not_replay() {
    let log = LabLog::usual_td();
    let [zero, one, two, three] = log.rtmrs();
    assert!(ccel(&log.bytes(), [zero, one, two, three]).is_ok());
    for moved in [[three, zero, one, two], [one, two, three, zero]] {
        assert_eq!(ccel(&log.bytes(), moved).unwrap_err(), ("LOG-12", "EventLogReplayMismatch"));
    }
}

/// A CCEL table of a TD with a log of this many bytes.
fn table(log_length: u64) -> [u8; 56] {
    let mut table = [0; 56];
    table[..4].copy_from_slice(b"CCEL");
    table[4] = 56;
    table[36] = 2;
    table[40..48].copy_from_slice(&log_length.to_le_bytes());
    fix_checksum(&mut table);
    table
}

fn fix_checksum(table: &mut [u8; 56]) {
    table[9] = 0;
    table[9] = table.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
}

/// LOG-09: CcelTableMalformed.
#[test]
fn the_acpi_table_is_of_a_td_and_of_this_log() {
    let log = LabLog::usual_td().bytes_with_fill(4096);
    let read = |table: &[u8]| {
        CcelTable::parse(table).and_then(|table| table.check_log(&log)).map_err(|error| error.rule().code)
    };
    const MALFORMED: Result<(), &str> = Err("CcelTableMalformed");
    assert_eq!(read(&table(4096)), Ok(()));
    assert_eq!(read(&table(4095)), MALFORMED);
    assert_eq!(read(&table(u64::MAX)), MALFORMED);
    assert_eq!(read(&table(4096)[..55]), MALFORMED);
    assert_eq!(read(&[table(4096).as_slice(), &[0]].concat()), MALFORMED);
    for (offset, byte, checked) in
        [(0, b'D', true), (4, 57, true), (36, 1, true), (9, 0, false), (20, 1, false)]
    {
        let mut table = table(4096);
        table[offset] = byte;
        if checked {
            fix_checksum(&mut table);
        }
        assert_eq!(read(&table), MALFORMED, "{offset}");
    }
}

/// LOG-21: ImaTemplateUnknown, for templates and fields.
#[test]
fn an_ima_entry_has_a_known_template_and_exact_fields() {
    let entry = |template: &str, data: &[u8]| {
        let mut bytes = [0; 24].to_vec();
        bytes.extend(u32::try_from(template.len()).unwrap().to_le_bytes());
        bytes.extend(template.as_bytes());
        bytes.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        bytes.extend(data);
        ima::parse(&bytes).map(|entries| entries.len()).map_err(|error| error.rule().code)
    };
    let field = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_le_bytes(), bytes].concat();
    let digest = field(&[b"sha256:\0".as_slice(), &[1; 32]].concat());
    let (path, signature) = (field(b"/bin/sh\0"), field(&[3, 2]));
    let ng = [digest.clone(), path.clone()].concat();
    let sig = [ng.clone(), signature.clone()].concat();
    assert_eq!(entry("ima-ng", &ng), Ok(1));
    assert_eq!(entry("ima-sig", &sig), Ok(1));
    assert_eq!(entry("ima-buf", &sig), Ok(1));
    assert_eq!(entry("ima-modsig", &[sig.clone(), field(b""), field(b"")].concat()), Ok(1));
    for (template, data) in [
        ("ima-new", ng.clone()),
        ("", ng.clone()),
        ("IMA-NG", ng.clone()),
        ("ima-ngv2", ng.clone()),
        ("a-name-of-more-than-sixteen", ng.clone()),
        ("ima-ng", sig.clone()),
        ("ima-sig", ng.clone()),
        ("ima-buf", ng.clone()),
        ("ima-modsig", sig.clone()),
        ("ima-ng", vec![]),
        ("ima-ng", digest.clone()),
        ("ima-ng", [digest.clone(), field(b"/bin/sh")].concat()),
        ("ima-ng", [field(&[b"sha256:\0".as_slice(), &[1; 31]].concat()), path.clone()].concat()),
        ("ima-ng", [field(&[b"sha257:\0".as_slice(), &[1; 32]].concat()), path.clone()].concat()),
        ("ima-ng", [field(&[b"sha256:".as_slice(), &[1; 33]].concat()), path.clone()].concat()),
        ("ima-ng", [field(b"sha256"), path.clone()].concat()),
        ("ima-ng", [[0xFF; 4].as_slice(), &ng[4..]].concat()),
    ] {
        assert_eq!(entry(template, &data), Err("ImaTemplateUnknown"), "{template} {data:?}");
    }
}
