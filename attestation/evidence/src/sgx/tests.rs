//! Enclave reports built field by field: each rule has its refusals, and its acceptances beside them.

use super::*;
use crate::dcap::tests::compose::Sample;
use crate::rule::Broken;
use crate::tdx::BodyKind;
use proptest::prelude::*;

/// A version 3 quote of an initialised 64-bit enclave, changed.
fn quote(change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut sample = Sample::sgx(3);
    sample.body[48] = 0b101;
    change(&mut sample.body);
    sample.bytes()
}

fn rule(bytes: &[u8]) -> String {
    Evidence::parse(bytes).map_or_else(|error| error.rule().to_string(), |_| "accepted".to_owned())
}

fn attributes(body: &mut [u8], raw: u64) {
    body[48..56].copy_from_slice(&raw.to_le_bytes());
}

#[test]
fn a_report_is_read_field_by_field() {
    let bytes = quote(|body| {
        attributes(body, 0b1110_0101);
        body[16] = 1;
        body[20] = 3;
        body[32] = 4;
        body[56] = 7;
        body[64] = 0xE0;
        body[128] = 0x51;
        body[192] = 5;
        (body[256], body[258], body[260], body[304], body[383]) = (7, 2, 6, 8, 9);
    });
    let evidence = Evidence::parse(&bytes).unwrap();
    let report = &evidence.quote.body;
    let set = Attributes::new(report.attributes_flags);
    assert!(set.init && set.mode64 && set.einit_token_key && set.cet && set.kss);
    assert!(!set.debug && !set.provision_key && !set.aex_notify);
    assert_eq!((report.misc_select, report.cet_attributes, report.attributes_xfrm), (1, 3, 7));
    assert_eq!((report.mr_enclave.0[0], report.mr_signer.0[0]), (0xE0, 0x51));
    assert_eq!((report.isv_prod_id, report.isv_svn, report.config_svn), (7, 2, 6));
    assert_eq!((report.isv_ext_prod_id.0[0], report.config_id.0[0], report.isv_family_id.0[0]), (4, 5, 8));
    assert_eq!(evidence.report_data()[63], 9);
    assert_eq!(evidence.courier, None);
}

/// SGX-06: every reserved byte.
#[test]
fn sgx_06_reserved_bytes_are_zero() {
    assert_eq!(rule(&quote(|_| ())), "accepted");
    for offset in [21..32, 96..128, 160..192, 262..304].into_iter().flatten() {
        assert_eq!(rule(&quote(|body| body[offset] = 1)), "SGX-06 SgxReservedNotZero", "{offset}");
    }
}

/// SGX-06: every attribute bit that has no meaning, and CET attributes without CET.
#[test]
fn sgx_06_attributes_have_a_meaning() {
    for bit in 0..64 {
        let expected = match bit {
            0 | 1 | 2 | 4..=7 | 10 => "accepted",
            _ => "SGX-06 SgxReservedNotZero",
        };
        assert_eq!(rule(&quote(|body| attributes(body, 1 | 1 << bit))), expected, "bit {bit}");
    }
    assert_eq!(rule(&quote(|body| body[20] = 1)), "SGX-06 SgxReservedNotZero");
    assert_eq!(rule(&quote(|body| (body[20], body[48]) = (1, 0b0100_0101))), "accepted");
}

/// SGX-13: the fields of key separation and sharing need the attribute.
#[test]
fn sgx_13_kss_fields_need_kss() {
    for offset in [32, 47, 192, 255, 260, 261, 304, 319] {
        assert_eq!(rule(&quote(|body| body[offset] = 1)), "SGX-13 SgxKssInconsistent", "{offset}");
        assert_eq!(rule(&quote(|body| (body[offset], body[48]) = (1, 0b1000_0101))), "accepted", "{offset}");
    }
}

/// COL-04: the quote's type is the declared one.
#[test]
fn col_04_a_tds_quote_is_no_enclaves() {
    for version in [4, 5] {
        let td = Sample::td(version, BodyKind::Td10).bytes();
        assert_eq!(rule(&td), "COL-04 EvidenceKindMismatch");
        let enclave = Sample::sgx(version).bytes();
        assert_eq!(rule(&enclave), "accepted");
        let other = crate::tdx::Evidence::parse(&enclave, None).unwrap_err();
        assert_eq!(other.rule().to_string(), "COL-04 EvidenceKindMismatch");
    }
    assert_eq!(rule(&[]), "DCAP-01 QuoteLength");
}

mod ra_tls {
    use super::*;
    use crate::sgx::ra_tls::Carriage;
    use crate::x509::tests::{Parts, encode, parts, sequence, tlv};

