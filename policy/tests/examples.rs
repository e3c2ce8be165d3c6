//! The example policies compile against the schema, and mean what their first line says; the documents quote
//! them.
#![expect(clippy::unwrap_used, reason = "a failure here is the failure of the test")]

use hanzo_attestation_evidence::UnixTime;
use hanzo_policy::{Policies, PolicySource, ReferenceSet, ReferenceValue, References, TestCase, Validity};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The files of the examples, or of a folder in them, whose names end so; by name.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .collect();
    files.sort();
    files
}

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn examples() -> Vec<PolicySource> {
    let source = |path: PathBuf| PolicySource {
        name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
        version: 1,
        text: std::fs::read_to_string(&path).unwrap(),
    };
    files("", ".cedar").into_iter().map(source).collect()
}

fn references() -> References {
    let set = |path: PathBuf| {
        let set: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let text = |value: &Value, field: &str| value[field].as_str().unwrap().to_owned();
        let values = set["values"].as_array().unwrap().iter().map(|value| ReferenceValue {
            tee: text(value, "tee"),
            register: text(value, "register"),
            digest: serde_json::from_value(value["digest"].clone()).unwrap(),
            entry: None,
            note: None,
            validity: Validity::ALWAYS,
        });
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        ReferenceSet { name, values: values.collect() }
    };
    References::new(files("references", ".json").into_iter().map(set).collect()).unwrap()
}

#[test]
fn every_example_compiles_without_a_warning() {
    let sources = examples();
    assert_eq!(sources.len(), 7);
    for source in &sources {
        let policies = Policies::compile(std::slice::from_ref(source)).unwrap_or_else(|p| panic!("{p:?}"));
        assert_eq!(policies.warnings(), [], "{}", source.name);
        assert!(source.text.starts_with("//"), "{} says what it is for", source.name);
        assert_eq!(Policies::review(std::slice::from_ref(source)), [], "{}", source.name);
    }
    let all = Policies::compile(&sources).unwrap();
    let sets: Vec<_> = all.reference_sets().iter().map(String::as_str).collect();
    assert_eq!(sets, ["acme-images", "inference", "td-firmware", "td-kernels", "trial-images"]);
    assert_eq!(Policies::review(&sources), []);
}

#[test]
fn every_example_has_tests_and_they_pass() {
    let (sources, references) = (examples(), references());
    let policies = Policies::compile(&sources).unwrap();
    let now = UnixTime::parse("2026-11-15T00:00:00Z").unwrap();
    let mut tested = BTreeSet::new();
    let mut ran = 0;
    for file in files("", ".case.json") {
        let name = file.file_name().unwrap().to_str().unwrap();
        tested.insert(name.strip_suffix(".case.json").unwrap().to_owned());
        for case in TestCase::read(&std::fs::read(&file).unwrap()).unwrap() {
            let report = case.run(&policies, &references, now);
            assert!(report.passed, "{name}: {report:?}");
            ran += 1;
        }
    }
    let named: BTreeSet<String> = sources.into_iter().map(|source| source.name).collect();
    assert_eq!(tested, named, "each example has a file of cases");
    println!("{ran} cases of {} examples", named.len());
    assert!(ran >= 15, "only {ran} cases");
}

#[test]
fn the_published_schema_is_the_one_that_checks() {
    assert_eq!(
        document("policy.cedarschema"),
        Policies::schema_text(),
        "run `kbsctl policy schema > docs/policy.cedarschema`"
    );
    let page = document("policy.md");
    let (_, published) = page.split_once("<!-- attributes:").unwrap();
    let (_, published) = published.split_once("-->\n").unwrap();
    assert_eq!(
        published,
        Policies::attributes_markdown(),
        "append what `kbsctl policy schema --markdown` prints to docs/policy.md"
    );
}

/// The fenced blocks of a document in one language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    page.split(&start).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_document_quotes_the_examples() {
    let page = document("policy.md");
    for (language, ending, least) in [("cedar", ".cedar", 2), ("json", ".case.json", 1)] {
        let texts: Vec<String> =
            files("", ending).iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
        let quoted = blocks(&page, language);
        assert!(quoted.len() >= least, "{language}: {quoted:?}");
        for block in quoted {
            let found = texts.iter().any(|text| text.contains(block.trim_end()));
            assert!(found, "docs/policy.md quotes what no example has:\n{block}");
        }
    }
}
