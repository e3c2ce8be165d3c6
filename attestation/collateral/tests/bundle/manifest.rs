//! What a manifest may say: every refusal of a signed, wrong manifest.

use crate::desk::*;
use hanzo_attestation_collateral::bundle::{Entry, MANIFEST, Manifest, RULESET};
use hanzo_attestation_evidence::{Broken as _, Hex, UnixTime};

fn refusal(change: impl FnOnce(&mut Manifest)) -> String {
    Desk::refusal(with_manifest(bundle(11, lists()), change))
}

const DIGEST: &str = "COL-13 BundleEntryDigestMismatch";
const MALFORMED: &str = "COL-03 EnvelopeMalformed";

#[test]
fn a_manifest_that_is_only_signed_again_is_taken() {
    let desk = Desk::new();
    assert_eq!(desk.import(with_manifest(bundle(11, lists()), |_| {})).unwrap(), 11);
}

/// COL-26: rules or a format that this build does not know refuse the bundle as a whole.
#[test]
fn unknown_formats_and_rule_sets_are_refused() {
    assert_eq!(refusal(|manifest| manifest.format = 2), "COL-26 PolicyMalformed");
    assert_eq!(refusal(|manifest| manifest.format = 0), "COL-26 PolicyMalformed");
    assert_eq!(refusal(|manifest| manifest.min_verifier_ruleset = RULESET + 1), "COL-26 PolicyMalformed");
}

/// COL-13: one document of a kind for each key.
#[test]
fn a_key_twice_is_refused() {
    let twice = |manifest: &mut Manifest| {
        let again = manifest.entries[0].clone();
        manifest.entries.push(again);
    };
    assert_eq!(refusal(twice), DIGEST);
    let other_document = |manifest: &mut Manifest| manifest.entries[1].key = manifest.entries[0].key.clone();
    assert_eq!(refusal(other_document), DIGEST);
}

/// COL-03: fields that say what they cannot.
#[test]
fn impossible_fields_are_refused() {
    type Change = fn(&mut Manifest);
    let changes: [(&str, Change); 16] = [
        ("bundle_id", |m| m.bundle_id = String::new()),
        ("bundle_id", |m| m.bundle_id = "a b".to_owned()),
        ("bundle_id", |m| m.bundle_id = "a".repeat(201)),
        ("sequence", |m| m.sequence = 0),
        ("not_after", |m| m.not_after = m.not_before.before(std::time::Duration::from_secs(1))),
        ("key", |m| m.entries[0].key = "milan vcek".to_owned()),
        ("key", |m| m.entries[0].key = "\u{1b}[2J".to_owned()),
        ("path", |m| m.entries[0].path = "blobs/../../etc/passwd".to_owned()),
        ("path", |m| m.entries[0].path = m.entries[1].path.clone()),
        ("size", |m| m.entries[0].size = 0),
        ("size", |m| m.entries[0].size = (1 << 20) + 1),
        ("expires", |m| m.entries[0].expires = UnixTime::from_seconds(0).unwrap()),
        ("newest_issue", |m| m.reference_times.newest_issue = 0),
        ("newest_issue", |m| m.reference_times.newest_issue = 1 << 50),
        ("deny.pck_serials", |m| m.deny.pck_serials = vec!["ABCD".to_owned()]),
        ("deny.pck_serials", |m| m.deny.pck_serials = vec!["ab".repeat(21)]),
    ];
    for (field, change) in changes {
        assert_eq!(refusal(change), MALFORMED, "{field}");
    }
}

/// COL-13: a digest or a size that is not the document's.
#[test]
fn a_wrong_digest_or_size_is_refused() {
    assert_eq!(refusal(|manifest| manifest.entries[0].size += 1), DIGEST);
    let other = |manifest: &mut Manifest| {
        let sha256 = Hex([7; 32]);
        let entry = manifest.entries.remove(0);
        manifest.entries.push(Entry { sha256, path: format!("blobs/{sha256}"), ..entry });
    };
    assert_eq!(refusal(other), DIGEST);
    assert_eq!(refusal(|manifest| drop(manifest.entries.pop())), DIGEST, "its file is then unlisted");
}

/// COL-01: counts and sizes are bounded before anything is made of them.
#[test]
fn counts_and_sizes_are_bounded() {
    let many = |manifest: &mut Manifest| {
        manifest.entries =
            (0..1025).map(|n| Entry { key: n.to_string(), ..manifest.entries[0].clone() }).collect();
    };
    assert_eq!(refusal(many), "COL-01 EvidenceTooLarge");
    let denied = |manifest: &mut Manifest| manifest.deny.pck_serials = vec!["ab".to_owned(); 4097];
    assert_eq!(refusal(denied), "COL-01 EvidenceTooLarge");
    let mut large = bundle(11, lists());
    let bytes = [large.files[MANIFEST].as_slice(), &vec![b' '; 1 << 20]].concat();
    sign(&mut large, bytes, &[signer(0)]);
    assert_eq!(Desk::refusal(large), "COL-01 EvidenceTooLarge");
}

/// COL-03: strict JSON of exactly these fields.
#[test]
fn a_manifest_in_another_form_is_refused() {
    let text = String::from_utf8(bundle(11, Vec::new()).files[MANIFEST].clone()).unwrap();
    assert!(Manifest::parse(text.as_bytes()).is_ok());
    let cases = [
        text.replacen('{', "{\"more\":1,", 1),
        text.replacen("\"format\": 1", "\"format\": 1, \"format\": 1", 1),
        text.replacen("\"format\": 1", "\"format\": 1.0", 1),
        text.replacen("\"sequence\": 11", "\"sequence\": -1", 1),
        text.replacen("\"sequence\": 11", "\"sequence\": \"11\"", 1),
        text.replacen("\"deny\"", "\"denied\"", 1),
        format!("{text} {{}}"),
        text[..text.len() - 2].to_owned(),
        String::new(),
    ];
    for case in cases {
        assert_ne!(case, text);
        assert_eq!(Manifest::parse(case.as_bytes()).unwrap_err().rule().to_string(), MALFORMED, "{case}");
    }
}

/// COL-23: whatever is cut off, the answer is an error.
#[test]
fn every_truncation_is_refused() {
    let bytes = bundle(11, lists()).files[MANIFEST].clone();
    for length in 0..bytes.len() {
        assert!(Manifest::parse(&bytes[..length]).is_err(), "{length}");
    }
}
