//! GPUs and switches of the lab's directory through the real verifier, strictly and without a waiver: beside
//! a CPU that names them they are acceptable, and each defect is refused by its own rule and by no other.

use crate::judge::NOW;
use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Claims, Collateral, Revocation, Roots, Verified, verify};
use hanzo_attestation_evidence::nvidia::{Architecture, Mode};
use hanzo_attestation_evidence::{
    Binding, Broken, Document, Finding, Hex, Kem, Recipient, Severity, UnixTime,
};
use hanzo_attestation_lab::event_log::LabLog;
use hanzo_attestation_lab::{
    Devices, DevicesDefect, DevicesOrder, Lab, LabChip, LabMode, NvidiaDefect, OcspDefect, OcspStaple,
    OcspSubject, RimDefect, SnpOrder, TdxOrder,
};
use hanzo_policy::appraisal::Allowed;
use hanzo_policy::appraisal::nvidia::Thresholds;
use hanzo_policy::{Appraisal, Tier, appraise, appraise_devices, appraise_item};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The challenge of these tests.
fn binding() -> Binding {
    let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![9; 32]).unwrap();
    Binding::new("a challenge", &recipient, None, &[]).unwrap()
}

/// Devices that answer it, with OCSP answers of today.
fn order(change: impl FnOnce(&mut DevicesOrder)) -> DevicesOrder {
    let now = UnixTime::parse(NOW).unwrap();
    let mut order = DevicesOrder {
        nonce: *binding().device_nonce(),
        ocsp: Some(OcspStaple { now, defect: None }),
        ..DevicesOrder::default()
    };
    change(&mut order);
    order
}

fn several(gpus: u8, switches: u8) -> DevicesOrder {
    order(|order| (order.gpus, order.switches) = (gpus, switches))
}

/// The items of the devices and, before them, that of a CPU whose report names them.
fn beside_a_cpu(devices: &Devices) -> (Vec<Value>, Binding) {
    let binding = binding().with_devices(&devices.digests).unwrap();
    let report_data = *binding.cpu_report_data();
    let cpu = Lab::fixture().snp(&SnpOrder { report_data, ..SnpOrder::default() }).unwrap();
    ([vec![cpu], devices.items.clone()].concat(), binding)
}

fn verified(items: Vec<Value>, collateral: &Collateral) -> Result<Verified, &'static str> {
    let document = Lab::document(items).to_string();
    let document = Document::from_json(document.as_bytes()).map_err(|error| error.rule().code)?;
    let evidence = document.parse().map_err(|error| error.rule().code)?;
    let roots = Roots::vendor().with_extra(Lab::fixture().extra_roots());
    let context = Context {
        roots: &roots,
        collateral,
        revocation: &Revocation::Required,
        now: UnixTime::parse(NOW).unwrap(),
        cache: Cache::off(),
    };
    verify(evidence, &context).map_err(|refused| refused.finding.rule.code)
}

/// The tier that a document answering a challenge proves, or the first refusal of the whole way; the lab's usual
/// TD is a guest whose word about interfaces counts.
pub(crate) fn tier_of_document(document: &Value, challenge: &Binding) -> Result<Tier, &'static str> {
    let items = document["evidence"].as_array().unwrap().clone();
    let text = document.to_string();
    let read = Document::from_json(text.as_bytes()).map_err(|error| error.rule().code)?;
    let read = read.parse().map_err(|error| error.rule().code)?;
    let binding = challenge.with_devices(&read.device_digests()).unwrap();
    let attested = verified(items, &Lab::fixture().collateral())?
        .bind(&binding)
        .map_err(|refused| refused.finding.rule.code)?;
    let rtmrs = LabLog::usual_td().rtmrs();
    let guest = json!({"tee": "tdx", "registers": {
        "mr_td": Hex(TdxOrder::usual_mr_td()), "rtmr1": Hex(rtmrs[1]), "rtmr2": Hex(rtmrs[2]),
    }});
    let mut appraisal = Appraisal::strict();
    appraisal.tee_io.guests = vec![serde_json::from_value(guest).unwrap()];
    let appraised = appraise(attested, &appraisal).map_err(|refused| refused.finding.rule.code)?;
    Ok(hanzo_policy::tier_of(appraised.items(), &appraisal))
}

