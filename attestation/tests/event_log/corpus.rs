//! Real logs outside this repository, where they are at hand, against the registers of their quotes.

use hanzo_attestation::event_log::{self, EventFacts, Quoted, Register, RuntimeFormat, SecureBootState};
use hanzo_attestation_evidence::event_log::{CcelTable, PcrBank};
use hanzo_attestation_evidence::tdx::Evidence;
use hanzo_attestation_evidence::{Broken, Digest, Hex};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A case of the corpus, or `None` when the corpus is absent.
fn case(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/evidence").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED {name}: no corpus at ../shared/evidence");
    None
}

fn rtmrs(case: &Path) -> [Hex<48>; 4] {
    let quote = fs::read(case.join("quote.bin")).unwrap();
    Evidence::parse(&quote, None).unwrap().quote.body.rtmr
}

fn refusal(log: &[u8], rtmrs: &[Hex<48>; 4]) -> &'static str {
    event_log::ccel(log, rtmrs).unwrap_err().rule().code
}

fn problems(facts: &EventFacts) -> Vec<&'static str> {
    facts.problems.iter().map(|problem| problem.rule().code).collect()
}

/// LOG-02, LOG-06, LOG-08, LOG-09, LOG-12 to LOG-19 on a genuine CCEL.
#[test]
fn the_ccel_of_a_real_td_replays_and_says_what_was_booted() {
    let Some(case) = case("tdx/v4-uptodate-cos113-ccel") else { return };
    let log = fs::read(case.join("ccel_data.dat")).unwrap();
    let table = CcelTable::parse(&fs::read(case.join("ccel_table.dat")).unwrap()).unwrap();
    assert_eq!(table.check_log(&log), Ok(()));
    let rtmrs = rtmrs(&case);
    let facts = event_log::ccel(&log, &rtmrs).unwrap();
    assert!(facts.complete && facts.unexplained.is_empty());
    assert_eq!(problems(&facts), Vec::<&str>::new());
    assert_eq!(facts.secure_boot.state, SecureBootState::Disabled);
    assert!(facts.secure_boot.db.is_some() && facts.secure_boot.dbx.is_some());
    assert!(facts.kernel_cmdline.as_ref().unwrap().starts_with("/syslinux/vmlinuz.A init="), "{facts:?}");
    assert!(facts.runtime_events.is_empty(), "RTMR3 is zero");
    let kernel = facts.boot_components.iter().find(|event| {
        event.register == Register::Rtmr(2) && event.description.as_deref() == Some("/syslinux/vmlinuz.A")
    });
    assert!(!kernel.unwrap().data_authenticated, "the digest is the file's, not the path's");
    // One of another boot's registers, and the registers in another order.
    let [zero, one, two, three] = rtmrs;
    assert_eq!(refusal(&log, &[one, zero, two, three]), "EventLogReplayMismatch");
    assert_eq!(refusal(&log, &[zero, one, Hex([7; 48]), three]), "EventLogReplayMismatch");
    println!("1 case ran, {} events", facts.events);
}

/// LOG-20: dstack's own events, in its JSON log, with a digest over name and payload.
#[test]
fn the_log_of_a_real_dstack_guest_replays_with_its_own_events() {
    let Some(case) = case("tdx/v4-uptodate-dstack-eventlog") else { return };
    let report: Value =
        serde_json::from_slice(&fs::read(case.join("original_quote-report.json")).unwrap()).unwrap();
    let log = report["event_log"].as_str().unwrap();
    let rtmrs = rtmrs(&case);
    let facts = event_log::ccel(log.as_bytes(), &rtmrs).unwrap();
    assert!(facts.complete);
    let names: Vec<&str> = facts.runtime_events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names[..5], ["system-preparing", "app-id", "compose-hash", "instance-id", "boot-mr-done"]);
    assert!(
        facts
            .runtime_events
            .iter()
            .all(|event| { event.format == RuntimeFormat::DstackV1 && event.register == Register::Rtmr(3) })
    );
    assert_eq!(facts.secure_boot.state, SecureBootState::Unknown, "the variable has no value");
    assert_eq!(problems(&facts), Vec::<&str>::new());
    // A payload changed and its digest kept; LOG-13: events of one register taken out.
    let payload = &facts.runtime_events[2].payload;
    let other = log.replace(&format!("\"{payload}\""), &format!("\"{}\"", payload.replace('3', "4")));
    assert_ne!(log, other);
    assert_eq!(refusal(other.as_bytes(), &rtmrs), "RuntimeEventDigest");
    let mut events: Vec<Value> = serde_json::from_str(log).unwrap();
    events.retain(|event| event["imr"] != 1);
    assert_eq!(refusal(&serde_json::to_vec(&events).unwrap(), &rtmrs), "EventLogIncomplete");
    println!("1 case ran, {} events", facts.events);
}

fn quoted(case: &Path) -> Quoted {
    let mut quoted = Quoted::new();
    for bank in [PcrBank::Sha1, PcrBank::Sha256, PcrBank::Sha384] {
        let text = fs::read(case.join(format!("pcrs_{bank}.json"))).unwrap();
        let values: Value = serde_json::from_slice(&text).unwrap();
        for (number, value) in values.as_object().unwrap() {
            let value: Digest = serde_json::from_value(value.clone()).unwrap();
            quoted.insert((bank, number.parse().unwrap()), value);
        }
    }
    quoted
}

/// LOG-03, LOG-04, LOG-07, LOG-10, LOG-12 to LOG-18 on a genuine log of a TPM, in three banks.
#[test]
fn the_log_of_a_real_tpm_replays_in_three_banks() {
    let Some(case) = case("tpm/gce-cos85-nonce9009") else { return };
    let log = fs::read(case.join("event_log.bin")).unwrap();
    let quoted = quoted(&case);
    let facts = event_log::tcg2(&log, &quoted).unwrap();
    // What the running kernel measured (IMA) is in a list of its own, which the case does not have.
    assert_eq!((facts.bank, facts.complete), (PcrBank::Sha384, false));
    assert_eq!(facts.unexplained.iter().map(ToString::to_string).collect::<Vec<_>>(), ["pcr10"]);
    assert_eq!(problems(&facts), Vec::<&str>::new());
    assert_eq!(facts.secure_boot.state, SecureBootState::Enabled);
    assert!(facts.kernel_cmdline.as_ref().unwrap().starts_with("/syslinux/vmlinuz.A init="));
    let authenticated = facts.boot_components.iter().filter(|event| event.data_authenticated).count();
    println!("1 case ran, {} events, {authenticated} components authenticated", facts.events);
    // LOG-12: every quoted bank counts.
    for bank in [PcrBank::Sha1, PcrBank::Sha256, PcrBank::Sha384] {
        let mut other = quoted.clone();
        other.insert((bank, 4), Digest::try_from(vec![7; bank.size()].as_slice()).unwrap());
        let refused = event_log::tcg2(&log, &other).unwrap_err();
        assert_eq!(refused.rule().code, "EventLogReplayMismatch", "{bank}");
    }
}
