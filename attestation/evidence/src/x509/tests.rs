//! AMD's own certificates are read; each rule of the strict form is broken alone.

use super::*;
use crate::time::UnixTime;
use proptest::prelude::*;

const ARK: &[u8] = include_bytes!("../../../src/roots/amd/milan/ark.der");
const ASK: &[u8] = include_bytes!("../../../src/roots/amd/milan/ask.der");

/// One DER element with a length in its shortest form.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match length {
        0..=0x7f => out.push(u8::try_from(length).unwrap()),
        0x80..=0xff => out.extend([0x81, u8::try_from(length).unwrap()]),
        _ => {
            out.push(0x82);
            out.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    out.extend_from_slice(content);
    out
}

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

const ALGORITHM: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const OTHER_ALGORITHM: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];

/// The parts of a certificate, each as DER.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) version: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) inner_algorithm: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) validity: Vec<u8>,
    pub(crate) spki: Vec<u8>,
    pub(crate) extensions: Vec<Vec<u8>>,
    pub(crate) signature: Vec<u8>,
}

fn name(text: &str) -> Vec<u8> {
    let attribute = sequence(&[&tlv(0x06, &[0x55, 0x04, 0x03]), &tlv(0x0c, text.as_bytes())]);
    sequence(&[&tlv(0x31, &attribute)])
}

fn spki(parameters: &[u8], point: &[u8]) -> Vec<u8> {
    let algorithm = sequence(&[&tlv(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]), parameters]);
    sequence(&[&algorithm, &tlv(0x03, &[&[0], point].concat())])
}

const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

fn point() -> [u8; 65] {
    let mut point = [7; 65];
    point[0] = 4;
    point
}

fn extension(arc: u8, critical: Option<u8>, value: &[u8]) -> Vec<u8> {
    let critical = critical.map(|value| tlv(0x01, &[value])).unwrap_or_default();
    sequence(&[&tlv(0x06, &[0x55, 0x1d, arc]), &critical, &tlv(0x04, value)])
}

pub(crate) fn parts() -> Parts {
    Parts {
        version: tlv(0xa0, &tlv(0x02, &[2])),
        serial: tlv(0x02, &[1, 2, 3]),
        inner_algorithm: ALGORITHM.to_vec(),
        issuer: name("Issuer"),
        validity: sequence(&[&tlv(0x17, b"260101000000Z"), &tlv(0x18, b"20600101000000Z")]),
        spki: spki(P256, &point()),
        extensions: vec![
            extension(19, Some(0xff), &sequence(&[&tlv(0x01, &[0xff]), &tlv(0x02, &[3])])),
            extension(15, Some(0xff), &tlv(0x03, &[1, 0x06])),
        ],
        signature: tlv(0x03, &[0, 1, 2, 3]),
    }
}

pub(crate) fn encode(parts: &Parts) -> Vec<u8> {
    let extensions = match parts.extensions.as_slice() {
        [] => Vec::new(),
        list => tlv(0xa3, &tlv(0x30, &list.concat())),
    };
    let tbs = sequence(&[
        &parts.version,
        &parts.serial,
        &parts.inner_algorithm,
        &parts.issuer,
        &parts.validity,
        &name("Subject"),
        &parts.spki,
        &extensions,
    ]);
    sequence(&[&tbs, ALGORITHM, &parts.signature])
}

fn after(change: impl FnOnce(&mut Parts)) -> Result<(), X509Error> {
    let mut parts = parts();
    change(&mut parts);
    Certificate::parse(&encode(&parts)).map(|_| ())
}

