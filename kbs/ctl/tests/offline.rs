//! Verbs that need no broker and no environment.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use hanzo_attestation_evidence::{Digest, Hex};
use hanzo_attestation_lab::{Lab, SnpOrder};
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
        (Path::new("/nonexistent"), "cannot be read"),
    ] {
        let output = run(&["policy", "check", path.to_str().unwrap()]);
        assert_eq!(code(&output), 2, "{}", path.display());
        assert_eq!(stdout(&output), "");
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
}

#[test]
fn a_folder_is_checked_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let output = run(&["policy", "check", &path]);
    assert_eq!(code(&output), 2, "a folder without policies: {}", stderr(&output));
    assert!(stderr(&output).contains("no *.cedar file"), "{}", stderr(&output));
    write(folder.path(), "a.cedar", GOOD);
    write(folder.path(), "notes.txt", "permit");
    assert_eq!(json_of(&run(&["policy", "check", &path]))["policies"], json!(1));
    let second = write(folder.path(), "b.cedar", GOOD);
    let output = run(&["policy", "check", &path]);
    assert_eq!(code(&output), 0, "a warning is no error: {}", stderr(&output));
    let warning = &json_of(&output)["warnings"][0];
    assert_eq!((&warning["file"], &warning["line"]), (&json!(second), &json!(1)), "{warning}");
    assert!(warning["message"].as_str().unwrap().starts_with("says the same as"), "{warning}");
    assert_eq!(code(&run(&["policy", "check", &path, "--strict"])), 1);
    fs::remove_file(&second).unwrap();
    assert_eq!(code(&run(&["policy", "check", &path, "--strict"])), 0);
}

#[test]
fn a_slip_in_a_claim_or_a_value_is_1_with_its_place_and_what_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    for (condition, column, part) in [
        ("principal.measurment in ReferenceSet::\"images\"", 8, "did you mean `measurement`"),
        ("principal.tier > 4", 8, "never holds"),
        ("principal.tee == \"snp\"", 25, "did you mean `sev-snp`"),
        ("principal.lab && !principal.lab", 0, ""),
    ] {
        let text = format!("permit (principal, action, resource)\nwhen {{ {condition} }};\n");
        let file = write(folder.path(), "slip.cedar", &text);
        let output = run(&["policy", "check", &file]);
        assert_eq!(code(&output), 1, "{condition}: {}", stderr(&output));
        let problem = &json_of(&output)["problems"][0];
        let message = problem["message"].as_str().unwrap();
        assert!(message.contains(part), "{condition}: {message}");
        if column > 0 {
            assert_eq!((&problem["line"], &problem["column"]), (&json!(2), &json!(column)), "{problem}");
        }
    }
}

#[test]
fn the_schema_is_printed_for_other_tools() {
    let text = stdout(&run(&["policy", "schema"]));
    assert!(text.contains("entity Node {") && text.contains("  guest_svn: Long,"), "{text}");
    let answer = json_of(&run(&["policy", "schema", "--format", "json"]));
    assert_eq!(answer["schema"].as_str().unwrap(), text);
    let attributes = answer["attributes"].as_array().unwrap();
    let tier = attributes.iter().find(|a| a["record"] == "Node" && a["name"] == "tier").unwrap();
    assert_eq!((&tier["type"], &tier["values"]), (&json!("Long"), &json!("0 to 4")), "{tier}");
    let markdown = stdout(&run(&["policy", "schema", "--markdown"]));
    assert!(markdown.contains("| `guest_svn` | Long | 0 to 4294967295 |"), "{markdown}");
}

