//! What the verbs answer, on a lab's evidence: one acceptance, and every way to lose it.

use super::answer::Answer;
use super::args::Profile;
use super::inputs::Inputs;
use super::{judge, show};
use crate::output::Show;
use hanzo_attestation::{Revocation, Roots};
use hanzo_attestation_evidence::{Document, UnixTime};
use hanzo_attestation_lab::{Lab, SnpOrder, TdxDefect, TdxOrder};
use hanzo_policy::Appraisal;
use serde_json::{Value, json};

const REPORT_DATA: [u8; 64] = [7; 64];

fn inputs(profile: Profile) -> Inputs {
    let lab = Lab::fixture();
    Inputs {
        roots: Roots::vendor().with_extra(lab.extra_roots()),
        collateral: lab.collateral(),
        revocation: Revocation::Required,
        now: UnixTime::from_seconds(lab.validity().not_before.seconds() + 86_400).unwrap(),
        report_data: Some(REPORT_DATA.to_vec()),
        profile,
        appraisal: match profile {
            Profile::Strict => Appraisal::strict(),
            Profile::Corpus => Appraisal::corpus(),
        },
        nonce: None,
    }
}

fn snp() -> Value {
    Lab::fixture().snp(&SnpOrder { report_data: REPORT_DATA, ..SnpOrder::default() }).unwrap()
}

fn tdx() -> Value {
    Lab::fixture().tdx(&TdxOrder { report_data: REPORT_DATA, ..TdxOrder::default() }).unwrap()
}

fn document(items: Vec<Value>) -> Document {
    Document::from_json(Lab::document(items).to_string().as_bytes()).unwrap()
}

fn judged(items: Vec<Value>, inputs: &Inputs) -> (Answer, Value) {
    let answer = judge::judge(document(items), inputs);
    let json = serde_json::to_value(&answer).unwrap();
    (answer, json)
}

fn codes(json: &Value) -> Vec<(String, String)> {
    let findings = json["items"][0]["findings"].as_array().unwrap();
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    findings.iter().map(|finding| (text(finding, "severity"), text(finding, "code"))).collect()
}

fn has(json: &Value, severity: &str, code: &str) -> bool {
    codes(json).contains(&(severity.to_owned(), code.to_owned()))
}

#[test]
fn a_good_report_is_acceptable_in_both_profiles() {
    for profile in [Profile::Strict, Profile::Corpus] {
        let (answer, json) = judged(vec![snp()], &inputs(profile));
        assert!(answer.acceptable, "{json:#}");
        assert_eq!(json["authentic"], true);
        assert_eq!(json["tier"], 2);
        assert_eq!(json["items"][0]["type"], "sev-snp");
        assert_eq!(json["items"][0]["claims"]["report_data"], "07".repeat(64));
        let mut fields: Vec<&String> = json["items"][0].as_object().unwrap().keys().collect();
        fields.sort();
        assert_eq!(fields, ["acceptable", "authentic", "claims", "findings", "trace", "type"]);
        let mut fields: Vec<&String> = json.as_object().unwrap().keys().collect();
        fields.sort();
        assert_eq!(fields, ["acceptable", "authentic", "items", "next_tier", "tier"]);
        assert_eq!(json["next_tier"], json!({"tier": 3, "missing": ["the evidence has no GPU"]}));
        let people = format!("{:?}", answer.sheet());
        assert!(people.contains("not tier 3: the evidence has no GPU"), "{people}");
    }
}

/// COL-24: what the verdict rests on, of an item that is authentic alone.
#[test]
fn the_answer_carries_the_trace() {
    let inputs = inputs(Profile::Strict);
    // AMD: the lists of VCEKs and of VLEKs; Intel: TCB info, QE identity, two lists.
    for (item, kinds) in [(snp(), 2), (tdx(), 4)] {
        let (_, json) = judged(vec![item], &inputs);
        let trace = &json["items"][0]["trace"];
        assert_eq!((&trace["ruleset"], &trace["verified_at"]), (&json!(1), &json!(inputs.now)), "{json:#}");
        assert_eq!(trace["root"].as_str().unwrap().len(), 64);
        let documents = trace["collateral"].as_array().unwrap();
        assert_eq!(documents.len(), kinds);
        for name in ["kind", "sha256", "issued", "expires", "grace_used"] {
            assert!(documents.iter().all(|document| document.get(name).is_some()), "{name}");
        }
    }
    let other = Inputs { report_data: Some(vec![8; 64]), ..inputs };
    assert_eq!(judged(vec![snp()], &other).1["items"][0]["trace"], Value::Null);
}

