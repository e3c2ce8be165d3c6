//! The envelope: one acceptance of each kind, and everything that is not it.

use super::*;
use crate::encoding::base64_encode;
use crate::rule::Broken;
use proptest::prelude::*;
use serde_json::json;

/// A well-formed version 3 report that nobody signed.
fn report() -> Vec<u8> {
    let mut raw = vec![0; snp::REPORT_LENGTH];
    (raw[0], raw[0x0a], raw[0x34]) = (3, 3, 1);
    raw[0x160..0x180].fill(0xff);
    raw[0x188..0x18a].copy_from_slice(&[0x19, 0x01]);
    raw
}

fn snp_item() -> Value {
    json!({"type": "sev-snp", "report": base64_encode(&report()), "certs": [base64_encode(b"cert")]})
}

fn key_item(name: &str) -> Value {
    json!({"type": "registered-key", "key_id": name, "signature": base64_encode(&[7; 64])})
}

fn document(items: Vec<Value>) -> Result<Document, DocumentError> {
    Document::from_json(json!({"evidence": items}).to_string().as_bytes())
}

/// The rule by which one item is refused.
fn rule(item: Value) -> String {
    document(vec![item]).map_or_else(|error| error.rule().to_string(), |_| "accepted".to_owned())
}

fn text_rule(text: &str) -> String {
    Document::from_json(text.as_bytes())
        .map_or_else(|error| error.rule().to_string(), |_| "accepted".to_owned())
}

fn without(mut item: Value, field: &str) -> Value {
    item.as_object_mut().unwrap().remove(field);
    item
}

fn with(mut item: Value, field: &str, value: Value) -> Value {
    item[field] = value;
    item
}

#[test]
fn items_keep_their_order_and_kind() {
    let document = document(vec![key_item("alice"), snp_item(), key_item("bob")]).unwrap();
    let kinds: Vec<Tee> = document.items().iter().map(DocumentItem::kind).collect();
    assert_eq!(kinds, [Tee::RegisteredKey, Tee::SevSnp, Tee::RegisteredKey]);
    let evidence = document.parse().unwrap();
    assert_eq!(evidence.items().iter().map(Item::kind).collect::<Vec<_>>(), kinds);
    let Item::SevSnp(item) = &evidence.items()[1] else { panic!("a report") };
    assert_eq!((item.report.raw()[..].to_vec(), item.certs.clone()), (report(), vec![b"cert".to_vec()]));
    assert_eq!(evidence.items()[1].report_data(), Some(&[0; 64]));
    assert_eq!(evidence.items()[0].report_data(), None);
    assert!(Document::from_json(b"{\"evidence\":[]}").unwrap().parse().unwrap().items().is_empty());
}

#[test]
fn a_split_document_is_one_document_an_item() {
    let parts = document(vec![snp_item(), key_item("alice")]).unwrap().split();
    let digests: Vec<_> = parts.iter().map(|part| part.parse().unwrap().digest()).collect();
    assert_eq!(parts.len(), 2);
    assert_eq!(digests[0], document(vec![snp_item()]).unwrap().parse().unwrap().digest());
    assert_ne!(digests[0], digests[1]);
}

#[test]
fn the_digest_is_over_the_canonical_form() {
    let ordered = format!(
        r#"{{"evidence":[{{"certs":[],"report":"{}","type":"sev-snp"}}]}}"#,
        base64_encode(&report())
    );
    let loose = format!(
        "\n{{ \"evidence\" : [ {{\"type\":\"sev\\u002dsnp\", \"report\": \"{}\",\"certs\": [] }} ] }} ",
        base64_encode(&report())
    );
    let digest = |text: &str| Document::from_json(text.as_bytes()).unwrap().parse().unwrap().digest();
    assert_eq!(digest(&ordered), digest(&loose));
    let direct = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, ordered.as_bytes());
    assert_eq!(digest(&ordered).0[..], *direct.as_ref(), "that text is already canonical");
}

