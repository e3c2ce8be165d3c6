//! COL-12: whose signatures make a bundle believed.

use crate::desk::*;
use hanzo_attestation_collateral::bundle::{
    Algorithm, BundleKey, BundleSigner, Container, Expected, KeyError, MANIFEST, SIGNATURE, SignatureProblem,
    Signatures, Trust, TrustError, open, seal,
};

const REFUSED: &str = "COL-12 BundleSignatureInvalid";

fn opened(files: Container, trust: &Trust) -> Result<usize, String> {
    let expected = Expected { trust, now: now(), last_sequence: 0 };
    open(files, &expected).map(|bundle| bundle.signers().len()).map_err(|error| {
        use hanzo_attestation_evidence::Broken as _;
        error.rule().to_string()
    })
}

/// COL-12: each kind of key signs.
#[test]
fn both_kinds_of_keys_sign() {
    for index in 0..4 {
        let files = seal(draft(1, Vec::new()), &[signer(index)]).unwrap();
        assert_eq!(opened(files, &trust(&[index], 1)), Ok(1));
    }
}

/// COL-12: another key, and no signature at all.
#[test]
fn another_key_or_none_is_refused() {
    let files = bundle(1, Vec::new());
    assert_eq!(opened(files.clone(), &trust(&[2], 1)), Err(REFUSED.to_owned()));
    assert_eq!(opened(files.clone(), &trust(&[1], 1)), Err(REFUSED.to_owned()));
    let mut unsigned = files.clone();
    unsigned.files.remove(SIGNATURE);
    assert_eq!(opened(unsigned, &trust(&[0], 1)), Err(REFUSED.to_owned()));
    let nothing = seal(draft(1, Vec::new()), &[]).unwrap();
    assert_eq!(opened(nothing, &trust(&[0], 1)), Err(REFUSED.to_owned()));
    assert_eq!(Desk::refusal(seal(draft(11, lists()), &[signer(1)]).unwrap()), REFUSED);
}

/// COL-12: every byte of the manifest is signed, and nothing in it is read before.
#[test]
fn one_flipped_byte_of_the_manifest_is_refused() {
    let files = bundle(1, Vec::new());
    let length = files.files[MANIFEST].len();
    for offset in 0..length {
        let mut changed = files.clone();
        changed.files.get_mut(MANIFEST).unwrap()[offset] ^= 1;
        assert_eq!(opened(changed, &trust(&[0], 1)), Err(REFUSED.to_owned()), "byte {offset}");
    }
    // Not even whether it is JSON: an unsigned heap of brackets is refused for its signature.
    let mut nested = files;
    nested.files.insert(MANIFEST.to_owned(), vec![b'['; 1 << 20]);
    assert_eq!(opened(nested, &trust(&[0], 1)), Err(REFUSED.to_owned()));
}

/// COL-12: every bit of a signature counts.
#[test]
fn one_flipped_byte_of_the_signatures_is_refused() {
    for index in [0, 1] {
        let files = seal(draft(1, Vec::new()), &[signer(index)]).unwrap();
        for offset in 0..files.files[SIGNATURE].len() {
            let mut changed = files.clone();
            changed.files.get_mut(SIGNATURE).unwrap()[offset] ^= 1;
            assert_eq!(opened(changed, &trust(&[index], 1)), Err(REFUSED.to_owned()), "byte {offset}");
        }
    }
}

/// COL-12: two of three must have signed, each counted once.
#[test]
fn a_threshold_counts_keys() {
    let two_of_three = trust(&[0, 1, 2], 2);
    let signed = |by: &[usize]| {
        let signers: Vec<BundleSigner> = by.iter().map(|index| signer(*index)).collect();
        opened(seal(draft(1, Vec::new()), &signers).unwrap(), &two_of_three)
    };
    assert_eq!(signed(&[0, 1]), Ok(2));
    assert_eq!(signed(&[2, 0]), Ok(2));
    assert_eq!(signed(&[0, 1, 2]), Ok(3));
    assert_eq!(signed(&[3, 2, 1]), Ok(2), "a stranger's signature counts for nothing and harms nothing");
    assert_eq!(signed(&[0]), Err(REFUSED.to_owned()));
    assert_eq!(signed(&[0, 3]), Err(REFUSED.to_owned()));
    assert_eq!(signed(&[0, 0]), Err(REFUSED.to_owned()), "one key twice");
}

