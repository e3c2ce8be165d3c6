//! LOG-10 to LOG-14: replay to the quoted registers.

use super::{SHA256, ccel, tcg2, td, tpm};
use hanzo_attestation::event_log::{Quoted, Register};
use hanzo_attestation_evidence::Digest;
use hanzo_attestation_lab::event_log::{EventKind, LabLog, PcrBank};

const MISMATCH: (&str, &str) = ("LOG-12", "EventLogReplayMismatch");

/// LOG-10: EventLogNoActionExtended.
#[test]
fn an_event_that_extends_nothing_has_no_digest() {
    let mut log = LabLog::usual_tpm(SHA256);
    log.no_action(1, b"some notice").no_action(u32::MAX, b"another");
    assert!(tpm(&log).is_ok(), "it is not extended");
    for last in [0, 31] {
        let mut lying = log.clone();
        let mut digest = vec![0; 32];
        digest[last] = 1;
        lying.record(1, EventKind::NO_ACTION, &[(PcrBank::Sha256, digest)], b"some notice");
        assert_eq!(tpm(&lying).unwrap_err(), ("LOG-10", "EventLogNoActionExtended"));
    }
    let mut lying = LabLog::usual_td();
    lying.record(1, EventKind::NO_ACTION, &[(PcrBank::Sha384, vec![1; 48])], b"");
    assert_eq!(td(&lying).unwrap_err(), ("LOG-10", "EventLogNoActionExtended"));
}

/// LOG-11: EventLogStartupLocality.
#[test]
fn the_startup_locality_is_where_pcr_0_starts() {
    let started = |locality: u8| {
        let mut log = LabLog::tpm(&[PcrBank::Sha256, PcrBank::Sha384]);
        log.startup_locality(locality).event(0, EventKind::S_CRTM_VERSION, b"1");
        log
    };
    for locality in [0, 3, 4] {
        assert!(tpm(&started(locality)).is_ok(), "{locality}");
    }
    assert_ne!(started(3).pcrs(), started(4).pcrs());
    assert_eq!(tcg2(&started(3).bytes(), &started(4).pcrs()).unwrap_err(), MISMATCH);
    const LOCALITY: (&str, &str) = ("LOG-11", "EventLogStartupLocality");
    for locality in [1, 2, 5, 255] {
        assert_eq!(tpm(&started(locality)).unwrap_err(), LOCALITY, "{locality}");
    }
    let mut twice = LabLog::tpm(SHA256);
    twice.startup_locality(3).startup_locality(3);
    assert_eq!(tpm(&twice).unwrap_err(), LOCALITY);
    let mut late = LabLog::usual_tpm(SHA256);
    late.startup_locality(0);
    assert_eq!(tpm(&late).unwrap_err(), LOCALITY);
    for (index, data) in
        [(1, b"StartupLocality\0\x03".as_slice()), (0, b"StartupLocality\0"), (0, b"StartupLocality\0\0\0")]
    {
        let mut other = LabLog::tpm(SHA256);
        other.no_action(index, data);
        assert_eq!(tpm(&other).unwrap_err(), LOCALITY, "{index} {data:?}");
    }
}

