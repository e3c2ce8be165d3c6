//! The structure of the workspace, held by tests: who may depend on whom, what a pure crate may not touch,
//! what a shipped program may not link, and what no source file may contain.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside a #[test] function")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each crate of the workspace with the workspace crates that it may use. A layer uses only the layers below.
const ALLOWED: &[(&str, &[&str])] = &[
    // 0 vocabulary
    ("hanzo-attestation-evidence", &[]),
    // 1 decisions: pure. Declared edges inside the layer: policy judges what attestation verified, and a
    // second reader is held against it.
    ("hanzo-attestation", &["hanzo-attestation-evidence"]),
    ("hanzo-policy", &["hanzo-attestation", "hanzo-attestation-evidence"]),
    ("hanzo-attestation-measure", &["hanzo-attestation-evidence"]),
    ("hanzo-attestation-reference", &["hanzo-attestation", "hanzo-attestation-evidence"]),
    ("hanzo-attestation-opinion", &["hanzo-attestation", "hanzo-attestation-evidence"]),
    ("hanzo-kbs-protocol", &["hanzo-attestation-evidence"]),
    // 2 contracts. One declared edge: a release and its record are one transaction.
    ("hanzo-kbs-log", &["hanzo-attestation-evidence"]),
    (
        "hanzo-kbs-vault",
        &["hanzo-attestation-evidence", "hanzo-kbs-log", "hanzo-kbs-protocol", "hanzo-policy"],
    ),
    // 3 effects
    ("hanzo-attestation-collateral", &["hanzo-attestation", "hanzo-attestation-evidence"]),
    // One declared edge inside the layer: what is fetched is judged as an import judges it.
    (
        "hanzo-attestation-collateral-fetch",
        &["hanzo-attestation", "hanzo-attestation-collateral", "hanzo-attestation-evidence"],
    ),
    ("hanzo-policy-symbolic", &["hanzo-policy"]),
    ("hanzo-kbs-client", &["hanzo-attestation-evidence", "hanzo-kbs-log", "hanzo-kbs-protocol"]),
    ("hanzo-node-attester", &["hanzo-attestation-evidence"]),
    (
        "hanzo-node-agent",
        &["hanzo-attestation-evidence", "hanzo-kbs-client", "hanzo-kbs-protocol", "hanzo-node-attester"],
    ),
    // 4 programs
    (
        "hanzo-kbs",
        &[
            "hanzo-attestation",
            "hanzo-attestation-collateral",
            "hanzo-attestation-evidence",
            "hanzo-attestation-opinion",
            "hanzo-kbs-client",
            "hanzo-kbs-log",
            "hanzo-kbs-protocol",
            "hanzo-kbs-vault",
            "hanzo-policy",
        ],
    ),
    (
        "hanzo-kbsctl",
        &[
            "hanzo-attestation",
            "hanzo-attestation-collateral",
            "hanzo-attestation-collateral-fetch",
            "hanzo-attestation-evidence",
            "hanzo-attestation-measure",
            "hanzo-attestation-reference",
            "hanzo-kbs-client",
            "hanzo-kbs-log",
            "hanzo-kbs-protocol",
            "hanzo-policy",
            "hanzo-policy-symbolic",
        ],
    ),
    (
        "hanzo-node",
        &[
            "hanzo-attestation-evidence",
            "hanzo-kbs-client",
            "hanzo-kbs-protocol",
            "hanzo-node-agent",
            "hanzo-node-attester",
        ],
    ),
    ("hanzo-attestation-lab", &["hanzo-attestation", "hanzo-attestation-evidence"]),
    // data, and 5 tests
    ("hanzo-fixtures", &[]),
];

/// Crates without IO, clock or randomness of their own.
const PURE: &[(&str, &str)] = &[
    ("hanzo-attestation-evidence", "attestation/evidence"),
    ("hanzo-attestation", "attestation"),
    ("hanzo-attestation-measure", "attestation/measure"),
    ("hanzo-attestation-reference", "attestation/reference"),
    ("hanzo-attestation-opinion", "attestation/opinion"),
    ("hanzo-policy", "policy"),
    ("hanzo-kbs-protocol", "kbs/protocol"),
    ("hanzo-kbs-log", "kbs/log"),
];

const SHIPPED: &[&str] = &["hanzo-kbs", "hanzo-kbsctl", "hanzo-node"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Workspace packages with their direct dependencies that are not development dependencies.
fn direct(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let members: BTreeSet<String> =
        metadata["workspace_members"].as_array().unwrap().iter().map(text).collect();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .filter(|package| members.contains(&text(&package["id"])))
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let normal = dependencies.filter(|d| d["kind"].is_null()).map(|d| text(&d["name"]));
            (text(&package["name"]), normal.collect())
        })
        .collect()
}

/// Everything that a package links, transitively, without development dependencies.
fn linked(metadata: &Value, name: &str) -> BTreeSet<String> {
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeMap<String, String> =
        packages.iter().map(|p| (text(&p["id"]), text(&p["name"]))).collect();
    let nodes: BTreeMap<String, &Value> =
        metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|n| (text(&n["id"]), n)).collect();
    let start = names.iter().find(|(_, n)| *n == name).map(|(id, _)| id.clone()).unwrap();
    let (mut seen, mut queue) = (BTreeSet::new(), vec![start]);
    while let Some(id) = queue.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        for dependency in nodes[&id]["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            if kinds.iter().any(|kind| kind["kind"].is_null()) {
                queue.push(text(&dependency["pkg"]));
            }
        }
    }
    seen.into_iter().map(|id| names[&id].clone()).collect()
}

