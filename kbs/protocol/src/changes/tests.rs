use super::*;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use hanzo_attestation_evidence::encoding::base64_encode;

fn statement() -> Statement {
    Statement {
        kind: ChangeKind::Policy,
        name: "prod-release".to_owned(),
        body_digest: body_digest("permit (principal, action, resource);"),
        expected_version: Some(3),
        author: "alice".to_owned(),
        nonce: Hex([7; 16]),
    }
}

#[test]
fn every_part_of_a_change_is_in_its_id() {
    let id = statement().id().unwrap();
    let others = [
        Statement { kind: ChangeKind::Reference, ..statement() },
        Statement { name: "prod-releas".to_owned(), ..statement() },
        Statement { body_digest: body_digest("other"), ..statement() },
        Statement { expected_version: Some(4), ..statement() },
        Statement { expected_version: None, ..statement() },
        Statement { author: "bob".to_owned(), ..statement() },
        Statement { nonce: Hex([8; 16]), ..statement() },
    ];
    for other in others {
        assert_ne!(other.id().unwrap(), id, "{other:?}");
    }
    assert_eq!(statement().id().unwrap(), id);
}

#[test]
fn an_id_is_the_digest_of_the_canonical_form() {
    let form = format!(
        r#"{{"author":"alice","body_digest":"{}","expected_version":3,"kind":"policy","name":"prod-release","nonce":"{}"}}"#,
        statement().body_digest,
        "07".repeat(16)
    );
    let expected = sha256(&[b"hanzo-kbs/v1/change\0", form.as_bytes()]);
    assert_eq!(statement().id().unwrap(), expected);
}

#[test]
fn no_word_stands_for_another() {
    let id = Hex([1; 32]);
    let words = [
        Word::Propose,
        Word::Withdraw,
        Word::Approve,
        Word::BreakGlass("a"),
        Word::BreakGlass("b"),
        Word::Acknowledge,
    ];
    let messages: std::collections::BTreeSet<_> = words.iter().map(|word| word.message(&id)).collect();
    assert_eq!(messages.len(), words.len());
    assert_ne!(Word::Approve.message(&id), Word::Approve.message(&Hex([2; 32])));
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64_encode(der))
}

#[test]
fn a_signature_counts_for_its_key_and_message_alone() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
    let spki =
        [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".as_slice(), pair.public_key().as_ref()].concat();
    let key = PersonKey::from_pem(pem(&spki).as_bytes()).unwrap();
    let message = Word::Approve.message(&Hex([1; 32]));
    let signature = Hex(pair.sign(&message).as_ref().try_into().unwrap());
    assert_eq!(key.verify(&message, &signature), Ok(()));
    for other in [Word::Acknowledge.message(&Hex([1; 32])), Word::Approve.message(&Hex([2; 32]))] {
        assert_eq!(key.verify(&other, &signature), Err(key::WrongSignature));
    }
    let mut flipped = signature;
    flipped.0[5] ^= 1;
    assert_eq!(key.verify(&message, &flipped), Err(key::WrongSignature));
    assert!(PersonKey::Ed25519([3; 32]).verify(&message, &signature).is_err());
    assert!(PersonKey::P256([4; 65]).verify(&message, &signature).is_err());
}

#[test]
fn what_is_no_key_of_a_person_is_refused() {
    let good = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".as_slice(), &[1; 32]].concat();
    assert!(PersonKey::from_pem(pem(&good).as_bytes()).is_ok());
    let private = pem(&good).replace("PUBLIC", "PRIVATE");
    let twice = pem(&good).repeat(2);
    for text in ["", "-----BEGIN PUBLIC KEY-----", &private, &twice, &" ".repeat(5000)] {
        assert_eq!(PersonKey::from_pem(text.as_bytes()), Err(PersonKeyError::Pem), "{text}");
    }
    for der in [&good[1..], &good[..43], &[good.as_slice(), &[0]].concat()] {
        assert_eq!(PersonKey::from_pem(pem(der).as_bytes()), Err(PersonKeyError::Unsupported));
    }
}

#[test]
fn messages_refuse_what_they_do_not_know() {
    let body = serde_json::json!({"approver": "bob", "signature": "00".repeat(64)});
    assert!(serde_json::from_value::<ApproveChange>(body.clone()).is_ok());
    for (name, value) in
        [("signature", "00".repeat(63)), ("signature", "0G".repeat(64)), ("extra", "x".into())]
    {
        let mut wrong = body.clone();
        wrong[name] = value.into();
        assert!(serde_json::from_value::<ApproveChange>(wrong).is_err(), "{name}");
    }
}

#[test]
fn the_texts_of_changes_have_one_spelling() {
    let demands = KeyDemands { kind: crate::KeyKind::Secret, minimum_tier: 2, require_cpu_tee: false };
    let body = canonical(&demands).unwrap();
    assert_eq!(body, r#"{"kind":"secret","minimum_tier":2,"require_cpu_tee":false}"#);
    assert_eq!(read_body::<KeyDemands>(&body), Ok(demands));
    for spelling in [body.replace(':', ": "), format!("{body}\n"), body.replace("2", "2.0")] {
        assert!(read_body::<KeyDemands>(&spelling).is_err(), "{spelling}");
    }
    let reordered = r#"{"minimum_tier":2,"kind":"secret","require_cpu_tee":false}"#;
    assert_eq!(read_body::<KeyDemands>(reordered), Err(BodyError::NotCanonical));
    for malformed in [r#"{"kind":"secret","minimum_tier":2}"#, &body.replace("secret", "policy"), &body[1..]]
    {
        assert!(matches!(read_body::<KeyDemands>(malformed), Err(BodyError::Malformed(_))), "{malformed}");
    }
}

#[test]
fn differences_name_places_and_what_is_empty() {
    let (old, new) = (
        serde_json::json!({"a": 1, "b": {"c": [1, 2]}, "d": {}, "e": "same"}),
        serde_json::json!({"a": 2, "b": {"c": [1]}, "d": {"x": []}, "e": "same"}),
    );
    let told = ["- a = 1", "- b.c[1] = 2", "- d = {}", "+ a = 2", "+ d.x = []"];
    assert_eq!(differences(&old, &new), told);
    assert!(differences(&old, &old).is_empty());
    assert_eq!(differences(&serde_json::json!({}), &serde_json::json!({"k": true})), ["+ k = true"]);
}

#[test]
fn a_key_has_a_fingerprint_of_its_whole_encoding() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
    let key = pair.public_key().as_ref();
    let spki = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".as_slice(), key].concat();
    assert_eq!(PersonKey::from_pem(pem(&spki).as_bytes()).unwrap().fingerprint(), sha256(&[&spki]));
    let p256 = PersonKey::P256([4; 65]);
    assert_ne!(p256.fingerprint(), PersonKey::Ed25519([4; 32]).fingerprint());
}