/// Events of a lab log as separate records, so that they can be dropped, repeated and swapped.
fn records(log: &LabLog) -> Vec<Vec<u8>> {
    let bytes = log.bytes();
    let word =
        |at: usize| usize::try_from(u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap();
    let mut records = vec![bytes[..32 + word(28)].to_vec()];
    let mut at = records[0].len();
    while at < bytes.len() {
        // Index, type, count; one SHA-384 digest with its algorithm; size and data.
        let length = 12 + 50 + 4 + word(at + 62);
        records.push(bytes[at..at + length].to_vec());
        at += length;
    }
    records
}

/// LOG-12: EventLogReplayMismatch for a log with one event dropped, repeated, or swapped with the next.
#[test]
fn one_event_more_less_or_elsewhere_does_not_replay() {
    let log = LabLog::usual_td();
    let records = records(&log);
    assert_eq!(records.concat(), log.bytes());
    let judge = |records: &[Vec<u8>]| ccel(&records.concat(), log.rtmrs());
    assert!(judge(&records).is_ok());
    let mut tried = 0;
    for position in 1..records.len() {
        let mut fewer = records.clone();
        fewer.remove(position);
        assert_eq!(judge(&fewer).unwrap_err(), MISMATCH, "{position}");
        let mut more = records.clone();
        more.insert(position, records[position].clone());
        assert_eq!(judge(&more).unwrap_err(), MISMATCH, "{position}");
        tried += 2;
        let same_register =
            position + 1 < records.len() && records[position][..4] == records[position + 1][..4];
        if same_register {
            let mut swapped = records.clone();
            swapped.swap(position, position + 1);
            assert_eq!(judge(&swapped).unwrap_err(), MISMATCH, "{position}");
            tried += 1;
        }
    }
    println!("{tried} logs refused");
    assert!(tried > 20);
}

/// LOG-12: every quoted register and every quoted bank counts, and a register that is not quoted gives no
/// facts.
#[test]
fn every_quoted_register_counts_in_every_bank() {
    let log = LabLog::usual_tpm(&[PcrBank::Sha1, PcrBank::Sha256, PcrBank::Sha384, PcrBank::Sha512]);
    let facts = tpm(&log).unwrap();
    assert_eq!((facts.bank, facts.complete), (PcrBank::Sha512, true));
    for (bank, number) in log.pcrs().into_keys().filter(|(_, number)| *number < 10) {
        let mut quoted = log.pcrs();
        quoted.insert((bank, number), Digest::try_from(vec![7; bank.size()].as_slice()).unwrap());
        assert_eq!(tcg2(&log.bytes(), &quoted).unwrap_err(), MISMATCH, "{bank} {number}");
    }
    // PCR 8 holds the command line: unless it is quoted, there is no command line.
    let mut quoted: Quoted =
        log.pcrs().into_iter().filter(|((bank, _), _)| *bank == PcrBank::Sha256).collect();
    assert!(tcg2(&log.bytes(), &quoted).unwrap().kernel_cmdline.is_some());
    quoted.remove(&(PcrBank::Sha256, 8));
    let facts = tcg2(&log.bytes(), &quoted).unwrap();
    assert_eq!(facts.kernel_cmdline, None);
    assert!(facts.boot_components.iter().all(|component| component.register != Register::Pcr(8)));
}

/// LOG-12: a bank whose hash is not known here replays to nothing.
#[test]
fn sm3_is_read_and_never_replayed() {
    let log = LabLog::usual_tpm(&[PcrBank::Sha256, PcrBank::Sm3]);
    assert_eq!(tpm(&log).unwrap_err(), MISMATCH);
    let known = log.pcrs().into_iter().filter(|((bank, _), _)| *bank == PcrBank::Sha256).collect();
    assert!(tcg2(&log.bytes(), &known).is_ok());
}

/// LOG-13: EventLogIncomplete for a register of firmware or boot loader; other registers are named, for
/// policies.
#[test]
fn a_register_without_events_is_refused_or_named() {
    let log = LabLog::usual_tpm(SHA256);
    let seven = Digest::try_from([7; 32].as_slice()).unwrap();
    let mut bare = LabLog::tpm(SHA256);
    bare.separator(0);
    for number in 1..10 {
        let mut quoted = bare.pcrs();
        quoted.insert((PcrBank::Sha256, number), seven);
        assert_eq!(tcg2(&bare.bytes(), &quoted).unwrap_err(), ("LOG-13", "EventLogIncomplete"), "{number}");
    }
    for number in (10..=23).filter(|number| log.register(PcrBank::Sha256, *number) != [7; 32]) {
        let mut quoted = log.pcrs();
        quoted.insert((PcrBank::Sha256, number), seven);
        let facts = tcg2(&log.bytes(), &quoted).unwrap();
        assert_eq!((facts.complete, facts.unexplained), (false, vec![Register::Pcr(number)]));
    }
    assert!(tpm(&log).unwrap().complete, "PCR 17 to 22 are at their reset value, all ones");

    let mut log = LabLog::td();
    log.separator(0).separator(1);
    for number in [2, 3] {
        let mut rtmrs = log.rtmrs();
        rtmrs[number] = [7; 48];
        let answer = ccel(&log.bytes(), rtmrs);
        match number {
            2 => assert_eq!(answer.unwrap_err(), ("LOG-13", "EventLogIncomplete")),
            _ => assert_eq!(answer.unwrap().unexplained, [Register::Rtmr(3)], "agents may extend it later"),
        }
    }
}

/// LOG-14: EventClaimUnauthenticated: without a quoted register there is nothing to replay to, and no facts.
#[test]
fn nothing_quoted_nothing_proven() {
    let log = LabLog::usual_tpm(SHA256);
    assert_eq!(tcg2(&log.bytes(), &Quoted::new()).unwrap_err(), ("LOG-14", "EventClaimUnauthenticated"));
}
