//! Real evidence outside this repository, where it is at hand: the answer that each case states.

use super::{code, judge};
use hanzo_attestation::{Claims, Collateral, Roots, Verified};
use hanzo_attestation_evidence::UnixTime;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Cases of a kind: name, evidence, expectation, collateral. None when the corpus is absent.
fn cases(kind: &str) -> Vec<(String, Value, Value, Collateral)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/evidence").join(kind);
    if !folder.is_dir() {
        println!("SKIPPED: no corpus at ../shared/evidence");
        return Vec::new();
    }
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|case| case.unwrap().path()).collect();
    cases.sort();
    let read = |path: PathBuf| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap();
    let case = |case: PathBuf| {
        let collateral = match fs::read(case.join("collateral.json")) {
            Ok(json) => Collateral::default().with_intel_json(&json).unwrap(),
            Err(_) => Collateral::default(),
        };
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        (name, read(case.join("evidence.json")), read(case.join("expect.json")), collateral)
    };
    cases.into_iter().map(case).collect()
}

fn verified(
    kind: &str,
    evidence: &Value,
    expect: &Value,
    collateral: &Collateral,
) -> Result<Verified, String> {
    let now = UnixTime::parse(expect["verify_at"].as_str().unwrap()).unwrap();
    let document = json!({"evidence": [{"type": kind, "evidence": evidence}]});
    judge(&document, &Roots::vendor(), collateral, now)
}

#[test]
fn every_case_has_the_answer_that_it_states() {
    let mut ran = 0;
    for kind in ["az-snp-vtpm", "az-tdx-vtpm"] {
        for (name, evidence, expect, collateral) in cases(kind) {
            let answer = verified(kind, &evidence, &expect, &collateral);
            let refusal = match name.as_str() {
                "neg-pcr-altered" => Some("AzPcrDigest"),
                "neg-quote-of-other-vm" => Some("AzTpmSignature"),
                _ => None,
            };
            ran += 1;
            match refusal {
                Some(code) => assert_eq!(answer.map(|_| ()), Err(code.to_owned()), "{name}"),
                None => check_claims(&name, &answer.unwrap(), &expect),
            }
        }
    }
    println!("{ran} cases ran");
}

fn check_claims(name: &str, verified: &Verified, expect: &Value) {
    let [item] = verified.items() else { panic!("{name}: one item") };
    let vtpm = match item.claims() {
        Claims::AzSnpVtpm(claims) => &claims.vtpm,
        Claims::AzTdxVtpm(claims) => &claims.vtpm,
        _ => panic!("{name}: Azure claims"),
    };
    let stated = &expect["claims"];
    assert_eq!(stated["tpm_nonce"], vtpm.tpm.extra_data.to_string(), "{name}");
    assert_eq!(stated["firmware_version"], vtpm.tpm.firmware_version.to_string(), "{name}");
    assert_eq!(stated["vm_configuration"]["vmUniqueId"], json!(vtpm.vm_config.vm_unique_id), "{name}");
    assert_eq!(stated["vm_configuration"]["secure-boot"], json!(vtpm.vm_config.secure_boot), "{name}");
    let registers = item.facts().measurements.iter();
    let pcrs: Vec<_> = registers.filter(|found| found.register.starts_with("pcr")).collect();
    assert_eq!(pcrs.len(), 24, "{name}");
    for found in pcrs {
        let index = found.register.trim_start_matches("pcr");
        assert_eq!(stated["pcrs"][index], found.digest.to_string(), "{name} {index}");
    }
    let nonce = vtpm.tpm.extra_data.0.clone();
    assert_eq!(verified.check_report_data(&nonce), Ok(()), "{name}");
    for other in [[nonce.as_slice(), &[0]].concat(), b"other".to_vec()] {
        let refused = verified.check_report_data(&other).map_err(code);
        assert_eq!(refused, Err("AzNonceMismatch".to_owned()), "{name}");
    }
}

/// AZ-14, AZ-21, AZ-24: whatever byte of a real object is changed, it is refused.
#[test]
fn every_character_of_real_evidence_counts() {
    let Some((_, evidence, expect, collateral)) =
        cases("az-snp-vtpm").into_iter().find(|case| case.0 == "milan-v1-coco")
    else {
        return;
    };
    for pointer in ["/hcl_report", "/tpm_quote/message", "/tpm_quote/signature", "/tpm_quote/pcrs/4", "/vcek"]
    {
        let text = evidence.pointer(pointer).unwrap().as_str().unwrap();
        for place in (0..text.len()).step_by(7) {
            let mut changed = text.as_bytes().to_vec();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            let mut other = evidence.clone();
            *other.pointer_mut(pointer).unwrap() = String::from_utf8(changed).unwrap().into();
            assert!(verified("az-snp-vtpm", &other, &expect, &collateral).is_err(), "{pointer} {place}");
        }
    }
}

/// AZ-08, COL-04: one kind's object is never the other's.
#[test]
fn kinds_are_not_exchanged() {
    for (kind, other) in [("az-snp-vtpm", "az-tdx-vtpm"), ("az-tdx-vtpm", "az-snp-vtpm")] {
        for (name, evidence, expect, collateral) in cases(kind) {
            assert!(verified(other, &evidence, &expect, &collateral).is_err(), "{name}");
        }
    }
}
