//! Verbs that need no broker and no environment.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use program::{code, json_of, kbsctl, run, stderr, stdout, with_input};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const GOOD: &str = r#"permit (principal, action == Action::"release", resource in Tenant::"acme")
when { principal.measurement in ReferenceSet::"images" };
"#;

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn completion_speaks_to_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let output = run(&["completion", shell]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let script = stdout(&output);
        assert!(script.contains("kbsctl") && script.contains("require-cpu-tee"), "{shell}: {script}");
    }
}

#[test]
fn a_good_policy_is_0() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "acme.cedar", GOOD);
    let output = run(&["policy", "check", &file]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(json_of(&output)["ok"], json!(true));
    let table = run(&["policy", "check", &file, "--format", "table"]);
    assert_eq!(stdout(&table), "1 file is well formed\n");
}

#[test]
fn a_bad_policy_is_1_with_its_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    for (text, line) in [
        ("permit (principal,\naction,", 2),
        ("permit (principal, action, resource)\nwhen { principal.mesurement == 1 };", 2),
        ("permit (principal, action, resource)\n\nwhen { principal.lab > 3 };", 3),
    ] {
        let (good, bad) = (write(folder.path(), "a.cedar", GOOD), write(folder.path(), "b.cedar", text));
        let output = run(&["policy", "check", &good, &bad]);
        assert_eq!(code(&output), 1, "{text}: {}", stderr(&output));
        let answer = json_of(&output);
        assert_eq!(answer["ok"], json!(false));
        let problem = &answer["problems"][0];
        assert_eq!((&problem["file"], &problem["line"]), (&json!(bad), &json!(line)), "{answer}");
        assert!(problem["column"].as_u64().unwrap() >= 1 && !problem["message"].as_str().unwrap().is_empty());
        let table = stdout(&run(&["policy", "check", &bad, "--format", "table"]));
        assert!(table.starts_with(&format!("{bad}:{line}:")), "{table}");
    }
}

