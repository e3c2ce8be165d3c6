use super::*;
use hanzo_attestation_lab::Lab;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const BASE: &str = "environment = \"development\"\npublic_url = \"https://kbs.example\"\n\
    [tls]\ncert = \"c\"\nkey = { file = \"k\" }\n[store]\nsqlite = \"d\"\n\
    [seal]\nkey = { file = \"s\" }\n[admin]\ntoken = { file = \"t\" }\n[attestation]\n";

fn parsed(text: &str, base: &Path) -> Config {
    Config::parse(&format!("{BASE}{text}"), base).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn said(text: &str, base: &Path) -> Value {
    serde_json::from_str(&of(&parsed(text, base)).unwrap()).unwrap()
}

/// A folder with a lab.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    Lab::fixture().write(&folder.path().join("lab")).unwrap();
    folder
}

#[test]
fn what_the_program_brings_is_not_in_the_document() {
    let folder = folder();
    let plain = said("", folder.path());
    for (name, roots) in plain["extra_roots"].as_object().unwrap() {
        assert_eq!(roots, &json!([]), "{name}");
    }
    assert_eq!((&plain["appraisal"], &plain["revocation"]), (&json!({}), &json!("required")));
    assert_eq!(
        (&plain["collateral"], &plain["quorum"]),
        (&Value::Null, &json!({"people": [], "scopes": []}))
    );
}

/// Whatever is trusted more, or asked for less, is another document.
#[test]
fn each_thing_that_is_trusted_shows() {
    let folder = folder();
    let eks = format!("[attestation.tpm]\ntrusted_eks = [\"{}\"]\n", "11".repeat(32));
    let identity = format!(
        "[[identities]]\nkey_id = \"runner\"\nalgorithm = \"ed25519\"\npublic_key = \"{}\"\n",
        hanzo_attestation_evidence::encoding::base64_encode(&[7; 32])
    );
    let texts = [
        "",
        "extra_roots = \"lab\"\n",
        "revocation = { waived = \"because\" }\n",
        "revocation = { waived = \"another reason\" }\n",
        "second_opinion = true\n",
        "nvidia_rim_hold = \"accept\"\n",
        "device_sessions = \"any\"\n",
        "gpu_inventory = \"pinned\"\n",
        "[attestation.appraisal.snp]\nallow_masked_chip = true\n",
        "[attestation.appraisal.snp]\nallow_masked_chip = false\n",
        &eks,
        &identity,
    ];
    let documents: std::collections::BTreeSet<String> =
        texts.iter().map(|text| of(&parsed(text, folder.path())).unwrap()).collect();
    assert_eq!(documents.len(), texts.len());
    let lab = said("extra_roots = \"lab\"\n", folder.path());
    assert!(!lab["extra_roots"]["amd"].as_array().unwrap().is_empty(), "{lab}");
    // A root in another folder is the same root.
    fs::rename(folder.path().join("lab"), folder.path().join("moved")).unwrap();
    assert_eq!(said("extra_roots = \"moved\"\n", folder.path()), lab);
}

#[test]
fn people_are_named_with_their_keys_and_order_says_nothing() {
    let folder = folder();
    let keys = [("alice", [1; 32]), ("bob", [2; 32]), ("carol", [3; 32])];
    for (name, key) in keys {
        let spki = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".as_slice(), &key].concat();
        let text = hanzo_attestation_evidence::encoding::base64_encode(&spki);
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n");
        fs::write(folder.path().join(format!("{name}.pub")), pem).unwrap();
    }
    let person = |name: &str, file: &str| {
        format!("[[quorum.people]]\nname = \"{name}\"\npublic_key = \"{file}.pub\"\n")
    };
    let scope = |changes: &str, names: &str| {
        format!(
            "[[quorum.scopes]]\nname = \"all\"\nchanges = [{changes}]\nnames = [{names}]\napprovals = 1\n"
        )
    };
    let document = |people: &[(&str, &str)], scope: &str| {
        let people: String = people.iter().map(|(name, file)| person(name, file)).collect();
        of(&parsed(&format!("{people}{scope}"), folder.path())).unwrap()
    };
    let both = [("alice", "alice"), ("bob", "bob")];
    let one = document(&both, &scope("\"trust\", \"policy\"", "\"a\", \"b*\""));
    let same =
        document(&[("bob", "bob"), ("alice", "alice")], &scope("\"policy\", \"trust\"", "\"b*\", \"a\""));
    assert_eq!(one, same);
    let swapped =
        document(&[("alice", "alice"), ("bob", "carol")], &scope("\"trust\", \"policy\"", "\"a\", \"b*\""));
    assert_ne!(one, swapped, "a name with another key is somebody else");
    let read: TrustDocument = serde_json::from_str(&one).unwrap();
    assert!(read.governs_itself());
    assert_eq!(read.quorum.people[1].name, "bob");
}

/// A number that a reader of JSON would round is a text: two thresholds never have one document.
#[test]
fn large_numbers_keep_every_digit() {
    let large = json!({"a": [9_007_199_254_740_993_u64, 9_007_199_254_740_991_u64], "b": {"c": 1.5}});
    let expected = json!({"a": ["9007199254740993", 9_007_199_254_740_991_u64], "b": {"c": "1.5"}});
    assert_eq!(exact(large), expected);
}
