//! What counts as a check and as a test, and what does not.

use super::*;

fn rule(id: &str, code: &str) -> BookRule {
    BookRule { id: id.into(), class: "H".into(), code: code.into(), condition: "c".into() }
}

fn scanned(files: &[(&str, &str)]) -> Places {
    let sources: Vec<Source> = files.iter().map(|(name, text)| Source::new((*name).into(), text)).collect();
    find(&sources, &[rule("SNP-01", "SnpReportLength")]).places.remove("SNP-01").unwrap()
}

fn exercised(name: &str, text: &str) -> Vec<String> {
    scanned(&[(name, text)]).exercised.into_iter().collect()
}

#[test]
fn code_and_tests_of_one_file_are_told_apart() {
    let text = "Rule::new(\"SNP-01\", \"SnpReportLength\")\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn short() {\n        is(\"SNP-01\");\n    }\n}\n";
    let places = scanned(&[("attestation/src/snp/verify.rs", text)]);
    assert_eq!(places.checked.into_iter().collect::<Vec<_>>(), ["attestation/src/snp/verify.rs"]);
    assert_eq!(places.exercised.into_iter().collect::<Vec<_>>(), ["attestation/src/snp/verify.rs: short"]);
}

#[test]
fn a_rule_is_stated_by_its_id_and_code_together() {
    let text = "refuse(\"SnpReportLength\", \"SNP-01: too short\")";
    assert_eq!(scanned(&[("kbs/src/a.rs", text)]).checked.len(), 1);
    for text in [
        "(\"SNP-01\", \"SnpReportVersion\")",
        "(\"SNP-01\", x)",
        "(\"SNP-011\", \"SnpReportLength\")",
        "\"SnpReportLength\"",
        "// (\"SNP-01\", \"SnpReportLength\")",
    ] {
        assert_eq!(scanned(&[("attestation/src/a.rs", text)]), Places::default(), "{text}");
    }
}

#[test]
fn a_comment_exercises_nothing() {
    for text in [
        "//! SNP-01",
        "/// SNP-01\n#[test]\nfn short() {\n}\n",
        "#[test]\nfn short() {\n    // SnpReportLength\n}\n",
        "fn helper() {\n    is(\"SNP-01\");\n}\n",
        "#[test]\nfn short() {\n    is(\"SNP-011\", \"MySnpReportLength\");\n}\n",
    ] {
        assert_eq!(exercised("attestation/tests/a.rs", text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_table_exercises_through_the_test_that_uses_it() {
    let text = "const CASES: [&str; 1] = [\n    \"SNP-01\",\n];\n\n#[test]\nfn all() {\n    each(CASES);\n}\n\n#[test]\nfn other() {\n    each(MORE_CASES);\n}\n";
    assert_eq!(exercised("attestation/tests/a.rs", text), ["attestation/tests/a.rs: all"]);
    let nested = "#[test]\nfn all() {\n    const SVN: u8 = 1;\n    is(\"SNP-01\");\n}\n";
    assert_eq!(exercised("attestation/tests/a.rs", nested), ["attestation/tests/a.rs: all"]);
}

#[test]
fn a_defect_of_the_lab_exercises_through_a_test_of_all_of_them() {
    let list = "defects! {\n    SnpDefect {\n        Short = \"short\" breaks \"SNP-01\" \"SnpReportLength\",\n    }\n}\n";
    let lab = ("attestation/lab/src/amd/defect.rs", list);
    let test = ("attestation/tests/a.rs", "#[test]\nfn all() {\n    for _ in SnpDefect::ALL {\n    }\n}\n");
    assert_eq!(scanned(&[lab]), Places::default());
    assert_eq!(
        scanned(&[lab, test]).exercised.into_iter().collect::<Vec<_>>(),
        ["attestation/tests/a.rs: all"]
    );
}

#[test]
fn a_fixture_exercises_what_it_expects() {
    let case = "fixtures/attestation/snp/short/case.toml";
    assert_eq!(exercised(case, "expect = \"SnpReportLength\""), ["fixtures/attestation/snp/short"]);
}

#[test]
fn a_rule_without_a_test_or_a_check_has_no_table() {
    let book = [rule("SNP-01", "A"), rule("SNP-02", "B"), rule("SNP-75", "C")];
    let checked = Places { checked: BTreeSet::from(["a.rs".into()]), ..Places::default() };
    let places = BTreeMap::from([("SNP-01".to_owned(), checked.clone()), ("SNP-75".to_owned(), checked)]);
    let found = Found { places, ..Found::default() };
    let error = table(&book, &found).unwrap_err().to_string();
    let expected = "SNP-01 A has no test\nSNP-02 B is checked nowhere\n\
                    SNP-75 C is enforced, against what NOT_ENFORCED says";
    assert_eq!(error, expected);
}

#[test]
fn a_rule_by_construction_needs_the_tests_that_it_names() {
    let error = table(&[rule("COL-24", "VerificationTraceMissing")], &Found::default()).unwrap_err();
    assert!(error.to_string().starts_with("COL-24: there is no test attestation/tests/tdx/"), "{error}");
}

#[test]
fn the_book_has_every_rule_once() {
    assert_eq!(book().unwrap().len(), 312);
}
