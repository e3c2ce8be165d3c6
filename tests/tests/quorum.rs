//! Changes that need several people, as they use the programs: keys, the inventory, and the configuration itself.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of a test, outside the #[test] function")]

use hanzo_attestation_lab::Lab;
use hanzo_tests::programs::{Programs, Running};
use hanzo_tests::standing::Installation;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use tempfile::TempDir;

const MACHINE: &str = concat!(
    "sev-snp:",
    "0101010101010101010101010101010101010101010101010101010101010101",
    "0101010101010101010101010101010101010101010101010101010101010101",
    "@0202020202020202020202020202020202020202020202020202020202020202"
);
const DEVICE: &str = "4141414141414141";

/// People, a scope over keys of acme and the racks, and one over the configuration.
const QUORUM: &str = r#"
[[quorum.people]]
name = "alice"
public_key = "alice.pub"
[[quorum.people]]
name = "bob"
public_key = "bob.pub"
[[quorum.scopes]]
name = "acme"
changes = ["key", "inventory"]
names = ["acme/*", "rack-*"]
minimum_tier = 3
approvals = 1
[[quorum.scopes]]
name = "trust"
changes = ["trust"]
approvals = 1
break_glass_approvals = 1
"#;

struct Site {
    _folder: TempDir,
    installation: Installation,
    /// The configuration without people.
    plain: String,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lab = folder.path().join("lab");
        Lab::fixture().write(&lab).unwrap();
        let programs = Programs::of_this_build().unwrap();
        let installation = Installation::create(&programs, &lab).unwrap();
        for person in ["alice", "bob"] {
            let out = installation.file(person);
            programs.must("kbsctl", &["change", "keygen", "--out", out.to_str().unwrap()]).unwrap();
        }
        let plain = fs::read_to_string(installation.config()).unwrap();
        let site = Self { _folder: folder, installation, plain };
        site.configure(QUORUM);
        site
    }

    /// Writes the configuration with these lines after it.
    fn configure(&self, more: &str) {
        fs::write(self.installation.config(), format!("{}{more}", self.plain)).unwrap();
    }

    fn start(&self) -> Running {
        self.installation.serve().unwrap()
    }

    /// Starts a broker that must not serve; what it said.
    fn does_not_start(&self) -> String {
        let mut command = self.installation.program(&["serve"], &self.installation.config());
        let output = command.stdout(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn kbsctl(&self, arguments: &[&str]) -> Output {
        self.installation.kbsctl(arguments).unwrap()
    }

    fn must(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.installation.must_kbsctl(arguments).unwrap()).unwrap()
    }

    /// Its refusal, which must be one.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.kbsctl(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn file(&self, name: &str) -> String {
        self.installation.file(name).to_str().unwrap().to_owned()
    }

    /// Proposed by alice and approved by bob; its id.
    fn agreed(&self, what: &[&str]) -> String {
        let (alice, bob) = (self.file("alice"), self.file("bob"));
        let words = [&["change", "propose"], what, &["--as", "alice", "--key", &alice]].concat();
        let id = self.must(&words)["id"].as_str().unwrap().to_owned();
        self.must(&["change", "approve", &id, "--as", "bob", "--key", &bob]);
        id
    }

    /// What a configuration trusts, written to a file.
    fn trust_of_configuration(&self) -> (Value, PathBuf) {
        let mut command = self.installation.program(&["config", "trust"], &self.installation.config());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let path = self.installation.file("trust.json");
        fs::write(&path, &output.stdout).unwrap();
        (serde_json::from_slice(&output.stdout).unwrap(), path)
    }

    /// The check of this name of `hanzo-kbs doctor`.
    fn doctor(&self, check: &str) -> Value {
        let mut command = self.installation.program(&["doctor"], &self.installation.config());
        let checks: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        let found = checks.as_array().unwrap().iter().find(|found| found["check"] == check);
        found.cloned().unwrap_or_else(|| panic!("{checks}"))
    }
}

