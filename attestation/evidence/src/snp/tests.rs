//! One acceptance for each version and product, and each rule broken alone.

use super::*;
use crate::rule::Broken;
use proptest::prelude::*;

/// A well-formed report that nobody signed.
fn report(version: u32, product: Product) -> [u8; REPORT_LENGTH] {
    let mut raw = [0; REPORT_LENGTH];
    raw[..4].copy_from_slice(&version.to_le_bytes());
    raw[0x008..0x010].copy_from_slice(&0x3_0000_u64.to_le_bytes());
    raw[0x034] = 1;
    raw[0x040] = 0x25;
    raw[0x050..0x090].fill(0x5d);
    raw[0x090..0x0c0].fill(0x4d);
    raw[0x160..0x180].fill(0xff);
    if version >= 3 {
        let (family, model) = match product {
            Product::Milan => (0x19, 0x01),
            Product::Genoa => (0x19, 0xa0),
            Product::Turin => (0x1a, 0x02),
        };
        raw[0x188..0x18b].copy_from_slice(&[family, model, 1]);
    }
    let tcb: [u8; 8] = match product {
        Product::Turin => [1, 2, 3, 4, 0, 0, 0, 5],
        Product::Milan | Product::Genoa => [2, 3, 0, 0, 0, 0, 4, 5],
    };
    for offset in [0x038, 0x180, 0x1e0, 0x1f0] {
        raw[offset..offset + 8].copy_from_slice(&tcb);
    }
    let chip_id = if product == Product::Turin { 0x1a0..0x1a8 } else { 0x1a0..0x1e0 };
    raw[chip_id].fill(0xc1);
    raw[0x1e8..0x1eb].copy_from_slice(&[29, 55, 1]);
    raw[0x1ec..0x1ef].copy_from_slice(&[28, 55, 1]);
    raw[0x2a0..0x2a0 + 48].fill(0x11);
    raw[0x2e8..0x2e8 + 48].fill(0x22);
    raw
}

fn milan() -> [u8; REPORT_LENGTH] {
    report(3, Product::Milan)
}

fn rule(raw: &[u8]) -> &'static str {
    Report::parse(raw).map_or_else(|error| error.rule().id, |_| "accepted")
}

/// The rule that a change to a version 3 Milan report breaks.
fn after(change: impl FnOnce(&mut [u8; REPORT_LENGTH])) -> &'static str {
    let mut raw = milan();
    change(&mut raw);
    rule(&raw)
}

#[test]
fn every_version_and_product_is_read() {
    for (version, product) in [
        (2, Product::Milan),
        (2, Product::Genoa),
        (3, Product::Milan),
        (3, Product::Genoa),
        (4, Product::Turin),
        (5, Product::Turin),
        (5, Product::Genoa),
    ] {
        let report = Report::parse(&report(version, product)).unwrap();
        let body = report.body();
        assert_eq!(body.version, version);
        assert_eq!(body.product, (version >= 3).then_some(product));
        assert_eq!(body.cpuid.is_some(), version >= 3);
        assert_eq!(body.current_mit_vector.is_some(), version >= 5);
        assert_eq!(body.reported_tcb.fmc, (product == Product::Turin).then_some(1));
        assert_eq!((body.reported_tcb.bootloader, body.reported_tcb.microcode), (2, 5));
        assert_eq!(body.current_version, FirmwareVersion { major: 1, minor: 55, build: 29 });
        assert!(body.current_version > body.committed_version);
        assert_eq!(
            body.platform_info.iommu_write_safe,
            (body.product == Some(Product::Turin)).then_some(false)
        );
        assert_eq!(body.report_id_ma, None);
        assert_eq!(body.report_data.0, [0x5d; 64]);
    }
}

#[test]
fn the_signature_is_turned_to_big_endian() {
    let mut raw = milan();
    raw[0x2a0] = 0x01;
    raw[0x2a0 + 72] = 0x02;
    let signature = Report::parse(&raw).unwrap().signature();
    assert_eq!((signature[0], signature[47], signature[48], signature[95]), (0x11, 0x01, 0x22, 0x02));
}

