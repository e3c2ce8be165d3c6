use super::*;
use sha2::Sha256;

/// DataOffset, RawDataSize, MemoryAddress, MemoryDataSize, Type, Attributes.
type Raw = (u32, u32, u64, u64, u32, u32);

const FOOTER: &[u8] = b"\xde\x82\xb5\x96\xb2\x1f\xf7\x45\xba\xea\xa3\x66\xc5\x5a\x08\x2d";
const OFFSET: &[u8] = b"\x35\x65\x7a\xe4\x4a\x98\x98\x47\x86\x5e\x46\x85\xa7\xbf\x8e\xc2";
const GUID: &[u8] = b"\xf3\xf9\xea\xe9\x8e\x16\xd5\x44\xa8\xeb\x7f\x4d\x87\x38\xf6\xae";
/// Bytes of an image here: four pages of variables, twelve of code.
const LENGTH: usize = 0x10000;
/// Where the metadata is, in bytes from the end.
const PLACE: u32 = 0x800;

/// What OVMF has (`IntelTdxMetadata.asm`), with fewer pages.
const OVMF: [Raw; 8] = [
    (0x4000, 0xc000, 0xffff_4000, 0xc000, 0, 1),
    (0, 0x4000, 0xffff_0000, 0x4000, 1, 0),
    (0, 0, 0x81_0000, 0x1_0000, 3, 0),
    (0, 0, 0x82_0000, 0x1000, 3, 0),
    (0, 0, 0x80_8000, 0x1000, 3, 0),
    (0, 0, 0x80_b000, 0x1000, 3, 0),
    (0, 0, 0x80_c000, 0x2000, 2, 0),
    (0, 0, 0x80_0000, 0x6000, 3, 0),
];

/// What td-shim has with a payload inside its image, permanent memory, and descriptions.
const SHIM: [Raw; 8] = [
    (0x8000, 0x8000, 0xffff_8000, 0x8000, 0, 1),
    (0, 0x1000, 0xffff_0000, 0x1000, 1, 0),
    (0, 0, 0x80_0000, 0x2000, 2, 0),
    (0, 0, 0x81_0000, 0x3000, 3, 0),
    (0, 0, 0x100_0000, 0x4000_0000, 4, 2),
    (0x1000, 0x4000, 0x1000_0000_0000, 0x4000, 5, 1),
    (0, 0, 0x1000_0001_0000, 0x1000, 6, 0),
    (0x8000, 0x40, 0, 0, 7, 0),
];

fn entry(data: &[u8], guid: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 18).unwrap();
    [data, &length.to_le_bytes(), guid].concat()
}

fn metadata_of(sections: &[Raw]) -> Vec<u8> {
    let count = u32::try_from(sections.len()).unwrap();
    let mut bytes = [b"TDVF".to_vec(), [16 + 32 * count, 1, count].map(u32::to_le_bytes).concat()].concat();
    for (offset, raw, address, size, kind, attributes) in sections {
        bytes.extend([*offset, *raw].map(u32::to_le_bytes).concat());
        bytes.extend([*address, *size].map(u64::to_le_bytes).concat());
        bytes.extend([*kind, *attributes].map(u32::to_le_bytes).concat());
    }
    bytes
}

fn image_with(sections: &[Raw]) -> Vec<u8> {
    // Another entry above, as OVMF has some.
    let other = entry(&[9; 8], b"\xde\x71\xf7\x00\x7e\x1a\xcb\x4f\x89\x0e\x68\xc7\x7e\x2f\xb4\x4e");
    let table = [entry(&PLACE.to_le_bytes(), OFFSET), other].concat();
    image_of(&table, GUID, &metadata_of(sections))
}

