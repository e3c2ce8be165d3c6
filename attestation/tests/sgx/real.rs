//! A real quote of version 3: whatever is changed, it is refused; and a second reader sees the same fields.

use super::{document, judge};
use dcap_qvl::quote::{Quote as Theirs, Report};
use hanzo_attestation::{Claims, Collateral, Roots, TcbStatus};
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::dcap::Quote;
use hanzo_fixtures::{Expect, Kind, RootsOf, cases};

/// The genuine quotes, each with an instant at which it is authentic.
fn quotes() -> Vec<(Vec<u8>, UnixTime)> {
    let genuine = |case: &hanzo_fixtures::Case| case.expect == Expect::Ok && case.roots == RootsOf::Vendor;
    let cases = cases(Kind::Sgx).unwrap().into_iter().filter(genuine);
    cases
        .map(|case| (case.file("quote.bin").unwrap().to_vec(), UnixTime::parse(&case.now).unwrap()))
        .collect()
}

fn answer(quote: &[u8], now: UnixTime) -> Result<(), String> {
    judge(&document(quote), &Roots::vendor(), &Collateral::default(), now).map(|_| ())
}

#[test]
fn a_genuine_quote_is_authentic_and_unrated_without_collateral() {
    for (quote, now) in quotes() {
        let verified = judge(&document(&quote), &Roots::vendor(), &Collateral::default(), now).unwrap();
        let [item] = verified.items() else { panic!("one item") };
        assert!(!verified.lab());
        assert_eq!(item.facts().tcb_status, TcbStatus::Unknown);
        let Claims::Sgx(claims) = item.claims() else { panic!("SGX claims") };
        assert_eq!(item.facts().measurements[0].digest, claims.mr_enclave.into());
        assert_eq!((item.facts().measurements[0].register, claims.ra_tls_key), ("mr_enclave", None));
    }
}

#[test]
fn every_byte_counts() {
    for (quote, now) in quotes() {
        let whole = Quote::parse(&quote).unwrap().bytes().len();
        for place in 0..whole {
            let mut changed = quote.clone();
            changed[place] ^= 0x01;
            assert!(answer(&changed, now).is_err(), "byte {place}");
        }
        for length in 0..whole {
            assert!(answer(&quote[..length], now).is_err(), "{length}");
        }
    }
}

#[test]
fn padding_after_a_quote_is_no_part_of_the_evidence() {
    let digest = |quote: &[u8], now| {
        judge(&document(quote), &Roots::vendor(), &Collateral::default(), now).unwrap().evidence_digest()
    };
    for (quote, now) in quotes() {
        let quote = Quote::parse(&quote).unwrap().bytes().to_vec();
        let padded = [quote.as_slice(), &[0; 70]].concat();
        assert_eq!(digest(&padded, now), digest(&quote, now));
        assert_eq!(answer(&[quote.as_slice(), &[1]].concat(), now), Err("QuoteTrailingBytes".to_owned()));
    }
}

/// COL-04: a quote is of the kind that it is declared to be.
#[test]
fn an_enclaves_quote_is_no_tds() {
    for (quote, now) in quotes() {
        let mut other = document(&quote);
        other["evidence"][0]["type"] = "tdx".into();
        let refused = judge(&other, &Roots::vendor(), &Collateral::default(), now).map(|_| ());
        assert_eq!(refused, Err("EvidenceKindMismatch".to_owned()));
    }
}

#[test]
fn both_readers_see_the_same_fields() {
    let quotes = quotes();
    println!("{} quotes compared", quotes.len());
    for (quote, _) in quotes {
        let ours = Quote::parse(&quote).unwrap().into_enclave().unwrap().body;
        let Report::SgxEnclave(theirs) = Theirs::parse(&quote).unwrap().report else { panic!("an enclave") };
        assert_eq!((ours.cpu_svn.0, ours.misc_select), (theirs.cpu_svn, theirs.misc_select));
        let attributes = [ours.attributes_flags.to_le_bytes(), ours.attributes_xfrm.to_le_bytes()].concat();
        assert_eq!(attributes, theirs.attributes);
        assert_eq!((ours.mr_enclave.0, ours.mr_signer.0), (theirs.mr_enclave, theirs.mr_signer));
        assert_eq!((ours.isv_prod_id, ours.isv_svn), (theirs.isv_prod_id, theirs.isv_svn));
        assert_eq!(ours.report_data.0, theirs.report_data);
    }
}