#[test]
fn a_genuine_td_without_collateral_is_authentic_and_never_acceptable() {
    for profile in [Profile::Strict, Profile::Corpus] {
        let unrated = Inputs { collateral: Lab::fixture().amd_collateral(), ..inputs(profile) };
        let (_, json) = judged(vec![tdx()], &unrated);
        assert_eq!((&json["authentic"], &json["acceptable"]), (&json!(true), &json!(false)), "{json:#}");
        assert!(has(&json, "refuse", "CollateralMissing"), "{json:#}");
        assert_eq!(json["tier"], 0);
        assert!(json["items"][0]["claims"]["mr_td"].is_string());
    }
}

#[test]
fn a_td_with_collateral_is_acceptable_in_both_profiles() {
    for profile in [Profile::Strict, Profile::Corpus] {
        let (answer, json) = judged(vec![tdx()], &inputs(profile));
        assert!(answer.acceptable, "{json:#}");
        assert_eq!((&json["authentic"], &json["tier"]), (&json!(true), &json!(2)));
    }
}

#[test]
fn other_report_data_is_not_authentic_and_its_claims_are_withheld() {
    for (item, code) in [(snp(), "ReportDataMismatch"), (tdx(), "QuoteReportDataMismatch")] {
        let other = Inputs { report_data: Some(vec![8; 64]), ..inputs(Profile::Corpus) };
        let (_, json) = judged(vec![item], &other);
        assert_eq!((&json["authentic"], &json["acceptable"]), (&json!(false), &json!(false)));
        assert!(codes(&json).iter().any(|(_, found)| found.contains("ReportData")), "{code} {json:#}");
        assert_eq!(json["items"][0]["claims"], Value::Null);
        assert_eq!(json["tier"], 0);
    }
}

/// B.0, step 5: what costs nothing comes first. Under other roots no signature of the lab's counts, and still
/// the report data is what is wrong with it, if it is wrong; if it is right, the roots are.
#[test]
fn report_data_is_compared_before_any_signature() {
    let foreign = |report_data: [u8; 64]| Inputs {
        roots: Roots::vendor(),
        report_data: Some(report_data.to_vec()),
        ..inputs(Profile::Corpus)
    };
    for (item, code) in [(snp(), "SnpReportDataMismatch"), (tdx(), "QuoteReportDataMismatch")] {
        let (_, json) = judged(vec![item.clone()], &foreign([8; 64]));
        assert_eq!(codes(&json), [("refuse".to_owned(), code.to_owned())], "{json:#}");
        assert_eq!(json["items"][0]["claims"], Value::Null);
        let (_, json) = judged(vec![item], &foreign(REPORT_DATA));
        assert_eq!(json["authentic"], false);
        assert!(!has(&json, "refuse", code), "{json:#}");
    }
}

#[test]
fn without_expected_report_data_strict_refuses_and_corpus_says_so() {
    let strict = Inputs { report_data: None, ..inputs(Profile::Strict) };
    let (_, json) = judged(vec![snp()], &strict);
    assert_eq!((&json["authentic"], &json["acceptable"]), (&json!(true), &json!(false)));
    assert!(has(&json, "refuse", "ChallengeMissing"));
    let corpus = Inputs { report_data: None, ..inputs(Profile::Corpus) };
    let (_, json) = judged(vec![snp()], &corpus);
    assert_eq!(json["acceptable"], true, "{json:#}");
    assert!(has(&json, "info", "ChallengeMissing"));
}

#[test]
fn a_debug_guest_is_authentic_and_refused_by_name() {
    let order = SnpOrder { report_data: REPORT_DATA, debug: true, ..SnpOrder::default() };
    let (_, json) = judged(vec![Lab::fixture().snp(&order).unwrap()], &inputs(Profile::Corpus));
    assert_eq!((&json["authentic"], &json["acceptable"]), (&json!(true), &json!(false)));
    assert!(
        codes(&json).iter().any(|(severity, code)| severity == "refuse" && code.contains("Debug")),
        "{json:#}"
    );
}

#[test]
fn a_lab_is_nothing_without_its_roots() {
    let vendor = Inputs { roots: Roots::vendor(), ..inputs(Profile::Corpus) };
    for item in [snp(), tdx()] {
        let (_, json) = judged(vec![item], &vendor);
        assert_eq!(json["authentic"], false);
    }
}

