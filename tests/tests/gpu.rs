//! GPUs and switches of a lab beside a lab's CPU, with the real programs: a node proves tier 3 to a broker that
//! accepts the lab, and anything less is denied by name.
#![expect(clippy::unwrap_used, reason = "helpers of a test, outside the #[test] function")]

use hanzo_attestation_lab::Lab;
use hanzo_tests::programs::{DevBroker, LabSource, Programs, Running};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Output;

const ALLOW: &str = r#"permit(principal, action == Action::"release", resource in Tenant::"acme") when { principal.tier >= 2 };"#;

/// A broker that accepts a lab, with a key of tier 3 and one of tier 2.
struct World {
    programs: Programs,
    broker: DevBroker,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let programs = Programs::of_this_build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        Lab::fixture().write(&folder.path().join("lab")).unwrap();
        let broker = DevBroker::start(&programs, Some(&folder.path().join("lab"))).unwrap();
        let policy = folder.path().join("allow.cedar");
        std::fs::write(&policy, ALLOW).unwrap();
        broker.must_kbsctl(&["key", "create", "acme/gpu", "--min-tier", "3"]).unwrap();
        broker.must_kbsctl(&["key", "create", "acme/cpu", "--min-tier", "2"]).unwrap();
        broker.must_kbsctl(&["policy", "put", "allow", policy.to_str().unwrap()]).unwrap();
        Self { programs, broker, folder }
    }

    fn lab(&self) -> PathBuf {
        self.folder.path().join("lab")
    }

    fn source(&self, knobs: &[&str]) -> LabSource {
        LabSource::start(&self.programs, &self.lab(), knobs).unwrap()
    }

    fn node(&self, source: &LabSource, verb: &[&str]) -> (Option<i32>, Value) {
        let mut command = self.programs.command("hanzo-node");
        command.args(verb).args(["--format", "json", "--kbs-addr", &self.broker.info.addr]);
        command.arg("--kbs-ca-cert").arg(&self.broker.info.ca_cert).arg("--lab-socket").arg(&source.socket);
        printed(&command.output().unwrap())
    }

    fn get(&self, source: &LabSource, key: &str) -> (Option<i32>, Value) {
        let out = tempfile::tempdir().unwrap();
        let path = out.path().join("key");
        self.node(source, &["secret", "get", key, "--out", path.to_str().unwrap()])
    }

    /// The code of the newest refusal in the record.
    fn refusal(&self) -> String {
        let page = self.broker.json_kbsctl(&["audit", "list", "--limit", "1000"]).unwrap();
        let entries = page["entries"].as_array().unwrap().clone();
        let refused = entries.iter().rev().find(|entry| entry["outcome"] == "refused");
        refused.unwrap()["code"].as_str().unwrap().to_owned()
    }
}

fn printed(output: &Output) -> (Option<i32>, Value) {
    let said = String::from_utf8_lossy(&output.stderr);
    let value = serde_json::from_slice(&output.stdout);
    (output.status.code(), value.unwrap_or_else(|_| json!({ "stderr": said })))
}

#[test]
fn a_lab_node_with_gpus_proves_tier_3() {
    let world = World::new();
    for knobs in [
        &["--gpus", "1"][..],
        &["--gpus", "8", "--switches", "4"],
        &["--gpus", "2", "--gpu-architecture", "blackwell"],
    ] {
        let source = world.source(knobs);
        let (code, attested) = world.node(&source, &["attest"]);
        assert_eq!((code, &attested["tier"]), (Some(0), &json!(3)), "{knobs:?}: {attested}");
        let (code, granted) = world.get(&source, "acme/gpu");
        assert_eq!((code, &granted["outcome"]), (Some(0), &json!("granted")), "{knobs:?}: {granted}");
    }
}

/// What is missing lowers the tier; what is wrong is refused.
#[test]
fn a_lab_node_with_less_is_denied_by_name() {
    let world = World::new();
    let bare = world.source(&[]);
    assert_eq!(world.get(&bare, "acme/cpu").0, Some(0));
    for (knobs, reason) in [
        (&[][..], "TierTooLow"),
        (&["--gpus", "1", "--no-ocsp"], "RevocationUnchecked"),
        (&["--gpus", "1", "--wrong-nonce"], "SnpReportDataMismatch"),
        (&["--device-defect", "other-nonce", "--gpus", "1"], "Nonce"),
        (&["--device-defect", "measurement", "--gpus", "1"], "RimMeasurementMismatch"),
        (&["--device-defect", "copies", "--switches", "1"], "DeviceDuplicate"),
        (&["--device-defect", "gpu-missing"], "TopologyOpen"),
        (&["--device-defect", "report-signature", "--gpus", "1"], "ReportSignature"),
        (&["--ocsp-defect", "revoked", "--gpus", "1"], "CertificateRevoked"),
    ] {
        let source = world.source(knobs);
        let (code, denied) = world.get(&source, "acme/gpu");
        assert_eq!((code, &denied["outcome"]), (Some(1), &json!("denied")), "{knobs:?}: {denied}");
        assert_eq!(world.refusal(), reason, "{knobs:?}");
    }
    // A node may be told to leave its GPUs out.
    let source = world.source(&["--gpus", "1"]);
    let (code, attested) = world.node(&source, &["attest", "--gpu-evidence", "off"]);
    assert_eq!((code, &attested["tier"]), (Some(0), &json!(2)), "{attested}");
}

