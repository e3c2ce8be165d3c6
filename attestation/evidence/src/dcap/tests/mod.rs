//! The parser against quotes built field by field: every rule has its refusals, and its acceptances beside
//! them.

pub(crate) mod compose;
mod corpus;

use super::*;
use crate::encoding::base64_encode;
use crate::rule::Broken;
use crate::tdx::{self, BodyKind};
use compose::{Sample, pem};
use proptest::prelude::*;

fn code(bytes: &[u8]) -> &'static str {
    match Quote::parse(bytes) {
        Ok(_) => "accepted",
        Err(error) => error.rule().code,
    }
}

/// Each layout, with what must come out of it: version, signed bytes.
fn layouts() -> [(Sample, u16, usize); 6] {
    [
        (Sample::sgx(3), 3, 48 + 384),
        (Sample::sgx(4), 4, 48 + 384),
        (Sample::sgx(5), 5, 48 + 6 + 384),
        (Sample::td(4, BodyKind::Td10), 4, 48 + 584),
        (Sample::td(5, BodyKind::Td10), 5, 48 + 6 + 584),
        (Sample::td(5, BodyKind::Td15), 5, 48 + 6 + 648),
    ]
}

#[test]
fn every_layout_is_read_to_its_last_byte() {
    for (sample, version, signed) in layouts() {
        let bytes = sample.bytes();
        let quote = Quote::parse(&bytes).unwrap();
        assert_eq!(quote.header.version, version);
        assert_eq!(quote.signed(), &bytes[..signed]);
        assert_eq!(quote.bytes(), bytes);
        assert_eq!(quote.signature, [0x51; 64]);
        assert_eq!(quote.attestation_key, [0x52; 64]);
        assert_eq!(quote.qe_report_signature, [0x53; 64]);
        assert_eq!(quote.qe_auth_data, sample.auth);
        let Certification::Chain(chain) = &quote.certification else { panic!("a chain") };
        assert_eq!(
            (&chain.leaf[..], &chain.ca[..], &chain.root[..]),
            (&b"leaf"[..], &b"ca"[..], &b"root"[..])
        );
    }
}

#[test]
fn a_td_body_is_read_field_by_field() {
    let mut sample = Sample::td(5, BodyKind::Td15);
    for (place, byte) in sample.body.iter_mut().enumerate() {
        *byte = u8::try_from(place % 251).unwrap();
    }
    let field = |offset: usize, length: usize| sample.body[offset..offset + length].to_vec();
    let body = Quote::parse(&sample.bytes()).unwrap().into_td().unwrap().body;
    assert_eq!(body.tee_tcb_svn.0.to_vec(), field(0, 16));
    assert_eq!(body.mr_seam.0.to_vec(), field(16, 48));
    assert_eq!(body.mr_signer_seam.0.to_vec(), field(64, 48));
    assert_eq!(body.seam_attributes.to_le_bytes().to_vec(), field(112, 8));
    assert_eq!(body.td_attributes.raw.to_le_bytes().to_vec(), field(120, 8));
    assert_eq!(body.xfam.to_le_bytes().to_vec(), field(128, 8));
    assert_eq!(body.mr_td.0.to_vec(), field(136, 48));
    assert_eq!(body.mr_config_id.0.to_vec(), field(184, 48));
    assert_eq!(body.mr_owner.0.to_vec(), field(232, 48));
    assert_eq!(body.mr_owner_config.0.to_vec(), field(280, 48));
    for (register, offset) in body.rtmr.iter().zip([328, 376, 424, 472]) {
        assert_eq!(register.0.to_vec(), field(offset, 48));
    }
    assert_eq!(body.report_data.0.to_vec(), field(520, 64));
    assert_eq!(body.tee_tcb_svn_2.unwrap().0.to_vec(), field(584, 16));
    assert_eq!(body.mr_service_td.unwrap().0.to_vec(), field(600, 48));
}

