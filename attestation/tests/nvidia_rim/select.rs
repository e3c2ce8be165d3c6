//! Which manifests are a device's.

use super::{lab_roots, now, time, vendor, waived};
use hanzo_attestation::nvidia::rim::{Appraised, Device, Outcome, Runtime, appraise};
use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Collateral, Revocation, Roots};
use hanzo_attestation_evidence::{Severity, UnixTime};
use hanzo_attestation_lab::{RimDefect, RimOrder, RimProduct, Validity};
use std::collections::BTreeMap;

const DRIVER: &str = "590.12";
const VBIOS: &str = "96.00.5E.00.01";

fn order(version: &str, index: u8, value: u8) -> RimOrder {
    let golden = BTreeMap::from([(index, vec![[value; 48]])]);
    RimOrder { version: version.to_owned(), golden, ..RimOrder::default() }
}

fn driver() -> RimOrder {
    order(DRIVER, 7, 7)
}

fn vbios() -> RimOrder {
    order(VBIOS, 0, 0xa0)
}

fn collateral(orders: &[RimOrder]) -> Collateral {
    let manifests = orders.iter().map(|order| vendor().manifest(order).unwrap());
    manifests.fold(Collateral::default(), |collateral, xml| collateral.with_nvidia_rim(&xml))
}

fn runtime() -> Runtime<'static> {
    const VALUES: [[u8; 48]; 2] = [[7; 48], [0xa0; 48]];
    Runtime {
        device: Device::Gpu,
        product: "GH100",
        driver_version: Some(DRIVER),
        firmware_version: Some(VBIOS),
        measurements: BTreeMap::from([(8, &VALUES[0][..]), (1, &VALUES[1][..])]),
        nvdec0: Some(0xaa),
        counters: BTreeMap::new(),
    }
}

fn judge_at(runtime: &Runtime<'_>, orders: &[RimOrder], now: UnixTime, revocation: &Revocation) -> Appraised {
    let (roots, collateral) = (lab_roots(), collateral(orders));
    appraise(
        runtime,
        &[],
        &Context { roots: &roots, collateral: &collateral, revocation, now, cache: Cache::off() },
    )
}

fn judge(runtime: &Runtime<'_>, orders: &[RimOrder]) -> Appraised {
    judge_at(runtime, orders, now(), &waived())
}

/// The code of every finding; each refuses.
fn findings(appraised: &Appraised) -> Vec<&'static str> {
    let findings = appraised.result.findings();
    assert!(findings.iter().all(|finding| finding.severity == Severity::Refuse));
    findings.iter().map(|finding| finding.rule.code).collect()
}

#[test]
fn a_device_finds_its_manifests_among_others() {
    let others = [order("590.13", 7, 9), order("96.00.5E.00.02", 0, 9), order("96.00.5E.00.011", 0, 9)];
    let orders = [&others[..], &[driver(), vbios()]].concat();
    let appraised = judge(&runtime(), &orders);
    assert_eq!((appraised.result.outcome, appraised.result.at_hand), (Outcome::Success, 5));
    assert!(findings(&appraised).is_empty());
    assert!(appraised.lab);
    assert_eq!(appraised.not_after, time("2027-01-01T00:00:00Z"));
    assert_eq!(appraised.uses.len(), 2);
    assert!(appraised.uses.iter().all(|used| used.kind == "nvidia-rim"));
    assert_eq!(appraised.findings.len(), 2, "one waiver for each");
    let lower = Runtime { firmware_version: Some("96.00.5e.00.01"), ..runtime() };
    assert_eq!(judge(&lower, &orders).result.outcome, Outcome::Success, "hex has two spellings");
}

/// NVR-40: without any manifest, and with those of others.
#[test]
fn without_its_manifest_a_device_is_never_a_success() {
    let none = judge(&runtime(), &[]);
    assert_eq!(none.result.outcome, Outcome::Incomplete);
    assert_eq!(findings(&none), ["RimMissing"; 2]);
    assert_eq!((none.not_after, none.lab), (UnixTime::MAX, false));
    let other = judge(&runtime(), &[driver(), order("96.00.5E.00.02", 0, 0xa0)]);
    assert_eq!(other.result.outcome, Outcome::Incomplete);
    assert_eq!(findings(&other), ["RimMissing"]);
}

