//! Whoever keeps a signed statement of a policy's history can tell when the broker's database was put back.
#![expect(clippy::unwrap_used, reason = "helpers of a test, outside the #[test] function")]

use hanzo_attestation_lab::Lab;
use hanzo_tests::http::Http;
use hanzo_tests::programs::Programs;
use hanzo_tests::standing::Installation;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

struct World {
    installation: Installation,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lab = folder.path().join("lab");
        Lab::fixture().write(&lab).unwrap();
        let programs = Programs::of_this_build().unwrap();
        Self { installation: Installation::create(&programs, &lab).unwrap(), folder }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Puts a policy in place of a version, 0 for none.
    fn put(&self, replaced: u64, tier: u8) {
        let file = self.file("policy.cedar");
        let text = format!("permit (principal, action, resource) when {{ principal.tier >= {tier} }};");
        fs::write(&file, text).unwrap();
        let replaced = replaced.to_string();
        let put = ["policy", "put", "main", &file, "--expected-version", &replaced];
        let put = if replaced == "0" { &put[..4] } else { &put };
        self.installation.must_kbsctl(put).unwrap();
    }

    /// Exit code and answer of `policy statement main`.
    fn statement(&self, flags: &[&str]) -> (Option<i32>, Value, String) {
        let output = self.installation.kbsctl(&[&["policy", "statement", "main"], flags].concat()).unwrap();
        let answer = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), answer, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// The public keys, as an operator keeps them.
    fn keep_keys(&self, name: &str) -> String {
        let (status, keys) =
            Http::new(&self.installation.http()).unwrap().get("/.well-known/jwks.json").unwrap();
        assert_eq!(status, 200);
        fs::write(self.file(name), keys.to_string()).unwrap();
        self.file(name)
    }

    /// The database's files, under another name, or back.
    fn copy_database(&self, from: &str, to: &str) {
        for ending in ["", "-wal", "-shm"] {
            let (from, to) = (format!("{from}{ending}"), format!("{to}{ending}"));
            let (from, to) = (self.installation.file(&from), self.installation.file(&to));
            fs::remove_file(&to).ok();
            if Path::new(&from).exists() {
                fs::copy(from, to).unwrap();
            }
        }
    }
}

#[test]
fn a_kept_statement_finds_a_database_that_was_put_back() {
    let world = World::new();
    let mut broker = world.installation.serve().unwrap();
    let (kept, keys) = (world.file("kept.jws"), world.keep_keys("jwks.json"));
    for (replaced, tier) in [(0, 2), (1, 3), (2, 2)] {
        world.put(replaced, tier);
    }
    let (code, first, stderr) = world.statement(&["--out", &kept, "--jwks", &keys]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!((&first["name"], &first["kind"]), (&json!("main"), &json!("policy")));
    let versions = first["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 3);
    assert_eq!(versions[0]["digest"], versions[2]["digest"]);
    assert_ne!(versions[0]["digest"], versions[1]["digest"]);

    broker.kill().unwrap();
    world.copy_database("kbs.sqlite", "old.sqlite");
    broker = world.installation.serve().unwrap();
    world.put(3, 3);
    // The second run is as good as the first, and keeps what it found.
    for _ in 0..2 {
        let (code, later, stderr) = world.statement(&["--since", &kept, "--out", &kept, "--jwks", &keys]);
        assert_eq!(code, Some(0), "{stderr}");
        assert_eq!(later["since"]["continues"], json!(true), "{later}");
        assert_eq!(later["versions"].as_array().unwrap().len(), 4);
    }
    let good = fs::read(&kept).unwrap();

    broker.kill().unwrap();
    world.copy_database("old.sqlite", "kbs.sqlite");
    broker = world.installation.serve().unwrap();
    let (code, found, stderr) = world.statement(&["--since", &kept, "--out", &kept, "--jwks", &keys]);
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(found["since"]["diverged"], json!("version 4 was there, and the newest is 3"));
    assert_eq!(fs::read(&kept).unwrap(), good, "what is known to be good stays");
    // Another fourth version does not hide it.
    world.put(3, 4);
    let (code, found, _) = world.statement(&["--since", &kept]);
    assert_eq!((code, &found["since"]["diverged"]), (Some(1), &json!("version 4 is not what it was")));
    broker.kill().unwrap();
}

#[test]
fn a_statement_that_nobody_here_signed_is_refused() {
    let (world, other) = (World::new(), World::new());
    let mut running = [world.installation.serve().unwrap(), other.installation.serve().unwrap()];
    world.put(0, 2);
    other.put(0, 2);
    let kept = other.file("kept.jws");
    assert_eq!(other.statement(&["--out", &kept]).0, Some(0));
    let (code, _, stderr) = world.statement(&["--since", &kept]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("which is none of those given"), "{stderr}");
    // Kept keys are what counts, not what the broker says its keys are.
    let (code, _, stderr) = world.statement(&["--jwks", &other.keep_keys("jwks.json")]);
    assert_eq!(code, Some(3));
    assert!(stderr.contains("the broker's signed history cannot be used"), "{stderr}");
    fs::write(&kept, "nothing").unwrap();
    let (code, _, stderr) = world.statement(&["--since", &kept]);
    assert_eq!((code, stderr.contains("not a compact JWS")), (Some(2), true), "{stderr}");
    let output = world.installation.kbsctl(&["reference", "statement", "none"]).unwrap();
    assert_eq!(output.status.code(), Some(1));
    for broker in &mut running {
        broker.kill().unwrap();
    }
}
