//! Two readers of the same evidence: every case of the fixtures, and of the evidence corpus where it lies
//! beside the project, is judged by us and by the second reader. Each difference is listed in
//! `docs/divergences.md` with its reason; one that is not listed fails this test, and so does one that is
//! listed and has vanished.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, outside a #[test] function")]

use hanzo_attestation::{Cache, Collateral, Context, Refused, Revocation, Roots, verify};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_evidence::{Document, Evidence, UnixTime};
use hanzo_attestation_lab::Lab;
use hanzo_attestation_opinion::{KNOWN, NoOpinion, Opinion, second_opinion};
use hanzo_fixtures::{Kind, RootsOf};
use hanzo_tests::cases;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One case, as both readers get it.
struct Case {
    name: String,
    document: Value,
    roots: Roots,
    collateral: Collateral,
    revocation: Revocation,
    now: UnixTime,
}

/// What came of it.
enum Outcome {
    Agree,
    Differ(Row),
    /// There is nothing to compare, and why.
    One(&'static str),
}

/// A line of the table: the case, our answer, and the name of the difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    case: String,
    ours: String,
    reason: String,
}

fn waived() -> Revocation {
    Revocation::Waived { reason: "no list is published with the evidence".to_owned() }
}

fn fixtures() -> Vec<Case> {
    let lab = Lab::fixture();
    let all = Kind::EVIDENCE.into_iter().flat_map(|kind| hanzo_fixtures::cases(kind).unwrap());
    all.map(|case| {
        let (roots, collateral) = match case.roots {
            RootsOf::Vendor => (Roots::vendor(), Collateral::default()),
            RootsOf::Lab => (Roots::vendor().with_extra(lab.extra_roots()), lab.collateral()),
        };
        let revocation = match case.revocation_waived.clone() {
            None => Revocation::Required,
            Some(reason) => Revocation::Waived { reason },
        };
        let now = UnixTime::parse(&case.now).unwrap();
        let name = format!("fixtures {}/{}", case.kind.folder(), case.name);
        Case { name, document: case.document(), roots, collateral, revocation, now }
    })
    .collect()
}

/// Cases of the corpus; none where it is absent.
fn corpus() -> Vec<Case> {
    let Some(corpus) = cases::corpus() else {
        println!("SKIPPED: the evidence corpus is not beside the project");
        return Vec::new();
    };
    let mut found = Vec::new();
    for kind in ["az-snp-vtpm", "az-tdx-vtpm", "sgx", "snp", "tdx"] {
        let mut folders: Vec<PathBuf> =
            fs::read_dir(corpus.join(kind)).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        found.extend(folders.iter().filter_map(|folder| of_folder(kind, folder)));
    }
    found
}

fn of_folder(kind: &str, folder: &Path) -> Option<Case> {
    let file = |name: &str| fs::read(folder.join(name)).ok();
    let expect: Value = serde_json::from_slice(&file("expect.json")?).unwrap();
    let name = format!("corpus {kind}/{}", folder.file_name()?.to_string_lossy());
    let item = match kind {
        "snp" => {
            let mut certs: Vec<String> = file("vek.der").iter().map(|der| base64_encode(der)).collect();
            let chain = file("ask_ark.pem").map(|pem| String::from_utf8(pem).unwrap()).unwrap_or_default();
            certs.extend(cases::pem_blocks(&chain));
            json!({"type": "sev-snp", "report": base64_encode(&file("report.bin")?), "certs": certs})
        }
        "az-snp-vtpm" | "az-tdx-vtpm" => {
            let evidence: Value = serde_json::from_slice(&file("evidence.json")?).unwrap();
            json!({"type": kind, "evidence": evidence})
        }
        _ => json!({"type": kind, "quote": base64_encode(&file("quote.bin")?)}),
    };
    let mut collateral = Collateral::default();
    if let Some(bytes) = file("collateral.json") {
        collateral = collateral.with_intel_json(&bytes).ok()?;
    }
    Some(Case {
        name,
        document: json!({"evidence": [item]}),
        roots: Roots::vendor(),
        collateral,
        revocation: if kind.contains("snp") { waived() } else { Revocation::Required },
        now: UnixTime::parse(expect["verify_at"].as_str()?).unwrap(),
    })
}

