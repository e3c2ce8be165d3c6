//! Our envelopes against another implementation of RFC 9180: what we seal the `hpke` crate opens, and what it
//! seals we open. For X-Wing, whose suite is that crate, the published vectors of its draft stand in the
//! crate's own tests; here the suite is held to its identifiers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use hanzo_attestation_evidence::{Hex, Kem, Recipient};
use hanzo_kbs_protocol::sealed::{Aead, INFO, Kdf};
use hanzo_kbs_protocol::{Aad, Expected, ExpectedAad, RecipientKeyPair, Sealed, seal};
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::{DhP256HkdfSha256, X25519HkdfSha256, XWing};
use hpke::{Deserializable, Kem as KemTrait, OpModeR, OpModeS, Serializable};

fn aad() -> Aad {
    Aad {
        key_id: "acme/model".to_owned(),
        version: 1,
        tier: 2,
        session_id: "0123456789abcdef0123456789abcdef".to_owned(),
        receipt: Hex([7; 32]),
    }
}

fn expected() -> ExpectedAad {
    let Aad { key_id, session_id, .. } = aad();
    ExpectedAad { key_id, session_id, version: Expected::Exactly(1), tier: Expected::Exactly(2) }
}

fn the_other_opens_ours<K: KemTrait>(kem: Kem) {
    let (private, public) = K::gen_keypair();
    let recipient = Recipient::new(kem, public.to_bytes().to_vec()).unwrap();
    let sealed = seal(&recipient, &aad(), b"a key of ours").unwrap();
    let enc = K::EncappedKey::from_bytes(&sealed.enc).unwrap();
    let opened = hpke::single_shot_open::<AesGcm256, HkdfSha256, K>(
        &OpModeR::Base,
        &private,
        &enc,
        INFO,
        &sealed.ciphertext,
        &aad().to_bytes().unwrap(),
    )
    .unwrap();
    assert_eq!(opened, b"a key of ours");
    // The info string is part of it.
    let other = hpke::single_shot_open::<AesGcm256, HkdfSha256, K>(
        &OpModeR::Base,
        &private,
        &enc,
        b"hanzo-kbs/v2/sealed",
        &sealed.ciphertext,
        &aad().to_bytes().unwrap(),
    );
    assert!(other.is_err());
}

fn we_open_the_others<K: KemTrait>(kem: Kem) {
    let pair = RecipientKeyPair::generate(kem).unwrap();
    let public = K::PublicKey::from_bytes(pair.recipient().public_key()).unwrap();
    let aad = aad().to_bytes().unwrap();
    let (enc, ciphertext) = hpke::single_shot_seal::<AesGcm256, HkdfSha256, K>(
        &OpModeS::Base,
        &public,
        INFO,
        b"a key of theirs",
        &aad,
    )
    .unwrap();
    let enc = enc.to_bytes().to_vec();
    let sealed = Sealed { kem, kdf: Kdf::HkdfSha256, aead: Aead::Aes256Gcm, enc, ciphertext, aad };
    assert_eq!(pair.open(&sealed, &expected()).unwrap().as_slice(), b"a key of theirs");
}

#[test]
fn the_hpke_crate_opens_what_we_seal() {
    the_other_opens_ours::<X25519HkdfSha256>(Kem::X25519HkdfSha256);
    the_other_opens_ours::<DhP256HkdfSha256>(Kem::P256HkdfSha256);
    the_other_opens_ours::<XWing>(Kem::XWing);
}

#[test]
fn we_open_what_the_hpke_crate_seals() {
    we_open_the_others::<X25519HkdfSha256>(Kem::X25519HkdfSha256);
    we_open_the_others::<DhP256HkdfSha256>(Kem::P256HkdfSha256);
    we_open_the_others::<XWing>(Kem::XWing);
}

#[test]
fn the_suites_are_the_registered_ones() {
    // RFC 9180, tables 2 to 5; X-Wing: draft-connolly-cfrg-xwing-kem.
    assert_eq!(X25519HkdfSha256::KEM_ID, 0x0020);
    assert_eq!(DhP256HkdfSha256::KEM_ID, 0x0010);
    assert_eq!(XWing::KEM_ID, 0x647a);
    assert_eq!(<HkdfSha256 as hpke::kdf::Kdf>::KDF_ID, 0x0001);
    assert_eq!(<AesGcm256 as hpke::aead::Aead>::AEAD_ID, 0x0002);
}
