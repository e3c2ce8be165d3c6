//! The readers, on bytes that no device signed: nothing panics, and what is read is what was written.

use super::*;
use crate::bytes::Hex;
use crate::rule::Broken;
use proptest::prelude::*;

/// A report with these blocks and this opaque data.
fn report(blocks: &[(u8, u8, &[u8])], opaque: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    for (index, kind, value) in blocks {
        let size = u16::try_from(value.len()).unwrap();
        record.extend([*index, 1]);
        record.extend((size + 3).to_le_bytes());
        record.push(*kind);
        record.extend(size.to_le_bytes());
        record.extend(*value);
    }
    let mut bytes = vec![0x11, 0xe0, 0x01, 0xff];
    bytes.extend([7; 32]);
    bytes.extend([0, 0x11, 0x60, 0, 0, u8::try_from(blocks.len()).unwrap()]);
    bytes.extend(&u32::try_from(record.len()).unwrap().to_le_bytes()[..3]);
    bytes.extend(record);
    bytes.extend([9; 32]);
    bytes.extend(u16::try_from(opaque.len()).unwrap().to_le_bytes());
    bytes.extend(opaque);
    bytes.extend([5; 96]);
    bytes
}

fn entry(kind: u16, data: &[u8]) -> Vec<u8> {
    let size = u16::try_from(data.len()).unwrap();
    [&kind.to_le_bytes()[..], &size.to_le_bytes(), data].concat()
}

fn fields(entries: &[(u16, &[u8])]) -> Opaque {
    let bytes: Vec<u8> = entries.iter().flat_map(|(kind, data)| entry(*kind, data)).collect();
    Opaque::parse(&bytes).unwrap()
}

/// Digests and raw bytes of any index and size, as Rubin and Blackwell's FSP report them.
#[test]
fn blocks_of_every_type_are_read() {
    let manifest = vec![0xd9; 1263];
    let bytes =
        report(&[(1, 0x01, &[1; 48]), (0xfd, 0x8a, &manifest), (52, 0x82, b"APSKU"), (9, 0, &[])], &[]);
    let read = Report::parse(&bytes).unwrap();
    assert_eq!(read.blocks.len(), 4);
    let block = read.block(0xfd).unwrap();
    assert!(block.value_type.is_raw() && block.value == manifest);
    assert!(!read.block(1).unwrap().value_type.is_raw() && read.block(2).is_none());
    assert_eq!((read.nonce, read.responder_nonce), (Hex([7; 32]), Hex([9; 32])));
    assert_eq!((read.signed().len() + 96, read.signature()), (bytes.len(), &[5; 96]));
    assert_eq!(read.message(), bytes);
}

/// NV-03: the signature is found by structure, and what follows is not part of the message.
#[test]
fn zeros_after_the_signature_are_not_the_message() {
    let bytes = report(&[], &[]);
    for zeros in 0..=MAX_TRAILING {
        let read = Report::parse(&[bytes.clone(), vec![0; zeros]].concat()).unwrap();
        assert_eq!((read.trailing, read.message()), (zeros, bytes.as_slice()));
    }
    for more in [vec![0; MAX_TRAILING + 1], vec![1], vec![0, 0, 1]] {
        let error = Report::parse(&[bytes.clone(), more].concat()).unwrap_err();
        assert_eq!(error.rule().to_string(), "NV-03 ReportTrailing");
    }
}

/// What the older and the newer chips, GPUs and switches, write under the same types.
#[test]
fn entries_have_the_meaning_of_their_size() {
    let gpu = fields(&[
        (3, b"535.86.09\0\0"),
        (4, &[0x80, 1, 0, 0, 0, 0, 0, 0]),
        (6, &[0, 0x5e, 0, 0x96, 1, 0, 0, 0]),
        (12, &[1, 0, 0, 0, 2, 1, 0, 0]),
        (22, &[[8, 7, 6, 5, 4, 3, 2, 1], [0; 8]].concat()),
        (36, &[2, 0]),
    ]);
    let found = &gpu.fields;
    assert_eq!(found.driver_version.as_deref(), Some("535.86.09"));
    assert_eq!(found.vbios_version.as_deref(), Some("96.00.5E.00.01"));
    assert_eq!((found.chip_id, found.mode), (Some(0x180), Some(Mode::Ppcie)));
    assert_eq!(found.measurement_counts, [1, 258]);
    assert_eq!(found.switch_pdis, [Hex([1, 2, 3, 4, 5, 6, 7, 8]), Hex([0; 8])], "backwards");
    assert!(gpu.unknown.is_empty() && gpu.undecoded.is_empty());

    let pdis: Vec<u8> = (0..64).collect();
    let ports = vec![0xff; 64];
    let switch = fields(&[
        (6, b"96.10.55.00.01"),
        (22, &[8, 7, 6, 5, 4, 3, 2, 1]),
        (25, &[1, 0]),
        (26, &[pdis.clone(), ports].concat()),
    ]);
    let found = &switch.fields;
    assert_eq!(found.vbios_version.as_deref(), Some("96.10.55.00.01"));
    assert_eq!((found.device_pdi, found.lock_status), (Some(Hex([8, 7, 6, 5, 4, 3, 2, 1])), Some(1)));
    assert_eq!((found.gpu_pdis.len(), found.gpu_pdis[1]), (8, Hex([8, 9, 10, 11, 12, 13, 14, 15])));
    let old = fields(&[(4, &pdis)]);
    assert_eq!((old.fields.gpu_pdis.len(), old.fields.chip_id), (8, None), "old firmware of switches");
}

