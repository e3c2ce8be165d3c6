//! Reference integrity manifests with `kbsctl`: judged alone, kept in a store, carried in a bundle.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_lab::{
    CrlDefect, CrlOrder, Lab, OcspDefect, OcspOrder, RimDefect, RimOrder, RimProduct, RimVendor, Validity,
};
use program::{code, json_of, kbsctl, stderr, stdout};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::process::Output;
use std::time::Duration;
use tempfile::TempDir;

const AT: &str = "2026-06-01T00:00:00Z";
const DAY: Duration = Duration::from_secs(86_400);

/// A folder with a lab that has a root of manifests, and manifests.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lab = folder.path().join("lab");
        Lab::fixture().write(&lab).unwrap();
        let validity: Validity = serde_json::from_value(
            json!({"not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z"}),
        )
        .unwrap();
        let vendor = RimVendor::generate(validity).unwrap();
        fs::write(lab.join("rim-root.der"), vendor.root()).unwrap();
        let mut index: Value = serde_json::from_slice(&fs::read(lab.join("lab.json")).unwrap()).unwrap();
        index["nvidia_rim"] = json!({"roots": ["rim-root.der"]});
        fs::write(lab.join("lab.json"), index.to_string()).unwrap();
        let golden = |value| BTreeMap::from([(0, vec![[value; 48]])]);
        let vbios = |value| RimOrder {
            version: "96.00.5E.00.01".to_owned(),
            golden: golden(value),
            ..RimOrder::default()
        };
        let expired = RimOrder::default().with_defect(RimDefect::Expired);
        let other = RimOrder::default().with_defect(RimDefect::OtherKey);
        for (name, order) in [
            ("driver.xml", RimOrder::default()),
            ("one.xml", vbios(1)),
            ("two.xml", vbios(2)),
            ("expired.xml", expired),
            ("other.xml", other),
        ] {
            fs::write(folder.path().join(name), vendor.manifest(&order).unwrap()).unwrap();
        }
        let now = UnixTime::parse(AT).unwrap();
        let asked = |index, defect| OcspOrder {
            index,
            device_serial: Vec::new(),
            sha384: true,
            by_issuer: false,
            now,
            defect,
        };
        let listed = |now, defect| CrlOrder { index: 1, revoked: Vec::new(), now, defect };
        for (name, bytes) in [
            ("hold.ocsp", vendor.ocsp(RimProduct::Gh100, &asked(0, Some(OcspDefect::Hold)))),
            ("one.ocsp", vendor.ocsp(RimProduct::Gh100, &asked(1, None))),
            ("two.ocsp", vendor.ocsp(RimProduct::Gh100, &asked(2, None))),
            ("list.crl", vendor.crl(RimProduct::Gh100, &listed(now, None))),
            ("older.crl", vendor.crl(RimProduct::Gh100, &listed(now.before(DAY), None))),
            ("revoked.crl", vendor.crl(RimProduct::Gh100, &listed(now, Some(CrlDefect::Listed)))),
        ] {
            fs::write(folder.path().join(name), bytes.unwrap()).unwrap();
        }
        fs::write(folder.path().join("large.xml"), " ".repeat((256 << 10) + 1)).unwrap();
        let desk = Self { folder };
        assert_eq!(code(&desk.run("collateral key generate sign.key")), 0);
        desk
    }

    /// Runs a line in the folder.
    fn run(&self, line: &str) -> Output {
        let mut command = kbsctl(self.folder.path());
        command.current_dir(self.folder.path()).args(line.split_whitespace()).output().unwrap()
    }
}

