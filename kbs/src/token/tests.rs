//! Claims that no broker of ours would sign, under its own key: each is refused by name.

use super::*;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use hanzo_attestation_evidence::Hex;
use hanzo_kbs_protocol::{Checkpoint, KeySet, RuleName, RuleVersion, StatementError};
use serde_json::json;

const NOW: i64 = 1_800_000_000;

fn tokens() -> Tokens {
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    Tokens::new(TokenKey::from_pkcs8(der.as_ref()).unwrap(), "https://kbs.example".to_owned())
}

fn signed(tokens: &Tokens, changes: &Value) -> String {
    let mut claims = json!({
        "iss": "https://kbs.example", "aud": "https://kbs.example", "jti": "t1", "iat": NOW, "exp": NOW + 300,
    });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(tokens.key.kid().to_owned());
    encode(&header, &claims, tokens.key.signing()).unwrap()
}

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}

#[test]
fn a_token_of_ours_names_its_evidence() {
    let tokens = tokens();
    let token = signed(&tokens, &json!({}));
    assert_eq!(tokens.check(&token, at(NOW)).unwrap().as_str(), "t1");
    assert_eq!(tokens.check(&token, at(NOW + 299)).unwrap().as_str(), "t1");
}

#[test]
fn each_claim_is_judged() {
    let tokens = tokens();
    let check = |changes: Value, now| tokens.check(&signed(&tokens, &changes), at(now)).unwrap_err();
    assert_eq!(check(json!({}), NOW + 300), TokenError::Expired { expired_at: at(NOW + 300) });
    assert_eq!(check(json!({}), NOW - 1), TokenError::FromTheFuture { issued_at: at(NOW) });
    assert_eq!(check(json!({"iss": "https://other.example"}), NOW), TokenError::Issuer);
    assert_eq!(check(json!({"aud": "https://other.example"}), NOW), TokenError::Audience);
    for absent in ["iss", "aud", "exp", "iat", "jti"] {
        assert_eq!(check(json!({absent: null}), NOW), TokenError::Malformed, "{absent}");
    }
    for wrong in [json!({"exp": "soon"}), json!({"exp": 1e300}), json!({"iat": -1}), json!({"jti": 7})] {
        assert_eq!(check(wrong.clone(), NOW), TokenError::Malformed, "{wrong}");
    }
}

#[test]
fn a_key_of_another_broker_with_our_kid_does_not_help() {
    let (ours, theirs) = (tokens(), tokens());
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(ours.key.kid().to_owned());
    let claims = json!({"iss": "https://kbs.example", "aud": "https://kbs.example", "jti": "t", "iat": NOW, "exp": NOW + 1});
    let forged = encode(&header, &claims, theirs.key.signing()).unwrap();
    assert_eq!(ours.check(&forged, at(NOW)), Err(TokenError::Signature));
}

/// One key signs tokens and statements: neither passes for the other.
#[test]
fn a_signed_history_is_no_token() {
    let tokens = tokens();
    let history = HistoryStatement {
        iss: tokens.issuer().to_owned(),
        iat: at(1_790_000_000),
        kind: RuleName::Policy,
        name: "main".to_owned(),
        versions: vec![RuleVersion {
            version: 1,
            digest: Hex([1; 32]),
            created_at: at(1_790_000_000),
            decision: 1,
            hash: Hex([2; 32]),
            actor: "admin-token".to_owned(),
        }],
        head: Checkpoint { seq: 1, hash: Hex([2; 32]) },
    };
    let text = tokens.state(&history).unwrap();
    assert_eq!(tokens.check(&text, at(1_790_000_000)), Err(TokenError::Header));
    let keys: KeySet = serde_json::from_value(tokens.jwks()).unwrap();
    assert_eq!(HistoryStatement::read(&text, &keys), Ok(history));
    let token = signed(&tokens, &json!({}));
    assert_eq!(HistoryStatement::read(&token, &keys), Err(StatementError::Header));
}