fn image_of(table: &[u8], guid: &[u8], metadata: &[u8]) -> Vec<u8> {
    let mut image: Vec<u8> = (0..LENGTH).map(|index| u8::try_from(index % 251).unwrap()).collect();
    let place = LENGTH - usize::try_from(PLACE).unwrap();
    image[place - 16..place].copy_from_slice(guid);
    image[place..place + metadata.len()].copy_from_slice(metadata);
    let footer = [&u16::try_from(table.len() + 18).unwrap().to_le_bytes()[..], FOOTER].concat();
    let table = [table, &footer].concat();
    image[LENGTH - 32 - table.len()..LENGTH - 32].copy_from_slice(&table);
    image
}

fn mrtd(image: &[u8]) -> String {
    measure(image, PageOrder::ByPage).unwrap().to_string()
}

/// Computed from these images by `td_shim_tee_info_hash.py` of td-shim (commit 125eab3; by page), and by dstack-mr's
/// `tdvf.rs` (commit 312dc60; both orders, of the second image without its last section, which it does not read and
/// which adds nothing).
#[test]
fn measurements_are_those_of_other_calculators() {
    let (ovmf, shim, without_last) = (image_with(&OVMF), image_with(&SHIM), image_with(&SHIM[..7]));
    for (image, same) in [
        (&ovmf, "37f6bf23ff1ef604aad5a1f6c5d69396a5fe52a1abb437b12d9b27fbf7b8ce19"),
        (&shim, "cfa45ebc001220e92e2eb2c6ebef5706f1dd834e6e923e9d3fd3ee2c824ff36f"),
    ] {
        let digest: [u8; 32] = Sha256::digest(image).into();
        assert_eq!(Hex(digest).to_string(), same, "the image that was measured there");
    }
    for (image, order, expected) in [
        (
            &ovmf,
            PageOrder::ByPage,
            "d510ce694c67539c8d67000dc69d2504e5e696155d99715474032075b1db6fcb84bbdde5609fcabc8a0f03bdb03bf980",
        ),
        (
            &ovmf,
            PageOrder::BySection,
            "65dcef31c3fe5747bd2b342b0f1707b920ee8b0882cd72cb85f2887e56f7b6ea4a9e6e7837b91228c829f4b987022a3b",
        ),
        (
            &shim,
            PageOrder::ByPage,
            "fa3cb584a5745cf926c30ba78ec9d5c6587a8182da4f7e61dbd3bcf03dc4d37b75cc01ea5771919d97ca25080543df53",
        ),
        (
            &without_last,
            PageOrder::ByPage,
            "8ca7011a1585e2170c6a349e9cf044288ed22ab2a20c093cedd19e0682cae39ae5be5a66a3f8a5b9dc0145d11fec4961",
        ),
        (
            &without_last,
            PageOrder::BySection,
            "cf0dfa0657b2bfcdd0e455061a3c9f19bd07cbc9c2927b0c3efe49b14e99e9a11cedca77748dcaefe7e964a795cb8dfc",
        ),
    ] {
        assert_eq!(measure(image, order).unwrap().to_string(), expected, "{order:?}");
    }
}

/// The same by hand, record after record: a page of blank memory, a page that is measured, permanent memory.
#[test]
fn one_page_of_each_kind_by_hand() {
    let sections = [
        (0, 0, 0x80_0000, 0x1000, 3, 0),
        (0xf000, 0x1000, 0xffff_f000, 0x1000, 0, 1),
        (0, 0, 0x100_0000, 0x2000, 4, 2),
    ];
    let image = image_with(&sections);
    let mut taken = Vec::new();
    let mut said = |text: &str, address: u64| {
        let mut record = text.as_bytes().to_vec();
        record.resize(16, 0);
        record.extend(address.to_le_bytes());
        record.resize(128, 0);
        taken.extend(record);
        if text == "MR.EXTEND" {
            let start = usize::try_from(address - 0xffff_0000).unwrap();
            taken.extend(&image[start..start + 256]);
        }
    };
    said("MEM.PAGE.ADD", 0x80_0000);
    said("MEM.PAGE.ADD", 0xffff_f000);
    (0..16).for_each(|chunk| said("MR.EXTEND", 0xffff_f000 + 256 * chunk));
    let by_hand: [u8; 48] = Sha384::digest(&taken).into();
    for order in [PageOrder::ByPage, PageOrder::BySection] {
        assert_eq!(measure(&image, order), Ok(Hex(by_hand)), "one page has no order");
    }
}

