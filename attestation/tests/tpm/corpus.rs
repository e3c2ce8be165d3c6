//! Real quotes and certificates outside this repository, where they are at hand: the answer that each case
//! states.

use super::{claims, judge, now};
use hanzo_attestation::Roots;
use hanzo_attestation::roots::{AkId, TpmCa, TrustedAk};
use hanzo_attestation::tpm::{AkTrust, TpmKind};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_evidence::tpm::AttestationKey;
use hanzo_attestation_evidence::{Hex, UnixTime};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of TPM cases, or `None` when the corpus is absent.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/evidence/tpm");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: no corpus at ../shared/evidence");
    None
}

fn json_of(path: &Path) -> Option<Value> {
    fs::read(path).ok().map(|bytes| serde_json::from_slice(&bytes).unwrap())
}

/// The quote of one bank (or the only one) as an item; `None` where the case has none with its key.
fn item(case: &Path, bank: &str) -> Option<Value> {
    let file = |stem: &str, extension: &str| {
        let suffix = if bank.is_empty() { String::new() } else { format!("_{bank}") };
        case.join(format!("{stem}{suffix}.{extension}"))
    };
    let attest = fs::read(file("quote", "msg")).ok()?;
    let key = fs::read_to_string(case.join("ak_pub.pem")).ok()?;
    let mut item = json!({
        "type": "tpm",
        "attest": base64_encode(&attest),
        "signature": base64_encode(&fs::read(file("quote", "sig")).unwrap()),
        "ak_public": key,
    });
    if let Some(values) = json_of(&file("pcrs", "json")) {
        let bank = if bank.is_empty() { "sha256" } else { bank };
        let is_bare = values.as_object().is_some_and(|values| values.contains_key("0"));
        item["pcrs"] = if is_bare { json!(Map::from_iter([(bank.to_owned(), values)])) } else { values };
    }
    Some(item)
}

/// Roots that trust the item's own key, by its digest.
fn trusting(item: &Value) -> Roots {
    let key = AttestationKey::parse(item["ak_public"].as_str().unwrap(), None).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.spki());
    let spki = Hex(digest.as_ref().try_into().unwrap());
    Roots::vendor().with_trusted_ak(TrustedAk::new(AkId::Spki(spki)))
}

/// TPM-13, TPM-14, TPM-21: every case with a quote and its key.
#[test]
fn every_case_has_the_answer_that_it_states() {
    let Some(folder) = folder() else { return };
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|case| case.unwrap().path()).collect();
    cases.sort();
    let (mut ran, mut left_out) = (0, Vec::new());
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let expect = json_of(&case.join("expect.json")).unwrap();
        let now = UnixTime::parse(expect["verify_at"].as_str().unwrap()).unwrap();
        let items: Vec<Value> =
            ["", "sha1", "sha256", "sha384"].into_iter().filter_map(|bank| item(&case, bank)).collect();
        if items.is_empty() {
            left_out.push(name);
            continue;
        }
        for item in items {
            let answer = judge(std::slice::from_ref(&item), &trusting(&item), now);
            assert_eq!(
                answer.is_ok(),
                expect["expected"]["authentic"].as_bool().unwrap(),
                "{name}: {answer:?}"
            );
            ran += 1;
            let Ok(verified) = answer else { continue };
            let nonce = hex::decode(expect["nonce"].as_str().unwrap()).unwrap();
            assert_eq!(verified.check_report_data(&nonce), Ok(()), "{name}");
            let claims = claims(&verified).unwrap();
            assert_eq!(claims.ak_trust, AkTrust::AllowList, "{name}");
            if let Some(firmware) = expect["claims"]["firmware"].as_str() {
                assert_eq!(claims.firmware_version.to_string(), firmware, "{name}");
                assert_eq!(Some(u64::from(claims.reset_count)), expect["claims"]["reset_count"].as_u64());
            }
        }
    }
    println!("{ran} quotes ran; left out: {}", left_out.join(", "));
    assert!(ran >= 10, "{ran}");
}

/// The certificates of a PEM file, DER.
fn certificates(path: &Path) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let body = |block: &str| block.split("-----END").next().unwrap().split_whitespace().collect::<String>();
    blocks.map(|block| hanzo_attestation_evidence::encoding::base64_decode(&body(block)).unwrap()).collect()
}

/// TPM-08, TPM-12, TPM-30, TPM-31, TPM-32: Google's virtual machine, by its certificate and its public area.
/// The exception for its authority is needed; with it, the chain, the instance and the manufacturer are read.
#[test]
fn a_google_machine_is_trusted_by_its_certificate() {
    let Some(folder) = folder() else { return };
    let case = folder.join("gce-cos85-nonce9009");
    let mut item = item(&case, "sha256").unwrap();
    let leaf = certificates(&case.join("ak_cert.pem"));
    let chain = certificates(&case.join("ak_ca_chain.pem"));
    let (root, above) = chain.split_last().unwrap();
    let presented: Vec<String> = leaf.iter().chain(above).map(|der| base64_encode(der)).collect();
    item["ak_certs"] = json!(presented);
    item["ak_tpmt"] = json!(base64_encode(&fs::read(case.join("ak_tpmt_public.bin")).unwrap()));
    item["event_log"] = json!(base64_encode(&fs::read(case.join("event_log.bin")).unwrap()));
    let loose = Roots::vendor().with_tpm_ca(TpmCa::new(root.clone()).with_loose_key_usage());
    let verified = judge(std::slice::from_ref(&item), &loose, now()).unwrap();
    let claims = claims(&verified).unwrap();
    assert!(matches!(claims.ak_trust, AkTrust::AkCertificate { .. }));
    assert_eq!(claims.tpm_kind, Some(TpmKind::VirtualHost));
    assert_eq!(claims.manufacturer.as_deref(), Some("id:474F4F47"));
    assert!(claims.instance.is_some());
    let name = "000bf175bdb57297b2b289973f819863d6c9d09c236725676914f4248c9a2404c2a4";
    assert_eq!(claims.ak_name.as_ref().unwrap().to_string(), name);
    assert!(claims.ak_hierarchy.is_some(), "{}", claims.qualified_signer);
    assert_eq!(verified.items()[0].findings(), []);
    let strict = Roots::vendor().with_tpm_ca(root.clone());
    let code = |roots: &Roots, item: &Value| judge(std::slice::from_ref(item), roots, now()).map(|_| ());
    assert_eq!(code(&strict, &item), Err("TpmAkCertificateInvalid".to_owned()));
    // Another machine's certificate, over a chain that holds.
    let other = folder.join("akcert-gce-uca-tpm-rsa-sign-cert");
    item["ak_certs"] = json!([base64_encode(&certificates(&other.join("ak_cert.pem"))[0])]);
    assert_eq!(code(&loose, &item), Err("TpmAkCertificateKeyMismatch".to_owned()));
}