#[test]
fn signed_bytes_are_the_received_ones() {
    let raw = milan();
    let report = Report::parse(&raw).unwrap();
    assert_eq!(report.signed()[..], raw[..SIGNED_LENGTH]);
    assert_eq!(report.raw(), &raw);
}

#[test]
fn snp_01_any_other_length_is_refused() {
    let mut raw = milan().to_vec();
    raw.push(0);
    for length in 0..raw.len() {
        let expected = if length == REPORT_LENGTH { "accepted" } else { "SNP-01" };
        assert_eq!(rule(&raw[..length]), expected, "{length} bytes");
    }
    assert_eq!(rule(&[milan(), milan()].concat()), "SNP-01");
}

#[test]
fn snp_02_other_versions_are_refused() {
    for version in [0, 1, 6, 7, 0x300, u32::MAX] {
        assert_eq!(after(|raw| raw[..4].copy_from_slice(&version.to_le_bytes())), "SNP-02");
    }
}

#[test]
fn snp_04_every_reserved_byte_must_be_zero() {
    let ranges = [0x18b..0x1a0, 0x1eb..0x1ec, 0x1ef..0x1f0, 0x208..0x2a0];
    for offset in ranges.into_iter().flatten() {
        assert_eq!(after(|raw| raw[offset] = 1), "SNP-04", "offset {offset:#x}");
    }
    for offset in 0x188..0x18b {
        let mut raw = report(2, Product::Milan);
        raw[offset] = 0x19;
        assert_eq!(rule(&raw), "SNP-04", "version 2 has no CPUID");
    }
}

#[test]
fn snp_05_mitigation_vectors_belong_to_version_5() {
    for offset in 0x1f8..0x208 {
        assert_eq!(after(|raw| raw[offset] = 1), "SNP-05");
        let mut raw = report(5, Product::Genoa);
        raw[offset] = 1;
        assert_eq!(rule(&raw), "accepted");
    }
}

#[test]
fn snp_06_reserved_policy_bits() {
    for policy in [0_u64, 0x1_0000, 0x3_0000 | 1 << 26, 0x3_0000 | 1 << 40, 0x3_0000 | 1 << 63] {
        assert_eq!(after(|raw| raw[8..16].copy_from_slice(&policy.to_le_bytes())), "SNP-06");
    }
}

#[test]
fn every_policy_bit_has_its_field() {
    let policy = |bits: u64| GuestPolicy::parse((bits | 1 << 17).to_le_bytes()).unwrap();
    assert!(policy(1 << 16).smt && policy(1 << 18).migrate_ma && policy(1 << 19).debug);
    assert!(policy(1 << 20).single_socket && policy(1 << 21).cxl_allow && policy(1 << 22).mem_aes_256_xts);
    assert!(
        policy(1 << 23).rapl_dis && policy(1 << 24).ciphertext_hiding && policy(1 << 25).page_swap_disable
    );
    assert_eq!((policy(0x0137).abi_major, policy(0x0137).abi_minor), (1, 0x37));
    let none = policy(0);
    assert!(!none.smt && !none.debug && !none.page_swap_disable);
}

#[test]
fn snp_07_undefined_key_info() {
    for selector in 2..=6_u8 {
        assert_eq!(after(|raw| raw[0x48] = selector << 2), "SNP-07");
    }
    assert_eq!(after(|raw| raw[0x48] = 1 << 5), "SNP-07");
    for offset in 0x49..0x50 {
        assert_eq!(after(|raw| raw[offset] = 1), "SNP-07", "offset {offset:#x}");
    }
    assert_eq!(after(|raw| raw[0x48] = 1 << 2), "accepted");
}

#[test]
fn snp_08_other_algorithms() {
    for algorithm in [0_u32, 2, 0x0100_0001, u32::MAX] {
        assert_eq!(after(|raw| raw[0x34..0x38].copy_from_slice(&algorithm.to_le_bytes())), "SNP-08");
    }
}

#[test]
fn snp_09_every_byte_that_no_number_occupies() {
    for offset in (0x2a0 + 48..0x2a0 + 72).chain(0x2a0 + 72 + 48..REPORT_LENGTH) {
        assert_eq!(after(|raw| raw[offset] = 1), "SNP-09", "offset {offset:#x}");
    }
}

