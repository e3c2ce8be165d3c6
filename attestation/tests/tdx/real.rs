//! One real quote of version 4 and one of version 5: whatever is changed, they are refused.

use super::{document, judge};
use hanzo_attestation::Roots;
use hanzo_attestation_evidence::dcap::{Certification, Quote};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_evidence::{Document, UnixTime};
use hanzo_fixtures::{Expect, Kind, RootsOf, cases};

/// Real quotes, each with its name and an instant at which it is authentic.
pub(crate) fn quotes() -> Vec<(String, Vec<u8>, UnixTime)> {
    cases(Kind::Tdx)
        .unwrap()
        .into_iter()
        .filter(|case| case.expect == Expect::Ok && case.roots == RootsOf::Vendor)
        .map(|case| {
            let quote = case.file("quote.bin").unwrap().to_vec();
            (case.name, quote, UnixTime::parse(&case.now).unwrap())
        })
        .collect()
}

/// The first quote of version 4 and the first of version 5.
fn one_of_each() -> [(Vec<u8>, UnixTime); 2] {
    let quotes = quotes();
    [4, 5].map(|version| {
        let (_, quote, now) = quotes.iter().find(|(_, quote, _)| quote[0] == version).unwrap();
        // Padding after a quote is no part of it.
        (Quote::parse(quote).unwrap().bytes().to_vec(), *now)
    })
}

fn answer(quote: &[u8], now: UnixTime) -> Result<(), String> {
    judge(&document(quote), &Roots::vendor(), now).map(|_| ())
}

#[test]
fn both_are_authentic() {
    for (quote, now) in one_of_each() {
        assert_eq!(answer(&quote, now), Ok(()));
    }
}

#[test]
fn every_signed_byte_counts() {
    for (quote, now) in one_of_each() {
        let signed = Quote::parse(&quote).unwrap().signed().len();
        for place in 0..signed {
            let mut changed = quote.clone();
            changed[place] ^= 0x01;
            assert!(answer(&changed, now).is_err(), "byte {place}");
        }
    }
}

#[test]
fn every_other_byte_counts_too() {
    let [(quote, now), _] = one_of_each();
    let signed = Quote::parse(&quote).unwrap().signed().len();
    for place in signed..quote.len() {
        let mut changed = quote.clone();
        changed[place] ^= 0x01;
        assert!(answer(&changed, now).is_err(), "byte {place}");
    }
}

#[test]
fn a_quote_cut_anywhere_is_refused() {
    for (quote, now) in one_of_each() {
        for length in 0..quote.len() {
            assert!(Quote::parse(&quote[..length]).is_err(), "{length}");
        }
        assert_eq!(answer(&quote[..quote.len() - 1], now), Err("QuoteSignatureLength".to_owned()));
    }
}

#[test]
fn only_zeros_may_follow() {
    for (quote, now) in one_of_each() {
        let with = |tail: &[u8]| answer(&[&quote[..], tail].concat(), now);
        assert_eq!(with(&[0; 70]), Ok(()));
        for tail in [&b"\x01"[..], b"\0\0\x01", b"text"] {
            assert_eq!(with(tail), Err("QuoteTrailingBytes".to_owned()));
        }
    }
}

#[test]
fn dates_outside_the_certificates_are_refused() {
    for (quote, _) in one_of_each() {
        for at in
            ["2018-01-01T00:00:00Z", "2022-01-01T00:00:00Z", "2049-12-31T23:59:59Z", "2060-01-01T00:00:00Z"]
        {
            let now = UnixTime::parse(at).unwrap();
            assert_eq!(answer(&quote, now), Err("PckCertificateNotInValidity".to_owned()), "{at}");
        }
    }
}

#[test]
fn parts_of_two_quotes_do_not_make_one() {
    let [(four, now), (five, _)] = &one_of_each();
    let (four, five) = (Quote::parse(four).unwrap(), Quote::parse(five).unwrap());
    let at = |quote: &[u8], part: &[u8]| quote.windows(part.len()).position(|window| window == part).unwrap();
    for (mine, theirs) in [
        (&four.signature[..], &five.signature[..]),
        (&four.attestation_key, &five.attestation_key),
        (&four.qe_report.raw()[..], &five.qe_report.raw()[..]),
        (&four.qe_report_signature, &five.qe_report_signature),
    ] {
        let mut changed = four.bytes().to_vec();
        let place = at(&changed, mine);
        changed[place..place + mine.len()].copy_from_slice(theirs);
        assert!(answer(&changed, *now).is_err());
    }
}

/// The quote with one of its certificates replaced by another of the same length.
fn with_certificate(quote: &[u8], place: usize, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let Certification::Chain(chain) = Quote::parse(quote).unwrap().certification else { panic!("a chain") };
    let mut der = [chain.leaf, chain.ca, chain.root][place].clone();
    let lines = |der: &[u8]| {
        let text = base64_encode(der);
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        lines.join("\n").into_bytes()
    };
    let before = lines(&der);
    change(&mut der);
    let after = lines(&der);
    let at = quote.windows(before.len()).position(|window| window == before).unwrap();
    let mut changed = quote.to_vec();
    changed[at..at + before.len()].copy_from_slice(&after);
    changed
}

