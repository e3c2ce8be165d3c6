//! DCAP-12, DCAP-13: quotes that only name their PCK certificate, which is then a stored one.

use super::{code, document, judge_with};
use hanzo_attestation::{Claims, Collateral, Roots, dcap};
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::encoding::base64_decode;
use hanzo_attestation_lab::{Lab, TdxOrder};
use std::time::Duration;

/// Version 4: header, body, and the length of what follows.
const SIGNED: usize = 48 + 584;
/// Signature, attestation key, and the outer certification's type and length.
const CONTAINER: usize = SIGNED + 4 + 64 + 64 + 6;
/// The quoting enclave's report, its signature and authentication data; then the inner certification.
const CERTIFICATION: usize = CONTAINER + 384 + 64 + 2 + 32;

fn now() -> UnixTime {
    Lab::fixture().validity().not_before.after(Duration::from_secs(86_400))
}

fn quote(order: &TdxOrder) -> Vec<u8> {
    base64_decode(Lab::fixture().tdx(order).unwrap()["quote"].as_str().unwrap()).unwrap()
}

/// The PCK chain in a quote, without the NUL that Intel's library ends it with.
fn chain(quote: &[u8]) -> Vec<u8> {
    quote[CERTIFICATION + 6..].split_last().unwrap().1.to_vec()
}

/// The quote with identifiers of a platform where its chain was: nothing signs that part.
fn naming(quote: &[u8], kind: u16, identifiers: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).unwrap().to_le_bytes();
    let mut inner = quote[CONTAINER..CERTIFICATION].to_vec();
    inner.extend(kind.to_le_bytes());
    inner.extend(length(identifiers.len()));
    inner.extend(identifiers);
    let mut data = quote[SIGNED + 4..CONTAINER - 4].to_vec();
    data.extend(length(inner.len()));
    data.extend(inner);
    [&quote[..SIGNED], &length(data.len()), &data].concat()
}

/// What the PCK certificate of a lab platform says of it.
fn platform(order: &TdxOrder) -> dcap::Claims {
    match judge(&quote(order), &Collateral::default()).unwrap() {
        Claims::Tdx(claims) => claims.dcap,
        _ => panic!("TDX claims"),
    }
}

fn identifiers(ppid: &[u8], platform: &dcap::Claims, pcesvn: u16) -> Vec<u8> {
    [ppid, &platform.pck_cpusvn.0, &pcesvn.to_le_bytes(), &platform.pceid.0].concat()
}

fn judge(quote: &[u8], collateral: &Collateral) -> Result<Claims, String> {
    let roots = Roots::vendor().with_extra(Lab::fixture().extra_roots());
    let verified = judge_with(&document(quote), &roots, collateral, now()).map_err(code)?;
    Ok(verified.items()[0].claims().clone())
}

fn stored(quotes: &[&[u8]]) -> Collateral {
    quotes.iter().fold(Collateral::default(), |all, quote| all.with_intel_pck_chain(chain(quote)))
}

#[test]
fn a_stored_chain_of_the_named_platform_certifies_a_quote() {
    let order = TdxOrder::default();
    let (quote, platform) = (quote(&order), platform(&order));
    let (ppid, svn) = (platform.ppid.0, platform.pck_pcesvn);
    for (kind, ppid) in [(1, ppid.to_vec()), (2, vec![7; 256]), (3, vec![7; 384])] {
        // The quote's own TCB, and a later one than the certificate's.
        for svn in [svn, svn + 1] {
            let named = naming(&quote, kind, &identifiers(&ppid, &platform, svn));
            let Claims::Tdx(claims) = judge(&named, &stored(&[&quote])).unwrap() else {
                panic!("TDX claims")
            };
            assert_eq!(claims.dcap.ppid, platform.ppid, "type {kind}");
        }
    }
}

#[test]
fn no_other_chain_does() {
    let order = TdxOrder::default();
    let other = quote(&TdxOrder { platform: 2, ..TdxOrder::default() });
    let (quote, platform) = (quote(&order), platform(&order));
    let (ppid, svn) = (platform.ppid.0, platform.pck_pcesvn);
    let not_available = Err("PckNotAvailable".to_owned());
    let judged = |kind, data: &[u8], stored| judge(&naming(&quote, kind, data), &stored).map(|_| ());
    let in_clear = identifiers(&ppid, &platform, svn);
    assert_eq!(judged(1, &in_clear, Collateral::default()), not_available, "nothing stored");
    assert_eq!(judged(1, &in_clear, stored(&[&other])), not_available, "another platform's");
    assert_eq!(judged(1, &in_clear, stored(&[&other, &quote])), Ok(()), "beside another's");
    let older = identifiers(&ppid, &platform, svn - 1);
    assert_eq!(judged(1, &older, stored(&[&quote])), not_available, "above the quote's TCB");
    assert_eq!(judged(1, &in_clear[1..], stored(&[&quote])), not_available, "too short");
}

/// A stored chain is judged like one in a quote.
#[test]
fn a_stored_chain_is_no_anchor() {
    let order = TdxOrder::default();
    let (quote, platform) = (quote(&order), platform(&order));
    let named = naming(&quote, 1, &identifiers(&platform.ppid.0, &platform, platform.pck_pcesvn));
    let refused = judge_with(&document(&named), &Roots::vendor(), &stored(&[&quote]), now()).map_err(code);
    assert_eq!(refused.map(|_| ()), Err("PckRootNotPinned".to_owned()));
    let mut altered = chain(&quote);
    let end = altered.len() - 100;
    altered[end] = b'!';
    let stored = Collateral::default().with_intel_pck_chain(altered);
    assert_eq!(judge(&named, &stored).map(|_| ()), Err("PckPemMalformed".to_owned()));
}