/// The agent renews with the same evidence: its session has the tier of its GPUs.
#[test]
fn an_agent_holds_a_key_of_tier_3() {
    let world = World::new();
    let source = world.source(&["--gpus", "1"]);
    let config = world.folder.path().join("node.toml");
    let socket = world.folder.path().join("run/agent.sock");
    let text = format!(
        "keys = [\"acme/gpu\"]\nsource = {{ lab_socket = \"{}\" }}\n[kbs]\naddr = \"{}\"\nca_cert = \"{}\"\n\
         [agent]\nsocket = \"{}\"\n",
        source.socket.display(),
        world.broker.info.addr,
        world.broker.info.ca_cert.display(),
        socket.display()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = world.programs.command("hanzo-node");
    command.arg("agent").arg("--config").arg(&config);
    let mut agent = Running::start(command).unwrap();
    let out = world.folder.path().join("key");
    let got = || {
        let mut command = world.programs.command("hanzo-node");
        command.args(["secret", "get", "acme/gpu", "--socket"]).arg(&socket).arg("--out").arg(&out);
        command.output().unwrap().status.success()
    };
    agent.until("the key", got).unwrap();
}

/// The same evidence on the desk of whoever has the lab's directory.
#[test]
fn kbsctl_judges_a_labs_devices() {
    let world = World::new();
    let lab = world.lab();
    let (lab, data) = (lab.to_str().unwrap(), "ab".repeat(64));
    let document = world.folder.path().join("evidence.json");
    let judge = |knobs: &[&str]| {
        let fixed = ["evidence", "--dir", lab, "--report-data", &data];
        let made = world.programs.must("hanzo-lab", &[&fixed, knobs].concat()).unwrap();
        std::fs::write(&document, made).unwrap();
        let path = document.to_str().unwrap();
        let verify = ["evidence", "verify", path, "--lab", lab, "--report-data", &data, "--nonce", &data];
        printed(&world.programs.run("kbsctl", &[&verify[..], &["--format", "json"]].concat()).unwrap())
    };
    for knobs in [
        &["--gpus", "8", "--switches", "4"][..],
        &["--type", "nvidia-gpu"],
        &["--type", "nvidia-switch"],
        &["--type", "tdx", "--gpus", "2", "--gpu-architecture", "blackwell"],
    ] {
        let (code, answer) = judge(knobs);
        assert_eq!((code, &answer["acceptable"]), (Some(0), &json!(true)), "{knobs:?}: {answer}");
    }
    for (knobs, authentic, code) in [
        (&["--type", "nvidia-gpu", "--device-defect", "leaf-expired"][..], false, "ChainNotInValidity"),
        (&["--type", "nvidia-gpu", "--wrong-nonce"], true, "Nonce"),
        (&["--device-defect", "switch-missing"], true, "TopologyOpen"),
    ] {
        let (exit, answer) = judge(knobs);
        assert_eq!((exit, &answer["authentic"]), (Some(1), &json!(authentic)), "{knobs:?}: {answer}");
        assert!(answer.to_string().contains(&format!("\"{code}\"")), "{knobs:?}: {answer}");
    }
    // The one GPU's manifest, made again with a defect, is refused by its rule.
    let manifest = world.folder.path().join("rim.xml");
    let made = world
        .programs
        .must("hanzo-lab", &["rim", "--dir", lab, "--like", "gh100-driver", "--defect", "other-key"])
        .unwrap();
    std::fs::write(&manifest, made).unwrap();
    let path = manifest.to_str().unwrap();
    let rim = ["evidence", "rim", path, "--lab", lab, "--waive-revocation", "a test", "--format", "json"];
    let (exit, answer) = printed(&world.programs.run("kbsctl", &rim).unwrap());
    assert!(exit == Some(1) && answer.to_string().contains("RimSignature"), "{answer}");
}
