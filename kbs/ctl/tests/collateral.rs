//! `kbsctl collateral` as a program: a key, a store, a bundle, and every way in which one is refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use hanzo_attestation_lab::Lab;
use program::{code, json_of, kbsctl, stderr, stdout};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

/// A folder with a lab, a key pair and a store of the lab's lists.
struct Desk {
    folder: TempDir,
    at: String,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lab = Lab::fixture();
        lab.write(&folder.path().join("lab")).unwrap();
        let desk = Self { folder, at: lab.validity().not_after.to_string() };
        assert_eq!(code(&desk.run("key generate sign.key")), 0);
        let added = desk.at("add --amd-crl milan/vcek=lab/amd/milan/vcek.crl --lab lab");
        assert_eq!(code(&added), 0, "{}", stderr(&added));
        desk
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a line in the folder.
    fn run(&self, line: &str) -> Output {
        let mut command = kbsctl(self.folder.path());
        command.current_dir(self.folder.path()).arg("collateral").args(line.split_whitespace());
        command.output().unwrap()
    }

    /// Runs a line at the lab's time.
    fn at(&self, line: &str) -> Output {
        self.run(&format!("{line} --at {}", self.at))
    }

    fn import(&self, bundle: &str, more: &str) -> (i32, Value) {
        let output = self.at(&format!("import {bundle} --key sign.key.pub --store other --lab lab {more}"));
        (code(&output), json_of(&output))
    }
}

#[test]
fn a_bundle_goes_from_one_store_to_another() {
    let desk = Desk::new();
    for bundle in ["bundle.tar", "bundle"] {
        let exported =
            desk.at(&format!("export {bundle} --sign-key sign.key --sequence 7 --edn-floor-tdx 19"));
        assert_eq!(code(&exported), 0, "{}", stderr(&exported));
        let again = desk.at(&format!("export {bundle} --sign-key sign.key"));
        assert_eq!(code(&again), 2, "nothing is overwritten");
    }
    let (code_, json) = desk.import("bundle.tar", "");
    assert_eq!((code_, &json["accepted"], &json["sequence"]), (0, &true.into(), &7.into()), "{json:#}");
    // The folder is the same bundle: not newer.
    let (code_, json) = desk.import("bundle", "");
    assert_eq!((code_, &json["accepted"], &json["rule"]), (1, &false.into(), &"COL-13".into()), "{json:#}");
    let shown = desk.at("show --store other");
    let json = json_of(&shown);
    assert_eq!((code(&shown), &json["signed"], &json["in_force"]), (0, &true.into(), &true.into()));
    assert_eq!(json["edn_floors"]["tdx"], 19);
    assert_eq!(json["documents"][0]["kind"], "amd-crl");
    assert_eq!(json["documents"][0]["left_percent"], 0, "the lab's last second");
    let table = stdout(&desk.at("show --store other --format table"));
    assert!(table.contains("milan/vcek") && table.contains("0 %"), "{table}");
    let late = desk.run("show --store other --at 2050-01-01T00:00:00Z");
    assert_eq!((code(&late), &json_of(&late)["in_force"]), (1, &false.into()));
}

/// COL-12: another key; one key of two.
#[test]
fn a_bundle_of_another_key_is_a_clear_no() {
    let desk = Desk::new();
    assert_eq!(code(&desk.run("key generate other.key --algorithm p384")), 0);
    assert_eq!(code(&desk.at("export bundle.tar --sign-key other.key")), 0);
    let (code_, json) = desk.import("bundle.tar", "");
    assert_eq!((code_, &json["code"]), (1, &"BundleSignatureInvalid".into()), "{json:#}");
    let (code_, json) = desk.import("bundle.tar", "--key other.key.pub --threshold 2");
    assert_eq!((code_, &json["code"]), (1, &"BundleSignatureInvalid".into()), "{json:#}");
    assert!(!desk.path("other/store.json").exists());
    let (code_, json) = desk.import("bundle.tar", "--key other.key.pub --threshold 1");
    assert_eq!(code_, 0, "{json:#}");
}

#[test]
fn wrong_usage_exits_with_2() {
    let desk = Desk::new();
    assert_eq!(code(&desk.at("export bundle.tar --sign-key sign.key")), 0);
    for line in [
        "import bundle.tar",
        "import absent --key sign.key.pub",
        "import bundle.tar --key sign.key",
        "import bundle.tar --key sign.key.pub --key lab/lab.json --threshold 1",
        "import bundle.tar --key sign.key.pub --threshold 2",
        "export more.tar",
        "export more.tar --sign-key sign.key.pub",
        "export more.tar --sign-key sign.key --days 0",
        "export more.tar --sign-key sign.key --store absent",
        "add --amd-crl lab/amd/milan/vcek.crl",
        "add --amd-crl genoa/vcek=lab/amd/milan/vcek.crl --lab lab",
        "add --amd-crl milan/vcek=lab/amd/milan/vcek.crl",
        "key generate sign.key",
        "fetch",
    ] {
        let output = desk.run(line);
        assert_eq!(code(&output), 2, "{line}: {} {}", stdout(&output), stderr(&output));
    }
    let two = desk.at("import bundle.tar --key sign.key.pub --key lab/x --lab lab");
    assert_eq!(code(&two), 2);
}

