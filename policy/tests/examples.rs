//! The example policies compile against the schema, and mean what their first line says.
#![expect(clippy::unwrap_used, reason = "a failure here is the failure of the test")]

use hanzo_policy::{Policies, PolicySource};
use std::path::Path;

fn examples() -> Vec<PolicySource> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut sources: Vec<PolicySource> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cedar"))
        .map(|path| PolicySource {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            version: 1,
            text: std::fs::read_to_string(&path).unwrap(),
        })
        .collect();
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    sources
}

#[test]
fn every_example_compiles_without_a_warning() {
    let sources = examples();
    assert_eq!(sources.len(), 6);
    for source in &sources {
        let policies = Policies::compile(std::slice::from_ref(source)).unwrap_or_else(|p| panic!("{p:?}"));
        assert_eq!(policies.warnings(), [], "{}", source.name);
        assert!(source.text.starts_with("//"), "{} says what it is for", source.name);
    }
    let all = Policies::compile(&sources).unwrap();
    let sets: Vec<_> = all.reference_sets().iter().map(String::as_str).collect();
    assert_eq!(sets, ["acme-images", "inference", "td-firmware", "td-kernels"]);
}