#[test]
fn each_crate_uses_only_the_layers_below() {
    let direct = direct(&metadata());
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    for (name, dependencies) in &direct {
        if name == "hanzo-tests" {
            continue;
        }
        let allowed = allowed.get(name.as_str()).unwrap_or_else(|| panic!("{name} has no place in ALLOWED"));
        for dependency in dependencies.iter().filter(|d| d.starts_with("hanzo-")) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
    assert_eq!(direct.len(), ALLOWED.len() + 1, "ALLOWED names a crate that is gone");
}

#[test]
fn pure_crates_link_no_io() {
    let metadata = metadata();
    for (name, _) in PURE {
        let linked = linked(&metadata, name);
        for effect in ["tokio", "sqlx", "reqwest", "hyper", "axum", "nix", "mio", "socket2"] {
            assert!(!linked.contains(effect), "{name} is pure and links {effect}");
        }
    }
}

/// COL-10: a broker has no client that could ask a vendor while it verifies.
#[test]
fn a_broker_links_no_fetcher() {
    let linked = linked(&metadata(), "hanzo-kbs");
    for client in ["hanzo-attestation-collateral-fetch", "reqwest"] {
        assert!(!linked.contains(client), "hanzo-kbs links {client}");
    }
}

#[test]
fn no_shipped_program_links_the_lab() {
    let metadata = metadata();
    for program in SHIPPED {
        let linked = linked(&metadata, program);
        for double in ["hanzo-attestation-lab", "hanzo-fixtures", "hanzo-tests"] {
            assert!(!linked.contains(double), "{program} links {double}");
        }
    }
}

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// The lines of a source file that ship: without comments, and without `#[cfg(test)]` modules at its end.
fn shipped_lines(path: &Path) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("#[cfg(test)]") {
            break;
        }
        let code = line.trim_start();
        if !code.starts_with("//") {
            lines.push((number + 1, code.to_owned()));
        }
    }
    lines
}

/// Whether a source file is compiled for tests only: it lies under `tests`, or its module is declared under
/// `#[cfg(test)]` in a file beside it.
fn is_test_file(path: &Path) -> bool {
    if path.components().any(|c| c.as_os_str() == "tests") {
        return true;
    }
    let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
    let declared = |line: &str| line.ends_with(&format!("mod {stem};"));
    let beside = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let mut parents: Vec<PathBuf> = beside.filter(|p| p.extension().is_some_and(|e| e == "rs")).collect();
    parents.push(path.parent().unwrap().with_extension("rs"));
    parents.iter().filter(|parent| parent.is_file()).any(|parent| {
        let text = std::fs::read_to_string(parent).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        lines.windows(2).any(|pair| pair[0] == "#[cfg(test)]" && declared(pair[1]))
    })
}

#[test]
fn pure_sources_name_no_io_clock_or_randomness() {
    let forbidden = [
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "SystemTime",
        "Instant::now",
        "now_utc",
        "SystemRandom",
        "getrandom",
        "OsRng",
        "println!",
    ];
    // The one source of randomness that is the library's own, inside HPKE encapsulation (RFC 9180, 4.1).
    let exceptions = ["kbs/protocol/src/sealed", "kbs/protocol/src/recipient", "kbs/protocol/src/hpke"];
    for (_, folder) in PURE {
        let mut files = Vec::new();
        sources(&root().join(folder).join("src"), &mut files);
        for file in files.iter().filter(|f| !is_test_file(f)) {
            let shown = file.strip_prefix(root()).unwrap().display().to_string();
            if exceptions.iter().any(|e| shown.starts_with(e)) {
                continue;
            }
            for (number, line) in shipped_lines(file) {
                for word in forbidden {
                    assert!(!line.contains(word), "{shown}:{number} is in a pure crate and names `{word}`");
                }
            }
        }
    }
}

#[test]
fn no_placeholder_ships() {
    let mut files = Vec::new();
    for folder in ["attestation", "policy", "kbs", "node"] {
        sources(&root().join(folder), &mut files);
    }
    assert!(files.len() > 40, "only {} sources found", files.len());
    for file in files.iter().filter(|f| !is_test_file(f)) {
        for (number, line) in shipped_lines(file) {
            for word in ["todo!", "unimplemented!", "mock", "Mock", "dummy", "unwrap()", "placeholder"] {
                assert!(!line.contains(word), "{}:{number} contains `{word}`", file.display());
            }
        }
    }
}

#[test]
fn unsafe_code_lives_in_named_places() {
    let mut files = Vec::new();
    for folder in ["attestation", "policy", "kbs", "node", "fixtures", "tests/src"] {
        sources(&root().join(folder), &mut files);
    }
    for file in files {
        let shown = file.strip_prefix(root()).unwrap().display().to_string();
        if [
            "node/attester/src/ioctl.rs",
            "node/attester/src/nvidia/nscq.rs",
            "node/attester/src/nvidia/symbols.rs",
        ]
        .contains(&shown.as_str())
        {
            continue;
        }
        for (number, line) in shipped_lines(&file) {
            assert!(!line.contains("unsafe {") && !line.contains("unsafe fn"), "{shown}:{number} is unsafe");
        }
    }
}