#[test]
fn col_03_the_envelope_has_one_shape() {
    let malformed = "COL-03 EnvelopeMalformed";
    for text in [
        "",
        "[]",
        "null",
        "{}",
        "{\"evidence\":null}",
        "{\"evidence\":{}}",
        "{\"evidence\":[null]}",
        "{\"evidence\":[[]]}",
        "{\"evidence\":[{}]}",
        "{\"evidence\":[{\"type\":1}]}",
        "{\"evidence\":[],\"evidence\":[]}",
        "{\"evidence\":[],\"nonce\":\"\"}",
        "{\"evidence\":[]}{}",
        "{\"evidence\":[]} x",
        "{\"evidence\":[1e400]}",
        "{\"evidence\":[1.5]}",
        "\u{feff}{\"evidence\":[]}",
    ] {
        assert_eq!(text_rule(text), malformed, "{text}");
    }
    assert_eq!(text_rule(&"[".repeat(10_000)), malformed);
    assert_eq!(Document::from_json(b"{\"evidence\":[\"\xff\"]}").unwrap_err().rule().to_string(), malformed);
}

#[test]
fn col_03_items_have_their_fields_and_no_other() {
    let malformed = "COL-03 EnvelopeMalformed";
    assert_eq!(rule(snp_item()), "accepted");
    for item in [
        without(snp_item(), "report"),
        without(snp_item(), "certs"),
        without(snp_item(), "type"),
        with(snp_item(), "quote", json!("")),
        with(snp_item(), "report", json!(1)),
        with(snp_item(), "report", json!(null)),
        with(snp_item(), "certs", json!("")),
        with(snp_item(), "certs", json!([1])),
        without(key_item("alice"), "signature"),
        with(key_item("alice"), "extra", json!(1)),
        json!({"type": "tdx", "quote": "", "event_log": null}),
        json!({"type": "tdx", "quote": "", "log": ""}),
        json!({"type": "tdx"}),
        json!({"type": "SEV-SNP", "report": "", "certs": []}),
        json!({"type": "", "report": "", "certs": []}),
    ] {
        assert_eq!(rule(item.clone()), malformed, "{item}");
    }
}

#[test]
fn col_03_one_document_is_one_node() {
    let tdx = json!({"type": "tdx", "quote": ""});
    for items in [
        vec![snp_item(), snp_item()],
        vec![tdx.clone(), tdx.clone()],
        vec![snp_item(), key_item("alice"), tdx],
        vec![key_item("alice"), key_item("alice")],
        (0..9).map(|n| key_item(&format!("key{n}"))).collect(),
    ] {
        assert_eq!(document(items).unwrap_err().rule().to_string(), "COL-03 EnvelopeMalformed");
    }
}

#[test]
fn col_03_unknown_kinds_are_named_and_cut() {
    let long = document(vec![json!({"type": "\u{1b}".repeat(1000)})]).unwrap_err();
    assert!(long.to_string().len() < 300 && !long.to_string().contains('\u{1b}'));
}

/// COL-01, COL-03: devices are counted and sized before any is read, and each kind has one item.
#[test]
fn devices_have_bounds() {
    let item = |kind: &str, count: usize| {
        let device = json!({"report": "AAAA", "certs": ""});
        json!({"type": kind, "devices": vec![device; count]})
    };
    for kind in ["nvidia-gpu", "nvidia-switch"] {
        for count in [1, nvidia::MAX_DEVICES] {
            assert_eq!(rule(item(kind, count)), "accepted");
        }
        for count in [0, nvidia::MAX_DEVICES + 1] {
            assert_eq!(rule(item(kind, count)), "COL-03 EnvelopeMalformed");
        }
        let twice = document(vec![item(kind, 1), item(kind, 1)]).unwrap_err();
        assert_eq!(twice.rule().to_string(), "COL-03 EnvelopeMalformed");
        let one = item(kind, 1);
        let large = "COL-01 EvidenceTooLarge";
        let device =
            |report: usize, certs: usize| json!([{"report": "A".repeat(report), "certs": "A".repeat(certs)}]);
        assert_eq!(rule(with(one.clone(), "devices", device(10_928, 0))), large);
        assert_eq!(rule(with(one.clone(), "devices", device(4, nvidia::MAX_PEM + 1))), large);
        assert_eq!(rule(with(one.clone(), "ocsp", json!(["A".repeat(10_928)]))), large);
        let many = json!(vec![""; nvidia::MAX_OCSP_RESPONSES + 1]);
        for wrong in [with(one.clone(), "ocsp", many), with(one.clone(), "ocsp", json!(null))] {
            assert_eq!(rule(wrong), "COL-03 EnvelopeMalformed");
        }
        let more = with(one.clone(), "devices", json!([{"report": "", "certs": "", "arch": "HOPPER"}]));
        assert_eq!(rule(more), "COL-03 EnvelopeMalformed", "an unsigned name is no field");
        let error = document(vec![one]).unwrap().parse().unwrap_err();
        assert_eq!((error.rule().id, error.item().unwrap().name()), ("NV-01", kind));
    }
    assert!(document(vec![item("nvidia-gpu", 1), item("nvidia-switch", 1)]).is_ok());
}

