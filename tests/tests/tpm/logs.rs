//! Logs of a real TPM: what was extended, replayed to what it quotes.

use crate::machine::{Machine, binding};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, digest};
use hanzo_attestation::event_log::{BootAggregate, Quoted, ReplayError, ima, tcg2};
use hanzo_attestation_evidence::Digest;
use hanzo_attestation_evidence::encoding::{base64_decode, hex_decode};
use hanzo_attestation_evidence::event_log::PcrBank;
use hanzo_node_attester::Tpm;
use hanzo_node_attester::tpm::{LogChoice, Settings};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The registers of an item, as the quote beside them proves them.
fn quoted(item: &Value) -> Quoted {
    let banks = item["pcrs"].as_object().unwrap();
    let each = banks.iter().flat_map(|(bank, pcrs)| {
        let bank = PcrBank::from_name(bank).unwrap();
        pcrs.as_object().unwrap().iter().map(move |(number, value)| {
            let value = hex_decode(value.as_str().unwrap()).unwrap();
            ((bank, number.parse().unwrap()), Digest::try_from(value.as_slice()).unwrap())
        })
    });
    each.collect()
}

/// LOG-12: the log that goes with a quote replays to it, in both banks; not without one event, and not after
/// more.
#[tokio::test]
async fn a_boot_log_replays_to_the_tpm_that_measured_it() {
    let machine = Machine::start();
    let log = machine.boot();
    let file = machine.state().with_extension("log");
    fs::write(&file, log.bytes()).unwrap();
    let settings = Settings { event_log: LogChoice::File(file), ..machine.settings() };
    let item = Tpm::new(settings, Path::new("/")).item(&binding("n")).await.unwrap();
    let bytes = base64_decode(item["event_log"].as_str().unwrap()).unwrap();
    let facts = tcg2(&bytes, &quoted(&item)).unwrap();
    assert!(facts.unexplained.is_empty());

    machine.swtpm.extend(4, &"11".repeat(32), &"22".repeat(48)).unwrap();
    let later = machine.tpm().item(&binding("n")).await.unwrap();
    assert!(matches!(tcg2(&bytes, &quoted(&later)), Err(ReplayError::Mismatch { .. })));
}

/// One entry of template `ima-ng` (Linux, `Documentation/security/IMA-templates.rst`): its bytes in the list,
/// and what the kernel hashes for each bank.
fn ima_entry(path: &str, file: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let sized = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_le_bytes()[..], bytes].concat();
    let fields = [sized(&[b"sha256:\0", file].concat()), sized(&[path.as_bytes(), &[0]].concat())].concat();
    let template = digest(&SHA1_FOR_LEGACY_USE_ONLY, &fields);
    let entry = [&10_u32.to_le_bytes()[..], template.as_ref(), &sized(b"ima-ng"), &sized(&fields)].concat();
    (entry, fields)
}

/// LOG-22, LOG-24, LOG-26: a list of the kernel's form replays to the real register 10, names this boot, and
/// may have grown since; a list with another file does not.
#[tokio::test]
async fn an_ima_list_replays_to_the_tpm_that_it_extended() {
    let machine = Machine::start();
    machine.boot();
    let before = quoted(&machine.tpm().item(&binding("n")).await.unwrap());
    let boot: Vec<u8> = (0..=9).flat_map(|pcr| before[&(PcrBank::Sha256, pcr)].as_bytes().to_vec()).collect();
    let aggregate = digest(&SHA256, &boot);
    let entries = [
        ima_entry("boot_aggregate", aggregate.as_ref()),
        ima_entry("/usr/bin/init", digest(&SHA256, b"init").as_ref()),
    ];
    for (_, hashed) in &entries {
        let in_bank = |algorithm| hex::encode(digest(algorithm, hashed));
        machine.swtpm.extend(10, &in_bank(&SHA256), &in_bank(&SHA384)).unwrap();
    }
    let quoted = quoted(&machine.tpm().item(&binding("n")).await.unwrap());
    let list: Vec<u8> = entries.iter().flat_map(|(entry, _)| entry.clone()).collect();
    for bank in [PcrBank::Sha256, PcrBank::Sha384] {
        let facts = ima(&list, bank, &quoted).unwrap();
        assert_eq!((facts.entries, facts.violations, facts.tail), (2, 0, 0));
        assert_eq!(facts.files[0].path, "/usr/bin/init");
    }
    assert_eq!(ima(&list, PcrBank::Sha256, &quoted).unwrap().boot_aggregate, BootAggregate::Matches);

    let grown = [list.clone(), ima_entry("/usr/bin/later", &[3; 32]).0].concat();
    assert_eq!(ima(&grown, PcrBank::Sha256, &quoted).unwrap().tail, 1);
    let other = [entries[0].0.clone(), ima_entry("/usr/bin/evil", &[3; 32]).0].concat();
    let refused = ima(&other, PcrBank::Sha256, &quoted);
    assert!(matches!(refused, Err(ReplayError::ImaReplay { bank: PcrBank::Sha256 })), "{refused:?}");
    let shorter = ima(&entries[0].0, PcrBank::Sha256, &quoted);
    assert!(matches!(shorter, Err(ReplayError::ImaReplay { .. })), "{shorter:?}");
}
