//! A device beside its manifests: each rule of the comparison, on a lab's manifests.

use super::{vendor, verify};
use hanzo_attestation::nvidia::rim::{Device, Outcome, RimResult, Runtime, Source, TrustedRim, compare};
use hanzo_attestation_evidence::Severity;
use hanzo_attestation_lab::{RimMinimum, RimOrder, RimProduct};
use std::collections::BTreeMap;

/// Value type and data of an entry of the opaque data.
type Entry<'a> = (u8, &'a [u8]);
type Golden = BTreeMap<u8, Vec<[u8; 48]>>;

/// The driver's values: one, two alternatives of which one is zero, and that of NVDEC0.
fn driver_golden() -> Golden {
    BTreeMap::from([(7, vec![[7; 48]]), (23, vec![[0; 48], [0x23; 48]]), (35, vec![[0x35; 48], [0x36; 48]])])
}

fn firmware_golden() -> Golden {
    BTreeMap::from([(0, vec![[0xa0; 48]]), (12, vec![[1; 48], [2; 48], [3; 48], [4; 48]])])
}

fn order(version: &str, golden: Golden) -> RimOrder {
    RimOrder { version: version.to_owned(), golden, ..RimOrder::default() }
}

fn trusted(order: &RimOrder) -> TrustedRim {
    verify(&vendor().manifest(order).unwrap()).unwrap()
}

fn driver() -> TrustedRim {
    trusted(&order("590.12", driver_golden()))
}

fn firmware() -> TrustedRim {
    trusted(&order("96.00.5E.00.01", firmware_golden()))
}

/// What a good device measures, by SPDM block.
fn measured() -> BTreeMap<u8, Vec<u8>> {
    let mut blocks: BTreeMap<u8, Vec<u8>> = (1..=64).map(|block| (block, vec![0; 48])).collect();
    for (block, byte) in [(8, 7), (24, 0), (36, 0x36), (1, 0xa0), (13, 3)] {
        blocks.insert(block, vec![byte; 48]);
    }
    blocks
}

fn runtime(blocks: &BTreeMap<u8, Vec<u8>>) -> Runtime<'_> {
    Runtime {
        device: Device::Gpu,
        product: "GH100",
        driver_version: Some("590.12"),
        firmware_version: Some("96.00.5E.00.01"),
        measurements: blocks.iter().map(|(block, value)| (*block, value.as_slice())).collect(),
        nvdec0: Some(0xaa),
        counters: BTreeMap::new(),
    }
}

fn codes(result: &RimResult) -> Vec<&'static str> {
    result.findings().iter().map(|finding| finding.rule.code).collect()
}

#[test]
fn a_device_that_measures_its_golden_values_succeeds() {
    let blocks = measured();
    let result = compare(&runtime(&blocks), Some(&driver()), Some(&firmware()));
    assert_eq!((result.outcome, result.compared), (Outcome::Success, 5), "{result:?}");
    assert!(result.mismatches.is_empty() && result.unmatched.is_empty() && codes(&result).is_empty());
    let used = result.driver.unwrap();
    assert_eq!((used.version.as_str(), used.tag_id.len()), ("590.12", 96));
    assert_eq!(used.signer.subject, "HCC RIM L4 Signer");
    assert_eq!(result.firmware.unwrap().version, "96.00.5E.00.01");
}

/// NVR-45: each golden index must be measured, in its size, as one of the alternatives.
#[test]
fn a_measurement_that_differs_is_recorded() {
    let changes: [(u8, Option<Vec<u8>>); 5] = [
        (8, Some(vec![8; 48])),
        (8, Some(vec![7; 47])),
        (8, Some([vec![7; 48], vec![0]].concat())),
        (8, Some(Vec::new())),
        (8, None),
    ];
    for (block, value) in changes {
        let mut blocks = measured();
        blocks.remove(&block);
        if let Some(value) = value.clone() {
            blocks.insert(block, value);
        }
        let result = compare(&runtime(&blocks), Some(&driver()), Some(&firmware()));
        assert_eq!((result.outcome, codes(&result)), (Outcome::Fail, vec!["RimMeasurementMismatch"]));
        let [mismatch] = result.mismatches.as_slice() else { panic!("{result:?}") };
        assert_eq!(
            (mismatch.index, mismatch.golden_size, mismatch.measurement_source),
            (7, 48, Source::Driver)
        );
        assert_eq!(mismatch.golden_value, [7; 48].into());
        assert_eq!(mismatch.runtime_size, value.as_ref().map(Vec::len));
        let record = serde_json::to_value(mismatch).unwrap();
        assert_eq!(record["measurementSource"], "driver");
        assert_eq!(record["runtimeValue"].is_null(), value.is_none());
    }
}