#[test]
fn everything_that_is_measured_counts_and_the_rest_does_not() {
    let image = image_with(&OVMF);
    let base = mrtd(&image);
    let with = |at: usize| {
        let mut changed = image.clone();
        changed[at] ^= 1;
        mrtd(&changed)
    };
    for at in [0x4000, 0x8123, LENGTH - 1] {
        assert_ne!(with(at), base, "code at {at:#x}");
    }
    assert_eq!(with(0x3fff), base, "variables: the firmware measures them itself, into RTMR0");
    let moved = |index: usize, change: fn(&mut Raw)| {
        let mut sections = OVMF;
        change(&mut sections[index]);
        mrtd(&image_with(&sections))
    };
    assert_ne!(moved(2, |s| s.2 = 0x90_0000), base, "where blank memory is");
    assert_ne!(moved(2, |s| s.3 = 0x8000), base, "how much there is");
    let mut sections = OVMF;
    sections.swap(2, 3);
    assert_ne!(mrtd(&image_with(&sections)), base, "the order of sections");
}

#[test]
fn each_rule_of_the_image_refuses_by_name() {
    let of = |firmware: &[u8]| measure(firmware, PageOrder::ByPage).unwrap_err();
    for length in [0, 1, 4095, 4097, MAX_FIRMWARE + 4096] {
        assert_eq!(of(&vec![0; length]), MeasureError::FirmwareSize(length));
    }
    assert_eq!(of(&[0; LENGTH]), MeasureError::NoTable);
    let metadata = metadata_of(&OVMF);
    let place = entry(&PLACE.to_le_bytes(), OFFSET);
    assert_eq!(of(&image_of(&entry(&[9; 4], &[7; 16]), GUID, &metadata)), MeasureError::NoMetadata);
    let twice = [place.clone(), place.clone()].concat();
    assert_eq!(of(&image_of(&twice, GUID, &metadata)), MeasureError::Table("one entry twice"));
    let short = entry(&[0; 3], OFFSET);
    assert_eq!(of(&image_of(&short, GUID, &metadata)), MeasureError::Table("an entry is too short"));
    for (from_end, problem) in [
        (u32::try_from(LENGTH).unwrap() + 1, "not inside the image"),
        (u32::try_from(LENGTH).unwrap(), "its GUID is not before it"),
        (PLACE + 1, "its GUID is not before it"),
        (0, "its GUID is not before it"),
    ] {
        let image = image_of(&entry(&from_end.to_le_bytes(), OFFSET), GUID, &metadata);
        assert_eq!(of(&image), MeasureError::Metadata(problem), "{from_end:#x}");
    }
    let other = image_of(&place, &[7; 16], &metadata);
    assert_eq!(of(&other), MeasureError::Metadata("its GUID is not before it"));
    for (at, byte, problem) in [
        (0, b'O', "no signature `TDVF`"),
        (8, 2, "another version than 1"),
        (12, 65, "too many sections"),
        (12, 7, "its length is not that of its sections"),
        (4, 17, "its length is not that of its sections"),
    ] {
        let mut metadata = metadata.clone();
        metadata[at] = byte;
        assert_eq!(of(&image_of(&place, GUID, &metadata)), MeasureError::Metadata(problem));
    }
}

