use super::*;
use crate::admin::{CreateKey, PutPolicy, PutReference, PutSecret};
use crate::challenge::{Challenge, ChallengeRequest};
use crate::problem::Problem;
use crate::secret::SecretBytes;
use hanzo_attestation_evidence::{encoding, json};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

fn recipient() -> Value {
    json!({"kem": "X25519-HKDF-SHA256", "public_key": encoding::base64_encode(&[9; 32])})
}

fn accepts<T: DeserializeOwned + Serialize + Debug>(value: &Value) -> T {
    let text = serde_json::to_vec(value).unwrap();
    let read: T = json::from_slice(&text).unwrap_or_else(|error| panic!("{value}: {error}"));
    assert_eq!(&serde_json::to_value(&read).unwrap(), value, "reads back as itself");
    let mut unknown = value.clone();
    unknown["unknown"] = json!(1);
    assert!(serde_json::from_value::<T>(unknown).is_err(), "unknown fields are refused: {value}");
    let members: Vec<Value> = value.as_object().unwrap().values().cloned().collect();
    refuses::<T>(&Value::Array(members));
    read
}

fn refuses<T: DeserializeOwned + Debug>(value: &Value) -> String {
    match json::from_slice::<T>(&serde_json::to_vec(value).unwrap()) {
        Ok(read) => panic!("{value} was read as {read:?}"),
        Err(error) => error.to_string(),
    }
}

fn with(value: &Value, name: &str, member: Value) -> Value {
    let mut value = value.clone();
    value[name] = member;
    value
}

fn without(value: &Value, name: &str) -> Value {
    let mut value = value.clone();
    value.as_object_mut().unwrap().remove(name);
    value
}

#[test]
fn challenges() {
    accepts::<ChallengeRequest>(&json!({}));
    refuses::<ChallengeRequest>(&json!([]));
    let challenge = json!({"nonce": "AA==", "expires_at": "2026-11-20T12:00:00Z"});
    accepts::<Challenge>(&challenge);
    refuses::<Challenge>(&with(&challenge, "expires_at", json!(5)));
    refuses::<Challenge>(&without(&challenge, "nonce"));
}

#[test]
fn attest_requests() {
    let request = json!({"nonce": "AA==", "recipient": recipient(), "evidence": [{"type": "tdx"}]});
    let read: AttestRequest = accepts(&request);
    assert_eq!(read.document(), json!({"evidence": [{"type": "tdx"}]}));
    accepts::<AttestRequest>(&with(&request, "runtime_data", json!({"a": 1})));
    for name in ["nonce", "recipient", "evidence"] {
        refuses::<AttestRequest>(&without(&request, name));
    }
    let short = json!({"kem": "X25519-HKDF-SHA256", "public_key": "AAAA"});
    refuses::<AttestRequest>(&with(&request, "recipient", short));
}

#[test]
fn an_authorize_request_proves_itself_wholly_or_by_token() {
    let token = json!({"keys": ["acme/a", "acme/b"]});
    assert_eq!(accepts::<AuthorizeRequest>(&token).proof, AuthorizeProof::Token);
    let whole = json!({"nonce": "AA==", "recipient": recipient(), "evidence": [], "keys": ["acme/a"]});
    assert!(matches!(accepts::<AuthorizeRequest>(&whole).proof, AuthorizeProof::Evidence(_)));
    accepts::<AuthorizeRequest>(&with(&whole, "runtime_data", json!("x")));

    for name in ["nonce", "recipient", "evidence"] {
        let error = refuses::<AuthorizeRequest>(&without(&whole, name));
        assert_eq!(error, format!("malformed JSON: {}", AuthorizeRequestError::HalfProof));
    }
    let error = refuses::<AuthorizeRequest>(&with(&token, "runtime_data", json!(1)));
    assert_eq!(error, format!("malformed JSON: {}", AuthorizeRequestError::RuntimeDataAlone));
}

#[test]
fn the_number_of_keys_is_bounded() {
    let keys = |count: usize| json!({"keys": (0..count).map(|n| format!("acme/{n}")).collect::<Vec<_>>()});
    accepts::<AuthorizeRequest>(&keys(1));
    accepts::<AuthorizeRequest>(&keys(MAX_KEYS));
    for count in [0, MAX_KEYS + 1] {
        let error = refuses::<AuthorizeRequest>(&keys(count));
        assert_eq!(error, format!("malformed JSON: {}", AuthorizeRequestError::KeyCount { count }));
    }
    let error = refuses::<AuthorizeRequest>(&json!({"keys": ["acme/a", "acme/a"]}));
    assert_eq!(error, format!("malformed JSON: {}", AuthorizeRequestError::KeyTwice));
    refuses::<AuthorizeRequest>(&json!({}));
    refuses::<AuthorizeRequest>(&json!({"keys": "acme/a"}));
}

