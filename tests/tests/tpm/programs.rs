//! The programs together: a broker, and a node whose only hardware root is its TPM.

use crate::machine::Machine;
use hanzo_attestation_lab::Lab;
use hanzo_tests::programs::{Programs, Running};
use hanzo_tests::standing::Installation;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Output;

const ALLOW: &str = r#"permit(principal, action == Action::"release", resource in Tenant::"acme") when { principal.tier >= 2 };"#;

/// A broker's installation, and a place for a node's files.
pub(crate) struct Place {
    pub(crate) installation: Installation,
    programs: Programs,
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let programs = Programs::of_this_build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let lab = folder.path().join("lab");
        Lab::fixture().write(&lab).unwrap();
        let installation = Installation::create(&programs, &lab).unwrap();
        Self { installation, programs, folder }
    }

    /// Starts the broker with more configuration, and with two keys: one for any tier 2, one for a CPU TEE.
    pub(crate) fn serve(&self, configuration: &str) -> Running {
        self.installation.append_configuration(configuration).unwrap();
        let broker = self.installation.serve().unwrap();
        let (policy, secret) = (self.file("allow.cedar"), self.file("secret"));
        fs::write(&policy, ALLOW).unwrap();
        fs::write(&secret, "the weights").unwrap();
        let (policy, secret) = (policy.to_string_lossy(), secret.to_string_lossy());
        let put = ["secret", "put", "acme/weights", "--min-tier", "2", "--file", &secret];
        self.installation.must_kbsctl(&put).unwrap();
        let put = ["secret", "put", "acme/tee", "--min-tier", "2", "--require-cpu-tee", "--file", &secret];
        self.installation.must_kbsctl(&put).unwrap();
        self.installation.must_kbsctl(&["policy", "put", "allow", &policy]).unwrap();
        broker
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the node on a machine.
    pub(crate) fn run(&self, machine: &Machine, arguments: &[&str]) -> Output {
        let (tcti, state) = (machine.swtpm.tcti(), machine.state());
        let tpm = ["--tpm-tcti", &tcti, "--tpm-state", state.to_str().unwrap(), "--format", "json"];
        let mut command = self.programs.command("hanzo-node");
        command.env("KBS_ADDR", self.installation.http());
        command.args(arguments).args(tpm).output().unwrap()
    }

    /// Runs the node, and gives its exit code and what it printed.
    pub(crate) fn node(&self, machine: &Machine, arguments: &[&str]) -> (Option<i32>, Value) {
        let output = self.run(machine, arguments);
        let printed = serde_json::from_slice(&output.stdout);
        (output.status.code(), printed.map_err(|_| format!("{output:?}")).unwrap())
    }

    /// Asks for a secret.
    pub(crate) fn get(&self, machine: &Machine, key: &str) -> (Option<i32>, Value) {
        let out = self.file("out");
        let _ = fs::remove_file(&out);
        self.node(machine, &["secret", "get", key, "--out", out.to_str().unwrap()])
    }

    /// The attestation key's Name, as an operator copies it into the broker's configuration.
    pub(crate) fn name(&self, machine: &Machine) -> String {
        let (code, shown) = self.node(machine, &["tpm", "show"]);
        assert_eq!(code, Some(0), "{shown}");
        assert_eq!(shown["tpm"]["manufacturer"], "IBM");
        shown["attestation_key"]["name"].as_str().unwrap().to_owned()
    }

    /// Asserts a denial, and that the record gives this reason to the operator.
    pub(crate) fn assert_denied(&self, (code, answer): &(Option<i32>, Value), reason: &str) {
        assert_eq!((*code, &answer["outcome"]), (Some(1), &"denied".into()), "{answer}");
        assert_eq!(self.recorded(&answer["decision"]), reason);
    }

    /// The code of one decision in the record.
    pub(crate) fn recorded(&self, decision: &Value) -> String {
        let listed = self.installation.must_kbsctl(&["audit", "list", "--limit", "1000"]).unwrap();
        let page: Value = serde_json::from_str(&listed).unwrap();
        let mut entries = page["entries"].as_array().unwrap().iter();
        let entry = entries.find(|entry| entry["seq"] == *decision);
        let entry = entry.ok_or_else(|| format!("no decision {decision}")).unwrap();
        entry["code"].as_str().unwrap().to_owned()
    }
}

