//! The program as its users run it: usage, exit codes, and what goes where.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};

fn node(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hanzo-node"))
        .args(args)
        .env_remove("KBS_ADDR")
        .env_remove("KBS_CACERT")
        .env_remove("HANZO_NODE_CONFIG")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// An address on which nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A server that answers every call with one status and problem, for as long as the test runs.
fn server_that_says(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    format!("http://{address}")
}

#[test]
fn every_verb_documents_its_exit_codes() {
    for verb in [
        &["--help"][..],
        &["detect", "--help"],
        &["attest", "--help"],
        &["agent", "--help"],
        &["secret", "get", "--help"],
        &["tpm", "show", "--help"],
        &["tpm", "enroll", "--help"],
        &["doctor", "--help"],
        &["identity", "create", "--help"],
        &["identity", "show", "--help"],
        &["completion", "--help"],
    ] {
        let output = node(verb);
        assert_eq!(code(&output), 0, "{verb:?}");
        assert!(stdout(&output).contains("Exit codes:"), "{verb:?}");
    }
}

#[test]
fn wrong_usage_is_2() {
    for args in [
        &[][..],
        &["fly"],
        &["detect", "--root"],
        &["secret", "get"],
        &["secret", "get", "t/k", "--once", "--socket", "/s"],
        &["attest", "--source", "auto", "--lab-socket", "/l", "--kbs-addr", "http://127.0.0.1:1"],
        &["attest"],
        &["attest", "--kbs-addr", "http://kbs.example"],
        &["attest", "--kbs-addr", "http://127.0.0.1:1", "--kem", "RSA"],
        &["attest", "--config", "/nonexistent"],
        &["agent", "--kbs-addr", "http://127.0.0.1:1"],
        &["agent", "--kbs-addr", "http://127.0.0.1:1", "--key", "t/k"],
        &["completion", "cmd.exe"],
        &["identity"],
        &["identity", "create"],
        &["identity", "show", "/nonexistent"],
        &["detect", "--identity-key-id", "n"],
        &["detect", "--identity-key-id", "a b", "--identity-key", "/k"],
        &["attest", "--kbs-addr", "http://127.0.0.1:1", "--identity-key-id", "n"],
        &["attest", "--kbs-addr", "http://127.0.0.1:1", "--identity-key", "/k"],
        &[
            "attest",
            "--kbs-addr",
            "http://127.0.0.1:1",
            "--identity-key-id",
            "n",
            "--identity-key",
            "/nonexistent",
        ],
    ] {
        let output = node(args);
        assert_eq!(code(&output), 2, "{args:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{args:?}");
        assert_ne!(stderr(&output), "", "{args:?}");
    }
}

#[test]
fn detect_describes_a_root_and_refuses_one_that_is_not_there() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("dev")).unwrap();
    fs::write(root.path().join("dev/sev-guest"), "").unwrap();
    let path = root.path().to_str().unwrap();
    let output = node(&["detect", "--root", path]);
    assert_eq!(code(&output), 0);
    let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen["kind"], "snp-guest");
    assert_eq!(seen["tdx_guest"]["state"], "absent");
    let table = node(&["detect", "--root", path, "--format", "table"]);
    assert!(stdout(&table).contains("SEV-SNP guest"));
    assert_eq!(code(&node(&["detect", "--root", "/nonexistent"])), 2);
    assert_eq!(code(&node(&["detect"])), 0);
}

#[test]
fn completion_prints_a_script() {
    let output = node(&["completion", "bash"]);
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).contains("hanzo-node"));
}

#[test]
fn a_broker_that_is_not_there_is_3() {
    let addr = nobody();
    for args in [
        &["attest", "--kbs-addr", &addr][..],
        &["secret", "get", "t/k", "--kbs-addr", &addr],
        &["doctor", "--kbs-addr", &addr],
    ] {
        let output = node(args);
        assert_eq!(code(&output), 3, "{args:?}: {}", stderr(&output));
    }
    let output = node(&["secret", "get", "t/k", "--socket", "/nonexistent/agent.sock"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
}

#[test]
fn a_broker_that_is_sealed_is_3_and_one_that_refuses_is_1() {
    let sealed = server_that_says(
        "503 Service Unavailable",
        r#"{"type":"x","title":"x","status":503,"code":"Sealed","detail":"x","request_id":"r"}"#,
    );
    assert_eq!(code(&node(&["attest", "--kbs-addr", &sealed])), 3);
    let refuses = server_that_says(
        "403 Forbidden",
        r#"{"type":"x","title":"x","status":403,"code":"EvidenceRefused","detail":"x","decision":7,"request_id":"r"}"#,
    );
    let output = node(&["attest", "--kbs-addr", &refuses, "--format", "table"]);
    assert_eq!((code(&output), stdout(&output).as_str()), (1, "DENIED EvidenceRefused (decision 7)\n"));
    let output = node(&["attest", "--kbs-addr", &refuses]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["outcome"], &answer["decision"]), (&"denied".into(), &7.into()));
}

#[test]
fn a_denial_never_reaches_the_stdout_that_is_taken_for_a_key() {
    let refuses = server_that_says(
        "403 Forbidden",
        r#"{"type":"x","title":"x","status":403,"code":"KeyNotGranted","detail":"x","decision":7,"request_id":"r"}"#,
    );
    let output = node(&["secret", "get", "t/k", "--kbs-addr", &refuses, "--format", "table"]);
    assert_eq!((code(&output), stdout(&output).as_str()), (1, ""));
    assert!(stderr(&output).contains("DENIED KeyNotGranted (decision 7)"));
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("key");
    let args = ["secret", "get", "t/k", "--kbs-addr", &refuses, "--format", "table", "--out"];
    let output = node(&[&args[..], &[out.to_str().unwrap()]].concat());
    assert_eq!(stdout(&output), "DENIED KeyNotGranted (decision 7)\n");
    assert!(!out.exists());
}

#[test]
fn an_agent_does_not_open_its_socket_where_others_could_replace_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let socket = dir.path().join("agent.sock");
    let output =
        node(&["agent", "--kbs-addr", &nobody(), "--key", "t/k", "--socket", socket.to_str().unwrap()]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("can be written by others"));
}