/// A driver of tomorrow has types that nobody knows, and known ones in another form: both are kept, and count
/// as absent.
#[test]
fn unknown_types_and_forms_are_kept() {
    let opaque = fields(&[(4711, b"new"), (20, &[1; 32]), (3, b"\xff\xfe"), (36, &[1]), (10, b"vpr")]);
    assert_eq!((opaque.unknown.len(), opaque.unknown[0].kind), (1, 4711));
    assert_eq!(opaque.undecoded, [20, 3, 36]);
    assert_eq!(
        (opaque.fields.fwid, opaque.fields.driver_version.clone(), opaque.fields.mode),
        (None, None, None)
    );
    assert_eq!(opaque.entries.len(), 5);
    assert!(opaque.fields.other.contains_key("vpr"));
    assert_eq!(fields(&[(36, &[9, 0]), (11, &[0])]).fields.mode, Some(Mode::Unknown));
}

/// NV-08: a version that is not known is refused in both layouts; type 34 says nothing in the newer one.
#[test]
fn versions_of_opaque_data_are_bounded() {
    let rule = |bytes: &[u8]| Opaque::parse(bytes).map_or_else(|error| error.rule().id, |_| "accepted");
    for (version, answer) in [(0, "accepted"), (2, "accepted"), (3, "NV-08"), (u16::MAX, "NV-08")] {
        assert_eq!(rule(&entry(34, &version.to_le_bytes())), answer);
    }
    let newer = |profile: u8, major: u8| {
        let mut bytes = b"NVDAOD".to_vec();
        bytes.extend([profile, 0, major, 0, 0, 0, 34, 0, 0x86, 0, 2, 0, 9, 9]);
        bytes
    };
    assert_eq!((rule(&newer(0, 2)), rule(&newer(0, 3)), rule(&newer(1, 2))), ("accepted", "NV-08", "NV-07"));
    assert_eq!(rule(b"NVDAOD"), "NV-07");
    assert_eq!(rule(&entry(34, &[1])), "NV-07", "a version of one byte");
}

#[test]
fn chips_have_families() {
    for (chip, family) in [
        ("GH100", Some(Architecture::Hopper)),
        ("GB100", Some(Architecture::Blackwell)),
        ("GB202", Some(Architecture::Blackwell)),
        ("GB1XX", Some(Architecture::Blackwell)),
        ("GR100", Some(Architecture::Rubin)),
        ("LS_10", Some(Architecture::Ls10)),
        ("LS10", Some(Architecture::Ls10)),
        ("GA100", None),
        ("NVIDIA", None),
        ("GH", None),
        ("éGH100", None),
    ] {
        assert_eq!(Architecture::of_chip(chip), family, "{chip}");
    }
}

/// NV-11: certificates and line ends, and nothing else.
#[test]
fn texts_of_certificates_have_no_words() {
    let block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let count = |text: &str| pem::certificates(text).map(|found| found.len());
    assert_eq!(count(&block.repeat(5)), Ok(5));
    assert_eq!(count(&format!("\r\n{block}\n{block}\n\0")), Ok(2));
    assert_eq!(count(""), Ok(0));
    for wrong in [
        block.repeat(MAX_CERTIFICATES + 1),
        format!("leaf:\n{block}"),
        format!("{block}x"),
        "\0\0".to_owned(),
    ] {
        assert_eq!(count(&wrong).unwrap_err().rule().to_string(), "NV-11 ChainText");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Report::parse(&bytes);
        let _ = Opaque::parse(&bytes);
        let _ = Opaque::parse(&[b"NVDAOD".as_slice(), &bytes].concat());
        let _ = OcspResponse::parse(&bytes);
        let _ = pem::certificates(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn what_is_written_is_read(values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..20)) {
        let blocks: Vec<(u8, u8, &[u8])> =
            (1..).zip(&values).map(|(index, value)| (index, 1, value.as_slice())).collect();
        let bytes = report(&blocks, &[]);
        let read = Report::parse(&bytes).unwrap();
        prop_assert!(read.blocks.iter().map(|block| &block.value).eq(&values));
        for length in 0..bytes.len() {
            prop_assert!(Report::parse(&bytes[..length]).is_err());
        }
    }
}