/// COL-12: a trusted key's name over another's signature is not overlooked, even when others suffice.
#[test]
fn a_false_signature_in_a_trusted_name_is_refused() {
    let mut files = seal(draft(1, Vec::new()), &[signer(0), signer(2)]).unwrap();
    let text = String::from_utf8(files.files[SIGNATURE].clone()).unwrap();
    let (zero, two) =
        (signer(0).public().unwrap().id().to_string(), signer(2).public().unwrap().id().to_string());
    let swapped = text.replace(&zero, "x").replace(&two, &zero).replace('x', &two);
    files.files.insert(SIGNATURE.to_owned(), swapped.into_bytes());
    assert_eq!(opened(files, &trust(&[0, 1], 1)), Err(REFUSED.to_owned()));
}

/// COL-12: the file of signatures is bounded and has one form.
#[test]
fn malformed_signatures_are_refused() {
    for text in [
        "",
        "[]",
        "{}",
        r#"{"format":2,"signatures":[]}"#,
        r#"{"format":1,"signatures":[],"more":1}"#,
        r#"{"format":1,"signatures":[{"key_id":"00","algorithm":"ed25519","signature":""}]}"#,
        r#"{"format":1,"signatures":[{"algorithm":"ed25519","signature":""}]}"#,
    ] {
        assert!(matches!(Signatures::parse(text.as_bytes()), Err(SignatureProblem::Malformed(_))), "{text}");
    }
    let one =
        |n: u8| format!(r#"{{"key_id":"{}","algorithm":"ed25519","signature":""}}"#, hex::encode([n; 32]));
    let many = |count: u8| {
        let all: Vec<String> = (0..count).map(one).collect();
        format!(r#"{{"format":1,"signatures":[{}]}}"#, all.join(","))
    };
    assert!(Signatures::parse(many(8).as_bytes()).is_ok());
    assert_eq!(Signatures::parse(many(9).as_bytes()), Err(SignatureProblem::TooMany { actual: 9 }));
    let large = format!("{}{}", many(1), " ".repeat(16 << 10));
    assert!(matches!(Signatures::parse(large.as_bytes()), Err(SignatureProblem::Malformed(_))));
}

#[test]
fn trust_needs_a_key_and_a_threshold_that_can_be_met() {
    let key = |index| signer(index).public().unwrap();
    assert_eq!(Trust::new(Vec::new(), 1), Err(TrustError::NoKey));
    assert_eq!(Trust::new(vec![key(0), key(0)], 1), Err(TrustError::DuplicateKey));
    assert_eq!(Trust::new(vec![key(0)], 0), Err(TrustError::Threshold { threshold: 0, keys: 1 }));
    assert_eq!(Trust::new(vec![key(0)], 2), Err(TrustError::Threshold { threshold: 2, keys: 1 }));
    let many = (0..9).map(|n| BundleKey::Ed25519([n; 32])).collect();
    assert_eq!(Trust::new(many, 1), Err(TrustError::TooManyKeys));
}

#[test]
fn keys_are_read_as_they_are_written() {
    for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP384] {
        let private = BundleSigner::generate(algorithm).unwrap();
        let public = BundleSigner::from_pem(private.as_bytes()).unwrap().public().unwrap();
        assert_eq!(public.algorithm(), algorithm);
        assert_eq!(BundleKey::from_pem(public.to_pem().as_bytes()).unwrap(), public);
        assert!(public.to_pem().lines().all(|line| line.len() <= 64));
        assert!(matches!(BundleKey::from_pem(private.as_bytes()), Err(KeyError::Pem("PUBLIC KEY"))));
        assert!(BundleSigner::from_pem(public.to_pem().as_bytes()).is_err());
    }
    // P-256, RFC 5480 with another curve; nothing; two blocks.
    let p256 = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n-----END PUBLIC KEY-----\n";
    assert_eq!(BundleKey::from_pem(p256.as_bytes()), Err(KeyError::Unsupported));
    let twice = signer(0).public().unwrap().to_pem().repeat(2);
    for text in ["", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", twice.as_str()] {
        assert!(BundleKey::from_pem(text.as_bytes()).is_err(), "{text}");
    }
}
