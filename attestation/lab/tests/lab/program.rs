//! The program `hanzo-lab`: its verbs, its exit codes, its socket.

use crate::judge::REPORT_DATA;
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_evidence::nvidia::OcspResponse;
use hanzo_attestation_evidence::{Binding, Document, Kem, Recipient};
use hanzo_attestation_lab::{Lab, TdiDefect};
use hanzo_policy::Tier;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hanzo-lab"));
    command.args(arguments);
    command
}

fn run(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

/// The published lab, on disk.
fn lab() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    Lab::fixture().write(&directory.path().join("lab")).unwrap();
    directory
}

fn evidence(directory: &TempDir, knobs: &[&str]) -> Output {
    let path = directory.path().join("lab");
    let report_data = REPORT_DATA.map(|byte| format!("{byte:02x}")).concat();
    let fixed = ["evidence", "--dir", path.to_str().unwrap(), "--report-data", &report_data];
    run(&[&fixed, knobs].concat())
}

fn verdict(directory: &TempDir, knobs: &[&str]) -> &'static str {
    let output = evidence(directory, knobs);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    crate::judge::judge(document["evidence"][0].clone(), &Lab::fixture().collateral())
        .err()
        .unwrap_or("accepted")
}

#[test]
fn evidence_is_made_to_order() {
    let directory = lab();
    let snp = ["--type", "sev-snp"];
    for knobs in [
        &[][..],
        &["--product", "genoa", "--version", "2"],
        &["--product", "turin", "--version", "5", "--vlek"],
        &["--measurement", &"ab".repeat(48), "--machine", "7"],
        &["--tcb-below", "--at", "2026-01-01T00:00:00Z"],
    ] {
        assert_eq!(verdict(&directory, &[&snp, knobs].concat()), "accepted", "{knobs:?}");
    }
    for knobs in [&[][..], &["--version", "5"], &["--version", "5", "--td10", "--processor-ca"]] {
        assert_eq!(verdict(&directory, &[&["--type", "tdx"], knobs].concat()), "accepted", "{knobs:?}");
    }
}

#[test]
fn knobs_make_their_defects() {
    let directory = lab();
    for (knobs, code) in [
        (&["--type", "sev-snp", "--debug"][..], "SnpDebugAllowed"),
        (&["--type", "sev-snp", "--host-data", &"cd".repeat(32)], "SnpHostDataMismatch"),
        (&["--type", "sev-snp", "--wrong-nonce"], "SnpReportDataMismatch"),
        (&["--type", "sev-snp", "--defect", "own-root"], "SnpRootNotPinned"),
        (&["--type", "sev-snp", "--at", "2030-01-01T00:00:00Z"], "SnpCertificateNotInValidity"),
        (&["--type", "tdx", "--debug"], "TdDebug"),
        (&["--type", "tdx", "--wrong-nonce"], "QuoteReportDataMismatch"),
        (&["--type", "tdx", "--defect", "qe-binding"], "QeReportBinding"),
    ] {
        assert_eq!(verdict(&directory, knobs), code, "{knobs:?}");
    }
}

/// What the program makes of a kind that the tests beside this one look into.
#[test]
fn every_kind_is_made() {
    let directory = lab();
    for knobs in [
        &["--type", "sgx"][..],
        &["--type", "sgx", "--version", "5", "--platform-ca", "--host-data", &"01".repeat(64)],
        &["--type", "sgx", "--defect", "mode-32"],
        &["--type", "sgx", "--defect", "own-root"],
        &["--type", "tpm"],
        &["--type", "tpm", "--key", "ecdsa-p384", "--ak-usage", "none", "--event-log"],
        &["--type", "tpm", "--defect", "magic"],
        &["--type", "tdx", "--event-log"],
        &["--type", "az-snp-vtpm", "--product", "genoa", "--version", "2"],
        &["--type", "az-tdx-vtpm", "--td10", "--defect", "td-report-rtmr"],
    ] {
        let output = evidence(&directory, knobs);
        assert!(output.status.success(), "{knobs:?}: {}", String::from_utf8_lossy(&output.stderr));
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["evidence"][0]["type"], knobs[1]);
    }
}

/// Codes of what a strict verifier refuses of these knobs' document, when the answers are made.
fn refused(directory: &TempDir, knobs: &[&str]) -> Vec<&'static str> {
    let output = evidence(directory, &[knobs, &["--ocsp-at", crate::judge::NOW]].concat());
    assert!(output.status.success(), "{knobs:?}: {}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    crate::nvidia::refusals_of(document["evidence"].as_array().unwrap().clone())
}