fn read(document: &Value) -> Option<Evidence> {
    Document::from_json(document.to_string().as_bytes()).ok()?.parse().ok()
}

impl Case {
    fn compare(&self) -> Outcome {
        let Some(evidence) = read(&self.document) else {
            return Outcome::One("refused by our parser, so that nobody else is asked");
        };
        let Self { roots, collateral, revocation, now, .. } = self;
        let context = Context { roots, collateral, revocation, now: *now, cache: Cache::off() };
        let ours = verify(evidence.clone(), &context);
        let row = |reason: &str| {
            let answer = |refused: &Refused| refused.finding.rule.to_string();
            let answer = ours.as_ref().map_or_else(answer, |_| "authentic".to_owned());
            Outcome::Differ(Row { case: self.name.clone(), ours: answer, reason: reason.to_owned() })
        };
        match second_opinion(&evidence, ours.as_ref(), collateral, *now) {
            Opinion::Agrees => Outcome::Agree,
            Opinion::NoOpinion(NoOpinion::NotJudged) => Outcome::One("no second reader knows this kind"),
            Opinion::NoOpinion(NoOpinion::CollateralMissing(_)) => Outcome::One("no collateral came with it"),
            Opinion::NoOpinion(NoOpinion::Known(known)) => row(known.name),
            Opinion::Disagrees(found) => row(&format!("UNEXPLAINED: {found}")),
        }
    }
}

fn documented() -> BTreeSet<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/divergences.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, cases) = text.split_once("## Cases").unwrap();
    let cells = |line: &str| -> Option<Row> {
        let cells: Vec<&str> =
            line.strip_prefix("| `")?.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let cell = |position: usize| cells.get(position).map(|cell| (*cell).to_owned());
        Some(Row { case: cell(0)?, ours: cell(1)?, reason: cell(2)? })
    };
    cases.lines().filter_map(cells).collect()
}

#[test]
fn every_difference_is_documented_and_every_documented_one_exists() {
    let (mut agree, mut alone, mut rows) = (0, Vec::new(), BTreeSet::new());
    let corpus = corpus();
    let with_corpus = !corpus.is_empty();
    for case in fixtures().into_iter().chain(corpus) {
        match case.compare() {
            Outcome::Agree => agree += 1,
            Outcome::Differ(row) => {
                rows.insert(row);
            }
            Outcome::One(why) => alone.push(format!("{}: {why}", case.name)),
        }
    }
    println!(
        "{agree} cases agree, {} differ, {} have one reader:\n{}",
        rows.len(),
        alone.len(),
        alone.join("\n")
    );
    for row in &rows {
        println!("| `{}` | `{}` | `{}` |", row.case, row.ours, row.reason);
    }
    let expected: BTreeSet<Row> =
        documented().into_iter().filter(|row| with_corpus || !row.case.starts_with("corpus ")).collect();
    let new: Vec<&Row> = rows.difference(&expected).collect();
    let vanished: Vec<&Row> = expected.difference(&rows).collect();
    assert!(
        new.is_empty() && vanished.is_empty(),
        "not documented: {new:#?}\ndocumented and gone: {vanished:#?}"
    );
    assert!(agree > 20, "{agree}");
}

#[test]
fn every_known_difference_is_explained_in_the_document() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/divergences.md");
    let text = fs::read_to_string(path).unwrap();
    for known in KNOWN {
        let line = format!("| `{}` | {} | {} |", known.name, known.peer, known.reason);
        assert!(text.contains(&line), "{line}");
    }
}
