//! `docs/rules.md` is what the sources say today.

use hanzo_tests::rules;
use std::path::Path;

#[test]
fn the_table_of_rules_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let book = rules::book().unwrap();
    let table = rules::table(&book, &rules::places(root, &book).unwrap()).unwrap_or_else(|e| panic!("{e}"));
    let written = std::fs::read_to_string(root.join("docs/rules.md")).unwrap();
    assert!(table == written, "run `cargo run -p hanzo-tests --bin rules`");
}
