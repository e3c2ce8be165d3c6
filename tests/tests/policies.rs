//! `kbsctl policy explain`, `replay`, `shadow` and `put --if-no-flips`, against a broker that runs as a process and
//! decided about evidence: exit codes, both formats, refusals by name, and what a restart leaves.
#![expect(clippy::unwrap_used, reason = "helpers of a test, outside the #[test] function")]

use hanzo_attestation_lab::{Lab, SnpOrder};
use hanzo_tests::http::Http;
use hanzo_tests::lab_node::LabNode;
use hanzo_tests::programs::{Programs, Running};
use hanzo_tests::standing::Installation;
use serde_json::{Value, json};
use std::fs;
use std::process::Output;
use tempfile::TempDir;

const KEY: &str = "acme/disk";

/// A policy that lets images of at least this security version have the key.
fn at_least(svn: u32) -> String {
    format!(
        "permit (principal, action == Action::\"release\", resource == Key::\"{KEY}\")\n\
         when {{ principal has snp && principal.snp.guest_svn >= {svn} }};\n"
    )
}

/// An installation with a broker, a key, and a policy that asks for security version 3.
struct Site {
    folder: TempDir,
    installation: Installation,
    broker: Running,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lab = folder.path().join("lab");
        Lab::fixture().write(&lab).unwrap();
        let installation = Installation::create(&Programs::of_this_build().unwrap(), &lab).unwrap();
        let broker = installation.serve().unwrap();
        let site = Self { folder, installation, broker };
        site.must(&["key", "create", KEY, "--min-tier", "2"]);
        site.must(&["policy", "put", "disk", &site.policy(3)]);
        site
    }

    /// A file with a policy.
    fn policy(&self, svn: u32) -> String {
        let path = self.folder.path().join(format!("at-least-{svn}.cedar"));
        fs::write(&path, at_least(svn)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A folder with a candidate.
    fn candidate(&self, text: &str) -> String {
        let folder = self.folder.path().join("candidate");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("disk.cedar"), text).unwrap();
        folder.to_str().unwrap().to_owned()
    }

    /// Asks for the key with an image of this security version; whether it was had, and the decision.
    fn ask(&self, svn: u32) -> (bool, u64) {
        let node = LabNode::new(SnpOrder { guest_svn: svn, ..SnpOrder::default() }).unwrap();
        let http = Http::new(&self.installation.http()).unwrap();
        let request = node.request(&http, &[KEY]).unwrap();
        let (status, answer) = http.post("/kbs/v1/authorize", &request).unwrap();
        let decision = if status == 200 { &answer["receipts"][0]["seq"] } else { &answer["decision"] };
        (status == 200, decision.as_u64().unwrap())
    }

    fn kbsctl(&self, arguments: &[&str]) -> Output {
        self.installation.kbsctl(arguments).unwrap()
    }

    fn must(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.installation.must_kbsctl(arguments).unwrap()).unwrap()
    }

    /// What people read.
    fn table(&self, arguments: &[&str]) -> String {
        text(&self.installation.kbsctl_as("table", arguments).unwrap().stdout)
    }

    /// SIGKILL, and a start over what is on disk.
    fn restart(&mut self) {
        self.broker.kill().unwrap();
        self.broker = self.installation.serve().unwrap();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_decision_is_explained_by_its_number() {
    let site = Site::new();
    let (granted, yes) = site.ask(5);
    let (refused, no) = site.ask(1);
    assert!(granted && !refused);
    let explained = site.must(&["policy", "explain", &no.to_string()]);
    assert_eq!(
        (&explained["granted"], &explained["basis"], &explained["key_id"]),
        (&json!(false), &json!("facts"), &json!(KEY))
    );
    assert_eq!(explained["explanation"]["code"], "PolicyDenied");
    let table = site.table(&["policy", "explain", &no.to_string()]);
    assert!(table.contains("guest_svn") && table.contains("what would turn it, smallest first"), "{table}");
    assert!(table.contains("made again exactly") && table.contains("refused"), "{table}");
    let explained = site.must(&["policy", "explain", &yes.to_string()]);
    assert_eq!((&explained["granted"], &explained["explanation"]["granted"]), (&json!(true), &json!(true)));
    // What is no decision about a key, and what is none at all, are told apart by name.
    let none = site.kbsctl(&["policy", "explain", "999999"]);
    assert_eq!(code(&none), 1);
    assert!(text(&none.stderr).contains("NotFound"), "{none:?}");
    assert_eq!(code(&site.kbsctl(&["policy", "explain", "zero"])), 2);
    assert_eq!(code(&site.kbsctl(&["policy", "explain"])), 2);
}

#[test]
fn decisions_are_made_again_by_a_candidate() {
    let site = Site::new();
    let decisions: Vec<(bool, u64)> = [5, 4, 2].map(|svn| site.ask(svn)).to_vec();
    assert_eq!(decisions.iter().map(|(granted, _)| *granted).collect::<Vec<_>>(), [true, true, false]);
    // The same rule in other words: nothing comes out otherwise.
    let same = site.candidate(&at_least(3).replace(">= 3", "> 2"));
    let output = site.kbsctl(&["policy", "replay", "--candidate", &same]);
    let report = json_of(&output);
    assert_eq!((code(&output), &report["no_flips"], &report["decisions"]), (0, &json!(true), &json!(3)));
    // A stricter one takes a grant away, and is a no.
    let stricter = site.candidate(&at_least(5));
    let output = site.kbsctl(&["policy", "replay", "--candidate", &stricter]);
    let report = json_of(&output);
    assert_eq!((code(&output), &report["no_flips"]), (1, &json!(false)));
    assert_eq!(report["from_in_force"], json!({"to_granted": 0, "to_refused": 1}));
    assert_eq!(
        (&report["flips"][0]["decision"], &report["flips"][0]["candidate"]),
        (&json!(decisions[1].1), &json!("PolicyDenied"))
    );
    let table = site.table(&["policy", "replay", "--candidate", &stricter]);
    assert!(
        table.contains(&format!(" {} ", decisions[1].1)) && table.contains("WOULD BE REFUSED"),
        "{table}"
    );
    let later = ["policy", "replay", "--candidate", &stricter, "--since", "2999-01-01T00:00:00Z"];
    let report = site.kbsctl(&later);
    assert_eq!((code(&report), &json_of(&report)["decisions"]), (0, &json!(0)));
    // What does not compile is refused with its place, and what is no folder before anybody is asked.
    let wrong = site.candidate("permit (principal, action, resource) when { principal.snp.guest_svm > 1 };");
    let output = site.kbsctl(&["policy", "replay", "--candidate", &wrong]);
    assert_eq!(code(&output), 1);
    let said = text(&output.stderr);
    assert!(said.contains("MalformedRequest") && said.contains("disk:1:"), "{said}");
    assert_eq!(code(&site.kbsctl(&["policy", "replay", "--candidate", "/no/such/folder"])), 2);
}

#[test]
fn a_put_that_would_flip_a_decision_is_refused_and_says_what_it_looked_at() {
    let site = Site::new();
    let (_, old) = site.ask(3);
    for _ in 0..3 {
        site.ask(5);
    }
    let put = |svn: u32, more: &[&str]| {
        let file = site.policy(svn);
        let arguments = ["policy", "put", "disk", &file, "--expected-version", "1", "--if-no-flips"];
        site.kbsctl(&[&arguments, more].concat())
    };
    let refused = put(4, &[]);
    assert_eq!(code(&refused), 1);
    let said = text(&refused.stderr);
    assert!(said.contains("Conflict") && said.contains(&format!("decision {old} about {KEY}")), "{said}");
    assert!(
        said.contains("held against rows 1 to ") && said.contains("0 older rows were not looked at"),
        "{said}"
    );
    assert_eq!(site.must(&["policy", "get", "disk"])["version"], 1);
    // Beyond what is looked at nothing is known, and the answer says so.
    let newest = put(4, &["--limit", "2"]);
    assert_eq!(code(&newest), 0, "{newest:?}");
    let held = json_of(&newest)["held_against"].clone();
    let number = |name: &str| held[name].as_u64().unwrap();
    assert_eq!((number("last") - number("first"), number("older")), (1, number("first") - 1));
    assert!(number("older") >= old && number("decisions") <= 2, "{held}");
    let row = site.must(&["audit", "list", "--limit", "1000"]);
    assert!(row.to_string().contains("older rows were not looked at"), "the record has it as well");
    // The same words about time; and neither without the check that they are about.
    let file = site.policy(6);
    let since = [
        "policy",
        "put",
        "disk",
        &file,
        "--expected-version",
        "2",
        "--if-no-flips",
        "--since",
        "2999-01-01T00:00:00Z",
    ];
    let table = site.table(&since);
    assert!(table.contains("older rows, not looked at") && table.contains("decisions made again"), "{table}");
    assert_eq!(code(&site.kbsctl(&["policy", "put", "disk", &file, "--limit", "5"])), 2);
    assert_eq!(code(&put(4, &["--limit", "0"])), 2);
}

/// The candidate, what was counted and since when are on disk: a broker that is killed goes on, and counts what was
/// decided while nobody looked.
#[test]
fn a_shadow_outlives_the_process() {
    let mut site = Site::new();
    assert_eq!(site.must(&["policy", "shadow", "show"]), json!({"active": false, "policies": []}));
    let (_, before) = site.ask(3);
    let put = site.must(&["policy", "shadow", "put", &site.candidate(&at_least(4))]);
    assert_eq!(
        (&put["active"], &put["policies"], &put["report"]["decisions"]),
        (&json!(true), &json!(["disk"]), &json!(0))
    );
    let (granted, first) = site.ask(3);
    assert!(granted, "the rules in force decide");
    site.ask(5);
    let shown = site.must(&["policy", "shadow", "show"]);
    let flips = |shown: &Value| -> Vec<u64> {
        let flips = shown["report"]["flips"].as_array().unwrap();
        flips.iter().map(|flip| flip["decision"].as_u64().unwrap()).collect()
    };
    assert_eq!((&shown["report"]["decisions"], flips(&shown)), (&json!(2), vec![first]));
    assert!(!flips(&shown).contains(&before), "what was decided before it is not asked about");
    // Decided, not looked at, and killed.
    let (_, second) = site.ask(3);
    site.restart();
    let (_, third) = site.ask(3);
    let after = site.must(&["policy", "shadow", "show"]);
    assert_eq!((&after["since"], &after["policies"]), (&put["since"], &put["policies"]));
    assert_eq!((&after["report"]["decisions"], flips(&after)), (&json!(4), vec![first, second, third]));
    assert_eq!(after["report"]["from_in_force"], json!({"to_granted": 0, "to_refused": 3}));
    assert!(after["seen"].as_u64().unwrap() >= third);
    // Looking again counts nothing twice.
    assert_eq!(site.must(&["policy", "shadow", "show"])["report"], after["report"]);
    // The numbers that it names are what `explain` takes.
    let table = site.table(&["policy", "shadow", "show"]);
    assert!(table.contains(&third.to_string()) && table.contains("kbsctl policy explain"), "{table}");
    assert_eq!(site.must(&["policy", "explain", &third.to_string()])["decision"], third);
    let wrong = site.candidate("permit (nobody);");
    let refused = site.kbsctl(&["policy", "shadow", "put", &wrong]);
    assert_eq!(code(&refused), 1);
    assert!(text(&refused.stderr).contains("MalformedRequest"), "{refused:?}");
    assert_eq!(
        site.must(&["policy", "shadow", "show"])["active"],
        true,
        "a refused candidate replaces nothing"
    );
    assert_eq!(site.must(&["policy", "shadow", "clear"])["active"], false);
    site.restart();
    assert_eq!(site.must(&["policy", "shadow", "show"])["active"], false);
}
