use super::*;
use crate::rng::SystemRng;
use proptest::prelude::*;

const PARENT: [u8; 32] = [9; 32];

fn sealed() -> Record {
    seal(&PARENT, b"place", b"material", &SystemRng).unwrap()
}

#[test]
fn a_record_opens_in_its_place_under_its_key() {
    let record = sealed();
    assert_eq!(open(&PARENT, b"place", &record).unwrap().as_slice(), b"material");
    assert_eq!(open(&PARENT, b"other", &record), Err(EnvelopeError::Open));
    assert_eq!(open(&PARENT, b"", &record), Err(EnvelopeError::Open));
    assert_eq!(open(&[8; 32], b"place", &record), Err(EnvelopeError::Open));
    assert_eq!(open_key(&PARENT, b"place", &record), Err(EnvelopeError::Open));
}

#[test]
fn every_changed_byte_is_refused() {
    let record = sealed();
    for index in 0..record.salt.len() {
        let mut changed = record.clone();
        changed.salt[index] ^= 1;
        assert_eq!(open(&PARENT, b"place", &changed), Err(EnvelopeError::Open));
    }
    for index in 0..record.ciphertext.len() {
        let mut changed = record.clone();
        changed.ciphertext[index] ^= 1;
        assert_eq!(open(&PARENT, b"place", &changed), Err(EnvelopeError::Open));
    }
    for length in 0..record.ciphertext.len() {
        let mut changed = record.clone();
        changed.ciphertext.truncate(length);
        assert_eq!(open(&PARENT, b"place", &changed), Err(EnvelopeError::Open));
    }
}

#[test]
fn two_records_of_one_thing_share_nothing() {
    let (a, b) = (sealed(), sealed());
    assert_ne!(a.salt, b.salt);
    assert_ne!(a.ciphertext, b.ciphertext);
}

#[test]
fn derived_keys_differ_by_domain_and_purpose() {
    let keys = [
        derive(&PARENT, b"a", b"").unwrap(),
        derive(&PARENT, b"b", b"").unwrap(),
        derive(&PARENT, b"a", b"x").unwrap(),
        derive(&PARENT, b"a\0x", b"").unwrap(),
        derive(&[8; 32], b"a", b"").unwrap(),
    ];
    for (index, key) in keys.iter().enumerate() {
        assert!(keys[index + 1..].iter().all(|other| other != key), "{index}");
    }
}

proptest! {
    #[test]
    fn any_material_in_any_place_opens_there_alone(
        material in proptest::collection::vec(any::<u8>(), 0..200),
        place in proptest::collection::vec(any::<u8>(), 0..60),
        other in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let record = seal(&PARENT, &place, &material, &SystemRng).unwrap();
        let opened = open(&PARENT, &place, &record).unwrap();
        prop_assert_eq!(opened.as_slice(), material.as_slice());
        prop_assert_eq!(open(&PARENT, &other, &record).is_ok(), place == other);
    }
}
