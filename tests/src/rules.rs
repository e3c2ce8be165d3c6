//! The rule book against the sources: which rule is checked where, and which test exercises it.
//!
//! `docs/rules.md` is made from this and held current by a test. A rule counts as checked where code that
//! ships states its id and its code side by side, as a refusal or a finding does, or is in
//! [`BY_CONSTRUCTION`]. It counts as exercised by a test function that compares with its id or its code, or
//! that uses a table, a helper or a list of the lab's defects that names one of them. Comments count for
//! neither. A rule without either has a reason in [`NOT_ENFORCED`], or the table cannot be built.

mod source;

use anyhow::{Context as _, bail};
use source::{Item, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The rules, a line each: id, class, code and what must hold.
const BOOK: &str = include_str!("../rules.tsv");

/// Where sources are: every crate but the demonstration.
const ROOTS: [&str; 6] = ["attestation", "policy", "kbs", "node", "fixtures", "tests"];

/// The files that name rules in order to find them.
const OWN: [&str; 3] = ["tests/src/rules.rs", "tests/src/rules/", "tests/tests/rules.rs"];

/// Places that the table names of each kind, so that a line stays readable and does not change with every
/// test.
const SHOWN: usize = 2;

/// Rules that this build does not enforce, and why.
pub const NOT_ENFORCED: &[(&str, &str)] = &[
    ("SNP-75", "needs a memory of earlier reports, which verification does not have"),
    ("SNP-77", "the structure form of a report is not accepted: only its 1184 bytes are"),
];

/// Rules that need no refusal of their own: why nothing can break them, or whose refusal it is; and tests of
/// that.
pub const BY_CONSTRUCTION: &[(&str, &str, &[&str])] = &[
    (
        "COL-14",
        "certificates in evidence are only looked for below a pinned root (SNP-21, DCAP-17, TPM-11), and lists in it \
         are not read",
        &[
            "attestation/tests/tdx/collateral.rs: collateral_of_another_root_does_not_count",
            "attestation/tests/tdx/named.rs: a_stored_chain_is_no_anchor",
            "attestation/tests/tpm/trust.rs: a_key_from_the_evidence_alone_is_untrusted",
        ],
    ),
    (
        "COL-17",
        "the expected value is computed from challenge, key and data; another one breaks SNP-39, DCAP-70, TPM-14 or \
         AZ-22",
        &[
            "attestation/tests/snp/lab.rs: binding_is_over_all_bytes_and_one_recipient",
            "attestation/tests/tpm/lab.rs: a_quote_binds_to_its_challenge_and_recipient_alone",
        ],
    ),
    (
        "COL-23",
        "parsers and checks return errors; a fault that is caught all the same is a denial with this code",
        &[
            "tests/tests/hostile.rs: a_sev_snp_report_and_its_chain",
            "tests/tests/hostile.rs: a_tdx_quote_of_version_4_and_its_log",
            "tests/tests/hostile.rs: a_tdx_quote_of_version_5",
            "tests/tests/hostile.rs: an_sgx_quote",
            "tests/tests/hostile.rs: a_tpm_quote",
        ],
    ),
    (
        "COL-24",
        "every verified item has the fields of its trace, and answers and tokens carry it",
        &[
            "attestation/tests/tdx/collateral.rs: a_trace_says_what_a_verdict_rests_on",
            "kbs/ctl/src/evidence/tests.rs: the_answer_carries_the_trace",
        ],
    ),
];

/// One rule of the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookRule {
    /// Id, e.g. `SNP-21`.
    pub id: String,
    /// H hard, P policy with default deny, C claim.
    pub class: String,
    /// Stable code of the refusal.
    pub code: String,
    /// What must hold.
    pub condition: String,
}

/// Where a rule is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Files that ship and state the rule's id and code.
    pub checked: BTreeSet<String>,
    /// Why no file needs to.
    pub reason: Option<String>,
    /// Test functions, as `file: function`, and fixtures that name it.
    pub exercised: BTreeSet<String>,
}

/// Where every rule of the book is found, and the tests that there are.
#[derive(Debug, Default)]
pub struct Found {
    places: BTreeMap<String, Places>,
    tests: BTreeSet<String>,
}

/// The rules of the book, in its order.
///
/// # Errors
/// A line that has not four fields, or an id twice.
pub fn book() -> anyhow::Result<Vec<BookRule>> {
    let mut rules: Vec<BookRule> = Vec::new();
    for line in BOOK.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [id, class, code, condition] = fields[..] else { bail!("not four fields: {line}") };
        if rules.iter().any(|known| known.id == id || known.code == code) {
            bail!("{id} {code} is there twice");
        }
        let [id, class, code, condition] = [id, class, code, condition].map(str::to_owned);
        rules.push(BookRule { id, class, code, condition });
    }
    Ok(rules)
}