#[test]
fn renew_and_revoke() {
    let request = json!({"session_id": "s", "nonce": "AA==", "recipient": recipient(), "evidence": []});
    let (session, attest) = accepts::<RenewRequest>(&request).split();
    assert_eq!((session.as_str(), attest.nonce.as_str()), ("s", "AA=="));
    refuses::<RenewRequest>(&without(&request, "nonce"));
    refuses::<RenewRequest>(&without(&request, "session_id"));
    accepts::<RevokeRequest>(&json!({"session_id": "s"}));
    refuses::<RevokeRequest>(&json!({}));
}

#[test]
fn tiers_are_numbers_up_to_four() {
    let policy = json!({"tier": 4, "name": "tee-io", "aliases": [], "requires": []});
    accepts::<TierPolicy>(&policy);
    for tier in [json!(5), json!(255), json!(256), json!(-1), json!("2"), json!(2.0)] {
        refuses::<TierPolicy>(&with(&policy, "tier", tier));
    }
    let key = json!({"id": "acme/a", "minimum_tier": 2, "algorithm": "aes-256", "require_cpu_tee": true});
    accepts::<CreateKey>(&key);
    refuses::<CreateKey>(&with(&key, "minimum_tier", json!(5)));
    refuses::<CreateKey>(&with(&key, "algorithm", json!("des")));
    refuses::<CreateKey>(&without(&key, "minimum_tier"));
    let short: CreateKey = serde_json::from_value(json!({"id": "acme/a", "minimum_tier": 0})).unwrap();
    assert!(!short.require_cpu_tee);
}

#[test]
fn session_status() {
    let status = json!({"session_id": "s", "state": "live", "tier": 2, "expires_at": "2026-11-20T12:00:00Z",
        "grants": [{"key_id": "acme/a", "version": 1, "expires_at": "2026-11-20T12:00:00Z"}]});
    accepts::<SessionStatus>(&status);
    refuses::<SessionStatus>(&with(&status, "state", json!("Live")));
    refuses::<SessionStatus>(&with(&status, "grants", json!([{"key_id": "acme/a"}])));
}

#[test]
fn secrets_travel_as_base64_and_are_not_printed() {
    let put = json!({"id": "acme/a", "minimum_tier": 1, "require_cpu_tee": false, "value": "c2VjcmV0"});
    let read: PutSecret = accepts(&put);
    assert_eq!(read.value.expose(), b"secret");
    assert!(!format!("{read:?}").contains("secret\""));
    assert_eq!(format!("{:?}", read.value), "SecretBytes(6 bytes)");
    assert_eq!(read.value, SecretBytes::new(b"secret".to_vec()));
    let error = refuses::<PutSecret>(&with(&put, "value", json!("c2VjcmV0=")));
    assert!(!error.contains("c2Vj"), "{error}");
    refuses::<PutSecret>(&without(&put, "value"));
}

#[test]
fn rules() {
    accepts::<PutPolicy>(&json!({"text": "permit(principal, action, resource);", "expected_version": 3}));
    refuses::<PutPolicy>(&json!({"text": "", "expected_version": -1}));
    let value = json!({"tee": "sev-snp", "register": "measurement", "digest": "ab".repeat(48)});
    accepts::<PutReference>(&json!({"values": [value]}));
    for digest in ["ab".repeat(65), "AB".repeat(48), "zz".repeat(48)] {
        refuses::<PutReference>(&json!({"values": [with(&value, "digest", json!(digest))]}));
    }
}

#[test]
fn problems() {
    let problem = json!({"type": "about:blank", "title": "t", "status": 403, "code": "KeyNotGranted",
        "detail": "d", "decision": 7, "request_id": "r"});
    accepts::<Problem>(&problem);
    accepts::<Problem>(&without(&problem, "decision"));
    refuses::<Problem>(&without(&problem, "code"));
}

#[test]
fn an_array_never_stands_for_a_message() {
    // Two members in order of declaration: what a derived reader would take.
    refuses::<Challenge>(&json!(["AA==", "2026-11-20T12:00:00Z"]));
    let recipient = json!(["X25519-HKDF-SHA256", encoding::base64_encode(&[9; 32])]);
    refuses::<AttestRequest>(&json!({"nonce": "AA==", "recipient": recipient, "evidence": []}));
    refuses::<RevokeRequest>(&json!("s"));
    assert!(json::from_slice::<RevokeRequest>(br#"{"session_id":"s","session_id":"t"}"#).is_err());
    assert!(json::from_slice::<RevokeRequest>(br#"{"session_id":"s"} x"#).is_err());
    refuses::<CreateKey>(&json!({"id": "acme/a", "minimum_tier": 0, "algorithm": {"aes-256": null}}));
}
