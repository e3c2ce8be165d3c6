//! Real devices outside this repository, where they are at hand: the answer that each case states.

use super::{claims, judge};
use hanzo_attestation::nvidia::rim::Outcome;
use hanzo_attestation::{Collateral, Revocation, Roots};
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::encoding::base64_encode;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// What each case fails on, and the rules that say so.
const REFUSALS: [(&str, &[&str]); 2] = [
    ("signature", &["NV-18 ChipMismatch", "NV-20 ReportSignature", "NV-19 PdiMismatch"]),
    ("cert_chain", &["NV-10 ChainLength"]),
];

/// A case: its name, what it states, its item, and its manifests.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) expect: Value,
    pub(super) item: Value,
    pub(super) rims: Vec<Vec<u8>>,
    pub(super) now: UnixTime,
}

/// Every case of both kinds, or none when the corpus is absent.
pub(super) fn cases() -> Vec<Case> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/evidence");
    let mut cases = Vec::new();
    for (folder, kind) in [("nvidia-gpu", "nvidia-gpu"), ("nvswitch", "nvidia-switch")] {
        let Ok(folders) = fs::read_dir(corpus.join(folder)) else {
            println!("SKIPPED: no {folder} cases at ../shared/evidence");
            continue;
        };
        let mut folders: Vec<PathBuf> = folders.map(|case| case.unwrap().path()).collect();
        folders.sort();
        cases.extend(folders.iter().filter_map(|folder| case(folder, kind)));
    }
    cases
}

fn case(folder: &Path, kind: &str) -> Option<Case> {
    let pair = |suffix: &str| {
        let report = fs::read(folder.join(format!("evidence{suffix}.bin"))).ok()?;
        let certs = fs::read_to_string(folder.join(format!("cert_chain{suffix}.pem"))).ok()?;
        Some(json!({"report": base64_encode(&report), "certs": certs}))
    };
    let numbered = (0..).map_while(|index| pair(&format!("_{index}")));
    let devices: Vec<Value> = pair("").into_iter().chain(numbered).collect();
    let expect: Value = serde_json::from_slice(&fs::read(folder.join("expect.json")).ok()?).unwrap();
    let now = UnixTime::parse(expect["verify_at"].as_str().unwrap()).unwrap();
    let mut rims: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    rims.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("rim_")));
    rims.retain(|path| path.extension().is_some_and(|ending| ending == "swidtag" || ending == "xml"));
    Some(Case {
        name: folder.file_name()?.to_string_lossy().into_owned(),
        item: json!({"type": kind, "devices": devices}),
        rims: rims.iter().map(|path| fs::read(path).unwrap()).collect(),
        expect,
        now,
    })
}

impl Case {
    fn collateral(&self) -> Collateral {
        self.rims.iter().fold(Collateral::default(), |all, rim| all.with_nvidia_rim(rim))
    }
}

#[test]
fn every_case_has_the_answer_that_it_states() {
    let cases = cases();
    let waived = Revocation::Waived { reason: "the corpus holds no revocation data".to_owned() };
    let (mut genuine, mut compared) = (0, 0);
    for case in &cases {
        let (name, expected) = (&case.name, &case.expect["expected"]);
        let answer =
            judge(std::slice::from_ref(&case.item), &Roots::vendor(), &case.collateral(), &waived, case.now);
        let refusal = answer.as_ref().map(drop).map_err(String::clone);
        assert_eq!(refusal.is_ok(), expected["authentic"].as_bool().unwrap(), "{name}: {refusal:?}");
        let Ok(verified) = answer else {
            let fails_on = expected["fails_on"][0].as_str().unwrap();
            let (_, rules) = REFUSALS.iter().find(|(word, _)| *word == fails_on).unwrap();
            let refusal = refusal.unwrap_err();
            assert!(rules.contains(&refusal.as_str()), "{name}: {fails_on}, {refusal}");
            continue;
        };
        assert!(!verified.lab(), "{name}");
        genuine += 1;
        check_claims(case, &verified);
        // NV-30: the challenge is the one that the case states, or it fails on it.
        let nonce = case.expect["nonce"].as_str().unwrap();
        let nonce = hex::decode(&nonce[..64]).unwrap();
        let wrong = expected["fails_on"].as_array().unwrap().contains(&json!("nonce"));
        assert_eq!(verified.check_device_nonce(&nonce).is_err(), wrong, "{name}");
        compared += usize::from(check_manifests(case, &verified));
    }
    println!("{} cases ran, {genuine} genuine, {compared} compared with manifests", cases.len());
    assert!(cases.is_empty() || (cases.len() >= 14 && genuine >= 10 && compared >= 3));
}

/// Versions, nonces, firmware ids and identities are those that the case states.
fn check_claims(case: &Case, verified: &hanzo_attestation::Verified) {
    let devices = &claims(verified, 0).devices;
    let stated = match &case.expect["claims"] {
        Value::Array(stated) => stated.clone(),
        stated => vec![stated.clone()],
    };
    assert_eq!(devices.len(), stated.len(), "{}", case.name);
    for (device, stated) in devices.iter().zip(&stated) {
        let same = |field: &str, value: &str| {
            assert_eq!(stated[field].as_str(), Some(value), "{} {field}", case.name);
        };
        same("spdm_nonce", &device.nonce.to_string());
        same("driver_version", device.fields.driver_version.as_deref().unwrap_or_default());
        same("vbios_version", device.fields.vbios_version.as_deref().unwrap_or_default());
        same("fwid_cert", &device.fwid_certificate.unwrap().to_string());
        same("leaf_serial", &format!("0x{}", device.leaf_serial));
        // Not every case states them.
        for (index, value) in stated["measurements"].as_object().into_iter().flatten() {
            let found = &device.measurements[&index.parse().unwrap()];
            assert_eq!(value.as_str().unwrap(), hex::encode(&found.0), "{} {index}", case.name);
        }
        if let Some(opaque) = stated["opaque"].as_object() {
            let text = |field: &str| opaque.get(field).and_then(Value::as_str).map(str::to_owned);
            assert_eq!(text("FWID"), device.fields.fwid.map(|fwid| fwid.to_string()), "{}", case.name);
            assert_eq!(text("PROJECT"), device.fields.project, "{}", case.name);
        }
        let issuer = stated["issuers"][0].as_str().unwrap();
        let pdi = device.pdi.to_string().to_uppercase();
        assert!(issuer.ends_with(&pdi) && issuer.starts_with(&device.hwmodel), "{}: {issuer}", case.name);
    }
}

/// NVR-40, NVR-45: what was compared came out as the case states.
fn check_manifests(case: &Case, verified: &hanzo_attestation::Verified) -> bool {
    let expected = &case.expect["expected"];
    for device in &claims(verified, 0).devices {
        let complete = expected["rim_appraisal"] == "complete";
        assert_eq!(device.rim.outcome == Outcome::Success, complete, "{}: {:?}", case.name, device.rim);
    }
    !case.rims.is_empty()
}
