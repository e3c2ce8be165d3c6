//! `kbsctl evidence` as a program: exit codes, what goes to standard output, what is read from where.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use hanzo_attestation_lab::{Lab, SnpOrder, TdxOrder, TpmOrder};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const HEX: &str = "07070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707";
/// A nonce of 32 bytes.
const NONCE: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A lab directory, and documents in it.
struct Bench {
    directory: tempfile::TempDir,
    at: String,
}

impl Bench {
    fn new() -> Self {
        let lab = Lab::fixture();
        let directory = tempfile::tempdir().unwrap();
        lab.write(&directory.path().join("lab")).unwrap();
        let snp = lab.snp(&SnpOrder { report_data: [7; 64], ..SnpOrder::default() }).unwrap();
        let tdx = lab.tdx(&TdxOrder { report_data: [7; 64], ..TdxOrder::default() }).unwrap();
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        write("snp.json", &Lab::document(vec![snp.clone()]).to_string());
        write("tdx.json", &Lab::document(vec![tdx.clone()]).to_string());
        let order = TpmOrder { qualifying_data: vec![7; 64], certificate: None, ..TpmOrder::default() };
        let tpm = lab.tpm(&order).unwrap();
        write("ak.pem", tpm["ak_public"].as_str().unwrap());
        write("tpm.json", &Lab::document(vec![tpm]).to_string());
        let order = TpmOrder { qualifying_data: vec![7; 64], ..TpmOrder::default() };
        write("certified.json", &Lab::document(vec![lab.tpm(&order).unwrap()]).to_string());
        fs::write(directory.path().join("ca.der"), lab.tpm_authority()).unwrap();
        write("two.json", &Lab::document(vec![snp, tdx]).to_string());
        write("not.json", "{\"evidence\":[");
        write("field.json", "{\"evidence\":[],\"more\":1}");
        write("collateral.json", "{\"root_ca_crl\":\"00\"}");
        write("half.json", "{\"tcb_info\":\"{}\"}");
        write("large.json", &" ".repeat((1 << 20) + 1));
        Self { directory, at: lab.validity().not_after.to_string() }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let names = [
            "snp.json",
            "tdx.json",
            "two.json",
            "not.json",
            "field.json",
            "collateral.json",
            "half.json",
            "large.json",
            "tpm.json",
            "certified.json",
            "ak.pem",
            "ca.der",
            "lab",
        ];
        let path = |word: &&str| if names.contains(word) { self.path(word) } else { (*word).to_owned() };
        Command::new(env!("CARGO_BIN_EXE_kbsctl"))
            .arg("evidence")
            .args(arguments.iter().map(path))
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn verify(&self, file: &str, more: &[&str]) -> (i32, Value) {
        let at = self.at.clone();
        let mut arguments = vec!["verify", file, "--lab", "lab", "--at", &at, "--format", "json"];
        arguments.extend(more);
        let output = self.run(&arguments);
        let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        (output.status.code().unwrap(), json)
    }
}

#[test]
fn the_exit_code_says_acceptable() {
    let bench = Bench::new();
    let (code, json) = bench.verify("snp.json", &["--report-data", HEX]);
    assert_eq!((code, &json["acceptable"], &json["tier"]), (0, &Value::Bool(true), &2.into()), "{json:#}");
    let (code, json) = bench.verify("tdx.json", &["--report-data", HEX]);
    assert_eq!((code, &json["acceptable"], &json["tier"]), (0, &Value::Bool(true), &2.into()), "{json:#}");
    let (code, json) = bench.verify("snp.json", &["--report-data", &HEX.replace('7', "8")]);
    assert_eq!((code, &json["authentic"]), (1, &false.into()));
    let (code, _) = bench.verify("snp.json", &[]);
    assert_eq!(code, 1, "strict demands the expected report data");
}

/// TPM-11: a TPM's key is trusted by nothing but a file that names it, or its authority.
#[test]
fn a_tpms_key_is_trusted_by_name() {
    let bench = Bench::new();
    let verify = |file: &str, more: &[&str]| {
        let mut arguments = vec!["verify", file, "--at", &bench.at, "--report-data", HEX, "--format", "json"];
        arguments.extend(more);
        let output = bench.run(&arguments);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), json["acceptable"].clone(), json.to_string())
    };
    let (code, acceptable, text) = verify("tpm.json", &["--trust-ak", "ak.pem"]);
    assert_eq!((code, acceptable), (0, true.into()), "{text}");
    let (code, acceptable, text) = verify("certified.json", &["--ak-ca", "ca.der"]);
    assert_eq!((code, acceptable), (0, true.into()), "{text}");
    let untrusted: [(&str, &[&str]); 3] =
        [("tpm.json", &[]), ("tpm.json", &["--ak-ca", "ca.der"]), ("certified.json", &[])];
    for (file, more) in untrusted {
        let (code, acceptable, text) = verify(file, more);
        assert_eq!((code, acceptable), (1, false.into()), "{text}");
        assert!(text.contains("TpmAkUntrusted"), "{text}");
    }
}

#[test]
fn wrong_usage_and_unreadable_input_exit_with_2_and_say_nothing_on_stdout() {
    let bench = Bench::new();
    let wrong: [&[&str]; 19] = [
        &["verify"],
        &["verify", "/nonexistent"],
        &["verify", "not.json"],
        &["verify", "field.json"],
        &["verify", "two.json"],
        &["verify", "large.json"],
        &["verify", "snp.json", "--at", "yesterday"],
        &["verify", "snp.json", "--report-data", ""],
        &["verify", "snp.json", "--report-data", "zz"],
        &["verify", "snp.json", "--profile", "lenient"],
        &["verify", "snp.json", "--amd-crl", "/nonexistent"],
        &["verify", "snp.json", "--intel-collateral", "not.json"],
        &["verify", "snp.json", "--intel-collateral", "half.json"],
        &["verify", "snp.json", "--collateral", "/nonexistent"],
        &["verify", "snp.json", "--trust-ak", "collateral.json"],
        &["verify", "snp.json", "--ak-ca", "collateral.json"],
        &["verify", "snp.json", "--lab", "/nonexistent"],
        &["verify", "snp.json", "--trust-ak", "not.json"],
        &["show", "not.json"],
    ];
    for arguments in wrong {
        let output = bench.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn what_does_not_concern_an_item_is_read_all_the_same() {
    let bench = Bench::new();
    let collateral = bench.path("collateral.json");
    let more =
        ["--report-data", HEX, "--intel-collateral", &collateral, "--rim", &collateral, "--nonce", NONCE];
    let (code, json) = bench.verify("snp.json", &more);
    assert_eq!(code, 0, "{json:#}");
    for wrong in [["--rim", "/nonexistent"], ["--nonce", "00ff"], ["--nonce", &NONCE[1..]]] {
        let (code, _) = bench.verify("snp.json", &wrong);
        assert_eq!(code, 2, "{wrong:?}");
    }
}

#[test]
fn a_document_comes_from_standard_input_too() {
    let bench = Bench::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_kbsctl"))
        .args(["evidence", "show", "-", "--format", "table"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let document = fs::read(Path::new(&bench.path("tdx.json"))).unwrap();
    child.stdin.take().unwrap().write_all(&document).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("NOTHING HERE IS VERIFIED"), "{text}");
    assert!(text.contains("Intel SGX PCK Certificate"), "{text}");
}
