//! The attester alone: the key, the registers, the quote.

use crate::machine::{Machine, binding};
use hanzo_attestation_evidence::encoding::base64_decode;
use hanzo_node_attester::tpm::{KeyKind, LogChoice, Settings, TpmError};
use hanzo_node_attester::{EvidenceSource as _, Seen, Source, Tpm, WithTpm};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn decoded(item: &Value, field: &str) -> Vec<u8> {
    base64_decode(item[field].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_tpm_says_what_it_is() {
    let machine = Machine::start();
    let properties = machine.tpm().properties().await.unwrap();
    assert_eq!((&*properties.manufacturer, &*properties.vendor), ("IBM", "SW   TPM"));
    assert_eq!(properties.banks, ["sha256", "sha384"]);
    assert!(properties.ecdsa_p256);
    assert_eq!(properties.ek_certificates, ["0x01c00002", "0x01c00016"]);
    // The 64 bits of the firmware's version are those that a quote carries (TPM 2.0 Part 2, 10.12.12).
    let item = machine.tpm().item(&binding("n")).await.unwrap();
    let attest = decoded(&item, "attest");
    let version: String = attest[93..101].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(properties.firmware_version, version);
}

#[tokio::test]
async fn a_quote_carries_the_binding_and_every_register_of_both_banks() {
    let machine = Machine::start();
    machine.swtpm.extend(10, &"11".repeat(32), &"22".repeat(48)).unwrap();
    let binding = binding("a challenge");
    let item = machine.tpm().item(&binding).await.unwrap();
    assert_eq!(item["type"], "tpm");
    let attest = decoded(&item, "attest");
    assert!(attest.windows(32).any(|window| window == binding.tpm_qualifying_data()));
    for (bank, length) in [("sha256", 64), ("sha384", 96)] {
        let pcrs = item["pcrs"][bank].as_object().unwrap();
        assert_eq!(pcrs.len(), 24);
        assert!(pcrs.values().all(|value| value.as_str().unwrap().len() == length));
    }
    assert_ne!(item["pcrs"]["sha256"]["10"], item["pcrs"]["sha256"]["9"]);
    assert!(item["ak_public"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----\n"));
    // Restricted, signing, fixed to this TPM and made in it; not for decryption (TPM-09).
    assert_eq!(decoded(&item, "ak_tpmt")[4..8], [0x00, 0x05, 0x04, 0x72]);
    assert_eq!(item.get("event_log"), None, "the kernel's log is another TPM's");
}

#[tokio::test]
async fn the_second_run_uses_the_same_key_and_so_does_the_one_after_a_reboot() {
    let mut machine = Machine::start();
    let first = machine.tpm().attestation_key().await.unwrap();
    assert_eq!(first.kind, KeyKind::EcdsaP256);
    let kept = fs::read(machine.state().join("ak-ecdsa-p256.ctx")).unwrap();
    let second = machine.tpm().attestation_key().await.unwrap();
    assert_eq!(second, first);
    assert_eq!(fs::read(machine.state().join("ak-ecdsa-p256.ctx")).unwrap(), kept, "it was loaded, not made");
    machine.swtpm.restart().unwrap();
    let third = machine.tpm().attestation_key().await.unwrap();
    assert_eq!(third, first);
    assert_ne!(
        fs::read(machine.state().join("ak-ecdsa-p256.ctx")).unwrap(),
        kept,
        "a context ends with a reset"
    );
    for entry in fs::read_dir(machine.state()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn another_tpm_is_noticed() {
    let (machine, other) = (Machine::start(), Machine::start());
    let key = machine.tpm().attestation_key().await.unwrap();
    let settings = Settings { state: machine.state(), ..other.settings() };
    let exchanged = Tpm::new(settings, Path::new("/")).item(&binding("n")).await;
    let found = other.tpm().attestation_key().await.unwrap().name_hex();
    match exchanged {
        Err(TpmError::KeyChanged { kept, found: other, .. }) => {
            assert_eq!((kept, other), (key.name_hex(), found));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_rsa_key_is_made_where_it_is_asked_for() {
    let machine = Machine::start();
    let settings = Settings { key: Some(KeyKind::Rsa2048), ..machine.settings() };
    let item = Tpm::new(settings, Path::new("/")).item(&binding("n")).await.unwrap();
    // TPM_ALG_RSASSA, TPM_ALG_SHA256, and 256 bytes (TPM 2.0 Part 2, 11.3.4).
    let signature = decoded(&item, "signature");
    assert_eq!((&signature[..6], signature.len()), (&[0x00, 0x14, 0x00, 0x0b, 0x01, 0x00][..], 262));
}

#[tokio::test]
async fn nothing_is_left_in_the_tpm() {
    let machine = Machine::start();
    for _ in 0..3 {
        machine.tpm().item(&binding("n")).await.unwrap();
    }
    for handles in ["handles-transient", "handles-loaded-session", "handles-saved-session"] {
        assert_eq!(machine.swtpm.tool("tpm2_getcap", &[handles]).unwrap(), "", "{handles}");
    }
}

#[tokio::test]
async fn a_log_that_is_named_goes_with_the_quote() {
    let machine = Machine::start();
    let log = machine.state().with_extension("log");
    fs::write(&log, b"events").unwrap();
    let settings = Settings { event_log: LogChoice::File(log.clone()), ..machine.settings() };
    let item = Tpm::new(settings.clone(), Path::new("/")).item(&binding("n")).await.unwrap();
    assert_eq!(decoded(&item, "event_log"), b"events");
    fs::remove_file(&log).unwrap();
    let missing = Tpm::new(settings, Path::new("/")).item(&binding("n")).await;
    assert!(matches!(missing, Err(TpmError::File { .. })));
}

#[tokio::test]
async fn a_tpm_that_is_gone_adds_nothing_and_one_that_fails_is_an_error() {
    let mut machine = Machine::start();
    let source = WithTpm::new(Source::Nothing, Some(machine.tpm()));
    let document = source.collect(&binding("n")).await.unwrap();
    assert_eq!(document["evidence"][0]["type"], "tpm");

    fs::set_permissions(machine.state(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(source.collect(&binding("n")).await.is_err());

    machine.swtpm.stop().unwrap();
    assert_eq!(machine.tpm().seen(), Seen::Absent);
    let document = source.collect(&binding("n")).await.unwrap();
    assert_eq!(document, serde_json::json!({"evidence": []}));
}