    const OPEN_ENCLAVE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x14, 0x0a, 0x01, 0x01];
    const OPEN_ENCLAVE_EVIDENCE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x14, 0x0a, 0x01, 0x02];
    const INTEL: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x8a, 0x39, 0x06];
    const DICE: &[u8] = &[0x67, 0x81, 0x05, 0x05, 0x04, 0x09];

    fn extension(oid: &[u8], value: &[u8]) -> Vec<u8> {
        sequence(&[&tlv(0x06, oid), &tlv(0x04, value)])
    }

    fn certificate(extensions: &[Vec<u8>]) -> Vec<u8> {
        encode(&Parts { extensions: extensions.to_vec(), ..parts() })
    }

    fn answer(extensions: &[Vec<u8>]) -> String {
        let parsed = Evidence::parse_ra_tls(&certificate(extensions));
        parsed.map_or_else(|error| error.rule().to_string(), |_| "accepted".to_owned())
    }

    fn open_enclave(header: [u8; 8], length: usize) -> Vec<u8> {
        let quote = quote(|_| ());
        let length = u64::try_from(length).unwrap().to_le_bytes();
        extension(OPEN_ENCLAVE, &[&header[..], &length, &quote].concat())
    }

    /// SGX-17: both carriages are read, and their quote is the one in the extension.
    #[test]
    fn sgx_17_known_carriages_are_read() {
        let quote = quote(|_| ());
        for (extension, carriage) in [
            (extension(INTEL, &quote), Carriage::Intel),
            (open_enclave([1, 0, 0, 0, 2, 0, 0, 0], quote.len()), Carriage::OpenEnclave),
        ] {
            let der = certificate(&[extension]);
            let evidence = Evidence::parse_ra_tls(&der).unwrap();
            assert_eq!(evidence.quote.bytes(), quote);
            let courier = evidence.courier.unwrap();
            assert_eq!((courier.certificate(), courier.carriage()), (&der[..], carriage));
        }
    }

    /// SGX-17: unknown, absent and ambiguous carriages.
    #[test]
    fn sgx_17_other_carriages_are_refused_by_name() {
        let quote = quote(|_| ());
        let intel = extension(INTEL, &quote);
        for extensions in [
            vec![],
            vec![extension(OPEN_ENCLAVE_EVIDENCE, &quote)],
            vec![extension(DICE, &quote)],
            vec![intel.clone(), extension(DICE, &quote)],
            vec![intel.clone(), open_enclave([1, 0, 0, 0, 2, 0, 0, 0], quote.len())],
            vec![open_enclave([1, 0, 0, 0, 1, 0, 0, 0], quote.len())],
            vec![open_enclave([2, 0, 0, 0, 2, 0, 0, 0], quote.len())],
            vec![open_enclave([1, 0, 0, 0, 2, 0, 0, 0], quote.len() + 1)],
            vec![open_enclave([1, 0, 0, 0, 2, 0, 0, 0], quote.len() - 1)],
            vec![extension(OPEN_ENCLAVE, &[1, 0, 0, 0, 2, 0, 0, 0])],
        ] {
            assert_eq!(answer(&extensions), "SGX-17 SgxRaTlsBinding");
        }
        assert_eq!(answer(&[intel.clone(), intel]), "COL-22 CertificateMalformed");
        assert_eq!(answer(&[extension(INTEL, &quote[1..])]), "DCAP-02 QuoteVersion");
        assert_eq!(answer(&[extension(INTEL, &[])]), "DCAP-01 QuoteLength");
        let error = Evidence::parse_ra_tls(&[0x30, 0]).unwrap_err();
        assert_eq!(error.rule().to_string(), "COL-22 CertificateMalformed");
    }

    #[test]
    fn each_carriage_hashes_the_key_in_its_own_form() {
        let spki = [7; 100];
        assert_eq!(Carriage::Intel.hashed_key(&spki), spki);
        let pem = Carriage::OpenEnclave.hashed_key(&spki);
        let text = str::from_utf8(pem.strip_suffix(b"\0").unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[0], lines[4]), ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"));
        assert_eq!((lines.len(), lines[1].len(), lines[2].len(), lines[3].len()), (5, 64, 64, 8));
        assert!(text.ends_with('\n'));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = Evidence::parse(&bytes);
        let _ = Evidence::parse_ra_tls(&bytes);
    }

    #[test]
    fn no_change_makes_the_reader_panic(offset in 0..1200_usize, value: u8) {
        let mut bytes = quote(|_| ());
        if let Some(byte) = bytes.get_mut(offset) {
            *byte = value;
        }
        let _ = Evidence::parse(&bytes);
    }
}
