//! Each algorithm: one signature that verifies, and everything beside it.

use super::*;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
};

fn ecdsa<const K: usize>(algorithm: &'static EcdsaSigningAlgorithm, message: &[u8]) -> ([u8; K], Vec<u8>) {
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let signature = pair.sign(&random, message).unwrap().as_ref().to_vec();
    (pair.public_key().as_ref().try_into().unwrap(), signature)
}

#[test]
fn fixed_signatures_verify_and_any_change_is_refused() {
    let (key, signature) = ecdsa::<97>(&ECDSA_P384_SHA384_FIXED_SIGNING, b"message");
    let signature: [u8; 96] = signature.try_into().unwrap();
    let mut budget = Budget::new();
    assert_eq!(ecdsa_p384(&mut budget, &key, b"message", &signature), Ok(()));
    assert_eq!(ecdsa_p384(&mut budget, &key, b"massage", &signature), Err(SignatureError::Mismatch));
    let mut changed = signature;
    changed[95] ^= 1;
    assert_eq!(ecdsa_p384(&mut budget, &key, b"message", &changed), Err(SignatureError::Mismatch));
    let (other, _) = ecdsa::<97>(&ECDSA_P384_SHA384_FIXED_SIGNING, b"");
    assert_eq!(ecdsa_p384(&mut budget, &other, b"message", &signature), Err(SignatureError::Mismatch));
    assert_eq!(budget.used(), 4);

    let (key, signature) = ecdsa::<65>(&ECDSA_P256_SHA256_FIXED_SIGNING, b"message");
    let signature: [u8; 64] = signature.try_into().unwrap();
    assert_eq!(ecdsa_p256(&mut budget, &key, b"message", &signature), Ok(()));
    assert_eq!(ecdsa_p256(&mut budget, &key, b"massage", &signature), Err(SignatureError::Mismatch));
}

#[test]
fn r_and_s_lie_between_one_and_the_order() {
    let (key, _) = ecdsa::<97>(&ECDSA_P384_SHA384_FIXED_SIGNING, b"");
    let order = P384_ORDER;
    let mut below = order;
    below[47] -= 1;
    let mut one = [0; 48];
    one[47] = 1;
    let mut budget = Budget::new();
    let mut judge = |r: [u8; 48], s: [u8; 48]| {
        let mut signature = [0; 96];
        signature[..48].copy_from_slice(&r);
        signature[48..].copy_from_slice(&s);
        ecdsa_p384(&mut budget, &key, b"m", &signature)
    };
    for (r, s) in [([0; 48], one), (one, [0; 48]), (order, one), (one, order), ([0xff; 48], one)] {
        assert_eq!(judge(r, s), Err(SignatureError::Form(FormError::NotCanonical)));
    }
    assert_eq!(judge(one, below), Err(SignatureError::Mismatch));
    assert_eq!(judge(below, one), Err(SignatureError::Mismatch));
    assert_eq!(budget.used(), 2, "no operation for what is out of range");
}

#[test]
fn points_must_lie_on_their_curve() {
    let mut budget = Budget::new();
    let mut signature = [0; 96];
    (signature[47], signature[95]) = (1, 1);
    let mut zero = [0; 97];
    zero[0] = 4;
    let (mut off, _) = ecdsa::<97>(&ECDSA_P384_SHA384_FIXED_SIGNING, b"");
    off[96] ^= 1;
    let mut compressed = off;
    compressed[0] = 2;
    for key in [zero, off, compressed, [0xff; 97], [0; 97]] {
        assert_eq!(
            ecdsa_p384(&mut budget, &key, b"m", &signature),
            Err(SignatureError::Form(FormError::PublicKeyInvalid))
        );
    }
}

