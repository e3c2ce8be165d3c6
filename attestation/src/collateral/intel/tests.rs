//! Which objects are read, and which are not.

use super::*;
use serde_json::{Value, json};

fn whole() -> Value {
    json!({
        "tcb_info": "{}", "tcb_info_signature": "ab".repeat(64), "tcb_info_issuer_chain": "chain",
        "qe_identity": "{}", "qe_identity_signature": "cd".repeat(64), "qe_identity_issuer_chain": "chain",
        "pck_crl": "3000", "pck_crl_issuer_chain": "chain", "root_ca_crl": "3000",
        "pck_certificate_chain": "chain",
    })
}

fn read(value: &Value) -> Result<Collateral, &'static str> {
    Collateral::default().with_intel_json(value.to_string().as_bytes()).map_err(|error| error.rule().id)
}

#[test]
fn every_document_of_the_object_is_kept() {
    let all = read(&whole()).unwrap();
    let sizes = [
        all.intel_tcb_infos.len(),
        all.intel_qe_identities.len(),
        all.intel_crls.len(),
        all.intel_pck_chains.len(),
    ];
    assert_eq!(sizes, [1, 1, 2, 1]);
    assert!(read(&json!({})).is_ok() && read(&json!({"root_ca_crl": "3000"})).is_ok());
}

/// COL-01, COL-02, COL-03: what is not this object, in one spelling, is refused by name.
#[test]
fn anything_else_is_refused() {
    let with = |member: &str, value: Value| {
        let mut object = whole();
        object[member] = value;
        read(&object).map(|_| ()).unwrap_err()
    };
    assert_eq!(with("tcb_info_signature", "AB".repeat(64).into()), "COL-02");
    assert_eq!(with("tcb_info_signature", "ab".repeat(63).into()), "COL-02");
    assert_eq!(with("pck_crl", "300".into()), "COL-02");
    assert_eq!(with("root_ca_crl", "MAA=".into()), "COL-02");
    assert_eq!(with("tcb_info", Value::Null), "COL-03");
    assert_eq!(with("tcb_info_issuer_chain", Value::Null), "COL-03");
    assert_eq!(with("qe_identity_signature", Value::Null), "COL-03");
    assert_eq!(with("qe_identity", json!({})), "COL-03");
    assert_eq!(with("tcb_infos", "{}".into()), "COL-03");
    let twice = br#"{"root_ca_crl":"3000","root_ca_crl":"3000"}"#;
    for bytes in [twice.as_slice(), b"[]", b"", b"{}{}"] {
        let error = Collateral::default().with_intel_json(bytes).unwrap_err();
        assert_eq!(error.rule().to_string(), "COL-03 EnvelopeMalformed");
    }
    let large = vec![b' '; MAX_INTEL_JSON + 1];
    let error = Collateral::default().with_intel_json(&large).unwrap_err();
    assert_eq!(error.rule().to_string(), "COL-01 EvidenceTooLarge");
}
