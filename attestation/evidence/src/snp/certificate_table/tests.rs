use super::*;
use proptest::prelude::*;

const VCEK: [u8; 16] = KNOWN[0].0;
const ASK: [u8; 16] = KNOWN[2].0;
const OTHER: [u8; 16] = [0x77; 16];

/// A table with the entries as given, and `size` bytes in all; byte `i` of the data is `i mod 251`.
fn table(entries: &[([u8; 16], u32, u32)], size: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
    let mut at = 0;
    for (guid, offset, length) in entries {
        bytes[at..at + 16].copy_from_slice(guid);
        bytes[at + 16..at + 20].copy_from_slice(&offset.to_le_bytes());
        bytes[at + 20..at + 24].copy_from_slice(&length.to_le_bytes());
        at += 24;
    }
    if let Some(end) = bytes.get_mut(at..at + 24) {
        end.fill(0);
    }
    bytes
}

#[test]
fn known_guids_are_read_and_unknown_ones_ignored() {
    let bytes = table(&[(VCEK, 200, 10), (OTHER, 210, 5), (ASK, 215, 85)], 300);
    let certificates = parse(&bytes).unwrap();
    assert_eq!(certificates, [(Kind::Vcek, bytes[200..210].to_vec()), (Kind::Ask, bytes[215..300].to_vec())]);
}

#[test]
fn no_table_and_an_empty_table_mean_no_certificates() {
    assert_eq!(parse(&[]).unwrap(), []);
    assert_eq!(parse(&[0; 4096]).unwrap(), []);
    assert_eq!(parse(&[0; 16]).unwrap(), []);
}

#[test]
fn a_repeated_guid_is_refused() {
    let bytes = table(&[(VCEK, 200, 10), (VCEK, 210, 10)], 300);
    assert_eq!(parse(&bytes), Err(CertTableError::DuplicateGuid { index: 1 }));
    let unknown = table(&[(OTHER, 200, 10), (OTHER, 210, 10)], 300);
    assert_eq!(parse(&unknown), Err(CertTableError::DuplicateGuid { index: 1 }));
}

#[test]
fn data_outside_the_buffer_are_refused() {
    for (offset, length) in [(300, 1), (290, 11), (u32::MAX, 1), (u32::MAX, u32::MAX), (200, u32::MAX)] {
        let bytes = table(&[(VCEK, offset, length)], 300);
        assert_eq!(parse(&bytes), Err(CertTableError::OutOfBounds { index: 0, offset, length, size: 300 }));
    }
}

#[test]
fn data_inside_the_list_are_refused() {
    for offset in [0, 24, 39] {
        let bytes = table(&[(VCEK, offset, 20)], 300);
        assert_eq!(parse(&bytes), Err(CertTableError::OverlapsTable { index: 0, offset }));
    }
    assert_eq!(parse(&table(&[(VCEK, 48, 20)], 300)).unwrap().len(), 1);
}

#[test]
fn overlapping_data_are_refused() {
    let bytes = table(&[(VCEK, 200, 10), (ASK, 209, 10)], 300);
    assert_eq!(parse(&bytes), Err(CertTableError::Overlap { first: 0, second: 1 }));
    let contained = table(&[(VCEK, 200, 50), (OTHER, 210, 1)], 300);
    assert_eq!(parse(&contained), Err(CertTableError::Overlap { first: 0, second: 1 }));
}

#[test]
fn an_empty_and_an_oversized_certificate_are_refused() {
    assert_eq!(
        parse(&table(&[(VCEK, 200, 0)], 300)),
        Err(CertTableError::CertificateLength { index: 0, length: 0 })
    );
    assert_eq!(
        parse(&table(&[(VCEK, 200, 8193)], 9000)),
        Err(CertTableError::CertificateLength { index: 0, length: 8193 })
    );
    assert_eq!(parse(&table(&[(VCEK, 200, 8192)], 9000)).unwrap().len(), 1);
}

#[test]
fn a_list_without_an_end_is_refused() {
    assert_eq!(parse(&[1; 15]), Err(CertTableError::Unterminated { size: 15 }));
    assert_eq!(parse(&[1; 23]), Err(CertTableError::Unterminated { size: 23 }));
    assert_eq!(parse(&table(&[(VCEK, 24, 1)], 30)), Err(CertTableError::Unterminated { size: 30 }));
    let many: Vec<_> = (0..17).map(|i| ([i + 1; 16], 600, 0)).collect();
    assert_eq!(parse(&table(&many, 700)), Err(CertTableError::Unterminated { size: 700 }));
}

#[test]
fn an_oversized_table_is_refused() {
    assert_eq!(parse(&[0; MAX_TABLE + 1]), Err(CertTableError::TableTooLarge { actual: MAX_TABLE + 1 }));
}

#[test]
fn each_error_names_the_rule() {
    assert_eq!(CertTableError::DuplicateGuid { index: 1 }.rule().id, "SNP-76");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn no_entries_panic(entries in proptest::collection::vec((any::<u8>(), 0_u32..500, 0_u32..500), 0..6)) {
        let entries: Vec<_> = entries.into_iter().map(|(g, o, l)| ([g; 16], o, l)).collect();
        if let Ok(certificates) = parse(&table(&entries, 400)) {
            prop_assert!(certificates.len() <= entries.len());
        }
    }
}
