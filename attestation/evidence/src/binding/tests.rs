//! The digests against a text written by hand and against published vectors.

use super::*;

fn recipient(byte: u8) -> Recipient {
    Recipient::new(Kem::X25519HkdfSha256, vec![byte; 32]).unwrap()
}

/// The text of the module documentation, written out by hand.
#[test]
fn the_digests_are_over_the_documented_text() {
    let device = DeviceDigests { report: [1; 48], certs: [2; 48] };
    let runtime_data = json!({"b": 1, "a": [true, null]});
    let binding = Binding::new("bm9uY2U=", &recipient(9), Some(&runtime_data), &[device]).unwrap();
    let key = encoding::base64_encode(&[9; 32]);
    let (report, certs) = (encoding::base64_encode(&[1; 48]), encoding::base64_encode(&[2; 48]));
    let text = format!(
        "{{\"devices\":[[\"{report}\",\"{certs}\"]],\"nonce\":\"bm9uY2U=\",\"recipient\":{{\"kem\":\
         \"X25519-HKDF-SHA256\",\"public_key\":\"{key}\"}},\"runtime_data\":{{\"a\":[true,null],\"b\":1}}}}"
    );
    let hash = |algorithm, domain: &str, text: &str| {
        digest::digest(algorithm, format!("{domain}\0{text}").as_bytes()).as_ref().to_vec()
    };
    assert_eq!(binding.cpu_report_data()[..], hash(&digest::SHA512, "hanzo-kbs/v1/cpu", &text));
    assert_eq!(binding.tpm_qualifying_data()[..], hash(&digest::SHA256, "hanzo-kbs/v1/tpm", &text));
    assert_eq!(binding.identity_message()[..], hash(&digest::SHA512, "hanzo-kbs/v1/identity", &text));
    let alone = format!(
        "{{\"nonce\":\"bm9uY2U=\",\"recipient\":{{\"kem\":\"X25519-HKDF-SHA256\",\"public_key\":\"{key}\"}}}}"
    );
    assert_eq!(binding.device_nonce()[..], hash(&digest::SHA256, "hanzo-kbs/v1/device", &alone));
}

#[test]
fn devices_added_later_are_bound_as_if_they_had_been_there() {
    let device = DeviceDigests { report: [1; 48], certs: [2; 48] };
    let runtime_data = json!({"a": 1});
    let whole = Binding::new("nonce", &recipient(9), Some(&runtime_data), &[device]).unwrap();
    let before = Binding::new("nonce", &recipient(9), Some(&runtime_data), &[]).unwrap();
    assert_eq!(before.with_devices(&[device]).unwrap(), whole);
    assert_eq!(before.device_nonce(), whole.device_nonce());
    assert_ne!(before.cpu_report_data(), whole.cpu_report_data());
    let other = DeviceDigests { certs: [3; 48], ..device };
    let orders = [[device, other], [other, device]].map(|both| before.with_devices(&both).unwrap());
    assert_ne!(orders[0].cpu_report_data(), orders[1].cpu_report_data());
}

/// Vectors made by another implementation.
#[test]
fn the_published_vectors_hold() {
    let file: Value =
        serde_json::from_str(include_str!("../../../../fixtures/binding/vectors.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert!(vectors.len() > 3, "there are vectors");
    for vector in vectors {
        let recipient: Recipient = serde_json::from_value(vector["recipient"].clone()).unwrap();
        let devices: Vec<DeviceDigests> = vector["devices"]
            .as_array()
            .unwrap()
            .iter()
            .map(|device| {
                let report = encoding::base64_decode(device["report"].as_str().unwrap()).unwrap();
                DeviceDigests::of(&report, device["certs"].as_str().unwrap())
            })
            .collect();
        let runtime_data = Some(&vector["runtime_data"]);
        let nonce = vector["nonce"].as_str().unwrap();
        let binding = Binding::new(nonce, &recipient, runtime_data, &devices).unwrap();
        let found = [
            ("cpu", hex::encode(binding.cpu_report_data())),
            ("device", hex::encode(binding.device_nonce())),
            ("tpm", hex::encode(binding.tpm_qualifying_data())),
            ("identity", hex::encode(binding.identity_message())),
        ];
        for (name, hex) in found {
            assert_eq!(vector["expect"][name], hex, "{name} of {}", vector["name"]);
        }
    }
}

#[test]
fn every_part_changes_the_digest() {
    let device = DeviceDigests { report: [1; 48], certs: [2; 48] };
    let base = Binding::new("n", &recipient(9), None, &[]).unwrap();
    for other in [
        Binding::new("m", &recipient(9), None, &[]),
        Binding::new("n", &recipient(8), None, &[]),
        Binding::new("n", &recipient(9), Some(&Value::Bool(false)), &[]),
        Binding::new("n", &recipient(9), None, &[device]),
    ] {
        let other = other.unwrap();
        assert_ne!(base.cpu_report_data(), other.cpu_report_data());
        assert_ne!(base.identity_message(), other.identity_message());
    }
    let null = Binding::new("n", &recipient(9), Some(&Value::Null), &[]).unwrap();
    assert_eq!(base, null, "absent runtime data is null");
}

#[test]
fn recipients_have_their_kems_length_and_one_spelling() {
    for (kem, length) in [(Kem::X25519HkdfSha256, 32), (Kem::P256HkdfSha256, 65), (Kem::XWing, 1216)] {
        assert!(Recipient::new(kem, vec![4; length]).is_ok());
        for wrong in [0, length - 1, length + 1] {
            let error = Recipient::new(kem, vec![4; wrong]).unwrap_err();
            assert_eq!(error.rule().to_string(), "COL-21 PublicKeyInvalid");
        }
    }
    let json = serde_json::to_value(recipient(9)).unwrap();
    assert_eq!(serde_json::from_value::<Recipient>(json.clone()).unwrap(), recipient(9));
    for (field, value) in
        [("kem", "X25519"), ("public_key", "CQ=="), ("public_key", "not base64"), ("extra", "")]
    {
        let mut changed = json.clone();
        changed[field] = value.into();
        assert!(serde_json::from_value::<Recipient>(changed).is_err(), "{field} {value}");
    }
    assert_ne!(recipient(9).digest(), recipient(8).digest());
}

#[test]
fn two_numbers_never_share_a_digest() {
    let with =
        |number: Value| Binding::new("n", &recipient(9), Some(&serde_json::json!({"a": [number]})), &[]);
    let (max, over) = (9_007_199_254_740_991_i64, 9_007_199_254_740_992_i64);
    assert_ne!(with(max.into()).unwrap(), with((max - 1).into()).unwrap());
    for inexact in [over.into(), (over + 1).into(), (-over).into(), u64::MAX.into(), Value::from(0.5)] {
        let error = with(inexact).unwrap_err();
        assert_eq!(error.rule().to_string(), "COL-03 EnvelopeMalformed");
    }
}
