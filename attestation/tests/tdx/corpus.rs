//! Real quotes outside this repository, where they are at hand: the answer that each case states.

use super::{document, judge};
use hanzo_attestation::{Claims, Roots};
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

#[test]
fn every_case_has_the_answer_that_it_states() {
    let Some(folder) = folder() else { return };
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|case| case.unwrap().path()).collect();
    cases.sort();
    let (mut ran, mut left_out) = (0, Vec::new());
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let expect: Value = serde_json::from_slice(&fs::read(case.join("expect.json")).unwrap()).unwrap();
        let fails_on = expect["expected"]["fails_on"].to_string();
        // Whether collateral is genuine and in date is no question of the quote's own proof.
        let needs_collateral = ["collateral", "tcb_info", "fmspc"].iter().any(|word| fails_on.contains(word));
        let Ok(quote) = fs::read(case.join("quote.bin")) else {
            left_out.push(name);
            continue;
        };
        if needs_collateral {
            left_out.push(name);
            continue;
        }
        let now = UnixTime::parse(expect["verify_at"].as_str().unwrap()).unwrap();
        let answer = judge(&document(&quote), &Roots::vendor(), now);
        ran += 1;
        if let Some((_, refusal)) = DIVERGENCES.iter().find(|(case, _)| *case == name) {
            assert_eq!(answer.map(|_| ()), Err((*refusal).to_owned()), "{name}");
            continue;
        }
        assert_eq!(answer.is_ok(), expect["expected"]["authentic"].as_bool().unwrap(), "{name}: {answer:?}");
        if let Ok(verified) = answer {
            assert!(!verified.lab());
            check_claims(&name, &verified.items()[0].claims().clone(), &expect);
        }
    }
    println!("{ran} cases ran; left out: {}", left_out.join(", "));
    assert!(ran >= 20, "{ran}");
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