/// TPM-11, TPM-37: a trusted TPM reaches tier 2, and nothing that demands a CPU TEE.
#[test]
fn a_trusted_tpm_gets_a_key_of_tier_2_and_none_that_demands_a_cpu_tee() {
    let (place, machine, stranger) = (Place::new(), Machine::start(), Machine::start());
    machine.boot();
    stranger.boot();
    let name = place.name(&machine);
    let _broker = place.serve(&format!("[attestation.tpm]\ntrusted_ak_names = [\"{name}\"]\n"));

    let (code, answer) = place.node(&machine, &["attest"]);
    assert_eq!((code, &answer["outcome"], &answer["tier"]), (Some(0), &"attested".into(), &2.into()));
    assert_eq!((&answer["source"], &answer["tpm"]), (&"none".into(), &machine.swtpm.tcti().into()));
    let (code, answer) = place.get(&machine, "acme/weights");
    assert_eq!((code, &answer["outcome"], &answer["tier"]), (Some(0), &"granted".into(), &2.into()));
    assert_eq!(fs::read(place.file("out")).unwrap(), b"the weights");

    place.assert_denied(&place.get(&machine, "acme/tee"), "CpuTeeRequired");
    place.assert_denied(&place.get(&stranger, "acme/weights"), "TpmAkUntrusted");
    assert!(!place.file("out").exists(), "a refusal leaves no file");
}

/// A machine whose TPM is gone says so, proves less, and is not taken for one that has it.
#[test]
fn a_missing_tpm_lowers_the_tier_and_says_so() {
    let (place, mut machine) = (Place::new(), Machine::start());
    machine.boot();
    let name = place.name(&machine);
    let _broker = place.serve(&format!("[attestation.tpm]\ntrusted_ak_names = [\"{name}\"]\n"));
    machine.swtpm.stop().unwrap();
    let output = place.run(&machine, &["attest"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["tier"], &answer["tpm"]), (&0.into(), &Value::Null));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the TPM that is configured is not there"), "{said}");
    place.assert_denied(&place.get(&machine, "acme/weights"), "TierTooLow");
}

/// What `detect` and `doctor` say of a TPM, they heard from it.
#[test]
fn detect_and_doctor_report_the_tpms_own_words() {
    let (place, mut machine) = (Place::new(), Machine::start());
    let _broker = place.serve("");
    let (_, seen) = place.node(&machine, &["detect"]);
    let words = &seen["tpm"]["value"];
    assert_eq!((&seen["tpm"]["state"], &words["manufacturer"]), (&"present".into(), &"IBM".into()), "{seen}");
    assert_eq!((&words["banks"][0], &words["ek_certificates"][0]), (&"sha256".into(), &"0x01c00002".into()));
    assert_eq!(seen["tiers"][1]["missing"], serde_json::json!([]), "{seen}");
    assert_ne!(seen["tiers"][2]["missing"], serde_json::json!([]), "a TPM is no CPU TEE");

    let tpm = |checks: &Value| {
        let checks = checks.as_array().unwrap();
        checks.iter().find(|check| check["check"] == "tpm").unwrap().clone()
    };
    let checked = tpm(&place.node(&machine, &["doctor"]).1);
    assert_eq!(checked["verdict"], "ok", "{checked}");
    let detail = checked["detail"].as_str().unwrap();
    for word in ["IBM SW TPM", "sha256 sha384", "0x01c00002", "ecdsa-p256 key 000b"] {
        assert!(detail.contains(word), "{detail}");
    }
    machine.swtpm.stop().unwrap();
    let (code, checks) = place.node(&machine, &["doctor"]);
    assert_eq!((code, &tpm(&checks)["verdict"]), (Some(1), &"fail".into()));
}