#[test]
fn amds_authorities_are_read() {
    let ark = Certificate::parse(ARK).unwrap();
    let ask = Certificate::parse(ASK).unwrap();
    assert!(ark.is_self_issued() && !ask.is_self_issued());
    assert_eq!(ask.issuer().der(), ark.subject().der());
    assert_eq!(ask.subject().common_name(), Some("SEV-Milan"));
    assert_eq!(ask.subject().attributes().len(), 6);
    assert_eq!(ask.serial(), [1, 0, 1]);
    assert_eq!(ask.basic_constraints(), Some(BasicConstraints { ca: true, path_len: Some(0) }));
    assert_eq!(ark.basic_constraints(), Some(BasicConstraints { ca: true, path_len: None }));
    let (ark_usage, ask_usage) = (ark.key_usage().unwrap(), ask.key_usage().unwrap());
    assert!(ark_usage.key_cert_sign() && ark_usage.crl_sign());
    assert!(ask_usage.key_cert_sign() && !ask_usage.crl_sign() && !ask_usage.digital_signature());
    assert_eq!(ask.authority_key_id(), ark.subject_key_id());
    assert!(ask.authority_key_id().is_some());
    assert!(matches!(ark.public_key(), PublicKey::Rsa { bits: 4096, exponent: [1, 0, 1], .. }));
    assert_eq!(ask.not_before(), UnixTime::parse("2020-10-22T18:24:20Z").unwrap());
    assert_eq!(ask.not_after(), UnixTime::parse("2045-10-22T18:24:20Z").unwrap());
    assert!(ask.refuse_unknown_critical(&[]).is_ok());
    assert_eq!((ask.der(), ask.signature().len()), (ASK, 512));
    assert!(ASK.windows(ask.tbs().len()).any(|window| window == ask.tbs()));
}

#[test]
fn a_composed_certificate_is_read() {
    let der = encode(&parts());
    let certificate = Certificate::parse(&der).unwrap();
    assert_eq!(certificate.public_key(), PublicKey::P256(&point()));
    assert_eq!(certificate.basic_constraints(), Some(BasicConstraints { ca: true, path_len: Some(3) }));
    assert!(certificate.key_usage().unwrap().crl_sign());
    assert_eq!(certificate.not_after(), UnixTime::parse("2060-01-01T00:00:00Z").unwrap());
    assert!(
        certificate.is_valid_at(certificate.not_before()) && certificate.is_valid_at(certificate.not_after())
    );
    assert_eq!((certificate.signature(), certificate.signature_algorithm()), (&[1, 2, 3][..], ALGORITHM));
    assert!(after(|parts| parts.extensions.clear()).is_ok());
}

#[test]
fn every_truncation_and_any_addition_is_refused() {
    for length in 0..ASK.len() {
        assert!(Certificate::parse(&ASK[..length]).is_err(), "{length} bytes");
    }
    assert_eq!(Certificate::parse(&[ASK, &[0]].concat()), Err(X509Error::TrailingBytes("certificate")));
    assert_eq!(Certificate::parse(&[ASK, ARK].concat()), Err(X509Error::TrailingBytes("certificate")));
    assert!(Certificate::parse(&[&[0], ASK].concat()).is_err());
}

#[test]
fn lengths_have_one_spelling() {
    let der = encode(&parts());
    // The outer length of some 200 bytes, with a leading zero octet.
    assert_eq!(der[1], 0x81);
    let long = [&[0x30, 0x82, 0x00, der[2]], &der[3..]].concat();
    assert_eq!(Certificate::parse(&long), Err(X509Error::Malformed("certificate")));
    let indefinite = [&[0x30, 0x80], &der[3..], &[0, 0]].concat();
    assert!(Certificate::parse(&indefinite).is_err());
}

#[test]
fn only_version_3_is_read() {
    let wrong = Err(X509Error::Version { what: "certificate", expected: 3 });
    assert_eq!(after(|parts| parts.version.clear()), wrong);
    assert_eq!(after(|parts| parts.version = tlv(0xa0, &tlv(0x02, &[0]))), wrong);
    assert_eq!(after(|parts| parts.version = tlv(0xa0, &tlv(0x02, &[1]))), wrong);
    assert_eq!(after(|parts| parts.version = tlv(0xa0, &tlv(0x02, &[3]))), wrong);
}

#[test]
fn serial_numbers_are_positive_minimal_and_short() {
    let serial = |content: &[u8]| after(|parts| parts.serial = tlv(0x02, content));
    for content in [&[][..], &[0x80], &[0xff, 1], &[0, 1], &[0, 0], &[1; 21], &[0; 20]] {
        assert_eq!(serial(content), Err(X509Error::SerialNumber), "{content:02x?}");
    }
    for content in [&[0][..], &[1; 20], &[0, 0x80], &[&[0][..], &[0x80; 20]].concat()] {
        assert_eq!(serial(content), Ok(()), "{content:02x?}");
    }
    let mut zero = parts();
    zero.serial = tlv(0x02, &[0]);
    assert!(Certificate::parse(&encode(&zero)).unwrap().serial_is_zero());
}

