use super::*;
use crate::aad::{Expected, ExpectedAad};
use crate::recipient::RecipientKeyPair;
use hanzo_attestation_evidence::Hex;
use proptest::prelude::*;
use serde_json::{Value, json};

const KEMS: [Kem; 3] = [Kem::X25519HkdfSha256, Kem::P256HkdfSha256, Kem::XWing];

fn aad() -> Aad {
    Aad {
        key_id: "acme/model".to_owned(),
        version: 3,
        tier: 2,
        session_id: "0123456789abcdef0123456789abcdef".to_owned(),
        receipt: Hex([7; 32]),
    }
}

fn expected() -> ExpectedAad {
    let Aad { key_id, session_id, .. } = aad();
    ExpectedAad { key_id, session_id, version: Expected::Exactly(3), tier: Expected::AtLeast(2) }
}

#[test]
fn what_is_sealed_opens() {
    for kem in KEMS {
        let pair = RecipientKeyPair::generate(kem).unwrap();
        assert_eq!(pair.recipient().public_key().len(), kem.public_key_length());
        for plaintext in [&b""[..], b"k", &[0x5a; 32], &[1; 65_536]] {
            let sealed = seal(pair.recipient(), &aad(), plaintext).unwrap();
            assert_eq!(pair.open(&sealed, &expected()).unwrap().as_slice(), plaintext);
        }
    }
}

#[test]
fn two_envelopes_of_one_key_share_nothing() {
    for kem in KEMS {
        let pair = RecipientKeyPair::generate(kem).unwrap();
        let first = seal(pair.recipient(), &aad(), &[9; 32]).unwrap();
        let second = seal(pair.recipient(), &aad(), &[9; 32]).unwrap();
        assert_ne!(first.enc, second.enc);
        assert_ne!(first.ciphertext, second.ciphertext);
    }
}

#[test]
fn every_changed_byte_is_refused() {
    for kem in KEMS {
        let pair = RecipientKeyPair::generate(kem).unwrap();
        let sealed = seal(pair.recipient(), &aad(), &[0x5a; 32]).unwrap();
        for index in 0..sealed.enc.len() {
            let mut changed = sealed.clone();
            changed.enc[index] ^= 0x01;
            assert_eq!(pair.open(&changed, &expected()), Err(OpenError::Ciphertext), "{kem:?} enc {index}");
        }
        for index in 0..sealed.ciphertext.len() {
            let mut changed = sealed.clone();
            changed.ciphertext[index] ^= 0x80;
            assert_eq!(pair.open(&changed, &expected()), Err(OpenError::Ciphertext), "{kem:?} ct {index}");
        }
        for index in 0..sealed.aad.len() {
            let mut changed = sealed.clone();
            changed.aad[index] ^= 0x01;
            assert!(pair.open(&changed, &expected()).is_err(), "{kem:?} aad {index}");
        }
    }
}

#[test]
fn a_canonical_change_of_the_associated_data_is_refused_by_the_cipher() {
    for kem in KEMS {
        let pair = RecipientKeyPair::generate(kem).unwrap();
        let mut sealed = seal(pair.recipient(), &aad(), &[0x5a; 32]).unwrap();
        // Says a higher tier, in proper form: the check admits it, the tag does not.
        sealed.aad = Aad { tier: 4, ..aad() }.to_bytes().unwrap();
        assert_eq!(pair.open(&sealed, &expected()), Err(OpenError::Ciphertext));
    }
}

#[test]
fn cut_and_extended_envelopes_are_refused() {
    for kem in KEMS {
        let pair = RecipientKeyPair::generate(kem).unwrap();
        let sealed = seal(pair.recipient(), &aad(), &[0x5a; 32]).unwrap();
        for length in [0, 1, 15, 16, sealed.ciphertext.len() - 1] {
            let mut changed = sealed.clone();
            changed.ciphertext.truncate(length);
            assert_eq!(pair.open(&changed, &expected()), Err(OpenError::Ciphertext));
        }
        for length in [0, 1, 31, sealed.enc.len() - 1] {
            let mut changed = sealed.clone();
            changed.enc.truncate(length);
            assert_eq!(pair.open(&changed, &expected()), Err(OpenError::Ciphertext));
        }
        let mut changed = sealed.clone();
        changed.enc.push(0);
        assert_eq!(pair.open(&changed, &expected()), Err(OpenError::Ciphertext));
        let mut changed = sealed;
        changed.ciphertext.push(0);
        assert_eq!(pair.open(&changed, &expected()), Err(OpenError::Ciphertext));
    }
}

#[test]
fn another_recipient_does_not_open_it() {
    for kem in KEMS {
        let pair = RecipientKeyPair::generate(kem).unwrap();
        let other = RecipientKeyPair::generate(kem).unwrap();
        let sealed = seal(pair.recipient(), &aad(), &[0x5a; 32]).unwrap();
        assert_eq!(other.open(&sealed, &expected()), Err(OpenError::Ciphertext));
    }
}

#[test]
fn another_kem_is_named() {
    let pair = RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap();
    let other = RecipientKeyPair::generate(Kem::XWing).unwrap();
    let mut sealed = seal(pair.recipient(), &aad(), &[0x5a; 32]).unwrap();
    let named = OpenError::Kem { expected: Kem::XWing, found: Kem::X25519HkdfSha256 };
    assert_eq!(other.open(&sealed, &expected()), Err(named));
    sealed.kem = Kem::XWing;
    assert_eq!(other.open(&sealed, &expected()), Err(OpenError::Ciphertext));
}