#[test]
fn an_enclave_report_is_read_field_by_field() {
    let mut sample = Sample::sgx(3);
    for (place, byte) in sample.body.iter_mut().enumerate() {
        *byte = u8::try_from(place % 251).unwrap();
    }
    let field = |offset: usize, length: usize| sample.body[offset..offset + length].to_vec();
    let quote = Quote::parse(&sample.bytes()).unwrap();
    let Body::Enclave(report) = quote.body else { panic!("an enclave") };
    assert_eq!(report.cpu_svn.0.to_vec(), field(0, 16));
    assert_eq!(report.misc_select.to_le_bytes().to_vec(), field(16, 4));
    assert_eq!(vec![report.cet_attributes], field(20, 1));
    assert_eq!(report.isv_ext_prod_id.0.to_vec(), field(32, 16));
    assert_eq!(report.attributes_flags.to_le_bytes().to_vec(), field(48, 8));
    assert_eq!(report.attributes_xfrm.to_le_bytes().to_vec(), field(56, 8));
    assert_eq!(report.mr_enclave.0.to_vec(), field(64, 32));
    assert_eq!(report.mr_signer.0.to_vec(), field(128, 32));
    assert_eq!(report.config_id.0.to_vec(), field(192, 64));
    assert_eq!(report.isv_prod_id.to_le_bytes().to_vec(), field(256, 2));
    assert_eq!(report.isv_svn.to_le_bytes().to_vec(), field(258, 2));
    assert_eq!(report.config_svn.to_le_bytes().to_vec(), field(260, 2));
    assert_eq!(report.isv_family_id.0.to_vec(), field(304, 16));
    assert_eq!(report.report_data.0.to_vec(), field(320, 64));
    assert_eq!(report.reserved_set(), Some(21));
    assert_eq!(quote.header.qe_svn, Some(0x0201));
    assert_eq!(quote.header.pce_svn, Some(0x0403));
}

#[test]
fn reserved_ranges_of_a_report_are_found_to_the_byte() {
    for range in [21..32, 96..128, 160..192, 262..304] {
        for offset in range {
            let mut sample = Sample::sgx(3);
            sample.body[offset] = 1;
            let Body::Enclave(report) = Quote::parse(&sample.bytes()).unwrap().body else {
                panic!("an enclave")
            };
            assert_eq!(report.reserved_set(), Some(offset));
        }
    }
    let Body::Enclave(report) = Quote::parse(&Sample::sgx(3).bytes()).unwrap().body else {
        panic!("an enclave")
    };
    assert_eq!(report.reserved_set(), None);
}

#[test]
fn lengths_outside_the_budget_are_refused() {
    for length in [0, 1, 47, 48, 435] {
        assert_eq!(code(&vec![0; length]), "QuoteLength", "{length}");
    }
    let td = Sample::td(4, BodyKind::Td10).bytes();
    assert_eq!(code(&td[..635]), "QuoteLength");
    assert_eq!(code(&vec![3; MAX_QUOTE + 1]), "QuoteLength");
}

#[test]
fn a_quote_cut_anywhere_is_refused() {
    for (sample, ..) in layouts() {
        let bytes = sample.bytes();
        for length in 0..bytes.len() {
            assert!(Quote::parse(&bytes[..length]).is_err(), "{length} of {}", bytes.len());
        }
    }
}

#[test]
fn other_versions_key_types_and_vendors_are_refused() {
    for version in [0, 1, 2, 6, 0x0104] {
        assert_eq!(code(&Sample { version, ..Sample::td(4, BodyKind::Td10) }.bytes()), "QuoteVersion");
    }
    for key_type in [0, 1, 3, 0x0200] {
        let bytes = Sample { key_type, ..Sample::td(4, BodyKind::Td10) }.bytes();
        assert_eq!(code(&bytes), "QuoteAttestationKeyType", "{key_type}");
    }
    for place in 0..16 {
        let mut bytes = Sample::td(5, BodyKind::Td15).bytes();
        bytes[12 + place] ^= 1;
        assert_eq!(code(&bytes), "QuoteQeVendor", "{place}");
    }
}