/// NV-20, NV-27, NV-70, NV-78, NV-81, NVR-45: each by its knob.
#[test]
fn knobs_of_devices_make_their_defects() {
    let directory = lab();
    let gpu = ["--type", "nvidia-gpu"];
    let cpu = ["--type", "sev-snp"];
    for (kind, knobs, codes) in [
        (&gpu, &[][..], &[][..]),
        (&gpu, &["--gpu-architecture", "blackwell", "--gpus", "2"], &[]),
        (&gpu, &["--driver", "580.95.05", "--vbios", "96.00.d9.00.02", "--machine", "3"], &[]),
        (&cpu, &["--gpus", "1"], &[]),
        (&cpu, &["--gpus", "8", "--switches", "4"], &[]),
        (&gpu, &["--device-defect", "report-signature"], &["ReportSignature"]),
        (&gpu, &["--ocsp-defect", "revoked"], &["CertificateRevoked"]),
        (&gpu, &["--gpus", "2", "--gpu-mode", "spt"], &["ModesMixed"]),
        (&gpu, &["--device-defect", "drivers-differ"], &["DriversDiffer"]),
        (&gpu, &["--driver", "1.0"], &["RimMissing"]),
        (&cpu, &["--device-defect", "measurement", "--gpus", "1"], &["RimMeasurementMismatch"]),
        (&cpu, &["--device-defect", "copies", "--switches", "1"], &["DeviceDuplicate", "TopologyOpen"]),
        (&gpu, &["--at", "2030-01-01T00:00:00Z"], &["ChainNotInValidity"]),
    ] {
        assert_eq!(refused(&directory, &[kind, knobs].concat()), codes, "{knobs:?}");
    }
    let switch = evidence(&directory, &["--type", "nvidia-switch", "--no-ocsp"]);
    let document: Value = serde_json::from_slice(&switch.stdout).unwrap();
    assert_eq!(document["evidence"][0]["ocsp"], json!([]));
}

