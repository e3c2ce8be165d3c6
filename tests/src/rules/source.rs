//! A source file, cut into the part that ships and the functions, tables and lists of its tests.

/// One file of the project.
#[derive(Debug)]
pub(super) struct Source {
    /// Path from the top of the project.
    pub(super) name: String,
    /// Whether it belongs to the lab, which makes evidence and checks nothing.
    pub(super) is_lab: bool,
    /// What of it is in programs, without comments.
    shipped: String,
    /// What exercises rules: items of test code, lists of the lab's defects, a fixture.
    pub(super) tests: Vec<Item>,
}

/// A function, table or list, without comments.
#[derive(Debug)]
pub(super) struct Item {
    /// Its name.
    pub(super) name: String,
    /// Whether it is a test by itself, not something that tests use.
    pub(super) is_test: bool,
    text: String,
}

impl Source {
    pub(super) fn new(name: String, text: &str) -> Self {
        let is_lab = name.starts_with("attestation/lab/src/");
        let lines: Vec<&str> = text.lines().collect();
        if name.ends_with("case.toml") {
            let item = Item { name: name.clone(), is_test: true, text: text.to_owned() };
            return Self { name, is_lab, shipped: String::new(), tests: vec![item] };
        }
        let from = match is_lab || is_test_file(&name) {
            true => 0,
            false => lines.iter().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(lines.len()),
        };
        let (shipped, tests) = lines.split_at(from);
        let shipped: Vec<&str> = shipped.iter().copied().filter(|line| !is_comment(line)).collect();
        let tests = items(tests);
        Self { name, is_lab, shipped: shipped.join("\n"), tests }
    }

    /// Whether code that ships states a rule: its id as a text and its code as the next one; or its code, and
    /// a message that begins with the id.
    pub(super) fn states(&self, id: &str, code: &str) -> bool {
        let next_to = |text: &str, next: &dyn Fn(&str) -> bool| {
            let text = format!("\"{text}\"");
            let mut places = self.shipped.match_indices(&text);
            places.any(|(at, _)| self.shipped[at + text.len()..].split('"').nth(1).is_some_and(next))
        };
        next_to(id, &|text| text == code) || next_to(code, &|text| text.starts_with(&format!("{id}:")))
    }

    /// How the table names an item of this file.
    pub(super) fn place(&self, item: &Item) -> String {
        if self.name.ends_with("case.toml") {
            return self.name.trim_end_matches("/case.toml").to_owned();
        }
        format!("{}: {}", self.name, item.name)
    }
}

impl Item {
    /// Whether it has one of the words, as a whole word.
    pub(super) fn names(&self, words: &[&str]) -> bool {
        words
            .iter()
            .any(|word| self.text.match_indices(word).any(|(at, _)| is_word(&self.text, at, word.len())))
    }
}

/// A file that has tests and their helpers only.
fn is_test_file(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.contains("/tests/") || name.starts_with("tests/")
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

fn is_word(text: &str, at: usize, length: usize) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    !is_part(text[..at].chars().next_back()) && !is_part(text[at + length..].chars().next())
}

/// The functions, tables and lists of defects in test code, by the indentation of formatted code: each ends
/// where a line of its own depth ends it. Comments belong to none.
fn items(lines: &[&str]) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut open: Option<usize> = None;
    let mut is_test = false;
    for line in lines.iter().filter(|line| !is_comment(line)) {
        let trimmed = line.trim_start();
        let depth = line.len() - trimmed.len();
        if open.is_none() && trimmed.starts_with("#[") {
            is_test |= ["#[test]", "#[tokio::test"].iter().any(|test| trimmed.starts_with(test));
            continue;
        }
        if open.is_none() {
            let Some(name) = declared(trimmed) else { continue };
            items.push(Item { name: name.to_owned(), is_test, text: String::new() });
            open = Some(depth);
            is_test = false;
        }
        if let Some(item) = items.last_mut() {
            item.text.extend([line, "\n"]);
        }
        if open == Some(depth) && trimmed.ends_with(['}', ';']) {
            open = None;
        }
    }
    items
}

/// The name that a line declares: a function, a table, or a list of the lab's defects.
fn declared(line: &str) -> Option<&str> {
    const BEFORE: [&str; 4] = ["pub(super) ", "pub(crate) ", "pub ", "async "];
    const KINDS: [&str; 4] = ["const fn ", "fn ", "const ", "static "];
    let line = BEFORE.iter().fold(line, |line, word| line.strip_prefix(word).unwrap_or(line));
    let rest = KINDS.iter().find_map(|kind| line.strip_prefix(kind));
    let end = |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    if let Some(rest) = rest {
        return rest.get(..end(rest)?);
    }
    let name = line.strip_suffix(" {")?;
    (name.ends_with("Defect") && end(name).is_none()).then_some(name)
}