#[test]
fn a_filled_template_is_a_policy_that_check_accepts() {
    let home = tempfile::tempdir().unwrap();
    let listed = json_of(&run(&["policy", "template", "list"]));
    assert!(listed.as_array().unwrap().len() >= 5, "{listed}");
    let shown = json_of(&run(&["policy", "template", "show", "image-at-tier"]));
    assert_eq!(shown["parameters"][1], json!({"name": "images", "kind": "set"}), "{shown}");
    let fill =
        ["policy", "template", "fill", "image-at-tier", "--set", "scope=acme/model", "--set", "images=prod"];
    let filled = run(&[&fill[..], &["--set", "tier=3"]].concat());
    assert_eq!(code(&filled), 0, "{}", stderr(&filled));
    let check = with_input(kbsctl(home.path()).args(["policy", "check", "--strict", "-"]), &filled.stdout);
    assert_eq!(code(&check), 0, "{}{}", stdout(&filled), stdout(&check));
    let json = run(&[&fill[..], &["--set", "tier=3", "--format", "json"]].concat());
    assert_eq!(json_of(&json)["text"], json!(stdout(&filled)));
    for (rest, reason) in [
        (&[][..], "`tier` is missing"),
        (&["--set", "tier=high"], "`tier` is a tier"),
        (&["--set", "tier=3", "--set", "chips=ab"], "no place `chips`"),
        (&["--set", "tier=3", "--set", "tier=2"], "given twice"),
    ] {
        let refused = run(&[&fill[..], rest].concat());
        assert_eq!((code(&refused), stdout(&refused).as_str()), (2, ""), "{rest:?}");
        assert!(stderr(&refused).contains(reason), "{}", stderr(&refused));
    }
}

#[test]
fn an_invariant_holds_or_is_shown_the_case_in_which_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    write(folder.path(), "acme.cedar", GOOD);
    let prove = |condition: &str| run(&["policy", "prove", &path, "--never", condition]);
    let debug = "principal has snp && principal.snp.policy.debug && resource.minimum_tier >= 2";
    let output = prove(debug);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let proof = json_of(&output);
    assert_eq!((&proof["holds"], &proof["permits"][0]["verdict"]), (&json!(false), &json!("fails")));
    assert_eq!(proof["permits"][0]["example"]["principal.snp.policy.debug"], json!("true"), "{proof}");
    let guard =
        "forbid (principal, action, resource) when { principal has snp && principal.snp.policy.debug };";
    write(folder.path(), "guard.cedar", guard);
    let output = prove(debug);
    assert_eq!((code(&output), &json_of(&output)["holds"]), (0, &json!(true)), "{}", stderr(&output));
    assert_eq!(code(&prove("resource.tenant != Tenant::\"acme\"")), 0);
    let table = stdout(&run(&["policy", "prove", &path, "--never", debug, "--format", "table"]));
    assert!(table.contains("The invariant holds"), "{table}");
    for wrong in ["principal.laab", "principal.tier > 4", ""] {
        let output = prove(wrong);
        assert_eq!((code(&output), &json_of(&output)["ok"]), (1, &json!(false)), "{wrong}");
    }
}