#[test]
fn every_signature_of_the_chain_counts() {
    for (quote, now) in one_of_each() {
        assert_eq!(answer(&with_certificate(&quote, 0, |_| {}), now), Ok(()));
        for place in 0..3 {
            let last_bit_of_s = with_certificate(&quote, place, |der| *der.last_mut().unwrap() ^= 1);
            assert_eq!(answer(&last_bit_of_s, now), Err("PckChainSignature".to_owned()), "{place}");
            // The serial number begins at byte 15, after two headers, the version and its own header.
            let serial = with_certificate(&quote, place, |der| der[20] ^= 1);
            assert_eq!(answer(&serial, now), Err("PckChainSignature".to_owned()), "{place}");
        }
    }
}

#[test]
fn a_signature_algorithm_that_is_not_intels_is_refused() {
    let algorithm = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let sha512 = |der: &mut Vec<u8>| {
        let places: Vec<usize> = (0..der.len() - 8).filter(|at| der[*at..*at + 8] == algorithm).collect();
        places.into_iter().for_each(|at| der[at + 7] = 4);
    };
    let [(quote, now), _] = one_of_each();
    for (place, code) in [(0, "PckLeafProfile"), (1, "PckCaProfile"), (2, "AlgorithmNotAllowed")] {
        assert_eq!(answer(&with_certificate(&quote, place, sha512), now), Err(code.to_owned()));
    }
}

#[test]
fn a_certificate_of_another_name_is_refused() {
    let [(quote, now), _] = one_of_each();
    let rename = |from: &'static [u8], to: &'static [u8]| {
        move |der: &mut Vec<u8>| {
            // The last one is the subject's: the issuer comes first.
            let at = der.windows(from.len()).rposition(|window| window == from).unwrap();
            der[at..at + to.len()].copy_from_slice(to);
        }
    };
    let leaf =
        with_certificate(&quote, 0, rename(b"Intel SGX PCK Certificate", b"Intel SGX PCK certificate"));
    assert_eq!(answer(&leaf, now), Err("PckLeafProfile".to_owned()));
    let organisation = with_certificate(&quote, 0, rename(b"Intel Corporation", b"Intel corporation"));
    assert_eq!(answer(&organisation, now), Err("PckLeafProfile".to_owned()));
    let authority =
        with_certificate(&quote, 1, rename(b"Intel SGX PCK Platform CA", b"Intel SGX PCK platform CA"));
    assert_eq!(answer(&authority, now), Err("PckChainOrder".to_owned()));
    let root = with_certificate(&quote, 2, rename(b"Intel SGX Root CA", b"Intel SGX root CA"));
    assert_eq!(answer(&root, now), Err("PckChainOrder".to_owned()));
}

#[test]
fn a_pck_certificate_that_is_only_named_is_not_available() {
    for (quote, now) in one_of_each() {
        let pem = quote.windows(27).position(|window| window == b"-----BEGIN CERTIFICATE-----").unwrap();
        for kind in [1, 2, 3] {
            let mut changed = quote.clone();
            changed[pem - 6] = kind;
            assert_eq!(answer(&changed, now), Err("PckNotAvailable".to_owned()), "{kind}");
        }
    }
}

#[test]
fn padding_after_a_quote_is_no_part_of_the_evidence() {
    let digest = |quote: &[u8]| {
        Document::from_json(document(quote).to_string().as_bytes()).unwrap().parse().unwrap().digest()
    };
    let [(four, _), (five, _)] = one_of_each();
    let four = Quote::parse(&four).unwrap().bytes().to_vec();
    for zeros in [1, 70, 307, 3065, 8192] {
        assert_eq!(digest(&[four.as_slice(), &vec![0; zeros]].concat()), digest(&four), "{zeros} zeros");
    }
    assert_ne!(digest(&five), digest(&four));
}

#[test]
fn key_usage_keeps_each_certificate_in_its_place() {
    let [(quote, now), _] = one_of_each();
    let usage = |bits: [u8; 2]| {
        move |der: &mut Vec<u8>| {
            let name = [0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02];
            let at = der.windows(name.len()).position(|window| window == name).unwrap() + name.len();
            der[at..at + 2].copy_from_slice(&bits);
        }
    };
    let non_repudiation_alone = with_certificate(&quote, 0, usage([6, 0x40]));
    assert_eq!(answer(&non_repudiation_alone, now), Err("PckLeafProfile".to_owned()));
    let and_certificates = with_certificate(&quote, 0, usage([2, 0xc4]));
    assert_eq!(answer(&and_certificates, now), Err("PckLeafProfile".to_owned()));
    for bits in [[2, 0x04], [1, 0x02]] {
        let half_an_authority = with_certificate(&quote, 1, usage(bits));
        assert_eq!(answer(&half_an_authority, now), Err("PckCaProfile".to_owned()), "{bits:02x?}");
    }
}