#[test]
fn the_two_algorithms_must_be_one() {
    let found = after(|parts| parts.inner_algorithm = OTHER_ALGORITHM.to_vec());
    assert_eq!(found, Err(X509Error::AlgorithmsDiffer));
}

#[test]
fn extensions_are_unique_and_their_flags_exact() {
    let twice = after(|parts| parts.extensions.push(parts.extensions[1].clone()));
    assert!(matches!(twice, Err(X509Error::DuplicateExtension(_))), "{twice:?}");
    for flag in [0x00, 0x01, 0x7f] {
        assert_eq!(
            after(|parts| parts.extensions.push(extension(99, Some(flag), &[]))),
            Err(X509Error::Malformed("extension")),
            "FALSE is left out, TRUE is ff"
        );
    }
    let many = after(|parts| parts.extensions = (0..33).map(|arc| extension(arc + 40, None, &[])).collect());
    assert_eq!(many, Err(X509Error::Malformed("extensions")));
}

#[test]
fn unknown_critical_extensions_are_the_callers_to_refuse() {
    let mut parts = parts();
    parts.extensions.push(extension(99, Some(0xff), &[]));
    parts.extensions.push(extension(98, None, &[]));
    let der = encode(&parts);
    let certificate = Certificate::parse(&der).unwrap();
    let oid = ObjectIdentifier::new_unwrap("2.5.29.99");
    assert_eq!(certificate.refuse_unknown_critical(&[]), Err(X509Error::UnknownCritical(oid)));
    assert_eq!(certificate.refuse_unknown_critical(&[oid]), Ok(()));
}

#[test]
fn constraints_and_usages_are_exact() {
    let constraints = |value: &[u8]| after(|parts| parts.extensions = vec![extension(19, Some(0xff), value)]);
    let path_without_ca = sequence(&[&tlv(0x02, &[0])]);
    let false_written = sequence(&[&tlv(0x01, &[0])]);
    let negative = sequence(&[&tlv(0x01, &[0xff]), &tlv(0x02, &[0xff])]);
    let trailing = [sequence(&[]), vec![0]].concat();
    for value in [path_without_ca, false_written, negative, trailing, vec![]] {
        assert_eq!(constraints(&value), Err(X509Error::Malformed("basicConstraints")), "{value:02x?}");
    }
    assert_eq!(constraints(&sequence(&[])), Ok(()), "CA:FALSE is the empty sequence");
    let usage = |value: &[u8]| after(|parts| parts.extensions = vec![extension(15, None, value)]);
    for value in [tlv(0x03, &[0]), tlv(0x03, &[8, 0]), tlv(0x03, &[0, 1, 2]), tlv(0x04, &[0, 1])] {
        assert_eq!(usage(&value), Err(X509Error::Malformed("keyUsage")), "{value:02x?}");
    }
}

#[test]
fn keys_are_named_curves_and_uncompressed_points() {
    let key = |parameters: &[u8], point: &[u8]| after(|parts| parts.spki = spki(parameters, point));
    let explicit = sequence(&[&tlv(0x02, &[1]), &tlv(0x30, &[])]);
    let compressed = [&[2], &point()[1..33]].concat();
    let hybrid = [&[6], &point()[1..]].concat();
    for (parameters, point) in [
        (&explicit[..], &point()[..]),
        (&[], &point()),
        (P256, &compressed),
        (P256, &hybrid),
        (P256, &[]),
        (P256, &[0]),
        (P256, &point()[..64]),
    ] {
        assert!(matches!(key(parameters, point), Err(X509Error::PublicKey(_))), "{parameters:02x?}");
    }
    let rsa = |modulus: &[u8]| {
        let algorithm =
            sequence(&[&tlv(0x06, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]), &tlv(0x05, &[])]);
        let key = sequence(&[&tlv(0x02, modulus), &tlv(0x02, &[1, 0, 1])]);
        after(|parts| parts.spki = sequence(&[&algorithm, &tlv(0x03, &[&[0][..], &key].concat())]))
    };
    assert_eq!(rsa(&[0x7f; 256]), Ok(()));
    assert_eq!(rsa(&[0x7e; 256]), Err(X509Error::PublicKey("even RSA modulus")));
    assert_eq!(rsa(&[0xff; 256]), Err(X509Error::Malformed("RSA public key")), "negative");
}

