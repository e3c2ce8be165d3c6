use super::*;
use crate::aad::Aad;
use crate::messages::{GrantedKey, Receipt};
use crate::sealed::seal;
use hanzo_attestation_evidence::{Hex, Kem};
use serde_json::json;

const SESSION: &str = "0123456789abcdef0123456789abcdef";

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(1_790_000_000 + seconds).unwrap()
}

fn pair() -> RecipientKeyPair {
    RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap()
}

fn challenge() -> Challenge {
    Challenge { nonce: "AAECAw==".to_owned(), expires_at: at(60) }
}

fn asked() -> Vec<String> {
    vec!["acme/a".to_owned(), "acme/b".to_owned()]
}

fn answer(pair: &RecipientKeyPair) -> AuthorizeResponse {
    let (mut keys, mut receipts) = (Vec::new(), Vec::new());
    for (key_id, seq) in asked().into_iter().zip(1_u8..) {
        let hash = Hex([seq; 32]);
        let session_id = SESSION.to_owned();
        let aad = Aad { key_id: key_id.clone(), version: 1, tier: 2, session_id, receipt: hash };
        let sealed = seal(pair.recipient(), &aad, &[seq; 32]).unwrap();
        keys.push(GrantedKey { key_id: key_id.clone(), version: 1, sealed, expires_at: at(600) });
        receipts.push(Receipt {
            seq: seq.into(),
            at: at(0),
            key_id,
            version: 1,
            prev: Hex([0; 32]),
            hash,
            break_glass: Vec::new(),
        });
    }
    let checkpoint = Checkpoint { seq: 2, hash: Hex([2; 32]) };
    AuthorizeResponse {
        session_id: SESSION.to_owned(),
        tier: 2,
        expires_at: at(600),
        keys,
        receipts,
        checkpoint,
    }
}

fn waiting(pair: &RecipientKeyPair) -> ExpectAnswer<'_> {
    ExpectChallenge::new(pair, Some(json!({"a": 1}))).challenge(&challenge(), at(0)).unwrap()
}

fn refused(answer: &AuthorizeResponse, pair: &RecipientKeyPair) -> HandshakeError {
    match waiting(pair).answer(answer, &asked(), at(1)) {
        Err(error) => error,
        Ok(_) => panic!("the answer was accepted"),
    }
}

#[test]
fn an_answer_to_the_question_opens() {
    let pair = pair();
    let waiting = waiting(&pair);
    let expected = Binding::new("AAECAw==", pair.recipient(), Some(&json!({"a": 1})), &[]).unwrap();
    assert_eq!(waiting.binding(), &expected);
    let request = waiting.authorize(json!([]), asked());
    assert!(matches!(request.proof, AuthorizeProof::Evidence(ref proof) if proof.nonce == "AAECAw=="));
    assert_eq!(waiting.renew(json!([]), SESSION.to_owned()).session_id, SESSION);
    let session = waiting.answer(&answer(&pair), &asked(), at(1)).unwrap();
    assert_eq!(session.session_id, SESSION);
    assert_eq!(session.keys[1].material.as_slice(), [2; 32]);
    assert_eq!(session.checkpoint.seq, 2);
}

#[test]
fn a_late_challenge_is_refused() {
    let pair = pair();
    let late = ExpectChallenge::new(&pair, None).challenge(&challenge(), at(61));
    assert!(matches!(late, Err(HandshakeError::ChallengeExpired { .. })));
    assert!(ExpectChallenge::new(&pair, None).challenge(&challenge(), at(60)).is_ok());
}

#[test]
fn other_keys_than_asked_for_are_refused() {
    let pair = pair();
    let mut fewer = answer(&pair);
    fewer.keys.pop();
    assert_eq!(refused(&fewer, &pair), HandshakeError::Keys);
    let mut swapped = answer(&pair);
    swapped.keys.swap(0, 1);
    assert_eq!(refused(&swapped, &pair), HandshakeError::Keys);
    let mut renamed = answer(&pair);
    renamed.keys[0].key_id = "acme/c".to_owned();
    assert_eq!(refused(&renamed, &pair), HandshakeError::Keys);
    // One key's envelope under the other's name.
    let mut crossed = answer(&pair);
    crossed.keys[0].sealed = crossed.keys[1].sealed.clone();
    crossed.receipts[0].hash = crossed.receipts[1].hash;
    assert!(matches!(refused(&crossed, &pair), HandshakeError::Open { key_id, .. } if key_id == "acme/a"));
}

#[test]
fn receipts_belong_to_their_keys() {
    let pair = pair();
    for change in [
        (|answer: &mut AuthorizeResponse| answer.receipts.swap(0, 1)) as fn(&mut AuthorizeResponse),
        |answer| answer.receipts[0].hash = Hex([9; 32]),
        |answer| answer.receipts[0].version = 2,
    ] {
        let mut answer = answer(&pair);
        change(&mut answer);
        assert!(matches!(refused(&answer, &pair), HandshakeError::Receipt { key_id } if key_id == "acme/a"));
    }
    let mut missing = answer(&pair);
    missing.receipts.pop();
    assert_eq!(refused(&missing, &pair), HandshakeError::Keys);
}

#[test]
fn another_tier_session_or_version_is_refused() {
    let pair = pair();
    for change in
        [(|answer: &mut AuthorizeResponse| answer.tier = 3) as fn(&mut AuthorizeResponse), |answer| {
            answer.session_id = "f".repeat(32)
        }]
    {
        let mut answer = answer(&pair);
        change(&mut answer);
        assert!(matches!(refused(&answer, &pair), HandshakeError::Open { error: OpenError::Aad(_), .. }));
    }
    let mut ended = answer(&pair);
    ended.expires_at = at(1);
    assert!(matches!(refused(&ended, &pair), HandshakeError::SessionExpired { .. }));
}

#[test]
fn a_renewal_keeps_its_session() {
    let pair = pair();
    assert!(waiting(&pair).renewed(&answer(&pair), SESSION, &asked(), at(1)).is_ok());
    let other = waiting(&pair).renewed(&answer(&pair), "f", &asked(), at(1));
    assert!(matches!(other, Err(HandshakeError::Session { .. })));
}

#[test]
fn an_answer_to_another_recipient_is_refused() {
    let (ours, other) = (pair(), pair());
    let error = refused(&answer(&other), &ours);
    assert!(matches!(error, HandshakeError::Open { error: OpenError::Ciphertext, .. }));
}