fn refusals(findings: impl Iterator<Item = Finding>) -> Vec<&'static str> {
    findings.filter(|finding| finding.severity == Severity::Refuse).map(|finding| finding.rule.code).collect()
}

/// Every refusal of these devices alone: of verification the first, of appraisal all.
fn judged(order: &DevicesOrder) -> Vec<&'static str> {
    judged_with(order, &Lab::fixture().collateral(), &Thresholds::strict())
}

fn judged_with(order: &DevicesOrder, collateral: &Collateral, limits: &Thresholds) -> Vec<&'static str> {
    judged_items(Lab::fixture().devices(order).unwrap().items, collateral, limits)
}

/// The same for the items of a document.
pub(crate) fn refusals_of(items: Vec<Value>) -> Vec<&'static str> {
    judged_items(items, &Lab::fixture().collateral(), &Thresholds::strict())
}

fn judged_items(items: Vec<Value>, collateral: &Collateral, limits: &Thresholds) -> Vec<&'static str> {
    let appraisal = Appraisal { nvidia: limits.clone(), ..Appraisal::strict() };
    match verified(items, collateral) {
        Err(code) => vec![code],
        Ok(verified) => {
            let items = verified.items().iter();
            let alone = items.clone().flat_map(|item| appraise_item(item, &appraisal));
            let together = appraise_devices(items.map(|item| item.claims()), &appraisal);
            refusals(alone.chain(together.into_iter().map(|(_, finding)| finding)))
        }
    }
}

/// The tier, or the first refusal of the whole way that a broker goes.
fn decided(order: &DevicesOrder) -> Result<Tier, &'static str> {
    let (items, binding) = beside_a_cpu(&Lab::fixture().devices(order).unwrap());
    let attested = verified(items, &Lab::fixture().collateral())?
        .bind(&binding)
        .map_err(|refused| refused.finding.rule.code)?;
    let appraised = appraise(attested, &Appraisal::strict()).map_err(|refused| refused.finding.rule.code)?;
    Ok(hanzo_policy::tier_of(appraised.items(), &Appraisal::strict()))
}

#[test]
fn usual_devices_beside_a_cpu_reach_the_third_tier() {
    let blackwell = |order: &mut DevicesOrder| order.chip = LabChip::Gb100;
    let older = |order: &mut DevicesOrder| order.driver = Some("580.95.05".to_owned());
    let mpt_of_one = |order: &mut DevicesOrder| order.mode = Some(LabMode::Mpt);
    for order in [
        order(|_| {}),
        order(older),
        order(mpt_of_one),
        several(2, 0),
        several(8, 4),
        order(blackwell),
        DevicesOrder { gpus: 8, ..order(blackwell) },
        DevicesOrder { machine: 7, ..several(16, 0) },
    ] {
        assert_eq!(decided(&order), Ok(Tier::GpuCc), "{order:?}");
    }
}

/// NV-20, NV-15, NV-12 and every other rule of class H for one device's report and chain.
#[test]
fn every_defect_of_a_device_is_refused_by_its_own_rule() {
    for defect in NvidiaDefect::ALL {
        let spoilt = order(|order| order.first = Some(*defect));
        assert_eq!(judged(&spoilt), [defect.expects()], "{}", defect.name());
    }
}

/// NV-22 to NV-28, NV-21.
#[test]
fn every_defect_of_an_answer_is_refused_by_its_own_rule() {
    for defect in OcspDefect::ALL {
        let now = UnixTime::parse(NOW).unwrap();
        let spoilt = order(|order| order.ocsp = Some(OcspStaple { now, defect: Some(*defect) }));
        assert_eq!(judged(&spoilt), [defect.expects()], "{}", defect.name());
    }
    assert_eq!(judged(&order(|order| order.ocsp = None)), ["RevocationUnchecked"]);
}