#[test]
fn a_tee_type_that_contradicts_the_layout_is_refused() {
    for (version, tee_type) in [(3, 0x81), (4, 1), (4, 0x8100), (5, 0x80), (3, 1)] {
        let bytes = Sample { tee_type, ..Sample::sgx(version) }.bytes();
        assert_eq!(code(&bytes), "QuoteTeeType", "{version} {tee_type:#x}");
    }
    for sample in [
        Sample { tee_type: 0, ..Sample::td(5, BodyKind::Td10) },
        Sample { tee_type: 0, ..Sample::td(5, BodyKind::Td15) },
        Sample { tee_type: 0x81, ..Sample::sgx(5) },
    ] {
        assert_eq!(code(&sample.bytes()), "QuoteTeeType");
    }
}

#[test]
fn reserved_header_bytes_are_zero_from_version_4() {
    for sample in [Sample::td(4, BodyKind::Td10), Sample::td(5, BodyKind::Td15), Sample::sgx(4)] {
        for place in 8..12 {
            let mut bytes = sample.bytes();
            bytes[place] = 1;
            assert_eq!(code(&bytes), "QuoteHeaderReserved", "{place}");
        }
    }
}

#[test]
fn a_body_descriptor_has_one_size_for_each_type() {
    for descriptor in [(0, 384), (1, 584), (2, 648), (3, 584), (3, 649), (5, 648), (3, u32::MAX), (4, 648)] {
        let bytes = Sample { descriptor: Some(descriptor), ..Sample::td(5, BodyKind::Td15) }.bytes();
        assert_eq!(code(&bytes), "QuoteBodyDescriptor", "{descriptor:?}");
    }
}

#[test]
fn the_extended_body_is_refused_by_name() {
    let mut sample = Sample { descriptor: Some((4, 885)), ..Sample::td(5, BodyKind::Td15) };
    sample.body.resize(885, 0);
    assert_eq!(code(&sample.bytes()), "TdExtendedBodyUnsupported");
}

#[test]
fn the_signature_length_is_exact() {
    for (sample, _, signed) in layouts() {
        let bytes = sample.bytes();
        let declared = u32::from_le_bytes(bytes[signed..signed + 4].try_into().unwrap());
        for wrong in [declared + 1, declared - 1, 0, 127, 128, u32::MAX] {
            let mut bytes = bytes.clone();
            bytes[signed..signed + 4].copy_from_slice(&wrong.to_le_bytes());
            assert_ne!(code(&bytes), "accepted", "{wrong}");
        }
        let with = |length: u32, padding: usize| {
            let mut changed = bytes.clone();
            changed[signed..signed + 4].copy_from_slice(&length.to_le_bytes());
            changed.resize(bytes.len() + padding, 0);
            code(&changed)
        };
        assert_eq!(with(declared + 1, 0), "QuoteSignatureLength");
        assert_eq!(with(0, 0), "QuoteSignatureLength");
        // In version 3 nothing but the inner length is there to contradict the outer one.
        let gap = if sample.version == 3 { "QuoteCertificationDataLength" } else { "QuoteSignatureLength" };
        assert_eq!(with(declared - 1, 0), gap);
        assert_eq!(with(declared + 1, 1), gap);
        assert_eq!(with(declared + 70, 70), gap);
    }
}

#[test]
fn only_zeros_may_follow_and_not_too_many() {
    for (sample, ..) in layouts() {
        let bytes = sample.bytes();
        for zeros in [1, 70, 307, 3065, MAX_TRAILING_ZEROS] {
            let mut padded = bytes.clone();
            padded.resize(bytes.len() + zeros, 0);
            let quote = Quote::parse(&padded).unwrap();
            assert_eq!(quote.bytes(), bytes, "the padding is no part of the quote");
            for place in [bytes.len(), padded.len() - 1] {
                let mut dirty = padded.clone();
                dirty[place] = 1;
                assert_eq!(code(&dirty), "QuoteTrailingBytes", "{zeros} {place}");
            }
        }
        let mut padded = bytes.clone();
        padded.resize(bytes.len() + MAX_TRAILING_ZEROS + 1, 0);
        assert_eq!(code(&padded), "QuoteTrailingBytes");
    }
}