#[test]
fn what_was_not_asked_for_is_named() {
    let pair = RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap();
    let sealed = seal(pair.recipient(), &aad(), &[0x5a; 32]).unwrap();
    let refused = |expected: ExpectedAad| match pair.open(&sealed, &expected) {
        Err(OpenError::Aad(error)) => error,
        other => panic!("{other:?}"),
    };
    let key = ExpectedAad { key_id: "acme/other".to_owned(), ..expected() };
    assert!(matches!(refused(key), AadError::KeyId { expected, .. } if expected == "acme/other"));
    let session = ExpectedAad { session_id: "f".repeat(32), ..expected() };
    assert!(matches!(refused(session), AadError::SessionId { .. }));
    for version in [Expected::Exactly(2), Expected::Exactly(4), Expected::AtLeast(4)] {
        let error = refused(ExpectedAad { version, ..expected() });
        assert_eq!(error, AadError::Version { expected: version, found: 3 });
    }
    for tier in [Expected::Exactly(1), Expected::Exactly(3), Expected::AtLeast(3)] {
        let error = refused(ExpectedAad { tier, ..expected() });
        assert_eq!(error, AadError::Tier { expected: tier, found: 2 });
    }
    let lower = ExpectedAad { version: Expected::AtLeast(1), tier: Expected::AtLeast(0), ..expected() };
    assert!(pair.open(&sealed, &lower).is_ok());
}

#[test]
fn associated_data_has_one_spelling() {
    let bytes = aad().to_bytes().unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert_eq!(Aad::from_bytes(&bytes).unwrap(), aad());
    assert_eq!(Aad::from_bytes(format!(" {text}").as_bytes()), Err(AadError::NotCanonical));
    let reordered = format!("{{\"version\":3,{}", &text[1..].replace(",\"version\":3", ""));
    assert_eq!(Aad::from_bytes(reordered.as_bytes()), Err(AadError::NotCanonical));
    for (from, to) in [
        ("\"tier\":2", "\"tier\":5"),
        ("\"tier\":2", "\"tier\":2,\"tier\":2"),
        ("\"tier\":2", "\"tier\":2.0"),
        ("\"tier\":2", "\"extra\":1,\"tier\":2"),
        ("\"version\":3", "\"version\":-3"),
        ("}", "}x"),
    ] {
        let refused = Aad::from_bytes(text.replace(from, to).as_bytes());
        assert!(matches!(refused, Err(AadError::Malformed(_))), "{to}");
    }
    let version = 1 << 53;
    assert_eq!(Aad { version, ..aad() }.to_bytes(), Err(AadError::VersionOutOfRange { version }));
}

#[test]
fn invalid_public_keys_are_named() {
    for (kem, key) in [
        (Kem::P256HkdfSha256, vec![4; 65]),
        (Kem::P256HkdfSha256, vec![0; 65]),
        (Kem::X25519HkdfSha256, vec![0; 32]),
    ] {
        let recipient = Recipient::new(kem, key).unwrap();
        assert_eq!(seal(&recipient, &aad(), b"k"), Err(SealError::PublicKey { kem }));
    }
    // X-Wing: a coefficient of the ML-KEM key above q.
    let recipient = Recipient::new(Kem::XWing, vec![0xff; 1216]).unwrap();
    assert_eq!(seal(&recipient, &aad(), b"k"), Err(SealError::PublicKey { kem: Kem::XWing }));
}

#[test]
fn the_wire_form_is_strict() {
    let pair = RecipientKeyPair::generate(Kem::P256HkdfSha256).unwrap();
    let sealed = seal(pair.recipient(), &aad(), &[0x5a; 32]).unwrap();
    let wire = serde_json::to_value(&sealed).unwrap();
    assert_eq!(wire["kem"], "P256-HKDF-SHA256");
    assert_eq!(wire["kdf"], "HKDF-SHA256");
    assert_eq!(wire["aead"], "AES-256-GCM");
    assert_eq!(serde_json::from_value::<Sealed>(wire.clone()).unwrap(), sealed);
    let with = |name: &str, value: Value| {
        let mut wire = wire.clone();
        wire[name] = value;
        serde_json::from_value::<Sealed>(wire)
    };
    assert!(with("aead", json!("AES-128-GCM")).is_err());
    assert!(with("kdf", json!("none")).is_err());
    assert!(with("kem", json!("RSA")).is_err());
    assert!(with("enc", json!("AAB=")).is_err());
    assert!(with("enc", json!("A A=")).is_err());
    assert!(with("extra", json!(1)).is_err());
}

#[test]
fn nothing_of_the_private_key_is_printed() {
    let pair = RecipientKeyPair::generate(Kem::XWing).unwrap();
    let printed = format!("{pair:?}");
    assert!(printed.starts_with("RecipientKeyPair { recipient: "));
    assert!(printed.ends_with(", .. }"));
}

proptest! {
    #[test]
    fn any_bytes_as_an_envelope_are_answered(
        enc in proptest::collection::vec(any::<u8>(), 0..80),
        ciphertext in proptest::collection::vec(any::<u8>(), 0..80),
        kem in proptest::sample::select(KEMS.to_vec()),
    ) {
        let pair = RecipientKeyPair::generate(kem).unwrap();
        let aad = aad().to_bytes().unwrap();
        let sealed = Sealed { kem, kdf: Kdf::HkdfSha256, aead: Aead::Aes256Gcm, enc, ciphertext, aad };
        prop_assert_eq!(pair.open(&sealed, &expected()), Err(OpenError::Ciphertext));
    }

    #[test]
    fn any_bytes_as_associated_data_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(Aad::from_bytes(&bytes).is_err());
    }
}