#[test]
fn names_have_one_attribute_at_each_place() {
    let attribute = sequence(&[&tlv(0x06, &[0x55, 0x04, 0x03]), &tlv(0x0c, b"A")]);
    let two = sequence(&[&tlv(0x31, &[attribute.clone(), attribute.clone()].concat())]);
    let empty_set = sequence(&[&tlv(0x31, &[])]);
    let bad_text =
        sequence(&[&tlv(0x31, &sequence(&[&tlv(0x06, &[0x55, 0x04, 0x03]), &tlv(0x0c, &[0xff])]))]);
    let bmp = sequence(&[&tlv(0x31, &sequence(&[&tlv(0x06, &[0x55, 0x04, 0x03]), &tlv(0x1e, &[0, 0x41])]))]);
    let empty_oid = sequence(&[&tlv(0x31, &sequence(&[&tlv(0x06, &[]), &tlv(0x0c, b"A")]))]);
    let many = tlv(0x30, &tlv(0x31, &attribute).repeat(17));
    for name in [two, empty_set, bad_text, bmp, empty_oid, many] {
        assert!(after(|parts| parts.issuer = name.clone()).is_err(), "{name:02x?}");
    }
    let twice = tlv(0x30, &tlv(0x31, &attribute).repeat(2));
    let mut with_two_names = parts();
    with_two_names.issuer = twice;
    assert_eq!(Certificate::parse(&encode(&with_two_names)).unwrap().issuer().common_name(), None);
}

#[test]
fn times_are_exact() {
    let validity = |tag, text: &[u8]| {
        after(|parts| parts.validity = sequence(&[&tlv(tag, text), &tlv(0x17, b"300101000000Z")]))
    };
    for (tag, text) in [
        (0x17, &b"260101000000"[..]),
        (0x17, b"2601010000Z"),
        (0x17, b"261301000000Z"),
        (0x17, b"260101000000+0100"),
        (0x18, b"20260101000000.5Z"),
        (0x0c, b"260101000000Z"),
        (0x17, b""),
    ] {
        assert!(validity(tag, text).is_err(), "{}", String::from_utf8_lossy(text));
    }
    assert_eq!(validity(0x17, b"260101000000Z"), Ok(()));
}

#[test]
fn signatures_fill_their_octets() {
    assert!(after(|parts| parts.signature = tlv(0x03, &[1, 2, 0xfe])).is_err(), "unused bits");
    assert!(after(|parts| parts.signature = tlv(0x03, &[])).is_err());
    assert!(after(|parts| parts.signature = tlv(0x04, &[0, 1])).is_err());
}

#[test]
fn budgets_are_judged_first() {
    let limit = MAX_CERTIFICATE;
    let actual = limit + 1;
    let large = X509Error::TooLarge { what: "certificate", limit, actual };
    assert_eq!(Certificate::parse(&vec![0x30; actual]), Err(large.clone()));
    assert_eq!(check_budget(&[vec![0; actual]]), Err(large));
    assert_eq!(check_budget(&vec![vec![]; 6]), Err(X509Error::TooMany { limit: 5, actual: 6 }));
    assert_eq!(check_budget(&vec![vec![0; limit]; 5]), Ok(()));
    assert_eq!(
        check_budget(&vec![vec![]; 6]).unwrap_err().rule().to_string(),
        "COL-06 CertificateBudgetExceeded"
    );
}

mod crl {
    use super::*;

    fn list(
        version: &[u8],
        inner: &[u8],
        next_update: &[u8],
        entries: &[Vec<u8>],
        extensions: &[Vec<u8>],
    ) -> Vec<u8> {
        let revoked = if entries.is_empty() { Vec::new() } else { tlv(0x30, &entries.concat()) };
        let extensions =
            if extensions.is_empty() { Vec::new() } else { tlv(0xa0, &tlv(0x30, &extensions.concat())) };
        let tbs = sequence(&[
            version,
            inner,
            &name("Issuer"),
            &tlv(0x17, b"260101000000Z"),
            next_update,
            &revoked,
            &extensions,
        ]);
        sequence(&[&tbs, ALGORITHM, &tlv(0x03, &[0, 1])])
    }