#[test]
fn snp_10_a_guest_has_vmpl_0_to_3() {
    for vmpl in [4, 5, 0x100, u32::MAX] {
        assert_eq!(after(|raw| raw[0x30..0x34].copy_from_slice(&vmpl.to_le_bytes())), "SNP-10");
    }
    assert_eq!(after(|raw| raw[0x30] = 3), "accepted");
}

#[test]
fn snp_11_and_12_reports_without_a_signature() {
    assert_eq!(after(|raw| raw[0x48] = 7 << 2), "SNP-11");
    assert_eq!(after(|raw| raw[0x48] = 1 << 1), "SNP-12");
    assert_eq!(after(|raw| raw[0x48] = 1 << 1 | 1 << 2), "SNP-12");
}

#[test]
fn snp_14_processors_without_a_root() {
    for (family, model) in
        [(0x17, 0x31), (0x19, 0x20), (0x19, 0x9f), (0x19, 0xb0), (0x1a, 0x12), (0x1a, 0x50), (0x1b, 0)]
    {
        assert_eq!(after(|raw| raw[0x188..0x18a].copy_from_slice(&[family, model])), "SNP-14");
    }
}

#[test]
fn the_ends_of_every_model_range() {
    let of = |family, model| Product::of(Cpuid { family, model, stepping: 0 });
    assert_eq!((of(0x19, 0x00), of(0x19, 0x0f)), (Some(Product::Milan), Some(Product::Milan)));
    assert_eq!((of(0x19, 0x10), of(0x19, 0x1f)), (Some(Product::Genoa), Some(Product::Genoa)));
    assert_eq!((of(0x19, 0xa0), of(0x19, 0xaf)), (Some(Product::Genoa), Some(Product::Genoa)));
    assert_eq!((of(0x1a, 0x00), of(0x1a, 0x11)), (Some(Product::Turin), Some(Product::Turin)));
    assert_eq!(
        (Product::named("Genoa"), Product::named("genoa"), Product::named("")),
        (Some(Product::Genoa), None, None)
    );
}

#[test]
fn snp_17_reserved_tcb_bytes_of_each_layout() {
    for tcb in [0x038, 0x180, 0x1e0, 0x1f0] {
        for byte in 2..=5 {
            assert_eq!(after(|raw| raw[tcb + byte] = 1), "SNP-17");
        }
        for byte in 4..=6 {
            let mut raw = report(5, Product::Turin);
            raw[tcb + byte] = 1;
            assert_eq!(rule(&raw), "SNP-17");
        }
    }
}

#[test]
fn snp_16_version_2_in_turins_layout() {
    for tcb in [0x038, 0x180, 0x1e0, 0x1f0] {
        let mut raw = report(2, Product::Milan);
        raw[tcb..tcb + 8].copy_from_slice(&[1, 2, 3, 4, 0, 0, 0, 5]);
        assert_eq!(rule(&raw), "SNP-16");
        raw[tcb + 5] = 1;
        assert_eq!(rule(&raw), "SNP-17", "no product's layout");
    }
}

#[test]
fn snp_18_a_turin_chip_id_has_eight_bytes() {
    for offset in [0x1a8, 0x1b0, 0x1df] {
        let mut raw = report(5, Product::Turin);
        raw[offset] = 1;
        assert_eq!(rule(&raw), "SNP-18");
        assert_eq!(after(|raw| raw[offset] = 1), "accepted", "64 bytes on Milan");
    }
}

#[test]
fn snp_45_no_agent_without_permission() {
    for offset in [0x160, 0x170, 0x17f] {
        assert_eq!(after(|raw| raw[offset] = 0), "SNP-45");
    }
    let mut raw = milan();
    raw[0x160] = 0;
    raw[0x00a] |= 1 << 2;
    assert!(Report::parse(&raw).unwrap().body().report_id_ma.is_some());
}

#[test]
fn snp_48_the_platform_keeps_the_guest_policy() {
    assert_eq!(after(|raw| raw[0x0a] = 0b10), "SNP-48", "SMT forbidden and on");
    assert_eq!(after(|raw| (raw[0x0a], raw[0x40]) = (0x83, 0x01)), "SNP-48", "RAPL demanded off and on");
    assert_eq!(after(|raw| raw[0x0b] = 1), "SNP-48", "ciphertext hiding demanded and off");
    assert_eq!(after(|raw| (raw[0x0a], raw[0x0b], raw[0x40]) = (0x82, 1, 0x18)), "accepted");
}