/// Which way an invariant was decided is said, in both forms; a solver that was named and cannot be asked is an
/// error, one that is not installed is not.
#[test]
fn a_proof_names_its_method() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    write(folder.path(), "acme.cedar", GOOD);
    let ask = ["policy", "prove", &path, "--never", "resource.tenant != Tenant::\"acme\""];
    let output = run(&ask);
    let proof = json_of(&output);
    let solver =
        proof["solver"].as_str().unwrap_or_else(|| panic!("the Debian package cvc5 is needed: {proof}"));
    assert!(solver.starts_with("cvc5 "), "{proof}");
    assert_eq!((&proof["method"], &proof["permits"][0]["method"]), (&json!("symbolic"), &json!("symbolic")));
    let table = stdout(&run(&[&ask[..], &["--format", "table"]].concat()));
    assert!(table.contains("The invariant holds: symbolic, cvc5 "), "{table}");

    let empty = tempfile::tempdir().unwrap();
    let without =
        |more: &[&str]| kbsctl(empty.path()).env("PATH", empty.path()).args(ask).args(more).output().unwrap();
    let output = without(&[]);
    let proof = json_of(&output);
    assert_eq!((code(&output), &proof["method"]), (0, &json!("exhaustive")), "{proof}");
    assert!(
        proof["no_solver"].as_str().unwrap().contains("SolverMissing") && proof["solver"].is_null(),
        "{proof}"
    );
    let table = stdout(&without(&["--format", "table"]));
    assert!(
        table.contains("The invariant holds: exhaustive") && table.contains("no solver was asked"),
        "{table}"
    );

    for (solver, name) in
        [("/nonexistent/cvc5", "SolverMissing"), ("/bin/false", "SolverForeign"), (&path, "SolverStart")]
    {
        let refused = run(&[&ask[..], &["--solver", solver]].concat());
        assert_eq!((code(&refused), stdout(&refused).as_str()), (2, ""), "{solver}");
        assert!(stderr(&refused).contains(name), "{solver}: {}", stderr(&refused));
    }
    for seconds in ["0", "3601", "-1", "soon"] {
        let timeout = format!("--solver-timeout={seconds}");
        assert_eq!(code(&run(&[&ask[..], &[timeout.as_str()]].concat())), 2, "{seconds}");
    }
}

/// A failing proof is a file that `policy test` fails on, and passes once the policies are mended; both ways.
#[test]
fn a_failing_proof_is_a_case_of_policy_test() {
    let empty = tempfile::tempdir().unwrap();
    for path in ["/usr/local/bin:/usr/bin:/bin", empty.path().to_str().unwrap()] {
        let folder = tempfile::tempdir().unwrap();
        let (policies, cases) = (folder.path().join("policies"), folder.path().join("cases"));
        let (policies, cases) = (policies.to_str().unwrap(), cases.to_str().unwrap());
        write(folder.path(), "policies/acme.cedar", GOOD);
        let debug = "principal has snp && principal.snp.policy.debug && resource.minimum_tier >= 2";
        let prove = || {
            let ask = ["policy", "prove", policies, "--never", debug, "--cases", cases];
            kbsctl(empty.path()).env("PATH", path).args(ask).output().unwrap()
        };
        let test = || run(&["policy", "test", policies, "--cases", cases]);
        let output = prove();
        let proof = json_of(&output);
        assert_eq!((code(&output), &proof["holds"]), (1, &json!(false)), "{proof}");
        let written: Vec<_> = proof["cases"].as_array().unwrap().iter().collect();
        assert_eq!(written, [&json!(format!("{cases}/acme-{}.case.json", line_of(&proof)))]);

        let tested = test();
        let report = json_of(&tested);
        assert_eq!((code(&tested), &report["failed"]), (1, &json!(1)), "{report}");
        assert_eq!(
            (&report["cases"][0]["expected"], &report["cases"][0]["actual"]),
            (&json!("denied"), &json!("granted"))
        );

        let guard =
            "forbid (principal, action, resource) when { principal has snp && principal.snp.policy.debug };";
        write(folder.path(), "policies/guard.cedar", guard);
        let output = prove();
        assert_eq!(
            (code(&output), json_of(&output).get("cases")),
            (0, None),
            "nothing is written of what holds"
        );
        let tested = test();
        assert_eq!((code(&tested), &json_of(&tested)["passed"]), (0, &json!(1)), "{}", stdout(&tested));
    }
}