#[test]
fn an_agent_without_a_broker_serves_no_key_and_stops_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("run").join("agent.sock");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let path = socket.to_str().unwrap();
    let mut agent = Command::new(env!("CARGO_BIN_EXE_hanzo-node"))
        .args(["agent", "--kbs-addr", &nobody(), "--key", "t/k", "--socket", path])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    let mut stderr_of = agent.stderr.take().unwrap();
    let mut byte = [0];
    // It says that it serves once its socket is there.
    while !String::from_utf8_lossy(&said).contains("serving 1 keys") {
        assert_ne!(stderr_of.read(&mut byte).unwrap(), 0, "{}", String::from_utf8_lossy(&said));
        said.extend(byte);
    }
    let output = node(&["secret", "get", "t/k", "--socket", path, "--format", "table"]);
    assert_eq!((code(&output), stdout(&output).as_str()), (1, ""));
    assert!(stderr(&output).contains("DENIED NoSession"), "{}", stderr(&output));
    let number = agent.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &number]).status().unwrap().success());
    assert_eq!(agent.wait().unwrap().code(), Some(0));
    assert!(!socket.exists());
}

#[test]
fn doctor_names_a_cure_for_each_failure() {
    let output = node(&["doctor"]);
    assert_eq!(code(&output), 1);
    let checks: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for check in checks.as_array().unwrap() {
        assert_eq!(check["verdict"] != "ok", check["cure"].is_string(), "{check}");
    }
}

#[test]
fn an_identity_is_made_once_shown_again_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.key");
    let file = path.to_str().unwrap();
    let made = node(&["identity", "create", file]);
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    let public: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(public["algorithm"], "ed25519");
    let base64 = public["public_key"].as_str().unwrap();
    assert_eq!((base64.len(), public.as_object().unwrap().len()), (44, 2));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);

    let table = node(&["identity", "show", file, "--format", "table"]);
    assert_eq!(stdout(&table), format!("algorithm = \"ed25519\"\npublic_key = \"{base64}\"\n"));
    let before = fs::read(&path).unwrap();
    let secret = String::from_utf8(before.clone()).unwrap().lines().nth(1).unwrap().to_owned();
    let again = node(&["identity", "create", file]);
    assert_eq!((code(&again), stdout(&again).as_str()), (1, ""));
    assert!(stderr(&again).contains("already exists"));
    assert_eq!(fs::read(&path).unwrap(), before);

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let open = node(&["identity", "show", file]);
    assert_eq!((code(&open), stdout(&open).as_str()), (2, ""));
    assert!(stderr(&open).contains("mode 0644; 0600 or 0400 is demanded"));
    for output in [made, table, again, open] {
        assert!(!stdout(&output).contains(&secret) && !stderr(&output).contains(&secret));
    }
}

#[test]
fn detect_says_whether_tier_1_can_be_reached() {
    let dir = tempfile::tempdir().unwrap();
    let (root, key, config) =
        (dir.path().join("root"), dir.path().join("node.key"), dir.path().join("node.toml"));
    fs::create_dir(&root).unwrap();
    assert_eq!(code(&node(&["identity", "create", key.to_str().unwrap()])), 0);
    let text = format!("[identity]\nkey_id = \"ci-runner\"\nkey = {{ file = \"{}\" }}\n", key.display());
    fs::write(&config, text).unwrap();
    let detect = |more: &[&str]| {
        let output = node(&[&["detect", "--root", root.to_str().unwrap()], more].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (seen["identity"].clone(), seen["tiers"][0]["missing"].to_string())
    };
    let by_file = ["--config", config.to_str().unwrap()];
    let (identity, missing) = detect(&by_file);
    assert_eq!((&identity["value"]["key_id"], missing.as_str()), (&"ci-runner".into(), "[]"));
    let (identity, missing) = detect(&["--identity-key-id", "n", "--identity-key", key.to_str().unwrap()]);
    assert_eq!((&identity["value"]["key_id"], missing.as_str()), (&"n".into(), "[]"));

    let (identity, missing) = detect(&[]);
    assert_eq!(identity["state"], "absent");
    assert!(missing.contains("no registered key is configured"), "{missing}");
    let (identity, missing) = detect(&["--identity-key-id", "n", "--identity-key", "/nonexistent"]);
    assert_eq!(identity["state"], "unreadable");
    assert!(missing.contains("/nonexistent"), "{missing}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(detect(&by_file).1.contains("mode 0640"));
}

#[test]
fn doctor_checks_the_identity_key() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("node.key");
    let identity = || {
        let output = node(&["doctor", "--identity-key-id", "n", "--identity-key", key.to_str().unwrap()]);
        let checks: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        checks.as_array().unwrap().iter().find(|check| check["check"] == "identity").unwrap().clone()
    };
    assert_eq!(identity()["verdict"], "fail");
    assert_eq!(code(&node(&["identity", "create", key.to_str().unwrap()])), 0);
    assert_eq!(identity()["verdict"], "ok");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o604)).unwrap();
    assert!(identity()["cure"].as_str().unwrap().contains("chmod 600"));
    fs::remove_file(&key).unwrap();
    fs::write(&key, "no key").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(identity()["cure"].as_str().unwrap().contains("PKCS#8"));
}