#[test]
fn a_missing_list_is_refused_unless_waived() {
    let missing = Inputs { collateral: Default::default(), ..inputs(Profile::Corpus) };
    let (_, json) = judged(vec![snp()], &missing);
    assert_eq!(json["acceptable"], false);
    let waived = Inputs { revocation: Revocation::Waived { reason: "a test".to_owned() }, ..missing };
    let (_, json) = judged(vec![snp()], &waived);
    assert_eq!(json["acceptable"], true, "{json:#}");
    assert!(json["items"][0]["findings"].to_string().contains("a test"), "the reason is in the answer");
}

#[test]
fn bytes_of_another_format_are_an_answer_and_not_an_error() {
    let broken = [
        json!({"type": "tdx", "quote": "AAAA"}),
        json!({"type": "tdx", "quote": snp()["report"]}),
        json!({"type": "sev-snp", "report": "AAAA", "certs": []}),
        Lab::fixture().tdx(&TdxOrder::default().with_defect(TdxDefect::QuoteTruncated)).unwrap(),
    ];
    for item in broken {
        let (_, json) = judged(vec![item], &inputs(Profile::Corpus));
        assert_eq!((&json["authentic"], &json["acceptable"]), (&json!(false), &json!(false)));
        assert_eq!(codes(&json)[0].0, "refuse");
        assert_eq!(json["items"][0]["claims"], Value::Null);
    }
}

#[test]
fn one_bad_item_spoils_the_document() {
    let stranger =
        json!({"type": "registered-key", "key_id": "nobody", "signature": "AA".repeat(42) + "AA=="});
    let bytes = Lab::document(vec![snp(), stranger]).to_string();
    let Ok(document) = Document::from_json(bytes.as_bytes()) else { panic!("{bytes}") };
    let answer = judge::judge(document, &inputs(Profile::Strict));
    assert!(answer.items[0].acceptable && !answer.items[1].authentic);
    assert!(!answer.authentic && !answer.acceptable);
    assert_eq!(answer.tier.number(), 0);
}

#[test]
fn a_document_without_items_proves_nothing() {
    let (answer, json) = judged(Vec::new(), &inputs(Profile::Corpus));
    assert_eq!(json, json!({"authentic": false, "acceptable": false, "items": [], "tier": 0}));
    assert!(format!("{:?}", answer.sheet()).contains("proves nothing"));
}

#[test]
fn people_read_the_verdict_first() {
    let (answer, _) = judged(vec![snp()], &inputs(Profile::Strict));
    let sheet = format!("{:?}", answer.sheet());
    assert!(sheet.starts_with("Sheet([Line(\"authentic and acceptable, tier 2 (confidential)\")"), "{sheet}");
    assert!(sheet.contains("LAB root") && sheet.contains("measurement"), "{sheet}");
    let unrated = Inputs { collateral: Lab::fixture().amd_collateral(), ..inputs(Profile::Strict) };
    let (answer, _) = judged(vec![tdx()], &unrated);
    let sheet = format!("{:?}", answer.sheet());
    assert!(sheet.starts_with("Sheet([Line(\"authentic, NOT acceptable, tier 0 (open)\")"), "{sheet}");
    assert!(sheet.contains("COL-10 CollateralMissing"), "{sheet}");
}

#[test]
fn show_prints_fields_and_says_that_nothing_is_verified() {
    for (item, field) in [(snp(), "measurement"), (tdx(), "body.mr_td")] {
        let shown = show::read(document(vec![item]));
        assert!(shown.is_readable());
        let sheet = format!("{:?}", shown.sheet());
        assert!(sheet.starts_with("Sheet([Line(\"NOTHING HERE IS VERIFIED"), "{sheet}");
        assert!(sheet.contains(field) && sheet.contains("07".repeat(64).as_str()), "{sheet}");
        let json = serde_json::to_value(&shown).unwrap();
        assert_eq!(json["verified"], false);
        assert_ne!(json["items"][0]["certificates"], json!([]));
    }
}

#[test]
fn show_says_what_it_cannot_read() {
    let shown = show::read(document(vec![json!({"type": "tdx", "quote": "AAAA"})]));
    assert!(!shown.is_readable());
    let json = serde_json::to_value(&shown).unwrap();
    assert_eq!(json["items"][0]["refused"]["code"], "QuoteLength");
    assert!(format!("{:?}", shown.sheet()).contains("QuoteLength"));
    let mut item = snp();
    item["certs"] = json!(["AAAA"]);
    let json = serde_json::to_value(show::read(document(vec![item]))).unwrap();
    assert_eq!(json["items"][0]["certificates"][0]["refused"]["code"], "CertificateMalformed");
}