#[test]
fn snp_64_author_key_flag_and_digests() {
    assert_eq!(after(|raw| raw[0x110] = 1), "SNP-64", "digest without the flag");
    assert_eq!(after(|raw| raw[0x48] = 1), "SNP-64", "flag without the digest");
    assert_eq!(after(|raw| (raw[0x48], raw[0x110]) = (1, 1)), "SNP-64", "no id key digest");
    assert_eq!(after(|raw| (raw[0x48], raw[0x110], raw[0x0e0]) = (1, 1, 1)), "accepted");
}

#[test]
fn snp_68_reported_committed_current_in_order() {
    for component in [0, 1, 6, 7] {
        assert_eq!(after(|raw| raw[0x180 + component] += 1), "SNP-68", "reported above committed");
        assert_eq!(after(|raw| raw[0x1e0 + component] += 1), "SNP-68", "committed above current");
        assert_eq!(after(|raw| raw[0x038 + component] += 1), "accepted", "current ahead: provisional");
    }
    let milan = Tcb { fmc: None, bootloader: 0, tee: 0, snp: 0, microcode: 0 };
    let turin = Tcb { fmc: Some(9), bootloader: 9, tee: 9, snp: 9, microcode: 9 };
    assert!(!milan.at_most(turin) && !turin.at_most(milan), "layouts do not compare");
}

#[test]
fn the_code_of_every_error_starts_with_its_platform() {
    let error = Report::parse(&[]).unwrap_err();
    assert_eq!(error.rule().to_string(), "SNP-01 SnpReportLength");
    assert_eq!(error.to_string(), "a report has 1184 bytes, not 0");
}

/// Fields agree with an independent reader.
#[test]
fn the_sev_crate_reads_the_same_fields() {
    use sev::parser::ByteParser as _;
    for (version, product) in [(2, Product::Milan), (3, Product::Genoa), (5, Product::Turin)] {
        let raw = report(version, product);
        let ours = Report::parse(&raw).unwrap();
        let theirs = sev::firmware::guest::AttestationReport::from_bytes(&raw).unwrap();
        let body = ours.body();
        assert_eq!(body.version, theirs.version);
        assert_eq!(body.guest_svn, theirs.guest_svn);
        assert_eq!(body.vmpl, theirs.vmpl);
        assert_eq!(body.measurement.0[..], theirs.measurement[..]);
        assert_eq!(body.report_data.0[..], theirs.report_data[..]);
        assert_eq!(body.host_data.0[..], theirs.host_data[..]);
        assert_eq!(body.report_id.0[..], theirs.report_id[..]);
        assert_eq!(body.chip_id.0[..], theirs.chip_id[..]);
        for (ours, theirs) in [
            (body.reported_tcb, theirs.reported_tcb),
            (body.current_tcb, theirs.current_tcb),
            (body.committed_tcb, theirs.committed_tcb),
            (body.launch_tcb, theirs.launch_tcb),
        ] {
            assert_eq!(
                (ours.fmc, ours.bootloader, ours.tee, ours.snp, ours.microcode),
                (theirs.fmc, theirs.bootloader, theirs.tee, theirs.snp, theirs.microcode)
            );
        }
        assert_eq!(body.policy.smt, theirs.policy.smt_allowed());
        assert_eq!(body.policy.debug, theirs.policy.debug_allowed());
        assert_eq!(
            (body.current_version.major, body.current_version.build),
            (theirs.current.major, theirs.current.build)
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_report_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..1300)) {
        let _ = Report::parse(&bytes);
    }

    #[test]
    fn no_change_makes_the_report_parser_panic(offset in 0..REPORT_LENGTH, value: u8, version in 2..=5_u32) {
        let mut raw = report(version, Product::Genoa);
        raw[offset] = value;
        if let Ok(report) = Report::parse(&raw) {
            prop_assert_eq!(report.raw(), &raw);
        }
    }

    #[test]
    fn no_bytes_make_the_table_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = super::certificate_table::parse(&bytes);
    }
}