    fn entry(serial: &[u8], extensions: &[Vec<u8>]) -> Vec<u8> {
        let extensions = if extensions.is_empty() { Vec::new() } else { tlv(0x30, &extensions.concat()) };
        sequence(&[&tlv(0x02, serial), &tlv(0x17, b"260101000000Z"), &extensions])
    }

    const V2: &[u8] = &[2, 1, 1];

    fn next() -> Vec<u8> {
        tlv(0x17, b"270101000000Z")
    }

    #[test]
    fn a_list_is_read() {
        let entries = [entry(&[1, 0, 1], &[]), entry(&[0, 0x80], &[extension(21, None, &[0x0a, 1, 1])])];
        let key_id = sequence(&[&tlv(0x80, b"key")]);
        let extensions = [extension(20, None, &tlv(0x02, &[7])), extension(35, None, &key_id)];
        let der = list(V2, ALGORITHM, &next(), &entries, &extensions);
        let empty = list(V2, ALGORITHM, &next(), &[], &[]);
        let list = Crl::parse(&der).unwrap();
        assert!(list.revokes(&[1, 0, 1]) && list.revokes(&[0x80]) && !list.revokes(&[1, 0, 2]));
        assert_eq!((list.number(), list.authority_key_id()), (Some(&[7][..]), Some(&b"key"[..])));
        assert!(list.is_current_at(list.this_update()) && list.is_current_at(list.next_update()));
        assert!(!list.is_current_at(UnixTime::from_seconds(list.next_update().seconds() + 1).unwrap()));
        assert!(!list.is_current_at(UnixTime::from_seconds(list.this_update().seconds() - 1).unwrap()));
        assert!(Crl::parse(&empty).unwrap().revoked().is_empty());
    }

    #[test]
    fn other_forms_are_refused() {
        let ok = |der: Vec<u8>| Crl::parse(&der).is_ok();
        assert!(ok(list(V2, ALGORITHM, &next(), &[], &[])));
        assert!(!ok(list(&[], ALGORITHM, &next(), &[], &[])), "version 1");
        assert!(!ok(list(&[2, 1, 2], ALGORITHM, &next(), &[], &[])), "version 3");
        assert!(!ok(list(V2, OTHER_ALGORITHM, &next(), &[], &[])), "two algorithms");
        assert!(!ok(list(V2, ALGORITHM, &[], &[], &[])), "no nextUpdate");
        assert!(!ok([list(V2, ALGORITHM, &next(), &[], &[]), vec![0]].concat()), "trailing byte");
        let delta = extension(27, Some(0xff), &tlv(0x02, &[1]));
        assert!(!ok(list(V2, ALGORITHM, &next(), &[], &[delta])), "a delta");
        let distribution_point = extension(28, Some(0xff), &sequence(&[]));
        assert!(!ok(list(V2, ALGORITHM, &next(), &[], &[distribution_point])), "part of a list");
        let other_issuer = entry(&[1], &[extension(29, Some(0xff), &sequence(&[]))]);
        assert!(!ok(list(V2, ALGORITHM, &next(), &[other_issuer], &[])), "an entry of another issuer");
        assert!(!ok(list(V2, ALGORITHM, &next(), &[entry(&[0x80], &[])], &[])), "a negative serial number");
        assert!(!ok(ASK.to_vec()), "a certificate");
    }

    #[test]
    fn every_truncation_is_refused() {
        let der = list(V2, ALGORITHM, &next(), &[entry(&[1, 0, 1], &[])], &[]);
        for length in 0..der.len() {
            assert!(Crl::parse(&der[..length]).is_err(), "{length} bytes");
        }
        let large = vec![0x30; MAX_CRL + 1];
        assert_eq!(Crl::parse(&large).unwrap_err().rule().id, "COL-06");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_list_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Crl::parse(&bytes);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_certificate_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Certificate::parse(&bytes);
    }

    #[test]
    fn no_change_makes_the_certificate_parser_panic(changes in proptest::collection::vec((0..1600_usize, any::<u8>()), 1..4)) {
        let mut der = ASK.to_vec();
        for (offset, value) in changes {
            if let Some(byte) = der.get_mut(offset) {
                *byte = value;
            }
        }
        if let Ok(certificate) = Certificate::parse(&der) {
            prop_assert_eq!(certificate.der(), &der[..]);
        }
    }
}
