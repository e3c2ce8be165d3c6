//! COL-23: every truncation and every changed byte of a quote is refused, in order and without a panic.

use super::{NONCE, code, judge, now, order, roots};
use hanzo_attestation_evidence::encoding::{base64_decode, base64_encode};
use hanzo_attestation_lab::{Lab, TpmKey, TpmOrder};
use serde_json::{Value, json};

/// Every way to cut, and every byte changed, of one field.
fn mutants(item: &Value, field: &str) -> Vec<Value> {
    let bytes = base64_decode(item[field].as_str().unwrap()).unwrap();
    let mut changed: Vec<Vec<u8>> = (0..bytes.len()).map(|length| bytes[..length].to_vec()).collect();
    changed.push([bytes.as_slice(), &[0]].concat());
    for offset in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[offset] ^= 0x01;
        changed.push(flipped);
    }
    let with = |bytes: Vec<u8>| {
        let mut item = item.clone();
        item[field] = json!(base64_encode(&bytes));
        item
    };
    changed.into_iter().map(with).collect()
}

#[test]
fn no_other_quote_is_authentic() {
    let mut ran = 0;
    for key in [TpmKey::RsassaSha256, TpmKey::EcdsaP256] {
        let item = Lab::fixture().tpm(&TpmOrder { key, ..order() }).unwrap();
        let bound = |item: Value| {
            let verified = judge(&[item], &roots(), now())?;
            verified.check_report_data(&NONCE).map_err(code)
        };
        assert_eq!(bound(item.clone()), Ok(()));
        // The public area is not among them: nobody signs it, and what it says counts only where its Name
        // does.
        for field in ["attest", "signature"] {
            for mutant in mutants(&item, field) {
                let refused = bound(mutant).unwrap_err();
                assert!(
                    refused.starts_with("Tpm") || refused == "SignatureNotCanonical",
                    "{field}: {refused}"
                );
                ran += 1;
            }
        }
    }
    println!("{ran} changed quotes refused");
}

/// TPM-21, TPM-20, COL-02: every changed digit of a register's value, and every other spelling.
#[test]
fn no_other_register_value_is_accepted() {
    let item = Lab::fixture().tpm(&order()).unwrap();
    for register in 0..24 {
        let mut item = item.clone();
        let value = &mut item["pcrs"]["sha256"][register.to_string()];
        let text = value.as_str().unwrap().to_owned();
        let first = if text.starts_with('0') { "1" } else { "0" };
        *value = json!(format!("{first}{}", &text[1..]));
        assert_eq!(judge(&[item], &roots(), now()).map(|_| ()), Err("TpmPcrDigest".to_owned()));
    }
    let spelt = |register: &str, value: Value| {
        let mut item = item.clone();
        item["pcrs"]["sha256"].as_object_mut().unwrap().insert(register.to_owned(), value);
        judge(&[item], &roots(), now()).map(|_| ()).unwrap_err()
    };
    assert_eq!(spelt("0", json!("AB".repeat(32))), "EncodingNotCanonical");
    assert_eq!(spelt("0", json!("ab".repeat(31))), "TpmPcrLength");
    assert_eq!(spelt("0", json!("ab".repeat(65))), "EvidenceTooLarge");
    for register in ["00", "24", "-1", "+1", " 1", "", "256"] {
        assert_eq!(spelt(register, json!("ab".repeat(32))), "EnvelopeMalformed", "{register}");
    }
}

/// COL-01, COL-03: unknown fields and names, absent fields, and fields over their budget.
#[test]
fn the_envelope_is_strict() {
    let item = Lab::fixture().tpm(&order()).unwrap();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut item = item.clone();
        change(&mut item);
        judge(&[item], &roots(), now()).map(|_| ()).unwrap_err()
    };
    let large = json!(base64_encode(&[0; 5000]));
    for field in ["attest", "signature", "ak_tpmt", "activation", "init_data"] {
        assert_eq!(changed(&|item| item[field] = large.clone()), "EvidenceTooLarge", "{field}");
        assert_eq!(changed(&|item| item[field] = json!("QQ")), "EncodingNotCanonical", "{field}");
        assert_eq!(changed(&|item| item[field] = Value::Null), "EnvelopeMalformed", "{field}");
    }
    assert_eq!(changed(&|item| item["ak_public"] = json!("A".repeat(5000))), "EvidenceTooLarge");
    assert_eq!(changed(&|item| item["pcrs"] = json!({"md5": {}})), "EnvelopeMalformed");
    assert_eq!(changed(&|item| item["pcrs"] = json!({})), "TpmPcrSetMismatch");
    assert_eq!(changed(&|item| item["quote"] = json!("")), "EnvelopeMalformed");
    for text in ["", "x", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"] {
        assert_eq!(changed(&|item| item["ak_public"] = json!(text)), "TpmAkMalformed", "{text}");
    }
    let pem = item["ak_public"].as_str().unwrap().to_owned();
    for other in [format!("{pem}\n"), format!(" {pem}"), pem.replace('\n', "\r\n"), pem.replace("=", "")] {
        if other != pem {
            assert_eq!(changed(&|item| item["ak_public"] = json!(other)), "TpmAkMalformed");
        }
    }
}