#[test]
fn keys_and_machines_are_agreed_to() {
    let site = Site::new();
    let _broker = site.start();
    let said = site.refused(&["key", "create", "acme/disk", "--min-tier", "2"]);
    assert!(said.contains("QuorumRequired") && said.contains("scope `acme`"), "{said}");
    assert_eq!(site.must(&["key", "create", "acme/strong", "--min-tier", "3"])["minimum_tier"], 3);
    let id = site.agreed(&["key", "acme/disk", "--min-tier", "2", "--require-cpu-tee"]);
    let shown = site.must(&["change", "show", &id]);
    assert_eq!(
        shown["difference"],
        json!(["+ kind = \"key\"", "+ minimum_tier = 2", "+ require_cpu_tee = true"])
    );
    assert_eq!(site.must(&["change", "apply", &id])["state"], "applied");
    let key = site.must(&["key", "get", "acme/disk"]);
    assert_eq!((&key["minimum_tier"], &key["require_cpu_tee"]), (&json!(2), &json!(true)));
    // A secret: what it demands is agreed to, and its value is nobody's business.
    let value = site.file("value");
    fs::write(&value, "correct horse").unwrap();
    let put =
        |tier: &str| ["secret", "put", "acme/token", "--file", &value, "--min-tier", tier].map(str::to_owned);
    let refused = |tier: &str| site.refused(&put(tier).iter().map(String::as_str).collect::<Vec<_>>());
    assert!(refused("1").contains("QuorumRequired"));
    let id = site.agreed(&["key", "acme/token", "--min-tier", "1", "--secret"]);
    site.must(&["change", "apply", &id]);
    assert!(refused("0").contains("exactly these demands"));
    site.must(&put("1").iter().map(String::as_str).collect::<Vec<_>>());
    // A machine comes and goes by agreement.
    let pair = ["inventory", "put", "rack-1", "--machine", MACHINE, "--device", DEVICE];
    assert!(site.refused(&pair).contains("QuorumRequired"));
    let id = site.agreed(&["inventory", "rack-1", "--machine", MACHINE, "--device", DEVICE, "--note", "new"]);
    site.must(&["change", "apply", &id]);
    assert_eq!(site.must(&["inventory", "get", "rack-1"])["note"], "new");
    assert!(
        site.refused(&["inventory", "remove", "rack-1", "--expected-version", "1"])
            .contains("QuorumRequired")
    );
    let gone = ["inventory", "rack-1", "--machine", MACHINE, "--remove", "--expected-version", "1"];
    let id = site.agreed(&gone);
    site.must(&["change", "apply", &id]);
    assert_eq!(site.must(&["inventory", "list"]), json!([]));
    // A flag of another kind is refused before a key is read.
    for wrong in [
        &["key", "acme/x", "--min-tier", "2", "--machine", MACHINE][..],
        &["inventory", "rack-2", "--machine", MACHINE],
        &["key", "acme/x"],
        &["trust"],
        &["policy", "p"],
    ] {
        let words = [&["change", "propose"], wrong, &["--as", "alice", "--key", "/none"]].concat();
        assert_eq!(site.kbsctl(&words).status.code(), Some(2), "{wrong:?}");
    }
    site.must(&["audit", "verify"]);
}

