//! Real manifests outside this repository, where they are at hand: the answer that each case states, and
//! every byte of one of them.

use super::{code, time, verify_with, waived};
use hanzo_attestation::nvidia::rim::{Outcome, RimResult};
use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Claims, Collateral, Revocation, Roots};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_evidence::nvidia::rim::Rim;
use hanzo_attestation_evidence::{Document, UnixTime};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// What the published cases fail on, and the rules that say so.
const REFUSALS: [(&str, &[&str]); 2] = [
    ("rim_cert_chain", &["RimChainLength", "RimRootNotPinned", "RimChainOrder", "RimFamilyMismatch"]),
    ("rim_signature", &["RimDigestMismatch", "RimSignature"]),
];

/// The folder of evidence, or `None` when the corpus is absent.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/evidence");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: no corpus at ../shared/evidence");
    None
}

struct Case {
    name: String,
    expect: Value,
    xml: Vec<u8>,
    now: UnixTime,
}

/// Every manifest below a folder of cases whose file name passes.
fn manifests(kind: &str, is_one: fn(&str) -> bool) -> Vec<Case> {
    let Some(folder) = folder() else { return Vec::new() };
    let mut found = Vec::new();
    for case in fs::read_dir(folder.join(kind)).unwrap() {
        let case = case.unwrap().path();
        let expect: Value = serde_json::from_slice(&fs::read(case.join("expect.json")).unwrap()).unwrap();
        for file in fs::read_dir(&case).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            if is_one(&name) {
                let now = time(expect["verify_at"].as_str().unwrap());
                let name = format!("{}/{name}", case.file_name().unwrap().to_string_lossy());
                found.push(Case { name, expect: expect.clone(), xml: fs::read(&file).unwrap(), now });
            }
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

fn is_single(name: &str) -> bool {
    matches!(name, "rim.xml" | "rim.swidtag")
}

#[test]
fn each_case_is_answered_as_it_states() {
    let cases = manifests("nvidia-rim", is_single);
    for case in &cases {
        let answer = verify_with(&case.xml, &Roots::vendor(), case.now, &waived());
        let expected = &case.expect["expected"];
        let named = |reason: &Value| REFUSALS.iter().find(|(name, _)| *reason == *name).unwrap().1;
        match &answer {
            Ok(_) => assert_eq!(expected["authentic"], true, "{}", case.name),
            Err(error) => {
                let allowed = named(&expected["fails_on"][0]);
                assert!(allowed.contains(&code(&answer)), "{}: {error}", case.name);
            }
        }
        let Ok(trusted) = answer else { continue };
        let claims = serde_json::to_value(trusted.claims()).unwrap();
        let stated = &case.expect["claims"];
        assert_eq!(claims["tag_id"], stated["tag_id"]);
        assert_eq!(claims["version"], stated["meta"]["colloquialVersion"]);
        assert_eq!(claims["product"], stated["meta"]["product"]);
        assert_eq!(claims["edition"], stated["meta"]["edition"]);
        let mut indices: Vec<u64> =
            claims["golden"].as_object().unwrap().keys().map(|key| key.parse().unwrap()).collect();
        indices.sort_unstable();
        assert_eq!(serde_json::to_value(indices).unwrap(), stated["active_indices"], "{}", case.name);
        let signers: Vec<&Value> =
            stated["signers"].as_array().unwrap().iter().map(|signer| &signer[0]).collect();
        assert_eq!(*signers[0], claims["signer"]["subject"]);
        assert_eq!(serde_json::to_value(&signers[1..]).unwrap(), claims["authorities"], "{}", case.name);
    }
    println!("{} manifests judged", cases.len());
}

/// Those that came with devices are genuine too; NVR-29 and NVR-25 refuse them without a waiver and at other
/// times.
#[test]
fn the_manifests_of_devices_are_trusted_at_their_time() {
    let is_beside = |name: &str| name.starts_with("rim_") && !name.ends_with(".pem");
    let mut cases = manifests("nvidia-gpu", is_beside);
    cases.extend(manifests("nvswitch", is_beside));
    for case in &cases {
        let judge =
            |now, revocation: &Revocation| code(&verify_with(&case.xml, &Roots::vendor(), now, revocation));
        assert_eq!(judge(case.now, &waived()), "ok", "{}", case.name);
        assert_eq!(judge(case.now, &Revocation::Required), "RimRevocationUnchecked");
        assert_eq!(judge(time("2020-01-01T00:00:00Z"), &waived()), "RimCertificateNotInValidity");
        assert_eq!(judge(time("2060-01-01T00:00:00Z"), &waived()), "RimCertificateNotInValidity");
    }
    println!("{} manifests of devices judged", cases.len());
}

/// NVR-20: every byte of what is signed counts. A changed byte is another document, or none.
#[test]
fn every_byte_of_a_genuine_manifest_is_signed() {
    let cases = manifests("nvidia-rim", is_single);
    let Some(case) = cases.iter().find(|case| case.expect["expected"]["authentic"] == true) else { return };
    let signature = case.xml.windows(14).position(|window| window == b"<ds:Signature ").unwrap();
    let genuine = Rim::parse(&case.xml).unwrap();
    let check = &|positions: std::ops::Range<usize>| {
        let mut changed = case.xml.clone();
        for position in positions {
            // The lowest bit makes no white space out of white space, nor a quote out of a quote.
            changed[position] ^= 1;
            if let Ok(rim) = Rim::parse(&changed) {
                assert_ne!(rim.signed_sha384(), genuine.signed_sha384(), "{}: byte {position}", case.name);
                assert_eq!(rim.signature(), genuine.signature());
            }
            changed[position] ^= 1;
        }
    };
    let part = signature.div_ceil(4);
    std::thread::scope(|scope| {
        for start in (0..signature).step_by(part) {
            scope.spawn(move || check(start..signature.min(start + part)));
        }
    });
    println!("{signature} bytes changed, one at a time");
}

/// NVR-28, NVR-10 and others: every byte of the signature counts as well, but for the spelling of white
/// space.
#[test]
fn every_byte_of_a_genuine_signature_counts() {
    let cases = manifests("nvidia-rim", is_single);
    let Some(case) = cases.iter().find(|case| case.expect["expected"]["authentic"] == true) else { return };
    let start = case.xml.windows(14).position(|window| window == b"<ds:Signature ").unwrap();
    let end = case.xml.windows(12).position(|window| window == b"<ds:KeyInfo>").unwrap();
    let mut changed = case.xml.clone();
    for position in start..end {
        changed[position] ^= 1;
        let answer = verify_with(&changed, &Roots::vendor(), case.now, &waived());
        assert!(answer.is_err(), "byte {position}");
        changed[position] ^= 1;
    }
    println!("{} bytes of a signature changed, one at a time", end - start);
}

/// One device of a published case with the manifests beside it: the comparison.
fn device(kind: &str, tee: &str, case: &str) -> Option<RimResult> {
    let folder = folder()?.join(kind).join(case);
    let expect: Value = serde_json::from_slice(&fs::read(folder.join("expect.json")).unwrap()).unwrap();
    let certs = fs::read_to_string(folder.join("cert_chain.pem")).unwrap();
    let report = base64_encode(&fs::read(folder.join("evidence.bin")).unwrap());
    let item = json!({"type": tee, "devices": [{"report": report, "certs": certs}]});
    let document = json!({"evidence": [item]}).to_string();
    let evidence = Document::from_json(document.as_bytes()).unwrap().parse().unwrap();
    let mut collateral = Collateral::default();
    for file in fs::read_dir(&folder).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("rim_") && !name.ends_with(".pem") {
            collateral = collateral.with_nvidia_rim(&fs::read(file).unwrap());
        }
    }
    let context = Context {
        roots: &Roots::vendor(),
        collateral: &collateral,
        revocation: &waived(),
        now: time(expect["verify_at"].as_str().unwrap()),
        cache: Cache::off(),
    };
    let verified = hanzo_attestation::verify(evidence, &context).unwrap();
    let Claims::Nvidia(claims) = verified.items()[0].claims() else { panic!("{case}") };
    Some(claims.devices[0].rim.clone())
}

/// NVR-45, NVR-46: a Hopper with both manifests, a switch with its own, and a Hopper with an old issue of its
/// VBIOS's.
#[test]
fn published_devices_measure_what_their_manifests_say() {
    let Some(hopper) = device("nvidia-gpu", "nvidia-gpu", "h100-545-full-rim") else { return };
    assert_eq!((hopper.outcome, hopper.compared), (Outcome::Success, 32), "{hopper:?}");
    assert!(hopper.nvdec0_skipped && hopper.unmatched.is_empty());
    let switch = device("nvswitch", "nvidia-switch", "ls10-json").unwrap();
    assert_eq!((switch.outcome, switch.compared), (Outcome::Success, 31), "{switch:?}");
    let stale = device("nvidia-gpu", "nvidia-gpu", "neg-h100-580-stale-vbios-rim").unwrap();
    let indices: Vec<u8> = stale.mismatches.iter().map(|mismatch| mismatch.index).collect();
    assert_eq!((stale.outcome, indices, stale.compared), (Outcome::Fail, vec![9], 12));
    let codes: Vec<&str> = stale.findings().iter().map(|finding| finding.rule.code).collect();
    assert_eq!(codes, ["RimMissing", "RimMeasurementMismatch"]);
    println!("3 devices compared with their manifests");
}