/// NV-70, NV-71, NV-75, NV-78 to NV-82, NVR-40, NVR-42, NVR-43, NVR-45 to NVR-47: each by exactly its rule.
#[test]
fn every_defect_of_devices_together_is_refused_by_its_own_rule() {
    for defect in DevicesDefect::ALL {
        let spoilt = order(|_| {}).with_defect(*defect);
        // Which challenge is the right one, only a binding says.
        let found = if *defect == DevicesDefect::OtherNonce {
            vec![decided(&spoilt).unwrap_err()]
        } else {
            judged(&spoilt)
        };
        assert_eq!(found, [defect.expects()], "{}", defect.name());
    }
}

/// NV-70, NV-78: the attack that counting devices lets through.
#[test]
fn eleven_copies_beside_one_switch_are_refused() {
    let copies = several(8, 1).with_defect(DevicesDefect::Copies);
    assert_eq!(judged(&copies), ["DeviceDuplicate", "TopologyOpen"]);
    let devices = Lab::fixture().devices(&copies).unwrap();
    assert_eq!(devices.items[0]["devices"].as_array().unwrap().len(), 11);
}

/// NV-31: a binding over other devices, or over these in another order.
#[test]
fn a_binding_covers_the_devices_in_their_order() {
    let devices = Lab::fixture().devices(&several(2, 0)).unwrap();
    let (items, right) = beside_a_cpu(&devices);
    let bind = |binding: &Binding| {
        let verified = verified(items.clone(), &Lab::fixture().collateral()).unwrap();
        verified.bind(binding).map(drop).map_err(|refused| refused.finding.rule.code)
    };
    assert_eq!(bind(&right), Ok(()));
    let [first, second] = [devices.digests[0], devices.digests[1]];
    for named in [vec![second, first], vec![first], vec![first, second, second], Vec::new()] {
        let other = binding().with_devices(&named).unwrap();
        assert_eq!(bind(&other), Err("DevicesNotCovered"), "{} named", named.len());
    }
}

/// NV-72, NV-73, NV-74, NV-76, NV-77: what an operator may demand, and the lab's knobs for it.
#[test]
fn thresholds_of_an_operator_are_met_or_not() {
    let judge = |order: &DevicesOrder, change: fn(&mut Thresholds)| {
        let mut limits = Thresholds::strict();
        change(&mut limits);
        judged_with(order, &Lab::fixture().collateral(), &limits)
    };
    let older = order(|order| order.driver = Some("580.95.05".to_owned()));
    let floor = |limits: &mut Thresholds| {
        limits.minimum_driver = Some("590.0".to_owned().try_into().unwrap());
    };
    assert_eq!(judge(&older, floor), ["DriverBelowFloor"]);
    assert!(judge(&order(|_| {}), floor).is_empty());
    let three = |limits: &mut Thresholds| limits.gpus = Some(3);
    assert_eq!(judge(&several(2, 0), three), ["DeviceCount"]);
    assert!(judge(&several(3, 0), three).is_empty());
    let newest = |limits: &mut Thresholds| {
        let floor = "96.00.DA.00.01".to_owned().try_into().unwrap();
        limits.minimum_firmware.insert(Architecture::Hopper, floor);
    };
    assert_eq!(judge(&order(|_| {}), newest), ["FirmwareBelowFloor"]);
    let protected = |limits: &mut Thresholds| limits.modes = Allowed::Listed(vec![Mode::Ppcie]);
    assert_eq!(judge(&order(|_| {}), protected), ["ModeNotAllowed"]);
    assert!(judge(&several(8, 4), protected).is_empty());
    let first_of_machine_2 = |limits: &mut Thresholds| {
        limits.pdis = Allowed::Listed(vec![Hex(*b"LG\0\0\0\x02\0\x01")]);
    };
    assert_eq!(judge(&order(|_| {}), first_of_machine_2), ["PdiNotAllowed"]);
    assert!(judge(&order(|order| order.machine = 2), first_of_machine_2).is_empty());
}

