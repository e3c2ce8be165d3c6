//! Writes `docs/rules.md`: every rule, where it is checked, and which test exercises it.

use anyhow::Context as _;
use hanzo_tests::rules;
use std::path::Path;

fn main() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the project's top")?;
    let book = rules::book()?;
    let table = rules::table(&book, &rules::places(root, &book)?)?;
    std::fs::write(root.join("docs/rules.md"), table)?;
    Ok(())
}