#[test]
fn each_rule_of_a_section_refuses_by_name() {
    let of = |sections: &[Raw]| measure(&image_with(sections), PageOrder::ByPage).unwrap_err();
    let boot = OVMF[0];
    for (section, problem) in [
        ((0, 0, 0, 0, 3, 0), "not whole pages"),
        ((0, 0, 0, 0x1001, 3, 0), "not whole pages"),
        ((0, 0, 0x100, 0x1000, 3, 0), "not whole pages"),
        ((0, 0, 0x1000, 0x1000, 3, 4), "an attribute that is not known"),
        ((0, 0, 1 << 52, 0x1000, 3, 0), "beyond what a guest can address"),
        ((0, 0, u64::MAX - 0xfff, 0x1000, 3, 0), "beyond what a guest can address"),
        ((0, 0, 0x1000, 0x1000, 3, 2), "PAGE.AUG is for permanent memory that is not measured"),
        ((0, 0, 0x1000, 0x1000, 4, 3), "PAGE.AUG is for permanent memory that is not measured"),
        ((0, 0x1000, 0x1000, 0x2000, 1, 0), "a firmware volume whose data is not as long as its memory"),
        ((0, 0, 0x1000, 0x1000, 0, 1), "a firmware volume whose data is not as long as its memory"),
        ((0, 0x1000, 0x1000, 0x1000, 3, 0), "blank memory with data"),
        ((0, 0x1000, 0x1000, 0x1000, 2, 0), "blank memory with data"),
        ((0, 0x2000, 0x1000, 0x1000, 5, 0), "more data than memory"),
        ((0, 0, 0x1000, 0x1000, 2, 1), "memory is measured whose contents are not in the image"),
        ((0, 0, 0x1000, 0x1000, 3, 1), "memory is measured whose contents are not in the image"),
        ((0, 0x800, 0x1000, 0x1000, 5, 1), "memory is measured whose contents are not in the image"),
        ((0, 0x40, 0x1000, 0x1000, 7, 0), "a description that is memory too"),
        ((0, 0x40, 0, 0, 8, 1), "a description that is memory too"),
    ] {
        assert_eq!(of(&[boot, section]), MeasureError::Section { index: 1, problem }, "{section:x?}");
    }
    let end = u32::try_from(LENGTH).unwrap();
    for outside in [(end - 1, 0x1000), (end + 1, 0), (u32::MAX, u32::MAX)] {
        let section = (outside.0, outside.1, 0x1000, 0x1000, 5, 0);
        assert!(
            matches!(of(&[boot, section]), MeasureError::Section { index: 1, problem } if problem.contains("inside"))
        );
    }
    assert_eq!(of(&[boot, (0, 0, 0x1000, 0x1000, 9, 0)]), MeasureError::SectionKind(9));
    let blank = (0, 0, 0x1000, 0x2000, 3, 0);
    assert_eq!(of(&[boot, blank, (0, 0, 0x2000, 0x1000, 3, 0)]), MeasureError::Overlap(1, 2));
    let huge = (0, 0, 0x1_0000_0000, 0x1000_0000, 3, 0);
    assert_eq!(of(&[boot, huge]), MeasureError::Metadata("too many pages"));
}

/// A firmware whose first instructions nobody measured runs as anything under one MRTD.
#[test]
fn a_boot_volume_that_nobody_measures_has_no_measurement() {
    let of = |sections: &[Raw]| measure(&image_with(sections), PageOrder::ByPage);
    let (boot, variables) = (OVMF[0], OVMF[1]);
    for sections in [
        vec![],
        vec![variables],
        vec![(boot.0, boot.1, boot.2, boot.3, 0, 0)],
        vec![(boot.0, boot.1, boot.2, boot.3, 1, 1)],
        vec![(boot.0, boot.1, 0x1000_0000, boot.3, 0, 1)],
    ] {
        assert_eq!(of(&sections), Err(MeasureError::Unmeasured), "{sections:x?}");
    }
    assert!(of(&[boot]).is_ok());
}

#[test]
fn no_image_makes_it_panic() {
    let image = image_with(&SHIM);
    let place = LENGTH - usize::try_from(PLACE).unwrap();
    for index in (place - 16..place + 16 + 32 * SHIM.len()).chain(LENGTH - 200..LENGTH) {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut changed = image.clone();
            changed[index] = byte;
            let _measured = measure(&changed, PageOrder::ByPage);
        }
    }
}
