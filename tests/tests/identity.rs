//! A machine without any TEE proves who it is with a registered key: tier 1, and no more.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of a test, outside the #[test] function")]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use hanzo_attestation_lab::Lab;
use hanzo_tests::programs::{Programs, Running};
use hanzo_tests::standing::Installation;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

const ALLOW: &str = r#"permit(principal, action == Action::"release", resource in Tenant::"acme") when { principal.tier >= 1 };"#;

struct Node {
    programs: Programs,
    folder: tempfile::TempDir,
    broker: String,
}

impl Node {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.programs.command("hanzo-node");
        command.env("KBS_ADDR", &self.broker).args(arguments).args(["--format", "json"]).output().unwrap()
    }

    /// Runs a verb with an identity, and gives its exit code and what it printed.
    fn with_identity(&self, arguments: &[&str], key_id: &str, key: &Path) -> (Option<i32>, Value) {
        let identity = ["--identity-key-id", key_id, "--identity-key", key.to_str().unwrap()];
        let output = self.run(&[arguments, &identity].concat());
        let printed = serde_json::from_slice(&output.stdout);
        (output.status.code(), printed.unwrap_or_else(|_| panic!("{output:?}")))
    }

    /// Asks for a secret.
    fn get(&self, secret: &str, key_id: &str, key: &Path) -> (Option<i32>, Value) {
        let _ = fs::remove_file(self.file("out"));
        let out = self.file("out");
        self.with_identity(&["secret", "get", secret, "--out", out.to_str().unwrap()], key_id, key)
    }

    /// A P-256 key in a file, as other tools make one, and its public part.
    fn p256(&self, name: &str) -> (PathBuf, Value) {
        let der =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let path = self.file(name);
        fs::write(&path, der.as_ref()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        let output = self.run(&["identity", "show", path.to_str().unwrap()]);
        (path, serde_json::from_slice(&output.stdout).unwrap())
    }

    /// A key as `hanzo-node` makes one, and its public part.
    fn ed25519(&self, name: &str) -> (PathBuf, Value) {
        let path = self.file(name);
        let output = self.run(&["identity", "create", path.to_str().unwrap()]);
        (path, serde_json::from_slice(&output.stdout).unwrap())
    }
}

fn registered(key_id: &str, public: &Value) -> String {
    let (algorithm, public_key) = (&public["algorithm"], &public["public_key"]);
    format!("[[identities]]\nkey_id = \"{key_id}\"\nalgorithm = {algorithm}\npublic_key = {public_key}\n")
}

/// The code of one decision in the record.
fn recorded(installation: &Installation, answer: &Value) -> String {
    let listed = installation.must_kbsctl(&["audit", "list", "--limit", "1000"]).unwrap();
    let page: Value = serde_json::from_str(&listed).unwrap();
    let mut entries = page["entries"].as_array().unwrap().iter();
    let entry = entries.find(|entry| entry["seq"] == answer["decision"]);
    let entry = entry.unwrap_or_else(|| panic!("no decision for {answer}"));
    assert_eq!(entry["outcome"], "refused");
    entry["code"].as_str().unwrap().to_owned()
}

#[test]
fn a_registered_key_reaches_tier_1_and_no_more() {
    let programs = Programs::of_this_build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let lab = folder.path().join("lab");
    Lab::fixture().write(&lab).unwrap();
    let installation = Installation::create(&programs, &lab).unwrap();
    let node = Node { programs, folder, broker: installation.http() };
    let (ed25519, ed25519_public) = node.ed25519("node.key");
    let (p256, p256_public) = node.p256("node.pk8");
    let text = [registered("ci-runner", &ed25519_public), registered("ci/p256", &p256_public)].concat();
    installation.append_configuration(&text).unwrap();
    let _broker = installation.serve().unwrap();
    let (policy, token) = (node.file("allow.cedar"), node.file("token"));
    fs::write(&policy, ALLOW).unwrap();
    fs::write(&token, "the token").unwrap();
    let token = token.to_string_lossy();
    for (key, tier) in [("acme/ci-token", "1"), ("acme/weights", "2")] {
        installation.must_kbsctl(&["secret", "put", key, "--min-tier", tier, "--file", &token]).unwrap();
    }
    installation.must_kbsctl(&["policy", "put", "allow", &policy.to_string_lossy()]).unwrap();

    for (key_id, key) in [("ci-runner", &ed25519), ("ci/p256", &p256)] {
        let (code, answer) = node.with_identity(&["attest"], key_id, key);
        assert_eq!((code, &answer["outcome"], &answer["tier"]), (Some(0), &"attested".into(), &1.into()));
        assert_eq!(answer["identity"], key_id);
        let (code, answer) = node.get("acme/ci-token", key_id, key);
        assert_eq!((code, &answer["outcome"], &answer["tier"]), (Some(0), &"granted".into(), &1.into()));
        assert_eq!(fs::read(node.file("out")).unwrap(), b"the token");

        denied(&installation, &node.get("acme/weights", key_id, key), "TierTooLow");
    }
    an_agent_holds_the_key(&node, &ed25519);
    denied(&installation, &node.get("acme/ci-token", "nobody", &ed25519), "RegisteredKeyUnknown");
    let (stranger, _) = node.ed25519("stranger.key");
    denied(&installation, &node.get("acme/ci-token", "ci-runner", &stranger), "RegisteredKeySignature");
    denied(&installation, &node.get("acme/ci-token", "ci/p256", &ed25519), "RegisteredKeySignature");

    // Without an identity the same machine proves nothing.
    let out = node.file("out");
    let output = node.run(&["secret", "get", "acme/ci-token", "--out", out.to_str().unwrap()]);
    let answer = serde_json::from_slice(&output.stdout).unwrap();
    denied(&installation, &(output.status.code(), answer), "TierTooLow");
    assert!(!out.exists(), "a refusal leaves no file");
}

/// The agent signs with the key that its configuration file names.
fn an_agent_holds_the_key(node: &Node, key: &Path) {
    let (config, socket) = (node.file("node.toml"), node.file("run/agent.sock"));
    let text = format!(
        "keys = [\"acme/ci-token\"]\n[kbs]\naddr = \"{}\"\n[agent]\nsocket = \"{}\"\n\
         [identity]\nkey_id = \"ci-runner\"\nkey = {{ file = \"{}\" }}\n",
        node.broker,
        socket.display(),
        key.display(),
    );
    fs::write(&config, text).unwrap();
    let mut command = node.programs.command("hanzo-node");
    command.arg("agent").arg("--config").arg(&config);
    let mut agent = Running::start(command).unwrap();
    let out = node.file("out");
    let get = ["secret", "get", "acme/ci-token", "--socket", socket.to_str().unwrap()];
    let get = [&get[..], &["--out", out.to_str().unwrap()]].concat();
    let _ = fs::remove_file(&out);
    agent.until("the key", || node.run(&get).status.success()).unwrap();
    assert_eq!(fs::read(&out).unwrap(), b"the token");
}

fn denied(installation: &Installation, (code, answer): &(Option<i32>, Value), reason: &str) {
    assert_eq!((*code, &answer["outcome"]), (Some(1), &"denied".into()), "{answer}");
    assert_eq!(recorded(installation, answer), reason);
}