#[test]
fn a_policy_can_come_by_standard_input() {
    let home = tempfile::tempdir().unwrap();
    let output = with_input(kbsctl(home.path()).args(["policy", "check", "-"]), GOOD.as_bytes());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn an_unreadable_policy_is_2() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.cedar");
    let latin1 = folder.path().join("latin1.cedar");
    fs::write(&latin1, b"// caf\xe9").unwrap();
    let large = folder.path().join("large.cedar");
    fs::write(&large, vec![b' '; (1 << 20) + 1]).unwrap();
    for (path, reason) in [
        (missing.as_path(), "cannot be read"),
        (latin1.as_path(), "not UTF-8"),
        (large.as_path(), "larger than 1048576 bytes"),
        (folder.path(), "cannot be read"),
    ] {
        let output = run(&["policy", "check", path.to_str().unwrap()]);
        assert_eq!(code(&output), 2, "{}", path.display());
        assert_eq!(stdout(&output), "");
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
}

fn case(digest: &str, expect: &str) -> Value {
    json!({
        "name": format!("image {} is {expect}", &digest[..2]),
        "node": {"tee": "sev-snp", "measurement": digest},
        "key": {"id": "acme/model", "minimum_tier": 2},
        "expect": expect,
    })
}

fn policy_folder() -> (tempfile::TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let (known, unknown) = ("11".repeat(48), "22".repeat(48));
    write(folder.path(), "policies/acme.cedar", GOOD);
    let set = json!({"values": [{"tee": "sev-snp", "register": "measurement", "digest": known}]});
    write(folder.path(), "policies/references/images.json", &set.to_string());
    (folder, known, unknown)
}

#[test]
fn cases_that_come_out_as_stated_are_0() {
    let (folder, known, unknown) = policy_folder();
    let cases = json!([case(&known, "granted"), case(&unknown, "MeasurementUnknown")]);
    let cases = write(folder.path(), "cases.json", &cases.to_string());
    let policies = folder.path().join("policies");
    let output = run(&["policy", "test", policies.to_str().unwrap(), "--cases", &cases]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert_eq!(json_of(&output)["passed"], json!(2));
}

#[test]
fn one_case_that_does_not_is_1() {
    let (folder, known, unknown) = policy_folder();
    let policies = folder.path().join("policies");
    for cases in [
        json!([case(&known, "granted"), case(&unknown, "granted")]),
        json!([case(&known, "TierTooLow")]),
        json!([case(&unknown, "PolicyForbids")]),
    ] {
        let cases = write(folder.path(), "cases.json", &cases.to_string());
        let output = run(&["policy", "test", policies.to_str().unwrap(), "--cases", &cases]);
        assert_eq!(code(&output), 1, "{}{}", stdout(&output), stderr(&output));
        assert_eq!(json_of(&output)["failed"], json!(1));
        let table =
            run(&["policy", "test", policies.to_str().unwrap(), "--cases", &cases, "--format", "table"]);
        assert!(stdout(&table).contains("FAILED"), "{}", stdout(&table));
    }
    write(folder.path(), "policies/broken.cedar", "permit");
    let cases = write(folder.path(), "cases.json", &json!([case(&known, "granted")]).to_string());
    let output = run(&["policy", "test", policies.to_str().unwrap(), "--cases", &cases]);
    assert_eq!((code(&output), &json_of(&output)["ok"]), (1, &json!(false)));
}

#[test]
fn a_test_of_nothing_is_2() {
    let (folder, known, _) = policy_folder();
    let policies = folder.path().join("policies").to_str().unwrap().to_owned();
    let good = write(folder.path(), "good.json", &json!([case(&known, "granted")]).to_string());
    let none = write(folder.path(), "none.json", "[]");
    let bad = write(folder.path(), "bad.json", r#"[{"name":"x"}]"#);
    let empty = folder.path().to_str().unwrap();
    for (policies, cases, reason) in [
        (policies.as_str(), none.as_str(), "no case"),
        (&policies, &bad, "case 1"),
        (&policies, "/nonexistent", "cannot be read"),
        (empty, &good, "no *.cedar file"),
        ("/nonexistent", &good, "cannot be read"),
    ] {
        let output = run(&["policy", "test", policies, "--cases", cases]);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
    write(folder.path(), "policies/references/bad.json", r#"{"values":[{"tee":"tpm"}]}"#);
    let output = run(&["policy", "test", &policies, "--cases", &good]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
}

const CASE: &str = r#"{"name": "a new image", "node": {"tee": "sev-snp", "measurement": "MEASURED"},
"key": {"id": "acme/disk", "minimum_tier": 2}, "now": "2026-11-01T00:00:00Z", "expect": "granted"}"#;

#[test]
fn a_case_is_explained_with_the_change_that_turns_it() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "policies/acme.cedar", GOOD);
    let policies = folder.path().join("policies").to_str().unwrap().to_owned();
    let case = write(folder.path(), "new.case.json", &CASE.replace("MEASURED", &"4c".repeat(48)));
    let explain = |more: &[&str]| {
        let arguments = ["policy", "explain", "--case", &case, "--policies", &policies];
        run(&[&arguments[..], more].concat())
    };
    let output = explain(&[]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let explanation = &json_of(&output)[0]["explanation"];
    assert_eq!(explanation["code"], "MeasurementUnknown");
    let change = &explanation["proposals"][0]["changes"][0];
    assert_eq!((&change["change"], &change["by"]), (&json!("reference"), &json!("administrator")));
    // The tree, for a person.
    let table = stdout(&explain(&["--format", "table"]));
    for line in [
        "MeasurementUnknown: ",
        "✓ tier 2 (confidential) is at least the key's minimum 2 (confidential)",
        "✗ the policies",
        "  ✗ policy `",
        "✗ principal.measurement in ReferenceSet::\"images\"",
        " 1. [administrator] add sev-snp/measurement/4c4c",
    ] {
        assert!(table.contains(line), "{line} is not in {table}");
    }
    // With the change made, it is granted.
    let values =
        json!({"values": [{"tee": "sev-snp", "register": "measurement", "digest": "4c".repeat(48)}]});
    let images = write(folder.path(), "images.json", &values.to_string());
    let granted = explain(&["--references", &images]);
    assert_eq!(json_of(&granted)[0]["explanation"]["granted"], true, "{}", stderr(&granted));
}

#[test]
fn what_to_explain_is_named_in_one_way() {
    let folder = tempfile::tempdir().unwrap();
    let case = write(folder.path(), "a.case.json", &CASE.replace("MEASURED", &"4c".repeat(48)));
    for arguments in [
        &["policy", "explain"][..],
        &["policy", "explain", "x"],
        &["policy", "explain", "7", "--case", &case, "--policies", "p"],
        &["policy", "explain", "--case", &case],
        &["policy", "explain", "7", "--references", "r.json"],
        &["policy", "replay"],
        &["policy", "replay", "--candidate", "c", "--since", "yesterday"],
        &["policy", "shadow"],
    ] {
        assert_eq!(code(&run(arguments)), 2, "{arguments:?}");
    }
}