#[test]
fn a_private_key_is_its_owners_alone() {
    let desk = Desk::new();
    let mode = |name: &str| fs::metadata(desk.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("sign.key"), mode("sign.key.pub")), (0o600, 0o644));
    fs::set_permissions(desk.path("sign.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let refused = desk.at("export bundle.tar --sign-key sign.key");
    assert_eq!(code(&refused), 2, "{}", stdout(&refused));
    assert!(!desk.path("bundle.tar").exists());
}

#[test]
fn an_empty_store_is_a_clear_no() {
    let desk = Desk::new();
    let shown = desk.run("show --store absent");
    assert_eq!((code(&shown), &json_of(&shown)["rule"]), (1, &"COL-10".into()));
}

/// Evidence is judged by what the store has: without its list, the platform's revocation is unknown.
#[test]
fn evidence_is_verified_with_a_store() {
    let desk = Desk::new();
    let lab = Lab::fixture();
    let item = lab.snp(&hanzo_attestation_lab::SnpOrder::default()).unwrap();
    fs::write(desk.path("snp.json"), Lab::document(vec![item]).to_string()).unwrap();
    // A lab without lists: only the store has any.
    fs::write(
        desk.path("lab/lab.json"),
        r#"{"amd":[{"product":"milan","ark":"amd/milan/ark.der","crls":[]}]}"#,
    )
    .unwrap();
    let verify = |more: &str| {
        let line = format!("verify snp.json --lab lab --profile corpus --at {} {more}", desk.at);
        let mut command = kbsctl(Path::new(desk.folder.path()));
        command.current_dir(desk.folder.path()).arg("evidence").args(line.split_whitespace());
        let output = command.output().unwrap();
        (code(&output), json_of(&output))
    };
    let (code_, json) = verify("");
    assert_eq!((code_, &json["items"][0]["findings"][0]["rule"]), (1, &"SNP-33".into()), "{json:#}");
    let (code_, json) = verify("--collateral collateral");
    assert_eq!((code_, &json["acceptable"]), (0, &true.into()), "{json:#}");
}

/// DCAP-31: a bundle's deny list refuses a genuine quote by the serial number of its PCK certificate, and no
/// other.
#[test]
fn a_stores_deny_list_is_enforced() {
    let desk = Desk::new();
    let lab = Lab::fixture();
    let order = hanzo_attestation_lab::TdxOrder::default();
    fs::write(desk.path("td.json"), Lab::document(vec![lab.tdx(&order).unwrap()]).to_string()).unwrap();
    let verify = |more: &str| {
        let line = format!("verify td.json --lab lab --profile corpus --at {} {more}", desk.at);
        let mut command = kbsctl(Path::new(desk.folder.path()));
        command.current_dir(desk.folder.path()).arg("evidence").args(line.split_whitespace());
        let output = command.output().unwrap();
        (code(&output), json_of(&output))
    };
    let (code_, json) = verify("");
    assert_eq!((code_, &json["acceptable"]), (0, &true.into()), "{json:#}");
    let serial = json["items"][0]["claims"]["dcap"]["pck_serial"].as_str().unwrap().to_owned();
    for (sequence, denied, code_) in [(1, "0badc0de", 0), (2, serial.as_str(), 1)] {
        let deny = format!(r#"{{"veks":[],"pck_serials":["{denied}"],"eks":[]}}"#);
        fs::write(desk.path("deny.json"), deny).unwrap();
        let bundle = format!("bundle-{sequence}");
        let line = format!("export {bundle} --sign-key sign.key --sequence {sequence} --deny deny.json");
        let exported = desk.at(&line);
        assert_eq!(code(&exported), 0, "{}", stderr(&exported));
        let (imported, json) = desk.import(&bundle, "");
        assert_eq!(imported, 0, "{json:#}");
        let (found, json) = verify("--collateral other");
        assert_eq!(found, code_, "{json:#}");
        assert_eq!(
            (&json["authentic"], &json["acceptable"]),
            (&true.into(), &(code_ == 0).into()),
            "{json:#}"
        );
        let findings = json["items"][0]["findings"].as_array().unwrap();
        assert_eq!(findings.iter().any(|finding| finding["code"] == "PckRevoked"), code_ == 1, "{json:#}");
    }
}