/// NVR-41: one that is not trusted is none, and says why: not signed, out of date, revocation unknown,
/// another root.
#[test]
fn a_manifest_that_is_not_trusted_is_none() {
    for defect in [RimDefect::OtherDigest, RimDefect::Expired, RimDefect::OtherKey, RimDefect::OtherFamily] {
        let appraised = judge(&runtime(), &[driver(), vbios().with_defect(defect)]);
        assert_eq!(appraised.result.outcome, Outcome::Incomplete);
        assert_eq!(findings(&appraised), ["RimNotTrusted"], "{}", defect.name());
        assert!(appraised.result.firmware.is_none() && appraised.result.driver.is_some());
    }
    let required = judge_at(&runtime(), &[driver(), vbios()], now(), &Revocation::Required);
    assert_eq!(findings(&required), ["RimNotTrusted"; 2]);
    let late = judge_at(&runtime(), &[driver(), vbios()], time("2030-01-01T00:00:00Z"), &waived());
    assert_eq!(findings(&late), ["RimNotTrusted"; 2]);
    let (roots, collateral, revocation) = (Roots::vendor(), collateral(&[driver(), vbios()]), waived());
    let context = Context {
        roots: &roots,
        collateral: &collateral,
        revocation: &revocation,
        now: now(),
        cache: Cache::off(),
    };
    assert_eq!(findings(&appraise(&runtime(), &[], &context)), ["RimNotTrusted"; 2]);
}

/// NVR-42: a properly signed manifest of the right version, for another product or another kind of device.
#[test]
fn a_manifest_of_another_product_is_refused() {
    let hopper = judge(&Runtime { product: "GB100", ..runtime() }, &[driver(), vbios()]);
    assert_eq!(findings(&hopper), ["RimProductMismatch"; 2]);
    let switch = RimOrder { product: RimProduct::Ls10, ..vbios() };
    let appraised = judge(&runtime(), &[driver(), switch.clone()]);
    assert_eq!(findings(&appraised), ["RimProductMismatch"]);
    let gpu = Runtime { device: Device::Switch, product: "LS_10", driver_version: None, ..runtime() };
    assert_eq!(findings(&judge(&gpu, &[vbios()])), ["RimProductMismatch"]);
    assert!(findings(&judge(&gpu, &[switch])).is_empty(), "LS_10 in certificates is LS10 in manifests");
}

/// NVR-43: a device that states no version has no manifest.
#[test]
fn a_version_is_never_guessed() {
    let silent = Runtime { driver_version: None, ..runtime() };
    let appraised = judge(&silent, &[driver(), vbios()]);
    assert_eq!(appraised.result.outcome, Outcome::Incomplete);
    assert_eq!(findings(&appraised), ["RimVersionUnknown"]);
}

/// Two issues of one id and one tag, with other golden values: the later signer counts, among those in force.
#[test]
fn of_two_issues_the_newer_in_force_counts() {
    let issued = |order: RimOrder, from: &str| {
        let signer_validity =
            Some(Validity { not_before: time(from), not_after: time("2026-12-01T00:00:00Z") });
        RimOrder { signer_validity, ..order }
    };
    let old = issued(order(VBIOS, 0, 0x0d), "2026-02-01T00:00:00Z");
    let new = issued(vbios(), "2026-03-01T00:00:00Z");
    let future = issued(order(VBIOS, 0, 0x0f), "2026-07-01T00:00:00Z");
    let orders = [future, old.clone(), new, driver()];
    let appraised = judge(&runtime(), &orders);
    assert_eq!(appraised.result.outcome, Outcome::Success);
    let used = appraised.result.firmware.clone().unwrap();
    assert_eq!(used.signer.not_before, time("2026-03-01T00:00:00Z"));
    let before = judge_at(&runtime(), &orders, time("2026-02-15T00:00:00Z"), &waived());
    assert_eq!(findings(&before), ["RimMeasurementMismatch"], "then the old one was");
    let old_use = before.result.firmware.unwrap();
    assert_eq!(old_use.tag_id, used.tag_id, "the tag does not tell them apart");
    assert_ne!(old_use.sha256, used.sha256);
    assert_eq!(findings(&judge(&runtime(), &[old, driver()])), ["RimMeasurementMismatch"]);
}

#[test]
fn the_same_file_twice_is_one() {
    let xml = vendor().manifest(&driver()).unwrap();
    let twice = Collateral::default().with_nvidia_rim(&xml).with_nvidia_rim(&xml);
    let (roots, revocation) = (lab_roots(), waived());
    let context = Context {
        roots: &roots,
        collateral: &twice,
        revocation: &revocation,
        now: now(),
        cache: Cache::off(),
    };
    assert_eq!(appraise(&runtime(), &[], &context).result.at_hand, 1);
}