#[test]
fn the_outer_certification_data_is_type_6_and_exact() {
    for outer in [0, 1, 5, 7, 0x0600] {
        let bytes = Sample { outer, ..Sample::td(4, BodyKind::Td10) }.bytes();
        assert_eq!(code(&bytes), "QuoteOuterCertificationType", "{outer}");
    }
    for slack in [1, -1, -100, i32::MAX] {
        let bytes = Sample { outer_slack: slack, ..Sample::td(5, BodyKind::Td15) }.bytes();
        assert_eq!(code(&bytes), "QuoteOuterCertificationType", "{slack}");
    }
}

#[test]
fn the_inner_certification_data_is_exact() {
    for slack in [1, -1, -100, i32::MAX] {
        for sample in [Sample::sgx(3), Sample::td(4, BodyKind::Td10), Sample::td(5, BodyKind::Td15)] {
            let bytes = Sample { inner_slack: slack, ..sample }.bytes();
            assert_eq!(code(&bytes), "QuoteCertificationDataLength", "{slack}");
        }
    }
}

#[test]
fn certification_types_without_a_certificate_are_kept_or_refused() {
    for inner in [0, 4, 6, 7, 8, 0x0500] {
        let bytes = Sample { inner, ..Sample::td(4, BodyKind::Td10) }.bytes();
        assert_eq!(code(&bytes), "QuoteCertificationType", "{inner}");
    }
    for inner in [1, 2, 3] {
        let bytes = Sample { inner, ..Sample::sgx(3) }.bytes();
        let found = Quote::parse(&bytes).unwrap().certification;
        assert!(matches!(found, Certification::PlatformIdentifiers { kind, .. } if kind == inner));
    }
}

#[test]
fn qe_authentication_data_has_any_length_up_to_its_budget() {
    for length in [0, 1, 32, 33, 1024] {
        assert_eq!(
            code(&Sample { auth: vec![7; length], ..Sample::td(4, BodyKind::Td10) }.bytes()),
            "accepted"
        );
    }
    for length in [1025, 4096, 16000] {
        let bytes = Sample { auth: vec![7; length], ..Sample::td(4, BodyKind::Td10) }.bytes();
        assert_eq!(code(&bytes), "QuoteQeAuthDataTooLong", "{length}");
    }
}

#[test]
fn the_pck_chain_is_three_pem_blocks_and_nothing_else() {
    let three = pem(&[b"leaf", b"ca", b"root"]);
    let with = |chain: &str| code(&Sample { chain: chain.into(), ..Sample::td(4, BodyKind::Td10) }.bytes());
    let accepted = [
        three.clone(),
        three.trim_end().to_owned(),
        format!("{three}\n\n"),
        format!("{three}\r\n"),
        format!("{three}\0"),
        format!("{three}\0\n"),
        format!("{}\0", three.trim_end()),
        three.replace('\n', "\r\n"),
    ];
    for chain in accepted {
        assert_eq!(with(&chain), "accepted", "{chain:?}");
    }
    let refused = [
        String::new(),
        pem(&[b"leaf"]),
        pem(&[b"leaf", b"ca"]),
        pem(&[b"leaf", b"ca", b"root", b"more"]),
        format!("{three}\0\0"),
        format!("{three}\0\n\0"),
        format!("{three} "),
        format!("{three}\0x"),
        format!("{three}x"),
        format!("\n{three}"),
        format!("x{three}"),
        three.replacen("-----\n-----", "-----\n\n-----", 1),
        three.replacen("-----\n-----", "-----\nhello\n-----", 1),
        three.replacen("-----\n-----", "-----\n\0-----", 1),
        three.replace("CERTIFICATE", "X509 CRL"),
        three.replacen("CERTIFICATE", "PRIVATE KEY", 2),
        three.replacen("bGVhZg==", "bGVhZg=", 1),
        three.replacen("bGVhZg==", "bGVhZh==", 1),
        three.replacen("bGVhZg==", " bGVhZg==", 1),
        three.replacen("bGVhZg==", "bGVh\nZg==", 1),
        three.replacen("bGVhZg==", "", 1),
        three.replacen("-----END CERTIFICATE-----\n", "", 1),
        three.replacen("bGVhZg==", "b\u{e9}==", 1),
    ];
    for chain in refused {
        assert_eq!(with(&chain), "PckPemMalformed", "{chain:?}");
    }
}

