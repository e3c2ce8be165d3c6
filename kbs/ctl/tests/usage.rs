//! Exit codes: 2 for wrong usage and unreadable input, 3 when no broker is reached; and what `--help` says.

mod program;

use program::{code, kbsctl, run, stderr, stdout};

const REMOTE: [&[&str]; 19] = [
    &["status"],
    &["key", "list"],
    &["key", "get", "acme/model"],
    &["key", "create", "acme/model", "--min-tier", "2"],
    &["secret", "list"],
    &["secret", "get", "acme/token"],
    &["policy", "list"],
    &["policy", "get", "main"],
    &["policy", "history", "main"],
    &["policy", "diff", "main", "1", "2"],
    &["policy", "rollback", "main", "--to", "1"],
    &["reference", "list"],
    &["reference", "get", "images"],
    &["grant", "list"],
    &["grant", "revoke", "00"],
    &["audit", "list"],
    &["audit", "get", "1"],
    &["audit", "verify"],
    &["login"],
];

#[test]
fn wrong_usage_is_2_and_nothing_on_standard_output() {
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["key"],
        &["key", "create", "acme/model"],
        &["key", "create", "acme/model", "--min-tier", "5"],
        &["key", "create", "acme/model", "--min-tier", "top"],
        &["key", "create", "acme", "--min-tier", "2"],
        &["key", "create", "Acme/Model", "--min-tier", "2"],
        &["key", "get", "acme/../x"],
        &["secret", "put", "acme/token", "--min-tier", "2"],
        &["secret", "put", "acme/token", "--min-tier", "2", "--value", "hunter2"],
        &["key", "list", "--token", "hunter2"],
        &["reference", "put", "images"],
        &["reference", "put", "images", "--value", "sev-snp:measurement:00"],
        &["audit", "list", "--limit", "0"],
        &["audit", "list", "--limit", "1001"],
        &["audit", "get", "-1"],
        &["policy", "check"],
        &["policy", "test", "."],
        &["policy", "diff", "main", "1"],
        &["policy", "prove", "."],
        &["policy", "prove", "--never", "principal.lab"],
        &["policy", "rollback", "main"],
        &["policy", "history", "main", "--limit", "0"],
        &["policy", "template", "fill", "runner"],
        &["policy", "template", "fill", "runner", "--set", "scope"],
        &["policy", "template", "show", "nothing"],
        &["completion", "tcsh"],
        &["status", "--format", "yaml"],
        &["status", "--addr", "https://h", "--cacert", "/ca.pem", "--system-roots"],
        &["receipt", "verify"],
        &["key", "rotate", "acme/model"],
    ] {
        let output = run(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
        assert!(!stderr(&output).is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_remote_verb_without_an_address_is_wrong_usage() {
    for arguments in REMOTE {
        let output = run(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains("KBS_ADDR"), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn no_broker_is_3() {
    let (_reserved, address) = program::nobody();
    let home = tempfile::tempdir().unwrap();
    for arguments in REMOTE {
        let output = kbsctl(home.path())
            .args(arguments)
            .env("KBS_ADDR", &address)
            .env("KBS_TOKEN", "t")
            .output()
            .unwrap();
        assert_eq!(code(&output), 3, "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
        assert!(stderr(&output).contains("cannot be reached"), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn an_address_that_would_leak_the_token_is_refused() {
    let home = tempfile::tempdir().unwrap();
    for (address, reason) in [
        ("http://kbs.example", "loopback"),
        ("http://localhost:8080", "loopback"),
        ("https://kbs.example", "certificate authority"),
        ("kbs.example", "no URL"),
        ("ftp://kbs.example", "not https://"),
        ("https://user@kbs.example", "more than scheme, host and port"),
    ] {
        let output = kbsctl(home.path())
            .args(["key", "list", "--addr", address])
            .env("KBS_TOKEN", "t")
            .output()
            .unwrap();
        assert_eq!(code(&output), 2, "{address}");
        assert!(stderr(&output).contains(reason), "{address}: {}", stderr(&output));
    }
}

#[test]
fn a_token_that_is_no_text_is_refused() {
    let home = tempfile::tempdir().unwrap();
    for token in [&b"\xff\xfe"[..], b"two words", b"caf\xc3\xa9"] {
        let token = std::os::unix::ffi::OsStrExt::from_bytes(token);
        let mut command = kbsctl(home.path());
        command
            .args(["key", "list", "--addr", "http://127.0.0.1:1"])
            .env::<_, &std::ffi::OsStr>("KBS_TOKEN", token);
        let output = command.output().unwrap();
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains("visible ASCII"), "{}", stderr(&output));
    }
}

#[test]
fn help_is_0_and_names_the_exit_codes() {
    for arguments in REMOTE {
        let words =
            arguments.iter().copied().take_while(|word| !word.contains('/') && !word.starts_with('-'));
        let words: Vec<&str> = words.take(2).chain(["--help"]).collect();
        let output = run(&words);
        assert_eq!(code(&output), 0, "{words:?}: {}", stderr(&output));
        let help = stdout(&output);
        assert!(help.contains("Exit codes:") && help.contains("  3  "), "{words:?}: {help}");
    }
    for words in [
        ["policy", "schema"],
        ["policy", "check"],
        ["policy", "test"],
        ["evidence", "verify"],
        ["evidence", "show"],
    ] {
        let help = stdout(&run(&[words[0], words[1], "--help"]));
        assert!(help.contains("Exit codes:") && help.contains("  2  "), "{words:?}: {help}");
        assert!(!help.contains("KBS_"), "{words:?} needs no environment");
    }
}

#[test]
fn help_shows_no_token() {
    let home = tempfile::tempdir().unwrap();
    for words in [&["key", "list", "--help"][..], &["login", "--help"], &["key", "list"], &["--help"]] {
        let output = kbsctl(home.path())
            .args(words)
            .env("KBS_TOKEN", "hunter2-hunter2")
            .env("KBS_ADDR", "http://192.0.2.1")
            .output()
            .unwrap();
        assert!(!stdout(&output).contains("hunter2") && !stderr(&output).contains("hunter2"), "{words:?}");
    }
}

#[test]
fn the_version_is_printed() {
    let output = run(&["--version"]);
    assert_eq!(stdout(&output), concat!("kbsctl ", env!("CARGO_PKG_VERSION"), "\n"));
}
