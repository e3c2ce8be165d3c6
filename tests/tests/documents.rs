//! The commands in the documents are real: each is run, in the document's order, with its file names and
//! addresses filled in. A command that nobody could type fails here.
#![expect(clippy::unwrap_used, reason = "helpers of a test, outside the #[test] function")]

use hanzo_attestation_lab::{Lab, SnpOrder};
use hanzo_tests::programs::{DevBroker, LabSource, Programs};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The command lines in the fenced blocks of a document, without their comments.
fn commands(document: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(document)).unwrap();
    let mut fenced = false;
    let mut commands = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            let command = line.split(" # ").next().unwrap().trim();
            let programs = ["./dev", ".ci/run", "kbsctl", "hanzo-kbs", "hanzo-node", "hanzo-lab"];
            if programs.iter().any(|program| command.split(' ').next() == Some(program)) {
                commands.push(command.to_owned());
            }
        }
    }
    commands
}

struct Newcomer {
    broker: DevBroker,
    programs: Programs,
    folder: tempfile::TempDir,
    source: LabSource,
}

impl Newcomer {
    fn new() -> Self {
        let programs = Programs::of_this_build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let lab_folder = folder.path().join("lab");
        let lab = Lab::fixture();
        lab.write(&lab_folder).unwrap();
        let document: Value = Lab::document(vec![lab.snp(&SnpOrder::default()).unwrap()]);
        std::fs::write(folder.path().join("evidence.json"), document.to_string()).unwrap();
        std::fs::copy(root().join("tests/demo/release.cedar"), folder.path().join("release.cedar")).unwrap();
        let broker = DevBroker::start(&programs, Some(&lab_folder)).unwrap();
        let source = LabSource::start(&programs, &lab_folder, &[]).unwrap();
        Self { broker, programs, folder, source }
    }

    /// Runs one line in the newcomer's folder, as the administrator of a development broker.
    fn run(&self, line: &str) -> Output {
        let image = hex::encode(SnpOrder::usual_measurement());
        let line = line
            .replace("HEX", &image)
            .replace("REPORT_DATA", &"00".repeat(64))
            .replace("MACHINE", &format!("sev-snp:{}@{}", "01".repeat(64), "02".repeat(32)))
            .replace("PDI", &"41".repeat(8))
            .replace("policy/examples", &root().join("policy/examples").to_string_lossy())
            .replace("kbs.toml", &root().join("kbs/src/config/example.toml").to_string_lossy())
            .replace("https://…", &self.broker.info.addr)
            .replace("ca.pem", &self.broker.info.ca_cert.to_string_lossy());
        let mut words = line.split_whitespace().map(|word| word.trim_matches('"'));
        let program = words.next().unwrap();
        let mut command = self.programs.command(program);
        command.args(words).current_dir(self.folder.path());
        command
            .env("KBS_ADDR", &self.broker.info.addr)
            .env("KBS_CACERT", &self.broker.info.ca_cert)
            .env("KBS_TOKEN_FILE", &self.broker.info.admin_token_file);
        if line.contains("secret get") {
            command.arg("--lab-socket").arg(&self.source.socket);
        }
        command.output().unwrap()
    }
}

#[test]
fn the_readmes_commands_are_real() {
    let lines = commands("README.md");
    assert!(lines.len() >= 12, "only {} commands found in README.md", lines.len());
    let newcomer = Newcomer::new();
    let mut ran = 0;
    for line in &lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["./dev", verb] => assert!(dev_knows(verb), "./dev has no verb {verb}"),
            // These serve or hold a session until they are stopped, and other tests run them: here, their
            // flags are read.
            ["hanzo-kbs", "serve" | "init", ..] | ["hanzo-node", "agent", ..] => {
                known_flags(&newcomer, &words)
            }
            // These need a TPM, and `tests/tests/tpm` runs them with one.
            ["hanzo-node", "tpm", ..] | ["hanzo-node", "attest", "--tpm", ..] => {
                known_flags(&newcomer, &words)
            }
            // Lab evidence, judged without a lab's roots: a clear no, which is the exit code 1 that the text
            // explains.
            ["kbsctl", "evidence", "verify", ..] => {
                assert_eq!(newcomer.run(line).status.code(), Some(1), "{line}");
                ran += 1;
            }
            _ => {
                let output = newcomer.run(line);
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "`{line}` failed: {said}");
                ran += 1;
            }
        }
    }
    println!("README.md: {} commands, {ran} of them run to their end", lines.len());
    assert!(ran >= 7, "only {ran} commands ran");
}

#[test]
fn the_policy_authors_commands_are_real() {
    let lines = commands("docs/policy.md");
    assert!(lines.len() >= 2, "only {} commands found in docs/policy.md", lines.len());
    let newcomer = Newcomer::new();
    for line in &lines {
        let output = newcomer.run(line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{line}` failed: {said}");
    }
    println!("docs/policy.md: {} commands", lines.len());
}

#[test]
fn the_commands_about_reference_values_are_real() {
    let lines = commands("docs/references.md");
    assert!(lines.len() >= 2, "only {} commands found in docs/references.md", lines.len());
    let newcomer = Newcomer::new();
    for (image, seeds) in [("OVMF.amdsev.fd", "snp-firmware"), ("OVMF.inteltdx.fd", "tdx-firmware")] {
        let image = newcomer.folder.path().join(image);
        std::fs::write(image, (hanzo_tests::fuzz::target(seeds).unwrap().seeds)().concat()).unwrap();
    }
    for line in &lines {
        let output = newcomer.run(line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{line}` failed: {said}");
    }
    println!("docs/references.md: {} commands", lines.len());
}

#[test]
fn contributings_commands_are_real() {
    for line in commands("CONTRIBUTING.md") {
        let program = line.split(' ').next().unwrap();
        assert!(root().join(program).is_file(), "{line}");
        if let Some(verb) = line.strip_prefix("./dev ") {
            assert!(dev_knows(verb), "./dev has no verb {verb}");
        }
    }
}

fn dev_knows(verb: &str) -> bool {
    let dev = std::fs::read_to_string(root().join("dev")).unwrap();
    dev.lines().any(|line| line.trim_start().starts_with(&format!("{verb}) ")))
}

/// Each flag of the line is in the help of its verb.
fn known_flags(newcomer: &Newcomer, words: &[&str]) {
    let verb: Vec<&str> = words[1..].iter().take_while(|word| !word.starts_with("--")).copied().collect();
    let output = newcomer.programs.command(words[0]).args(verb).arg("--help").output().unwrap();
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    for flag in words.iter().filter(|word| word.starts_with("--")) {
        assert!(help.contains(flag), "{words:?}: the help has no {flag}");
    }
}

#[test]
fn documents_name_only_what_exists() {
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        for word in text.split('`').skip(1).step_by(2) {
            let is_path = word.contains('/') && !word.contains([' ', '{', '<']) && !word.starts_with('/');
            let inside = ["attestation/", "policy/", "kbs/", "node/", "fixtures/", "tests/", ".ci/"];
            if is_path && inside.iter().any(|folder| word.starts_with(folder)) {
                let plain = word.replace("NAME", "snp").replace("/{claims,chain,verify}", "");
                let path = root().join(plain.trim_end_matches('/'));
                let found = path.exists() || path.with_extension("rs").exists();
                assert!(found, "{document} names `{word}`, which does not exist");
            }
        }
    }
}