#[test]
fn lines_of_base64_are_full_but_the_last() {
    let der = vec![0x5a; 300];
    let text = base64_encode(&der);
    let wrapped = |width: usize| {
        let lines: Vec<&str> =
            text.as_bytes().chunks(width).map(|line| str::from_utf8(line).unwrap()).collect();
        lines.join("\n")
    };
    let with = |body: &str| {
        let chain = pem(&[b"leaf", b"ca", b"root"]).replacen("bGVhZg==", body, 1).into_bytes();
        Quote::parse(&Sample { chain, ..Sample::td(4, BodyKind::Td10) }.bytes())
            .map(|quote| quote.certification)
    };
    for width in [64, 76] {
        let Ok(Certification::Chain(chain)) = with(&wrapped(width)) else { panic!("{width}") };
        assert_eq!(chain.leaf, der);
    }
    for width in [1, 4, 63, 65, 75, 77] {
        assert!(with(&wrapped(width)).is_err(), "{width}");
    }
    let (first, rest) = text.split_at(64);
    let (second, rest) = rest.split_at(76);
    assert!(with(&format!("{first}\n{second}\n{rest}")).is_err());
}

#[test]
fn a_certificate_has_a_budget() {
    let at = pem(&[b"leaf", b"ca", &[0; MAX_CERTIFICATE]]);
    let above = pem(&[b"leaf", b"ca", &[0; MAX_CERTIFICATE + 1]]);
    let with =
        |chain: String| code(&Sample { chain: chain.into_bytes(), ..Sample::td(4, BodyKind::Td10) }.bytes());
    assert_eq!(with(at), "accepted");
    assert_eq!(with(above), "CertificateBudgetExceeded");
}

#[test]
fn an_sgx_quote_is_no_tdx_evidence() {
    for version in [3, 4, 5] {
        let refused = tdx::Evidence::parse(&Sample::sgx(version).bytes(), None).unwrap_err();
        assert_eq!(refused.rule().code, "EvidenceKindMismatch");
    }
    assert!(tdx::Evidence::parse(&Sample::td(4, BodyKind::Td10).bytes(), None).is_ok());
}

#[test]
fn attribute_bits_without_a_meaning_are_told_apart() {
    for bit in 0..64_u32 {
        let documented = matches!(bit, 0 | 4..=6 | 16 | 17 | 27..=31 | 62 | 63);
        let attributes = tdx::TdAttributes::new(1 << bit);
        assert_eq!(attributes.undocumented() == 0, documented, "{bit}");
        assert_eq!(attributes.debug, bit == 0);
        assert_eq!(attributes.profiling, matches!(bit, 4..=6));
        assert_eq!(attributes.icssd, bit == 16);
        assert_eq!(attributes.servtd_ext, bit == 17);
        assert_eq!(attributes.lass, bit == 27);
        assert_eq!(attributes.sept_ve_disable, bit == 28);
        assert_eq!(attributes.migratable, bit == 29);
        assert_eq!(attributes.pks, bit == 30);
        assert_eq!(attributes.kl, bit == 31);
        assert_eq!(attributes.tpa, bit == 62);
        assert_eq!(attributes.perfmon, bit == 63);
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..6000)) {
        drop(Quote::parse(&bytes));
    }

    #[test]
    fn no_change_panics_or_leaves_the_lengths_wrong(
        which in 0_usize..6,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        tail in proptest::collection::vec(any::<u8>(), 0..8),
    ) {
        let (sample, ..) = &layouts()[which];
        let mut bytes = sample.bytes();
        bytes.extend(tail);
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(quote) = Quote::parse(&bytes) {
            prop_assert!(bytes.starts_with(quote.bytes()));
            prop_assert!(bytes[quote.bytes().len()..].iter().all(|byte| *byte == 0));
            prop_assert!(quote.bytes().starts_with(quote.signed()));
        }
    }
}
