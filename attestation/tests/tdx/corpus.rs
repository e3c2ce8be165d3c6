//! Real quotes outside this repository, where they are at hand: the answer that each case states.

use super::{code, document, judge_with};
use hanzo_attestation::{Claims, Collateral, Roots, TcbStatus, VerifiedItem};
use hanzo_attestation_evidence::UnixTime;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of TDX cases, or `None` when the corpus is absent.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/evidence/tdx");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: no corpus at ../shared/evidence");
    None
}

/// Cases whose stated answer contradicts a rule, with the refusal that the rule demands.
const DIVERGENCES: [(&str, &str); 1] = [
    // Its `verify_at` lies 18 days before the PCK certificate's first day (DCAP-21).
    ("v4-trailing-oasis", "PckCertificateNotInValidity"),
];

/// What each case fails on, and the rules that say so (rule book E, last table). The first is a refusal of
/// verification.
const REFUSALS: [(&str, &[&str]); 6] = [
    ("quote_signature", &["QuoteSignature", "TdAttributesReserved"]),
    ("root", &["PckRootNotPinned"]),
    ("collateral_expired", &["TcbInfoNotCurrent", "QeIdentityNotCurrent"]),
    ("collateral_not_yet_valid", &["CollateralNotYetValid"]),
    ("tcb_info_signature", &["TcbInfoSignature"]),
    ("fmspc_mismatch", &["TcbInfoFmspcMismatch"]),
];

/// A case: its name, what it states, its quote, and its collateral.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) expect: Value,
    pub(super) quote: Vec<u8>,
    pub(super) collateral: Option<Vec<u8>>,
    pub(super) now: UnixTime,
}

/// Every case with a quote; and the names of the others.
pub(super) fn cases() -> (Vec<Case>, Vec<String>) {
    let Some(folder) = folder() else { return (Vec::new(), Vec::new()) };
    let mut folders: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|case| case.unwrap().path()).collect();
    folders.sort();
    let (mut cases, mut left_out) = (Vec::new(), Vec::new());
    for folder in folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(quote) = fs::read(folder.join("quote.bin")) else {
            left_out.push(name);
            continue;
        };
        let expect: Value = serde_json::from_slice(&fs::read(folder.join("expect.json")).unwrap()).unwrap();
        let collateral = fs::read(folder.join("collateral.json")).ok();
        let now = UnixTime::parse(expect["verify_at"].as_str().unwrap()).unwrap();
        cases.push(Case { name, expect, quote, collateral, now });
    }
    (cases, left_out)
}

impl Case {
    fn collateral(&self) -> Collateral {
        let none = Collateral::default();
        self.collateral.as_ref().map_or(none.clone(), |json| none.with_intel_json(json).unwrap())
    }
}

#[test]
fn every_case_has_the_answer_that_it_states() {
    let (cases, left_out) = cases();
    let (ran, mut rated) = (cases.len(), 0);
    for case in &cases {
        let (name, expected) = (&case.name, &case.expect["expected"]);
        let answer = judge_with(&document(&case.quote), &Roots::vendor(), &case.collateral(), case.now);
        let refusal = answer.as_ref().map(|_| ()).map_err(|refused| code(refused.clone()));
        if let Some((_, demanded)) = DIVERGENCES.iter().find(|(case, _)| case == name) {
            assert_eq!(refusal, Err((*demanded).to_owned()), "{name}");
            continue;
        }
        assert_eq!(refusal.is_ok(), expected["authentic"].as_bool().unwrap(), "{name}: {refusal:?}");
        match answer {
            Err(refused) => {
                let fails_on = expected["fails_on"][0].as_str().unwrap();
                let (_, codes) = REFUSALS.iter().find(|(word, _)| *word == fails_on).unwrap();
                assert!(codes.contains(&refused.finding.rule.code), "{name}: {fails_on}, {refused}");
            }
            Ok(verified) => {
                assert!(!verified.lab());
                let item = &verified.items()[0];
                check_claims(name, item.claims(), &case.expect);
                check_rating(name, item, expected, case.collateral.is_some());
                rated += u32::from(case.collateral.is_some());
            }
        }
    }
    println!("{ran} cases ran, {rated} rated; left out: {}", left_out.join(", "));
    assert!(ran == 0 || (ran >= 24 && rated >= 16), "{ran} ran, {rated} rated");
}

/// Status, dates, advisories and numbers are those that the case states.
fn check_rating(name: &str, item: &VerifiedItem, expected: &Value, with_collateral: bool) {
    let facts = item.facts();
    let Claims::Tdx(claims) = item.claims() else { panic!("{name}: TDX claims") };
    let Some(rating) = &claims.dcap.rating else {
        assert!(!with_collateral, "{name}: rated");
        assert_eq!(facts.tcb_status, TcbStatus::Unknown, "{name}");
        return;
    };
    let text = |value| serde_json::to_value(value).unwrap();
    assert_eq!(text(facts.tcb_status), expected["tcb_status"], "{name}");
    assert_eq!(facts.tcb_status, rating.status, "{name}");
    let date = rating.platform_tcb_date.map(|date| Value::from(date.to_string())).unwrap_or_default();
    assert_eq!(date, expected["tcb_date"], "{name}");
    assert_eq!(Value::from(rating.tcb_info_eval), expected["tcb_evaluation_data_number"], "{name}");
    assert_eq!(text(rating.qe_status), expected["qe_tcb_status"], "{name}");
    let mut stated: Vec<&str> =
        expected["advisory_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    stated.sort_unstable();
    assert_eq!(facts.advisories, stated, "{name}");
    let module = expected["tdx_module"].as_str().unwrap();
    let module_status = rating.module_status.map(|status| text(status).as_str().unwrap().to_owned());
    assert!(module_status.is_none_or(|status| module.contains(&status)), "{name}: {module}");
    let kinds: Vec<&str> = facts.collateral.iter().map(|used| used.kind).collect();
    assert_eq!(kinds, ["intel-tcb-info", "intel-qe-identity", "intel-root-crl", "intel-pck-crl"], "{name}");
    let earliest = facts.collateral.iter().map(|used| used.expires).min().unwrap();
    assert!(facts.not_after <= earliest && facts.collateral.iter().all(|used| !used.grace_used), "{name}");
}

fn check_claims(name: &str, claims: &Claims, expect: &Value) {
    let Claims::Tdx(claims) = claims else { panic!("{name}: TDX claims") };
    let stated = &expect["claims"];
    let same = |field: &str, value: String| {
        assert_eq!(stated[field].as_str(), Some(value.as_str()), "{name} {field}")
    };
    same("mr_td", claims.mr_td.to_string());
    same("mr_seam", claims.mr_seam.to_string());
    same("mrsigner_seam", claims.mr_signer_seam.to_string());
    same("mr_config_id", claims.mr_config_id.to_string());
    same("tee_tcb_svn", claims.tee_tcb_svn.to_string());
    same("report_data", claims.report_data.to_string());
    same("fmspc", claims.dcap.fmspc.to_string());
    same("rtmr0", claims.rtmr[0].to_string());
    same("rtmr1", claims.rtmr[1].to_string());
    same("rtmr2", claims.rtmr[2].to_string());
    same("rtmr3", claims.rtmr[3].to_string());
    assert_eq!(stated["quote_version"].as_u64(), Some(claims.dcap.quote_version.into()), "{name}");
    assert_eq!(stated["debug"].as_bool(), Some(claims.td_attributes.debug), "{name}");
    assert_eq!(stated["qe"]["isvsvn"].as_u64(), Some(claims.dcap.qe_isvsvn.into()), "{name}");
}