/// Finds every rule in the sources under `root`, the top of the project.
///
/// # Errors
/// A file that cannot be read.
pub fn places(root: &Path, book: &[BookRule]) -> anyhow::Result<Found> {
    let mut files = Vec::new();
    for folder in ROOTS {
        collect(&root.join(folder), &mut files)?;
    }
    files.sort();
    let mut sources = Vec::new();
    for path in files {
        let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
        if !OWN.iter().any(|own| name.starts_with(own)) {
            let text = std::fs::read_to_string(&path).with_context(|| name.clone())?;
            sources.push(Source::new(name, &text));
        }
    }
    Ok(find(&sources, book))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && name != "fuzz" {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") || name == "case.toml" {
            files.push(path);
        }
    }
    Ok(())
}

fn find(sources: &[Source], book: &[BookRule]) -> Found {
    let mut found = Found::default();
    for rule in book {
        let places = found.places.entry(rule.id.clone()).or_default();
        for source in sources {
            if source.states(&rule.id, &rule.code) {
                places.checked.insert(source.name.clone());
            }
            for item in source.tests.iter().filter(|item| item.names(&[&rule.id, &rule.code])) {
                places.exercised.extend(users(item, source, sources));
            }
        }
    }
    for source in sources {
        let tests = source.tests.iter().filter(|item| item.is_test);
        found.tests.extend(tests.map(|test| source.place(test)));
    }
    found
}

/// The tests behind an item of test code: itself, or those that use the helper, table or list of defects.
fn users(item: &Item, home: &Source, sources: &[Source]) -> Vec<String> {
    if item.is_test {
        return vec![home.place(item)];
    }
    let list = format!("{}::ALL", item.name);
    let beside = home.tests.iter().filter(|test| test.is_test && test.names(&[&item.name]));
    let apart = sources.iter().flat_map(|source| source.tests.iter().map(move |test| (source, test)));
    let apart = apart.filter(|(_, test)| home.is_lab && test.is_test && test.names(&[&list]));
    beside.map(|test| (home, test)).chain(apart).map(|(source, test)| source.place(test)).collect()
}

/// The table as Markdown.
///
/// # Errors
/// Every rule that is checked nowhere or exercised by nothing and has no reason, and every reason that is no
/// longer true.
pub fn table(book: &[BookRule], found: &Found) -> anyhow::Result<String> {
    let mut text = String::from(
        "# Rules\n\n\
         Every rule of the rule book for CPU evidence: where it is checked, and which test exercises it. Made from\n\
         the sources by `cargo run -p hanzo-tests --bin rules`; a test keeps it current.\n\n\
         Class H is a hard failure that no policy switches off, P a threshold of policy, C a claim. The code is\n\
         what answers carry.\n",
    );
    let mut problems = Vec::new();
    let mut kind = "";
    for rule in book {
        let mut places = found.places.get(&rule.id).cloned().unwrap_or_default();
        let constructed = BY_CONSTRUCTION.iter().find(|(id, ..)| *id == rule.id);
        if let Some((_, why, tests)) = constructed {
            for test in *tests {
                if found.tests.contains(*test) {
                    places.exercised.insert((*test).to_owned());
                } else {
                    problems.push(format!("{}: there is no test {test}", rule.id));
                }
            }
            places.reason = Some((*why).to_owned());
        }
        problems.extend(problem(rule, &places));
        let prefix = rule.id.split('-').next().unwrap_or_default();
        if prefix != kind {
            kind = prefix;
            write!(
                text,
                "\n## {kind}\n\n| rule | class | code | what holds | checked in | exercised by |\n"
            )?;
            text.push_str("|---|---|---|---|---|---|\n");
        }
        let (checked, exercised) = match not_enforced(rule) {
            Some(reason) => (format!("not enforced: {reason}"), String::new()),
            None => (checked(&places), shorten(&places.exercised)),
        };
        let BookRule { id, class, code, condition } = rule;
        writeln!(text, "| {id} | {class} | {code} | {condition} | {checked} | {exercised} |")?;
    }
    if problems.is_empty() { Ok(text) } else { bail!("{}", problems.join("\n")) }
}

fn not_enforced(rule: &BookRule) -> Option<&'static str> {
    NOT_ENFORCED.iter().find(|(id, _)| *id == rule.id).map(|(_, reason)| *reason)
}

fn problem(rule: &BookRule, places: &Places) -> Option<String> {
    let what = match (not_enforced(rule).is_some(), places.is_checked(), places.exercised.is_empty()) {
        (false, false, _) => "is checked nowhere",
        (false, true, true) => "has no test",
        (true, true, _) => "is enforced, against what NOT_ENFORCED says",
        _ => return None,
    };
    Some(format!("{} {} {what}", rule.id, rule.code))
}

impl Places {
    fn is_checked(&self) -> bool {
        !self.checked.is_empty() || self.reason.is_some()
    }
}

fn checked(places: &Places) -> String {
    let files = (!places.checked.is_empty()).then(|| shorten(&places.checked));
    [places.reason.clone(), files].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn shorten(places: &BTreeSet<String>) -> String {
    let mut shown: Vec<String> = places.iter().take(SHOWN).map(|place| format!("`{place}`")).collect();
    if places.len() > SHOWN {
        shown.push("others".to_owned());
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests;