/// NVR-45: any alternative will do, an all-zero one too, and no other.
#[test]
fn alternatives_are_all_as_good() {
    for (byte, accepted) in [(1, true), (2, true), (3, true), (4, true), (0, false), (5, false)] {
        let mut blocks = measured();
        blocks.insert(13, vec![byte; 48]);
        let result = compare(&runtime(&blocks), Some(&driver()), Some(&firmware()));
        assert_eq!(result.outcome == Outcome::Success, accepted, "{byte}");
        if !accepted {
            assert_eq!(result.mismatches[0].measurement_source, Source::Firmware);
            assert_eq!(result.mismatches[0].golden_value, [1; 48].into(), "the first");
        }
    }
    for (byte, accepted) in [(0, true), (0x23, true), (0x24, false)] {
        let mut blocks = measured();
        blocks.insert(24, vec![byte; 48]);
        let result = compare(&runtime(&blocks), Some(&driver()), Some(&firmware()));
        assert_eq!(result.outcome == Outcome::Success, accepted, "{byte:#x}");
    }
}

/// NVR-46: index 35 counts while NVDEC0 is on and is left out while it is off; anything else fails.
#[test]
fn nvdec0_decides_about_index_35() {
    for (status, value, expected) in [
        (Some(0xaa), 0x36, vec![]),
        (Some(0xaa), 0x99, vec!["RimMeasurementMismatch"]),
        (Some(0x55), 0x36, vec![]),
        (Some(0x55), 0x99, vec![]),
        (None, 0x36, vec!["NvdecStatusInvalid"]),
        (Some(0), 0x36, vec!["NvdecStatusInvalid"]),
        (Some(0xab), 0x36, vec!["NvdecStatusInvalid"]),
    ] {
        let mut blocks = measured();
        blocks.insert(36, vec![value; 48]);
        let runtime = Runtime { nvdec0: status, ..runtime(&blocks) };
        let result = compare(&runtime, Some(&driver()), Some(&firmware()));
        assert_eq!(codes(&result), expected, "{status:?} {value:#x}");
        assert_eq!(result.nvdec0_skipped, status == Some(0x55));
        assert_eq!(result.outcome == Outcome::Success, expected.is_empty());
    }
}

/// NVR-44: one index in both manifests is a conflict, even if they agree.
#[test]
fn two_manifests_do_not_speak_of_one_index() {
    let mut golden = firmware_golden();
    golden.insert(7, vec![[7; 48]]);
    let blocks = measured();
    let result =
        compare(&runtime(&blocks), Some(&driver()), Some(&trusted(&order("96.00.5E.00.01", golden))));
    assert_eq!((result.outcome, codes(&result)), (Outcome::Fail, vec!["RimIndexConflict"]));
    assert_eq!((result.conflicts.as_slice(), result.compared), (&["index 7".to_owned()][..], 4));
}

/// NVR-40: half of the manifests is never a success; what differs is found all the same.
#[test]
fn a_missing_manifest_leaves_the_comparison_incomplete() {
    let blocks = measured();
    let (driver, firmware) = (driver(), firmware());
    for (driver, firmware) in [(Some(&driver), None), (None, Some(&firmware)), (None, None)] {
        let result = compare(&runtime(&blocks), driver, firmware);
        assert_eq!(result.outcome, Outcome::Incomplete);
    }
    let mut changed = measured();
    changed.insert(1, vec![9; 48]);
    let result = compare(&runtime(&changed), None, Some(&firmware));
    assert_eq!((result.outcome, result.mismatches[0].index), (Outcome::Fail, 0));
}