#[test]
fn every_defect_of_devices_has_a_knob() {
    let directory = lab();
    let rows: Vec<Value> = serde_json::from_slice(&run(&["defects"]).stdout).unwrap();
    let named = |kind: &str| {
        let rows = rows.iter().filter(|row| row["type"] == kind);
        rows.map(|row| row["defect"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (kind, knob) in [
        ("nvidia-device", "--device-defect"),
        ("nvidia-devices", "--device-defect"),
        ("nvidia-ocsp", "--ocsp-defect"),
    ] {
        let names = named(kind);
        assert!(names.len() > 10, "{kind}");
        // All are looked up in one way: the first and the last stand for the others.
        for name in [&names[0], &names[names.len() - 1]] {
            let output = evidence(&directory, &["--type", "nvidia-gpu", knob, name]);
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let path = directory.path().join("lab");
    let rim = |more: &[&str]| {
        run(&[&["rim", "--dir", path.to_str().unwrap(), "--like", "gh100-driver"], more].concat())
    };
    let usual = rim(&["--version", "1.0", "--golden", &format!("7={}", "ab".repeat(48))]);
    let text = String::from_utf8(usual.stdout).unwrap();
    assert!(text.contains("colloquialVersion=\"1.0\"") && text.contains(&"ab".repeat(48)));
    for name in named("nvidia-rim") {
        assert!(rim(&["--defect", &name]).status.success(), "{name}");
    }
    let ocsp = |more: &[&str]| {
        let fixed = ["ocsp", "--dir", path.to_str().unwrap(), "--chip", "ls10", "--about"];
        run(&[&fixed, more].concat())
    };
    for about in ["device", "provisioner", "product", "rim-signer", "rim-level3", "rim-family"] {
        let output = ocsp(&[about, "--at", crate::judge::NOW]);
        OcspResponse::parse(&output.stdout).unwrap();
    }
    for name in named("nvidia-ocsp") {
        assert!(ocsp(&["device", "--defect", &name]).status.success(), "{name}");
    }
    assert_eq!(ocsp(&["root"]).status.code(), Some(2));
    for wrong in
        [&["--defect", "no-such"][..], &["--golden", "7"], &["--golden", "7=ab"], &["--like", "none"]]
    {
        assert_eq!(rim(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

/// What a node's CPU says of its devices is what a broker computes from the same challenge.
#[test]
fn evidence_is_made_for_a_brokers_challenge() {
    let directory = lab();
    let path = directory.path().join("lab");
    let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![9; 32]).unwrap();
    let named = format!("X25519-HKDF-SHA256:{}", base64_encode(recipient.public_key()));
    let document = |more: &[&str]| -> Value {
        let fixed = ["evidence", "--dir", path.to_str().unwrap(), "--challenge", "c", "--recipient", &named];
        let output = run(&[&fixed, more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let alone = Binding::new("c", &recipient, None, &[]).unwrap();
    for knobs in [
        &[][..],
        &["--gpus", "1"],
        &["--gpus", "8", "--switches", "4"],
        &["--type", "tdx", "--gpus", "2"],
        &["--type", "tpm", "--gpus", "1"],
        &["--type", "nvidia-gpu"],
    ] {
        let document = document(knobs).to_string();
        let parsed = Document::from_json(document.as_bytes()).unwrap().parse().unwrap();
        let binding = alone.with_devices(&parsed.device_digests()).unwrap();
        hanzo_attestation::verify::precheck(&parsed, &binding).unwrap();
    }
    for wrong in [
        &["--challenge", "c"][..],
        &["--recipient", &named],
        &["--challenge", "c", "--recipient", "X25519-HKDF-SHA256:AA=="],
        &["--challenge", "c", "--recipient", "RSA:AA=="],
        &["--challenge", "c", "--recipient", &named, "--report-data", "ab"],
        &[],
    ] {
        let fixed = ["evidence", "--dir", path.to_str().unwrap()];
        assert_eq!(run(&[&fixed, wrong].concat()).status.code(), Some(2), "{wrong:?}");
    }
}

/// TDI-01, TDI-02, TDI-03, TDI-04, TDI-05, TDI-06, TDI-07, TDI-08, TDI-09: each defect of an interface by its knob;
/// and what has none reaches the fourth tier.
#[test]
fn interfaces_of_gpus_are_made_with_their_defects() {
    let directory = lab();
    let path = directory.path().join("lab");
    let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![9; 32]).unwrap();
    let named = format!("X25519-HKDF-SHA256:{}", base64_encode(recipient.public_key()));
    let challenge = Binding::new("c", &recipient, None, &[]).unwrap();
    let tier = |more: &[&str]| {
        let dir = path.to_str().unwrap();
        let fixed = ["evidence", "--dir", dir, "--challenge", "c", "--recipient", &named, "--type", "tdx"];
        let output = run(&[&fixed[..], &["--ocsp-at", crate::judge::NOW], more].concat());
        assert!(output.status.success(), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        crate::nvidia::tier_of_document(&document, &challenge)
    };
    for knobs in [&["--tee-io"][..], &["--tee-io", "--gpus", "3"], &["--tee-io", "--machine", "7"]] {
        assert_eq!(tier(knobs), Ok(Tier::TeeIo), "{knobs:?}");
    }
    let without = ["--gpus", "1", "--gpu-architecture", "blackwell", "--event-log"];
    assert_eq!(tier(&without), Ok(Tier::GpuCc), "GPUs without interfaces");
    let rows: Vec<Value> = serde_json::from_slice(&run(&["defects"]).stdout).unwrap();
    let mut defects = 0;
    for row in rows.iter().filter(|row| row["type"] == "tdi") {
        let (name, code) = (row["defect"].as_str().unwrap(), row["code"].as_str().unwrap());
        assert_eq!(tier(&["--tee-io", "--tee-io-defect", name]), Err(code), "{name}");
        defects += 1;
    }
    assert_eq!(defects, TdiDefect::ALL.len());
}

#[test]
fn data_to_bind_has_the_length_of_its_kind() {
    let directory = lab();
    let path = directory.path().join("lab");
    for (kind, length, accepted) in [
        ("sgx", 64, true),
        ("sgx", 32, false),
        ("tpm", 32, true),
        ("tpm", 64, true),
        ("tpm", 65, false),
        ("tpm", 0, false),
        ("nvidia-gpu", 32, true),
        ("nvidia-switch", 64, true),
        ("nvidia-gpu", 31, false),
    ] {
        let data = "5a".repeat(length);
        let output =
            run(&["evidence", "--dir", path.to_str().unwrap(), "--type", kind, "--report-data", &data]);
        assert_eq!(output.status.success(), accepted, "{kind} {length}");
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let directory = lab();
    for knobs in [
        &["--type", "sgx", "--td10"][..],
        &["--type", "sgx", "--version", "2"],
        &["--type", "sgx", "--defect", "profiling"],
        &["--type", "sgx", "--product", "milan"],
        &["--type", "tdx", "--platform-ca"],
        &["--type", "tpm", "--debug"],
        &["--type", "tpm", "--defect", "hcl-magic"],
        &["--type", "az-snp-vtpm", "--defect", "td-report-rtmr"],
        &["--type", "az-tdx-vtpm", "--product", "milan"],
        &["--type", "az-snp-vtpm", "--version", "3"],
        &["--type", "nvidia-gpu", "--defect", "debug"],
        &["--type", "nvidia-gpu", "--debug"],
        &["--type", "nvidia-gpu", "--gpus", "17"],
        &["--type", "nvidia-gpu", "--gpus", "0"],
        &["--type", "nvidia-gpu", "--vbios", "96.00"],
        &["--type", "nvidia-gpu", "--device-defect", "no-such-defect"],
        &["--type", "nvidia-gpu", "--ocsp-defect", "revoked", "--no-ocsp"],
        &["--type", "sgx", "--gpus", "1"],
        &["--type", "sev-snp", "--driver", "1.0"],
        &["--type", "sev-snp", "--event-log"],
        &["--type", "sev-snp", "--key", "rsapss"],
        &["--type", "sev-snp", "--version", "6"],
        &["--type", "sev-snp", "--td10"],
        &["--type", "sev-snp", "--measurement", "ab"],
        &["--type", "sev-snp", "--defect", "qe-binding"],
        &["--type", "tdx", "--vlek"],
        &["--type", "sev-snp", "--tee-io"],
        &["--type", "nvidia-gpu", "--tee-io"],
        &["--type", "tdx", "--tee-io", "--gpu-architecture", "hopper"],
        &["--type", "tdx", "--tee-io", "--switches", "1"],
        &["--type", "tdx", "--tee-io", "--gpus", "0"],
        &["--type", "tdx", "--tee-io", "--defect", "debug"],
        &["--type", "tdx", "--tee-io", "--tee-io-defect", "no-such-defect"],
        &["--type", "tdx", "--gpus", "1", "--tee-io-defect", "changed"],
        &["--type", "tdx", "--version", "3"],
        &["--type", "tdx", "--host-data", &"cd".repeat(32)],
        &["--type", "tdx", "--defect", "no-such-defect"],
    ] {
        let output = evidence(&directory, knobs);
        assert_eq!(output.status.code(), Some(2), "{knobs:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
    let absent = ["evidence", "--dir", "/nonexistent", "--type", "tdx", "--report-data", &"00".repeat(64)];
    assert_eq!(run(&absent).status.code(), Some(2));
}

#[test]
fn init_refuses_adirectory_that_is_not_empty() {
    let directory = lab();
    let output = run(&["init", directory.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not empty"));
}

#[test]
fn init_writes_a_lab_that_opens() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lab");
    let output = run(&["init", path.to_str().unwrap(), "--at", "2026-11-20T00:00:00Z"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let validity = Lab::open(&path).unwrap().validity();
    assert_eq!(validity.not_before.to_string(), "2026-11-19T00:00:00Z");
    assert_eq!(validity.not_after.to_string(), "2046-11-15T00:00:00Z");
}

#[test]
fn defects_are_listed_with_their_codes() {
    let output = run(&["defects"]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let debug = json!({"type": "tdx", "defect": "debug", "rule": "TDX-09", "code": "TdDebug"});
    assert!(rows.contains(&debug));
    let table = String::from_utf8(run(&["defects", "--format", "table"]).stdout).unwrap();
    assert_eq!(table.lines().count(), rows.len());
}

struct Server {
    child: Child,
    socket: PathBuf,
    directory: TempDir,
}

impl Server {
    fn start(knobs: &[&str]) -> Self {
        Self::start_in(lab(), knobs)
    }

    fn start_in(directory: TempDir, knobs: &[&str]) -> Self {
        let socket = directory.path().join("socket");
        let lab = directory.path().join("lab");
        let fixed = ["serve", "--dir", lab.to_str().unwrap(), "--socket", socket.to_str().unwrap()];
        let mut child = program(&[&fixed, knobs].concat()).stderr(Stdio::piped()).spawn().unwrap();
        // It says so once it listens.
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening"), "{line}");
        Self { child, socket, directory }
    }

    fn connect(&self) -> BufReader<UnixStream> {
        BufReader::new(UnixStream::connect(&self.socket).unwrap())
    }

    fn terminate(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let code = self.child.wait().unwrap().code();
        assert!(!self.socket.exists());
        code
    }
}

/// One line to a socket, one line back.
fn ask(connection: &mut BufReader<UnixStream>, line: &str) -> Value {
    connection.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_line(&mut answer).unwrap();
    serde_json::from_str(&answer).unwrap()
}

fn request() -> String {
    json!({"report_data": base64_encode(&REPORT_DATA)}).to_string()
}

#[test]
fn the_socket_answers_many_requests_and_connections() {
    let server = Server::start(&["--type", "sev-snp", "--product", "genoa"]);
    let mode = std::fs::metadata(&server.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut first = server.connect();
    let mut second = server.connect();
    for connection in [&mut first, &mut second, &mut server.connect()] {
        for _ in 0..2 {
            let document = ask(connection, &request());
            let verdict = crate::judge::judge(document["evidence"][0].clone(), &Lab::fixture().collateral());
            assert!(verdict.is_ok());
        }
    }
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn the_socket_answers_bad_requests_with_an_error_and_goes_on() {
    let server = Server::start(&["--type", "tdx"]);
    let mut connection = server.connect();
    for line in [
        "",
        "{}",
        "no json",
        r#"{"report_data":7}"#,
        r#"{"report_data":"AA=="}"#,
        r#"{"report_data":"%"}"#,
        &request().replace('}', r#","more":1}"#),
        &request().replace('}', r#","report_data":"AA=="}"#),
    ] {
        let answer = ask(&mut connection, line);
        assert!(answer["error"].is_string() && answer["evidence"].is_null(), "{line}: {answer}");
    }
    assert!(ask(&mut connection, &request())["evidence"].is_array());
    assert_eq!(server.terminate(), Some(0));
}

/// Each field asks for its items; an old request asks as it always did.
#[test]
fn the_socket_answers_for_devices_and_for_a_tpm() {
    let nonce = base64_encode(&[7; 32]);
    let kinds = |answer: &Value| -> Vec<String> {
        let items = answer["evidence"].as_array().unwrap_or_else(|| panic!("{answer}"));
        items.iter().map(|item| item["type"].as_str().unwrap().to_owned()).collect()
    };
    let server = Server::start(&["--type", "sev-snp", "--gpus", "8", "--switches", "4"]);
    let mut connection = server.connect();
    let devices = json!({"device_nonce": nonce}).to_string();
    assert_eq!(kinds(&ask(&mut connection, &request())), ["sev-snp"]);
    assert_eq!(kinds(&ask(&mut connection, &devices)), ["nvidia-gpu", "nvidia-switch"]);
    let both = request().replace('}', &format!(r#","device_nonce":"{nonce}"}}"#));
    assert_eq!(kinds(&ask(&mut connection, &both)), ["sev-snp", "nvidia-gpu", "nvidia-switch"]);
    for wrong in [r#"{"device_nonce":"AA=="}"#, r#"{"qualifying_data":"AA=="}"#, r#"{"device_nonce":7}"#] {
        assert!(ask(&mut connection, wrong)["error"].is_string(), "{wrong}");
    }
    assert_eq!(server.terminate(), Some(0));

    let server = Server::start(&["--type", "tpm"]);
    let mut connection = server.connect();
    assert_eq!(ask(&mut connection, &devices), json!({"evidence": []}));
    let of_a_tpm = request().replace('}', &format!(r#","qualifying_data":"{nonce}"}}"#));
    let answer = ask(&mut connection, &of_a_tpm);
    let parsed = Document::from_json(answer.to_string().as_bytes()).unwrap().parse().unwrap();
    hanzo_attestation::verify::precheck_report_data(&parsed, &[7; 32]).unwrap();
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_line_that_is_too_long_ends_its_connection_alone() {
    let server = Server::start(&["--type", "tdx"]);
    let mut connection = server.connect();
    let answer = ask(&mut connection, &" ".repeat(1100));
    assert!(answer["error"].as_str().unwrap().contains("1024"));
    let mut rest = String::new();
    // The end, or a reset because bytes were left unread: no further answer either way.
    assert!(connection.read_line(&mut rest).unwrap_or(0) == 0);
    assert!(ask(&mut server.connect(), &request())["evidence"].is_array());
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_socket_in_use_is_refused_and_an_abandoned_one_is_replaced() {
    let mut server = Server::start(&["--type", "tdx"]);
    let again = serve_once(&server.directory.path().join("lab"), &server.socket);
    assert_eq!(again.status.code(), Some(2), "{}", String::from_utf8_lossy(&again.stderr));

    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert!(server.socket.exists());
    let server = Server::start_in(server.directory, &["--type", "tdx"]);
    assert!(ask(&mut server.connect(), &request())["evidence"].is_array());
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_file_in_the_place_of_the_socket_stays() {
    let directory = lab();
    let file = directory.path().join("file");
    std::fs::write(&file, "no socket").unwrap();
    assert_eq!(serve_once(&directory.path().join("lab"), &file).status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "no socket");
}

fn serve_once(lab: &Path, socket: &Path) -> Output {
    let (lab, socket) = (lab.to_str().unwrap(), socket.to_str().unwrap());
    run(&["serve", "--dir", lab, "--socket", socket, "--type", "tdx"])
}