/// The line of the first permit of a proof.
fn line_of(proof: &Value) -> String {
    proof["permits"][0]["policy"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
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
fn a_folder_can_bring_its_own_cases() {
    let (folder, known, unknown) = policy_folder();
    let policies = folder.path().join("policies").to_str().unwrap().to_owned();
    let none = run(&["policy", "test", &policies]);
    assert_eq!(code(&none), 2, "{}", stderr(&none));
    assert!(stderr(&none).contains("no *.case.json file"), "{}", stderr(&none));
    write(folder.path(), "policies/known.case.json", &case(&known, "granted").to_string());
    write(
        folder.path(),
        "policies/unknown.case.json",
        &json!([case(&unknown, "MeasurementUnknown")]).to_string(),
    );
    let output = run(&["policy", "test", &policies]);
    assert_eq!((code(&output), &json_of(&output)["passed"]), (0, &json!(2)), "{}", stderr(&output));
    write(folder.path(), "more/one.case.json", &case(&known, "TierTooLow").to_string());
    let more = folder.path().join("more").to_str().unwrap().to_owned();
    let output = run(&["policy", "test", &policies, "--cases", &more]);
    assert_eq!((code(&output), &json_of(&output)["failed"]), (1, &json!(1)), "{}", stderr(&output));
}

/// A folder with the lab's roots, a document of its guest, and policies that know its image.
fn evidence_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::fixture();
    lab.write(&folder.path().join("lab")).unwrap();
    for (name, order) in [
        ("genuine.json", SnpOrder::default()),
        ("debug.json", SnpOrder { debug: true, ..SnpOrder::default() }),
    ] {
        let document = Lab::document(vec![lab.snp(&order).unwrap()]);
        write(folder.path(), name, &document.to_string());
    }
    write(folder.path(), "acme.cedar", GOOD);
    let digest = Digest::from(Hex(SnpOrder::usual_measurement())).to_string();
    let set = json!({"values": [{"tee": "sev-snp", "register": "measurement", "digest": digest}]});
    write(folder.path(), "references/images.json", &set.to_string());
    folder
}

fn evidence_case(file: &str, report_data: &str, expect: &str) -> Value {
    json!({
        "name": format!("{file} is {expect}"),
        "evidence": {"file": file, "lab": "lab", "report_data": report_data},
        "key": {"id": "acme/model", "minimum_tier": 2},
        "expect": expect,
    })
}

#[test]
fn a_case_with_evidence_is_verified_before_the_policies_are_asked() {
    let folder = evidence_folder();
    let (right, other) = ("00".repeat(64), "01".repeat(64));
    let cases = json!([
        evidence_case("genuine.json", &right, "granted"),
        evidence_case("genuine.json", &other, "SnpReportDataMismatch"),
        evidence_case("debug.json", &right, "SnpDebugAllowed"),
        {
            "name": "without the lab's roots it is nobody's word",
            "evidence": {"file": "genuine.json", "report_data": right},
            "key": {"id": "acme/model", "minimum_tier": 2},
            "expect": "SnpRootNotPinned",
        },
    ]);
    write(folder.path(), "lab.case.json", &cases.to_string());
    let output = run(&["policy", "test", folder.path().to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert_eq!(json_of(&output)["passed"], json!(4));
    // The same evidence, with another expectation: each is a failure, and none an error of the run.
    for (file, wrong) in
        [("genuine.json", "SnpDebugAllowed"), ("debug.json", "granted"), ("genuine.json", "NoPolicy")]
    {
        write(folder.path(), "lab.case.json", &evidence_case(file, &right, wrong).to_string());
        let output = run(&["policy", "test", folder.path().to_str().unwrap()]);
        assert_eq!(code(&output), 1, "{file} {wrong}: {}{}", stdout(&output), stderr(&output));
    }
}

#[test]
fn evidence_that_cannot_be_read_is_2() {
    let folder = evidence_folder();
    let right = "00".repeat(64);
    let mut no_hex = evidence_case("genuine.json", "zz", "granted");
    no_hex["name"] = json!("no hex");
    for (case, reason) in [
        (evidence_case("missing.json", &right, "granted"), "cannot be read"),
        (evidence_case("acme.cedar", &right, "granted"), "acme.cedar"),
        (no_hex, "genuine.json"),
    ] {
        write(folder.path(), "lab.case.json", &case.to_string());
        let output = run(&["policy", "test", folder.path().to_str().unwrap()]);
        assert_eq!(code(&output), 2, "{case}: {}", stdout(&output));
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
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
