//! RA-TLS certificates with a lab's quote: only the key that the enclave put into its report carries it
//! (SGX-17).

use super::lab::{now, roots};
use super::{code, judge};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Claims, Collateral, Revocation, sgx};
use hanzo_attestation_evidence::encoding::{base64_decode, base64_encode};
use hanzo_attestation_evidence::sgx::ra_tls::Carriage;
use hanzo_attestation_lab::{Lab, SgxDefect, SgxOrder};
use serde_json::json;

const ECDSA_SHA256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
const ED25519: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";
const P256: &[u8] = b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const INTEL: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf8\x4d\x8a\x39\x06";
const OPEN_ENCLAVE: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x14\x0a\x01\x01";

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match (high, low) {
        (0, 0..0x80) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head, content].concat()
}

fn key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()
}

fn spki(key: &EcdsaKeyPair) -> Vec<u8> {
    tlv(0x30, &[P256, &tlv(0x03, &[&[0], key.public_key().as_ref()])])
}

/// The report data of an enclave that holds this key.
fn report_data(carriage: Carriage, key: &EcdsaKeyPair) -> [u8; 64] {
    let mut data = [0; 64];
    data[..32].copy_from_slice(digest(&SHA256, &carriage.hashed_key(&spki(key))).as_ref());
    data
}

fn quote(order: &SgxOrder) -> Vec<u8> {
    let item = Lab::fixture().sgx(order).unwrap();
    base64_decode(item["quote"].as_str().unwrap()).unwrap()
}

/// A certificate of `key` with a quote in it, signed by `signer`.
fn certificate(
    carriage: Carriage,
    quote: &[u8],
    key: &EcdsaKeyPair,
    signer: &EcdsaKeyPair,
    algorithm: &[u8],
) -> Vec<u8> {
    let name = tlv(0x30, &[&tlv(0x31, &[&tlv(0x30, &[b"\x06\x03\x55\x04\x03", &tlv(0x0c, &[b"RATLS"])])])]);
    let validity = tlv(0x30, &[&tlv(0x17, &[b"260101000000Z"]), &tlv(0x17, &[b"270101000000Z"])]);
    let length = u64::try_from(quote.len()).unwrap().to_le_bytes();
    let extension = match carriage {
        Carriage::Intel => tlv(0x30, &[INTEL, &tlv(0x04, &[quote])]),
        Carriage::OpenEnclave => {
            tlv(0x30, &[OPEN_ENCLAVE, &tlv(0x04, &[&[1, 0, 0, 0, 2, 0, 0, 0], &length, quote])])
        }
    };
    let tbs = tlv(
        0x30,
        &[
            b"\xa0\x03\x02\x01\x02",
            b"\x02\x01\x01",
            algorithm,
            &name,
            &validity,
            &name,
            &spki(key),
            &tlv(0xa3, &[&tlv(0x30, &[&extension])]),
        ],
    );
    let signature = signer.sign(&SystemRandom::new(), &tbs).unwrap();
    tlv(0x30, &[&tbs, algorithm, &tlv(0x03, &[&[0], signature.as_ref()])])
}

/// Verified as a certificate, and as an item of a document: both answers are the same.
fn answer(der: &[u8]) -> Result<(), String> {
    let (roots, collateral, revocation) = (roots(), Collateral::default(), Revocation::Required);
    let context = Context {
        roots: &roots,
        collateral: &collateral,
        revocation: &revocation,
        now: now(),
        cache: Cache::off(),
    };
    let direct = sgx::verify_ra_tls(der, &context).map(|_| ()).map_err(code);
    let document = json!({"evidence": [{"type": "sgx", "ra_tls": base64_encode(der)}]});
    assert_eq!(judge(&document, &roots, &collateral, now()).map(|_| ()), direct);
    direct
}

const BOTH: [Carriage; 2] = [Carriage::Intel, Carriage::OpenEnclave];

/// SGX-17: the key in the report data, a certificate that signs itself.
#[test]
fn sgx_17_the_enclaves_own_key_is_accepted() {
    for carriage in BOTH {
        let key = key();
        let order = SgxOrder { report_data: report_data(carriage, &key), ..SgxOrder::default() };
        let der = certificate(carriage, &quote(&order), &key, &key, ECDSA_SHA256);
        assert_eq!(answer(&der), Ok(()));
        let (roots, collateral, revocation) = (roots(), Collateral::default(), Revocation::Required);
        let context = Context {
            roots: &roots,
            collateral: &collateral,
            revocation: &revocation,
            now: now(),
            cache: Cache::off(),
        };
        let item = sgx::verify_ra_tls(&der, &context).unwrap();
        let Claims::Sgx(claims) = item.claims() else { panic!("SGX claims") };
        assert_eq!(claims.ra_tls_key.unwrap().0[..], *digest(&SHA256, &spki(&key)).as_ref());
    }
}

/// SGX-17: another key, another form of the key, another signer, or bytes after the hash.
#[test]
fn sgx_17_every_other_key_is_refused() {
    let binding = Err("SgxRaTlsBinding".to_owned());
    for carriage in BOTH {
        let (key, other) = (key(), key());
        let bound = report_data(carriage, &key);
        let of = |report_data| quote(&SgxOrder { report_data, ..SgxOrder::default() });
        let made =
            |report_data, key, signer| certificate(carriage, &of(report_data), key, signer, ECDSA_SHA256);
        assert_eq!(answer(&made(bound, &other, &other)), binding, "a courier's key");
        assert_eq!(answer(&made(bound, &key, &other)), binding, "signed by another key");
        assert_eq!(answer(&made([0; 64], &key, &key)), binding, "a quote without a key");
        let form = BOTH.into_iter().find(|form| *form != carriage).unwrap();
        assert_eq!(answer(&made(report_data(form, &key), &key, &key)), binding, "the other form");
        for place in [32, 63] {
            let mut longer = bound;
            longer[place] = 1;
            assert_eq!(answer(&made(longer, &key, &key)), binding, "byte {place}");
        }
        let unknown = certificate(carriage, &of(bound), &key, &key, ED25519);
        assert_eq!(answer(&unknown), Err("AlgorithmNotAllowed".to_owned()));
    }
}

/// SGX-17: every byte of the certificate is signed, by the key, by the enclave, or not at all.
#[test]
fn no_byte_of_a_certificate_can_be_changed() {
    let key = key();
    let order = SgxOrder { report_data: report_data(Carriage::Intel, &key), ..SgxOrder::default() };
    let der = certificate(Carriage::Intel, &quote(&order), &key, &key, ECDSA_SHA256);
    assert_eq!(answer(&der), Ok(()));
    // Each place before and after the quote, and some inside.
    let places = (0..400).chain((400..der.len() - 100).step_by(97)).chain(der.len() - 100..der.len());
    for place in places {
        let mut changed = der.clone();
        changed[place] ^= 1;
        assert!(answer(&changed).is_err(), "byte {place}");
    }
}

/// The quote inside keeps its own rules, and an RA-TLS quote is bound to no challenge.
#[test]
fn the_quote_inside_is_judged_like_any_other() {
    let key = key();
    let order = SgxOrder { report_data: report_data(Carriage::Intel, &key), ..SgxOrder::default() };
    for defect in [SgxDefect::NotInitialised, SgxDefect::ReservedMisc, SgxDefect::ConfigIdWithoutKss] {
        let quote = quote(&SgxOrder { defect: Some(defect), ..order.clone() });
        let der = certificate(Carriage::Intel, &quote, &key, &key, ECDSA_SHA256);
        assert_eq!(answer(&der), Err(defect.expects().to_owned()));
    }
}