#[test]
fn col_02_byte_strings_have_one_spelling() {
    let good = base64_encode(&report());
    for text in [
        good.trim_end_matches('=').to_owned(),
        format!("{good}\n"),
        format!(" {good}"),
        good.replacen('A', "-", 1),
        format!("{good}="),
        "QUJDRB==".to_owned(),
        "é".to_owned(),
    ] {
        assert_eq!(
            rule(with(snp_item(), "report", json!(text))),
            "COL-02 EncodingNotCanonical",
            "{text:.20}"
        );
        assert_eq!(rule(with(snp_item(), "certs", json!([text]))), "COL-02 EncodingNotCanonical");
    }
}

#[test]
fn col_01_and_06_sizes_are_judged_before_decoding() {
    let large = "EvidenceTooLarge";
    let text = |length: usize| json!("A".repeat(length));
    assert!(rule(with(snp_item(), "report", text(5500))).ends_with(large));
    assert!(rule(json!({"type": "tdx", "quote": text(44_000)})).ends_with(large));
    assert!(rule(with(key_item("alice"), "signature", text(100))).ends_with(large));
    assert!(text_rule(&" ".repeat(MAX_DOCUMENT + 1)).ends_with(large));
    let certs =
        |count: usize, length: usize| rule(with(snp_item(), "certs", json!(vec!["A".repeat(length); count])));
    assert_eq!(certs(5, 8), "accepted");
    assert_eq!(certs(6, 8), "COL-06 CertificateBudgetExceeded");
    assert_eq!(certs(1, 12_000), "COL-06 CertificateBudgetExceeded");
    assert_eq!(
        certs(1, 10_924),
        "accepted",
        "within one byte by its text; its exact size is judged where it is parsed"
    );
}

#[test]
fn what_is_inside_is_judged_by_its_own_rules() {
    let inside = |item| document(vec![item]).unwrap().parse().unwrap_err();
    let short = inside(with(snp_item(), "report", json!(base64_encode(&report()[1..]))));
    assert_eq!(
        (short.rule().to_string().as_str(), short.item()),
        ("SNP-01 SnpReportLength", Some(Tee::SevSnp))
    );
    let quote = inside(json!({"type": "tdx", "quote": base64_encode(&report())}));
    assert_eq!(quote.item(), Some(Tee::Tdx));
    assert!(quote.rule().id.starts_with("DCAP-"), "{}", quote.rule());
    let empty = inside(json!({"type": "tdx", "quote": "", "event_log": ""}));
    assert_eq!(empty.item(), Some(Tee::Tdx));
}

proptest! {
    #[test]
    fn no_bytes_make_the_document_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Document::from_json(&bytes).map(|document| document.parse().map(|_| ()));
    }

    #[test]
    fn no_change_makes_the_document_reader_panic(offset in 0..1800_usize, value: u8) {
        let mut bytes = json!({"evidence": [snp_item(), key_item("alice")]}).to_string().into_bytes();
        if let Some(byte) = bytes.get_mut(offset) {
            *byte = value;
        }
        let _ = Document::from_json(&bytes).map(|document| document.parse().map(|_| ()));
    }
}