#[test]
fn a_switch_has_one_manifest_and_no_nvdec0() {
    let golden: Golden = (30..=35).map(|index| (index, vec![[index; 48]])).collect();
    let order = RimOrder { product: RimProduct::Ls10, ..order("96.10.55.00.01", golden) };
    let blocks: BTreeMap<u8, Vec<u8>> = (30..=35).map(|index| (index + 1, vec![index; 48])).collect();
    let runtime = Runtime {
        device: Device::Switch,
        product: "LS10",
        driver_version: None,
        nvdec0: None,
        ..runtime(&blocks)
    };
    let result = compare(&runtime, None, Some(&trusted(&order)));
    assert_eq!((result.outcome, result.compared), (Outcome::Success, 6));
    assert_eq!(compare(&runtime, None, None).outcome, Outcome::Incomplete);
}

/// Measured and not vouched for: said, and no failure, as with NVIDIA's verifiers.
#[test]
fn what_no_manifest_vouches_for_is_reported() {
    let mut blocks = measured();
    blocks.insert(51, vec![0x50; 48]);
    blocks.insert(0xfd, vec![1; 1263]);
    let result = compare(&runtime(&blocks), Some(&driver()), Some(&firmware()));
    assert_eq!((result.outcome, result.unmatched.as_slice()), (Outcome::Success, &[50, 0xfc][..]));
}

fn minimum(kind: u16, name: &str, min_svn: u32) -> RimMinimum {
    RimMinimum { kind, name: name.to_owned(), min_svn, include_in_result: kind == 37 }
}

/// NVR-47: a security version is stated, of its type, and not below its minimum.
#[test]
fn security_versions_have_a_minimum() {
    let order = RimOrder { minimums: vec![minimum(37, "FSP", 3)], ..order("590.12", driver_golden()) };
    let (driver, firmware, blocks) = (trusted(&order), firmware(), measured());
    let cases: [(Option<Entry<'_>>, Option<u16>, bool); 7] = [
        (Some((0x87, &[3, 0])), Some(3), true),
        (Some((0x87, &[0, 1])), Some(256), true),
        (Some((0x87, &[2, 0])), Some(2), false),
        (Some((0x86, &[3, 0])), None, false),
        (Some((0x87, &[3])), None, false),
        (Some((0x87, &[3, 0, 0])), None, false),
        (None, None, false),
    ];
    for (entry, stated, accepted) in cases {
        let counters = entry.map(|entry| (37, entry)).into_iter().collect();
        let result = compare(&Runtime { counters, ..runtime(&blocks) }, Some(&driver), Some(&firmware));
        assert_eq!(result.outcome == Outcome::Success, accepted, "{entry:?}");
        assert_eq!(result.security_versions.get("FSP").copied(), stated, "{entry:?}");
        if !accepted {
            assert_eq!(codes(&result), ["RimSecurityVersion"]);
            let record = serde_json::to_value(&result.counter_mismatches[0]).unwrap();
            assert_eq!((&record["id"], &record["goldenValue"]), (&37.into(), &3.into()));
            assert_eq!(record.get("runtimeValue").is_some(), stated.is_some());
        }
    }
}

/// NVR-44: one type or one name in both manifests is a conflict.
#[test]
fn two_manifests_do_not_speak_of_one_security_version() {
    let (blocks, data) = (measured(), [9, 0]);
    let with = |version: &str, golden, minimum| {
        trusted(&RimOrder { minimums: vec![minimum], ..order(version, golden) })
    };
    for (other, conflicts) in
        [(minimum(37, "other", 1), true), (minimum(39, "FSP", 1), true), (minimum(39, "other", 1), false)]
    {
        let driver = with("590.12", driver_golden(), minimum(37, "FSP", 1));
        let firmware = with("96.00.5E.00.01", firmware_golden(), other);
        let counters = [37, 39].map(|kind| (kind, (0x87, &data[..]))).into_iter().collect();
        let result = compare(&Runtime { counters, ..runtime(&blocks) }, Some(&driver), Some(&firmware));
        assert_eq!(codes(&result), if conflicts { vec!["RimIndexConflict"] } else { vec![] });
    }
}

#[test]
fn every_problem_refuses() {
    let mut blocks = measured();
    blocks.insert(1, vec![9; 48]);
    let result = compare(&runtime(&blocks), Some(&driver()), Some(&firmware()));
    let findings = result.findings();
    assert!(!findings.is_empty() && findings.iter().all(|finding| finding.severity == Severity::Refuse));
}