/// The attack: whoever can write the configuration takes the scopes, a person's key or the roots out of it, or puts
/// their own in, and starts the broker again.
#[test]
fn a_configuration_that_nobody_approved_does_not_start() {
    let site = Site::new();
    let mut broker = site.start();
    let (approved, _) = site.trust_of_configuration();
    assert_eq!(approved["quorum"]["scopes"][1]["name"], "trust");
    assert_eq!(approved["extra_roots"]["amd"].as_array().map(Vec::len), Some(3), "{approved}");
    let audit = site.must(&["audit", "list", "--limit", "1000"]).to_string();
    assert!(audit.contains("trust.put") && audit.contains("adopted at the first start"), "{audit}");
    broker.kill().unwrap();

    let swapped = QUORUM.replace("public_key = \"bob.pub\"", "public_key = \"mallory.pub\"");
    let programs = Programs::of_this_build().unwrap();
    programs.must("kbsctl", &["change", "keygen", "--out", &site.file("mallory")]).unwrap();
    for (attack, names) in [
        (String::new(), "quorum.scopes"),
        (
            QUORUM.replace("changes = [\"trust\"]", "changes = [\"policy\"]\nnames = [\"x\"]"),
            "quorum.scopes[1]",
        ),
        (swapped, "key_sha256"),
        (format!("[attestation.appraisal.snp]\nallow_masked_chip = true\n{QUORUM}"), "allow_masked_chip"),
        (format!("{QUORUM}[attestation.tpm]\ntrusted_eks = [\"{}\"]\n", "11".repeat(32)), "trusted_eks"),
    ] {
        site.configure(&attack);
        let said = site.does_not_start();
        assert!(said.contains("not the one that was approved (version 1)"), "{said}");
        assert!(said.contains(names) && said.contains("kbsctl change propose trust"), "{names}: {said}");
        let check = site.doctor("trust");
        assert!(check["ok"] == false && check["found"].as_str().unwrap().contains(names), "{check}");
    }
    // The tries are in the record, and the approved configuration starts as before.
    site.configure(QUORUM);
    assert_eq!(site.doctor("trust")["ok"], true);
    let _broker = site.start();
    let audit = site.must(&["audit", "list", "--limit", "1000"]).to_string();
    assert_eq!(audit.matches("\"code\":\"TrustNotApproved\"").count(), 5, "{audit}");
    site.must(&["audit", "verify"]);
}

#[test]
fn another_configuration_is_agreed_to_and_counts_from_the_next_start() {
    let site = Site::new();
    let mut broker = site.start();
    let looser = format!("[attestation.appraisal.snp]\nallow_masked_chip = true\n{QUORUM}");
    site.configure(&looser);
    let (document, path) = site.trust_of_configuration();
    assert_eq!(document["appraisal"]["snp"], json!({"allow_masked_chip": true}));
    let path = path.to_str().unwrap();
    let late =
        ["change", "propose", "trust", "--file", path, "--expected-version", "7", "--as", "alice", "--key"];
    let alice = site.file("alice");
    assert!(site.refused(&[&late[..], &[&alice]].concat()).contains("Conflict"));
    let id = site.agreed(&["trust", "--file", path, "--expected-version", "1"]);
    let shown = site.must(&["change", "show", &id]);
    assert_eq!(shown["difference"], json!(["- appraisal = {}", "+ appraisal.snp.allow_masked_chip = true"]));
    assert_eq!(site.must(&["change", "apply", &id])["state"], "applied");
    broker.kill().unwrap();
    site.configure(QUORUM);
    assert!(site.does_not_start().contains("version 2"), "the old one is another one now");
    site.configure(&looser);
    let mut broker = site.start();
    // At once, loudly: back to the stricter one.
    site.configure(QUORUM);
    let (_, path) = site.trust_of_configuration();
    let (path, bob) = (path.to_str().unwrap(), site.file("bob"));
    let back =
        ["change", "propose", "trust", "--file", path, "--expected-version", "2", "--as", "alice", "--key"];
    let id = site.must(&[&back[..], &[&alice]].concat())["id"].as_str().unwrap().to_owned();
    let now = [
        "change",
        "break-glass",
        &id,
        "--as",
        "bob",
        "--key",
        &bob,
        "--reason",
        "masked chips are a mistake",
    ];
    assert_eq!(site.must(&now)["glass_broken"], true);
    broker.kill().unwrap();
    let _broker = site.start();
    assert_eq!(site.must(&["status"])["break_glass"], json!([id]));
    site.must(&["change", "acknowledge", &id, "--as", "bob", "--key", &bob]);
    assert_eq!(site.must(&["status"])["break_glass"], json!([]));
    site.must(&["audit", "verify"]);
}