/// NVR-41, NVR-44, NVR-03 and every other rule for manifests: a device beside it is genuine, and what it
/// measures is unknown.
#[test]
fn a_manifest_with_a_defect_vouches_for_nothing() {
    let lab = Lab::fixture();
    let orders = Lab::manifest_orders();
    let of = |name: &str| orders.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    let judge = |manifests: &[Vec<u8>]| {
        let collateral = manifests.iter().fold(lab.amd_collateral(), |all, xml| all.with_nvidia_rim(xml));
        judged_with(&order(|_| {}), &collateral, &Thresholds::strict())
    };
    let vbios = lab.manifest(&of("gh100-vbios")).unwrap();
    assert!(judge(&[lab.manifest(&of("gh100-driver")).unwrap(), vbios.clone()]).is_empty());
    for defect in RimDefect::ALL {
        let spoilt = lab.manifest(&of("gh100-driver").with_defect(*defect)).unwrap();
        let found = judge(&[spoilt, vbios.clone()]);
        // One that cannot be read is of no version.
        assert!(["RimNotTrusted", "RimMissing"].contains(&found[0]), "{}: {found:?}", defect.name());
        assert_eq!(found.len(), 1, "{}: {found:?}", defect.name());
    }
    let mut conflicting = of("gh100-driver");
    conflicting.golden.insert(0, vec![[1; 48]]);
    assert_eq!(judge(&[lab.manifest(&conflicting).unwrap(), vbios]), ["RimIndexConflict"]);
}

/// NV-21: answers that a broker keeps stand for those that do not come along, and only in force.
#[test]
fn answers_may_be_kept_in_the_place_of_stapled_ones() {
    let now = UnixTime::parse(NOW).unwrap();
    let bare = DevicesOrder { machine: 3, ocsp: None, ..several(2, 0) };
    let device = |number| OcspSubject::Device { machine: 3, number };
    let subjects = [
        device(1),
        device(2),
        OcspSubject::Provisioner,
        OcspSubject::Product,
        OcspSubject::RimSigner,
        OcspSubject::RimLevel3,
        OcspSubject::RimFamily,
    ];
    let with = |subjects: &[OcspSubject], chip, staple| {
        let answers = subjects.iter().map(|subject| Lab::fixture().ocsp(chip, *subject, staple).unwrap());
        let collateral = answers.fold(Lab::fixture().collateral(), Collateral::with_nvidia_ocsp);
        judged_with(&bare, &collateral, &Thresholds::strict())
    };
    let good = OcspStaple { now, defect: None };
    assert!(with(&subjects, LabChip::Gh100, good).is_empty());
    for missing in 0..4 {
        let mut fewer = subjects.to_vec();
        fewer.remove(missing);
        assert_eq!(with(&fewer, LabChip::Gh100, good), ["RevocationUnchecked"], "without {missing}");
    }
    // Two manifests of each of two devices.
    assert_eq!(with(&subjects[..4], LabChip::Gh100, good), ["RimNotTrusted"; 4]);
    assert_eq!(with(&subjects, LabChip::Gb100, good), ["RevocationUnchecked"]);
    let revoked = OcspStaple { now, defect: Some(OcspDefect::Revoked) };
    assert_eq!(with(&subjects, LabChip::Gh100, revoked), ["CertificateRevoked"]);
}

#[test]
fn names_of_defects_are_distinct() {
    let devices = DevicesDefect::ALL.iter().map(|defect| defect.name());
    let names: Vec<&str> = devices.chain(NvidiaDefect::ALL.iter().map(|defect| defect.name())).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}

#[test]
fn each_machine_has_devices_of_its_own() {
    let pdis = |machine| -> Vec<Hex<8>> {
        let devices = Lab::fixture().devices(&DevicesOrder { machine, ..several(2, 0) }).unwrap();
        let verified = verified(devices.items, &Lab::fixture().collateral()).unwrap();
        let Claims::Nvidia(claims) = verified.items()[0].claims() else { panic!("claims of GPUs") };
        claims.devices.iter().map(|device| device.pdi).collect()
    };
    let machines = [pdis(1), pdis(2), pdis(1)];
    assert_eq!(machines.concat().iter().collect::<BTreeSet<_>>().len(), 4, "the third is the first again");
}
