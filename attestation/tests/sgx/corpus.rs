//! Real quotes outside this repository, where they are at hand: the answer that each case states.

use super::{code, document, judge};
use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Claims, Collateral, Debug, Revocation, Roots, VerifiedItem, sgx};
use hanzo_attestation_evidence::UnixTime;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of SGX cases, or `None` when the corpus is absent.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/evidence/sgx");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: no corpus at ../shared/evidence");
    None
}

fn expectation(case: &Path) -> Value {
    serde_json::from_slice(&fs::read(case.join("expect.json")).unwrap()).unwrap()
}

fn now(expect: &Value) -> UnixTime {
    UnixTime::parse(expect["verify_at"].as_str().unwrap()).unwrap()
}

#[test]
fn every_case_has_the_answer_that_it_states() {
    let Some(folder) = folder() else { return };
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|case| case.unwrap().path()).collect();
    cases.sort();
    let (mut ran, mut left_out) = (0, Vec::new());
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(quote) = fs::read(case.join("quote.bin")) else {
            left_out.push(name);
            continue;
        };
        let expect = expectation(&case);
        let collateral = match fs::read(case.join("collateral.json")) {
            Ok(json) => Collateral::default().with_intel_json(&json).unwrap(),
            Err(_) => Collateral::default(),
        };
        let answer = judge(&document(&quote), &Roots::vendor(), &collateral, now(&expect));
        ran += 1;
        assert_eq!(answer.is_ok(), expect["expected"]["authentic"].as_bool().unwrap(), "{name}: {answer:?}");
        if let Ok(verified) = answer {
            assert!(!verified.lab());
            check_claims(&name, &verified.items()[0], &expect);
        }
    }
    println!("{ran} cases ran; left out: {}", left_out.join(", "));
    assert!(ran >= 15, "{ran}");
}

fn check_claims(name: &str, item: &VerifiedItem, expect: &Value) {
    let Claims::Sgx(claims) = item.claims() else { panic!("{name}: SGX claims") };
    let stated = &expect["claims"];
    let same = |field: &str, value: String| {
        assert_eq!(stated[field].as_str(), Some(value.as_str()), "{name} {field}")
    };
    same("mrenclave", claims.mr_enclave.to_string());
    same("mrsigner", claims.mr_signer.to_string());
    same("report_data", claims.report_data.to_string());
    same("fmspc", claims.dcap.fmspc.to_string());
    assert_eq!(stated["isvprodid"].as_u64(), Some(claims.isv_prod_id.into()), "{name}");
    assert_eq!(stated["isvsvn"].as_u64(), Some(claims.isv_svn.into()), "{name}");
    assert_eq!(stated["quote_version"].as_u64(), Some(claims.dcap.quote_version.into()), "{name}");
    assert_eq!(stated["debug"].as_bool(), Some(item.facts().debug == Some(Debug::Enabled)), "{name}");
}

/// SGX-17: altered RA-TLS certificates are refused by the rule that the alteration breaks first.
#[test]
fn altered_ra_tls_certificates_are_refused_by_name() {
    let Some(folder) = folder() else { return };
    for name in ["neg-ratls-sgx-cert-ec-bad", "neg-ratls-sgx-cert-rsa-bad"] {
        let case = folder.join(name);
        let certificate = fs::read(case.join("cert.der")).unwrap();
        let roots = Roots::vendor();
        let (collateral, revocation) = (Collateral::default(), Revocation::Required);
        let now = now(&expectation(&case));
        let context = Context {
            roots: &roots,
            collateral: &collateral,
            revocation: &revocation,
            now,
            cache: Cache::off(),
        };
        let refused = sgx::verify_ra_tls(&certificate, &context).map(|_| ()).map_err(code);
        // A byte of a certificate was changed, outside or inside the quote.
        let refused = refused.unwrap_err();
        assert!(
            ["PckChainOrder", "PckRootNotPinned", "CertificateMalformed"].contains(&refused.as_str()),
            "{name}: {refused}"
        );
    }
}