#[test]
fn der_signatures_have_one_spelling() {
    let (key, signature) = ecdsa::<65>(&ECDSA_P256_SHA256_ASN1_SIGNING, b"message");
    let mut budget = Budget::new();
    assert_eq!(ecdsa_p256_der(&mut budget, &key, b"message", &signature), Ok(()));
    let trailing = [&signature[..], &[0]].concat();
    let long_form = [&[0x30, 0x81, signature[1]], &signature[2..]].concat();
    let mut padded = signature.clone();
    padded.insert(4, 0);
    padded[1] += 1;
    padded[3] += 1;
    let mut negative = signature.clone();
    negative[4] |= 0x80;
    let wrong_tag = [&[0x31], &signature[1..]].concat();
    for spelling in [trailing, long_form, wrong_tag, Vec::new(), signature[..signature.len() - 1].to_vec()] {
        let found = ecdsa_p256_der(&mut budget, &key, b"message", &spelling);
        assert_eq!(found, Err(SignatureError::Form(FormError::NotCanonical)), "{spelling:02x?}");
    }
    if signature[4] != 0 {
        for spelling in [padded, negative] {
            let found = ecdsa_p256_der(&mut budget, &key, b"message", &spelling);
            assert_eq!(found, Err(SignatureError::Form(FormError::NotCanonical)), "{spelling:02x?}");
        }
    }
    assert_eq!(budget.used(), 1);

    let (key, signature) = ecdsa::<97>(&ECDSA_P384_SHA384_ASN1_SIGNING, b"message");
    assert_eq!(ecdsa_p384_der(&mut budget, &key, b"message", &signature), Ok(()));
    assert_eq!(ecdsa_p384_der(&mut budget, &key, b"massage", &signature), Err(SignatureError::Mismatch));
}

#[test]
fn ed25519_verifies_one_message_by_one_key() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let key: [u8; 32] = pair.public_key().as_ref().try_into().unwrap();
    let signature: [u8; 64] = pair.sign(b"message").as_ref().try_into().unwrap();
    let mut budget = Budget::new();
    assert_eq!(ed25519(&mut budget, &key, b"message", &signature), Ok(()));
    assert_eq!(ed25519(&mut budget, &key, b"massage", &signature), Err(SignatureError::Mismatch));
    assert_eq!(ed25519(&mut budget, &key, b"message", &[0; 64]), Err(SignatureError::Mismatch));
    assert!(ed25519(&mut budget, &[0xff; 32], b"message", &signature).is_err());
}

#[test]
fn only_rsa_of_4096_bits_and_65537_is_a_key() {
    let pkcs1 = &[0x30, 0][..];
    for key in [
        PublicKey::Rsa { pkcs1, bits: 2048, exponent: &[1, 0, 1] },
        PublicKey::Rsa { pkcs1, bits: 4095, exponent: &[1, 0, 1] },
        PublicKey::Rsa { pkcs1, bits: 4096, exponent: &[3] },
        PublicKey::P384(&[4; 97]),
    ] {
        assert_eq!(Rsa4096Key::parse(key).err(), Some(FormError::AlgorithmNotAllowed));
    }
    let key = PublicKey::Rsa { pkcs1, bits: 4096, exponent: &[1, 0, 1] };
    assert_eq!(Rsa4096Key::parse(key).err(), Some(FormError::PublicKeyInvalid));
}

#[test]
fn a_pss_signature_is_as_long_as_its_modulus() {
    let lab = hanzo_attestation_lab::Lab::fixture();
    let root = lab.amd_root(hanzo_attestation_lab::SnpProduct::Milan);
    let root = hanzo_attestation_evidence::x509::Certificate::parse(root).unwrap();
    let key = Rsa4096Key::parse(root.public_key()).unwrap();
    let mut budget = Budget::new();
    let mut judge = |signature: &[u8]| key.verify_pss_sha384(&mut budget, root.tbs(), signature);
    assert_eq!(judge(root.signature()), Ok(()));
    assert_eq!(judge(&root.signature()[..511]), Err(SignatureError::Form(FormError::NotCanonical)));
    assert_eq!(judge(&[root.signature(), &[0]].concat()), Err(SignatureError::Form(FormError::NotCanonical)));
    assert_eq!(judge(&[1; 512]), Err(SignatureError::Mismatch));
    assert_eq!(budget.used(), 2, "no operation for what has another length");
}

#[test]
fn the_thirteenth_operation_is_refused() {
    let mut budget = Budget::new();
    for _ in 0..MAX_OPERATIONS {
        assert_ne!(
            ed25519(&mut budget, &[1; 32], b"", &[0; 64]),
            Err(SignatureError::Form(FormError::BudgetExceeded))
        );
    }
    assert_eq!(
        ed25519(&mut budget, &[1; 32], b"", &[0; 64]),
        Err(SignatureError::Form(FormError::BudgetExceeded))
    );
    assert_eq!(budget.used(), MAX_OPERATIONS);
    assert_eq!(FormError::BudgetExceeded.rule().to_string(), "COL-05 VerificationBudgetExceeded");
}