fn findings(json: &Value) -> Vec<String> {
    let findings = json["items"][0]["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_manifest_alone_has_an_answer_and_an_exit_code() {
    let desk = Desk::new();
    let good = desk.run(&format!("evidence rim driver.xml --at {AT} --lab lab --waive-revocation a-test"));
    let json = json_of(&good);
    assert_eq!(code(&good), 0, "{json:#} {}", stderr(&good));
    assert_eq!(
        (&json["authentic"], &json["acceptable"], &json["tier"]),
        (&json!(true), &json!(true), &json!(0))
    );
    assert_eq!(
        (&json["items"][0]["type"], findings(&json)),
        (&json!("nvidia-rim"), vec!["RimRevocationUnchecked".to_owned()])
    );
    let claims = &json["items"][0]["claims"];
    assert_eq!((&claims["id"], &claims["lab"]), (&json!("NV_GPU_DRIVER_GH100_590.12"), &json!(true)));
    assert_eq!(claims["golden"]["7"]["alternatives"][0], "07".repeat(48));
    let refusals = [
        (format!("driver.xml --at {AT} --lab lab"), "RimRevocationUnchecked"),
        (format!("driver.xml --at {AT} --waive-revocation x"), "RimRootNotPinned"),
        (format!("expired.xml --at {AT} --lab lab --waive-revocation x"), "RimCertificateNotInValidity"),
        (
            "driver.xml --at 2030-01-01T00:00:00Z --lab lab --waive-revocation x".to_owned(),
            "RimCertificateNotInValidity",
        ),
        (format!("other.xml --at {AT} --lab lab --waive-revocation x --profile corpus"), "RimSignature"),
        (format!("sign.key.pub --at {AT}"), "RimMalformed"),
    ];
    for (line, expected) in refusals {
        let output = desk.run(&format!("evidence rim {line}"));
        let json = json_of(&output);
        assert_eq!((code(&output), findings(&json)), (1, vec![expected.to_owned()]), "{line}");
        assert_eq!((&json["authentic"], &json["items"][0]["claims"]), (&json!(false), &Value::Null));
    }
    for line in ["large.xml", "absent.xml", "driver.xml --lab absent", "driver.xml --waive-revocation ''"] {
        assert_eq!(code(&desk.run(&format!("evidence rim {line} --profile no"))), 2, "{line}");
    }
    assert_eq!(code(&desk.run(&format!("evidence rim large.xml --at {AT}"))), 2);
    let table = stdout(
        &desk
            .run(&format!("evidence rim driver.xml --at {AT} --lab lab --waive-revocation x --format table")),
    );
    assert!(table.contains("authentic and acceptable") && table.contains("LAB root"), "{table}");
    assert!(table.contains("HCC RIM L4 Signer"), "{table}");
}

#[test]
fn manifests_go_from_files_to_a_store_to_a_bundle_to_a_store() {
    let desk = Desk::new();
    let added =
        desk.run(&format!("collateral add --rim driver.xml --rim one.xml --rim two.xml --lab lab --at {AT}"));
    assert_eq!(code(&added), 0, "{}", stderr(&added));
    assert_eq!(json_of(&added)["documents"], 3, "two issues of one id are two");
    let exported =
        desk.run(&format!("collateral export bundle.tar --sign-key sign.key --sequence 7 --at {AT}"));
    assert_eq!(code(&exported), 0, "{}", stderr(&exported));
    let imported = desk
        .run(&format!("collateral import bundle.tar --key sign.key.pub --store other --lab lab --at {AT}"));
    assert_eq!(code(&imported), 0, "{}", stdout(&imported));
    let shown = desk.run(&format!("collateral show --store other --at {AT}"));
    let json = json_of(&shown);
    assert_eq!(
        (code(&shown), &json["in_force"], &json["signed"]),
        (0, &json!(true), &json!(true)),
        "{json:#}"
    );
    let documents = json["documents"].as_array().unwrap();
    assert_eq!(documents.len(), 3);
    for document in documents {
        let (key, sha256) = (document["key"].as_str().unwrap(), document["sha256"].as_str().unwrap());
        assert_eq!(document["kind"], "nvidia-rim");
        assert!(key.starts_with("GH100/") && key.ends_with(sha256), "{key}");
        assert!(document["signer"].as_str().unwrap().starts_with("HCC RIM L4 Signer "), "{document}");
        assert_eq!(
            (&document["issued"], &document["expires"]),
            (&json!("2026-01-01T00:00:00Z"), &json!("2027-01-01T00:00:00Z"))
        );
    }
    let table = stdout(&desk.run(&format!("collateral show --store other --format table --at {AT}")));
    assert!(table.contains("GH100/590.12/") && table.contains("HCC RIM L4 Signer"), "{table}");
    // COL-10: without the lab's root the bundle's manifests are nobody's.
    let stranger =
        desk.run(&format!("collateral import bundle.tar --key sign.key.pub --store third --at {AT}"));
    assert_eq!((code(&stranger), &json_of(&stranger)["code"]), (1, &json!("RimRootNotPinned")));
}

/// NVR-22, NVR-25, NVR-28: a store takes what is signed and in force.
#[test]
fn a_store_takes_no_manifest_that_is_not_trusted() {
    let desk = Desk::new();
    for (file, more, reason) in [
        ("other.xml", "--lab lab", "NVR-28 RimSignature"),
        ("driver.xml", "", "NVR-22 RimRootNotPinned"),
        ("sign.key.pub", "--lab lab", "NVR-02 RimMalformed"),
    ] {
        let refused = desk.run(&format!("collateral add --rim {file} {more} --at {AT}"));
        assert_eq!(code(&refused), 2, "{file}");
        assert!(stderr(&refused).contains(reason), "{}", stderr(&refused));
    }
    let expired = desk.run(&format!("collateral add --rim expired.xml --lab lab --at {AT}"));
    assert_eq!((code(&expired), &json_of(&expired)["code"]), (1, &json!("CollateralExpired")));
}

/// NVR-30: a signer on hold is accepted by a flag, which the answer repeats; a list refuses beside it.
#[test]
fn a_hold_and_a_list_are_judged_by_name() {
    let desk = Desk::new();
    let line = format!(
        "evidence rim driver.xml --at {AT} --lab lab --ocsp hold.ocsp --ocsp one.ocsp --ocsp two.ocsp"
    );
    let refused = desk.run(&line);
    assert_eq!((code(&refused), findings(&json_of(&refused))), (1, vec!["CertificateRevoked".to_owned()]));
    let held = desk.run(&format!("{line} --accept-rim-hold --nvidia-crl list.crl"));
    assert_eq!((code(&held), findings(&json_of(&held))), (0, vec!["RimOnHold".to_owned()]));
    let revoked = desk.run(&format!("{line} --accept-rim-hold --nvidia-crl revoked.crl"));
    assert_eq!(
        (code(&revoked), findings(&json_of(&revoked))),
        (1, vec!["NvidiaCertificateListed".to_owned()])
    );
}

/// COL-11: a store has one list of an authority, and takes no older one after a newer.
#[test]
fn a_store_keeps_the_newest_list_of_an_authority() {
    let desk = Desk::new();
    let add = |file: &str| desk.run(&format!("collateral add --store store --nvidia-crl {file} --at {AT}"));
    for file in ["older.crl", "list.crl"] {
        let added = add(file);
        assert_eq!(code(&added), 0, "{}", stderr(&added));
    }
    let shown = json_of(&desk.run(&format!("collateral show --store store --at {AT}")));
    let kinds: Vec<&Value> =
        shown["documents"].as_array().unwrap().iter().map(|found| &found["kind"]).collect();
    assert_eq!(kinds, ["nvidia-crl"]);
    let rolled_back = add("older.crl");
    assert_eq!(code(&rolled_back), 1);
    assert!(stdout(&rolled_back).contains("COL-11"), "{}", stdout(&rolled_back));
    assert_eq!(code(&add("driver.xml")), 2, "no list at all");
}

/// The digest of a file tells the issues of a manifest apart, and an owner pins one.
#[test]
fn a_manifest_becomes_a_reference_value() {
    let desk = Desk::new();
    let import = |line: &str| desk.run(&format!("reference import {line} --name rims --dry-run --at {AT}"));
    let good = import("driver.xml --lab lab --waive-revocation a-test");
    assert_eq!(code(&good), 0, "{}", stderr(&good));
    let value = &json_of(&good)["values"][0];
    let known = desk.run(&format!("evidence rim driver.xml --at {AT} --lab lab --waive-revocation a-test"));
    let known = &json_of(&known)["items"][0]["claims"];
    assert_eq!((&value["tee"], &value["register"]), (&json!("nvidia-gpu"), &json!("driver_rim")));
    assert_eq!(value["digest"], known["sha256"]);
    assert!(value["signer"]["vendor"].as_str().unwrap().starts_with("LAB: "), "{value}");
    assert!(value["note"].as_str().unwrap().ends_with("revocation waived: a-test"), "{value}");
    let vbios = json_of(&import("one.xml --lab lab --waive-revocation a-test"));
    assert_eq!(vbios["values"][0]["register"], "vbios_rim");
    for (line, reason) in [
        ("driver.xml --waive-revocation a-test", "NVR-"),
        ("driver.xml --lab lab", "NVR-"),
        ("expired.xml --lab lab --waive-revocation a-test", "NVR-"),
        ("other.xml --lab lab --waive-revocation a-test", "NVR-"),
        ("large.xml --lab lab --waive-revocation a-test --form nvidia-rim", "NVR-"),
        ("driver.xml --lab lab --accept-unsigned a-test", "NVIDIA signed it"),
        ("driver.xml --lab lab --waive-revocation a-test --map a=tdx:mr_td", "NVIDIA signed it"),
        ("driver.xml --form corim --signer sign.key.pub", "the signed manifest"),
    ] {
        let refused = import(line);
        assert_eq!(code(&refused), 2, "{line}");
        assert!(stderr(&refused).contains(reason), "{line}: {}", stderr(&refused));
    }
}
