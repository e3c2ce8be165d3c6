//! Each rule alone: one claim or threshold is changed, and exactly that rule answers. And the attacks that
//! devices together must withstand.

use super::*;
use crate::appraisal::{Appraisal, appraise_claims, appraise_devices};
use crate::appraised::tier_of_claims;
use crate::devices::Devices;
use crate::sample;
use crate::tier::Tier;
use hanzo_attestation::nvidia::rim::{self, Outcome};
use hanzo_attestation::nvidia::{Claims, FwidMatch};
use hanzo_attestation::roots::ExtraRoots;
use hanzo_attestation::{Cache, Claims as AnyClaims, Collateral, Context, Facts, Revocation, Roots, verify};
use hanzo_attestation_evidence::nvidia::Class;
use hanzo_attestation_evidence::{Document, Finding, Hex, Severity, Tee, encoding};
use hanzo_attestation_lab::{DeviceOrder, LabChip, NvidiaLab, Validity};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const NOTHING: [&str; 0] = [];

/// A verified device of a lab, for which there is no manifest.
fn verified(chip: LabChip, kind: &str) -> (Claims, Facts) {
    let validity = Validity {
        not_before: sample::at("2026-01-01T00:00:00Z"),
        not_after: sample::at("2027-01-01T00:00:00Z"),
    };
    let lab = NvidiaLab::generate(chip, validity).unwrap();
    let device = lab.device(&DeviceOrder { chip, ..DeviceOrder::default() }).unwrap();
    let document = json!({"evidence": [NvidiaLab::item(kind, &[device], &[])]}).to_string();
    let evidence = Document::from_json(document.as_bytes()).unwrap().parse().unwrap();
    let extra = ExtraRoots { nvidia: vec![lab.root().to_vec()], ..ExtraRoots::default() };
    let context = Context {
        roots: &Roots::vendor().with_extra(extra),
        collateral: &Collateral::default(),
        revocation: &Revocation::Waived { reason: "a test".to_owned() },
        now: sample::now(),
        cache: Cache::off(),
    };
    let verified = verify(evidence, &context).unwrap();
    let item = &verified.items()[0];
    let AnyClaims::Nvidia(claims) = item.claims() else { panic!("NVIDIA claims") };
    (claims.as_ref().clone(), item.facts().clone())
}

pub(crate) static GPU: LazyLock<(Claims, Facts)> = LazyLock::new(|| verified(LabChip::Gh100, "nvidia-gpu"));
static SWITCH: LazyLock<(Claims, Facts)> = LazyLock::new(|| verified(LabChip::Ls10, "nvidia-switch"));

/// A device whose manifests vouch for it.
fn vouched(claims: &Claims) -> DeviceClaims {
    let mut device = claims.devices[0].clone();
    let runtime = rim::Runtime {
        device: rim::Device::Gpu,
        product: "GH100",
        driver_version: None,
        firmware_version: None,
        measurements: BTreeMap::new(),
        nvdec0: None,
        counters: BTreeMap::new(),
    };
    device.rim = rim::compare(&runtime, None, None);
    device.rim.outcome = Outcome::Success;
    device
}

pub(crate) fn gpu(change: impl FnOnce(&mut DeviceClaims)) -> DeviceClaims {
    let mut device = vouched(&GPU.0);
    change(&mut device);
    device
}

pub(crate) fn switch(change: impl FnOnce(&mut DeviceClaims)) -> DeviceClaims {
    let mut device = vouched(&SWITCH.0);
    change(&mut device);
    device
}

pub(crate) fn gpus(devices: Vec<DeviceClaims>) -> AnyClaims {
    AnyClaims::Nvidia(Box::new(Claims { class: Class::Gpu, devices }))
}

pub(crate) fn switches(devices: Vec<DeviceClaims>) -> AnyClaims {
    AnyClaims::Nvidia(Box::new(Claims { class: Class::Switch, devices }))
}

fn rules(findings: &[Finding]) -> Vec<String> {
    let refusals = findings.iter().filter(|finding| finding.severity == Severity::Refuse);
    refusals.map(|finding| finding.rule.to_string()).collect()
}

/// What appraisal refuses of these items, alone and together.
fn refusals(items: &[AnyClaims], thresholds: &Thresholds) -> Vec<String> {
    let appraisal = Appraisal { nvidia: thresholds.clone(), ..Appraisal::strict() };
    let alone = items.iter().flat_map(|claims| rules(&appraise_claims(claims, &GPU.1, &appraisal)));
    let together = appraise_devices(items.iter(), &appraisal).into_iter().map(|(_, finding)| finding);
    alone.chain(rules(&together.collect::<Vec<_>>())).collect()
}

fn one(device: DeviceClaims, thresholds: &Thresholds) -> Vec<String> {
    refusals(&[gpus(vec![device])], thresholds)
}

fn limits(change: impl FnOnce(&mut Thresholds)) -> Thresholds {
    let mut thresholds = Thresholds::strict();
    change(&mut thresholds);
    thresholds
}

/// A device that measures to manifests of these digests.
fn measured(device: DeviceClaims, driver: Option<u8>, firmware: u8) -> DeviceClaims {
    let used = |byte: u8| rim::RimUse {
        tag_id: "tag".to_owned(),
        version: "1".to_owned(),
        sha256: Hex([byte; 32]),
        signer: rim::RimSigner {
            subject: "signer".to_owned(),
            serial: "01".to_owned(),
            not_before: sample::now(),
            not_after: sample::now(),
        },
        revocation_checked: true,
        on_hold: false,
    };
    let mut device = device;
    device.rim.driver = driver.map(used);
    device.rim.firmware = Some(used(firmware));
    device
}

/// The manifests that policies see of these devices.
fn manifests(claims: &AnyClaims) -> Vec<String> {
    let AnyClaims::Nvidia(claims) = claims else { panic!("NVIDIA claims") };
    Devices::of(claims).registers().map(|r| format!("{}/{}/{}", r.tee.name(), r.name, r.digest)).collect()
}

#[test]
fn one_manifest_of_all_devices_is_a_register() {
    let [one, two] = [1, 2].map(|byte| Hex([byte; 32]));
    let gpu = |driver, vbios| measured(gpu(|_| {}), Some(driver), vbios);
    let both = [format!("nvidia-gpu/driver_rim/{one}"), format!("nvidia-gpu/vbios_rim/{two}")];
    assert_eq!(manifests(&gpus(vec![gpu(1, 2), gpu(1, 2)])), both);
    assert_eq!(manifests(&gpus(vec![gpu(1, 2), gpu(3, 2)])), both[1..], "two issues of the driver's");
    assert_eq!(manifests(&gpus(vec![gpu(1, 2), gpu(1, 3)])), both[..1], "two issues of the VBIOS's");
    let mut failed = gpu(1, 2);
    failed.rim.outcome = Outcome::Fail;
    assert_eq!(manifests(&gpus(vec![gpu(1, 2), failed])), NOTHING, "one does not measure to it");
    assert_eq!(manifests(&gpus(vec![])), NOTHING);
    let switch = measured(switch(|_| {}), None, 2);
    assert_eq!(manifests(&switches(vec![switch])), [format!("nvidia-switch/bios_rim/{two}")]);
}

fn version(text: &str) -> Version {
    Version::try_from(text.to_owned()).unwrap()
}

#[test]
fn a_gpu_that_its_manifests_vouch_for_is_acceptable() {
    assert_eq!(one(gpu(|_| {}), &Thresholds::strict()), NOTHING);
    assert_eq!(one(gpu(|_| {}), &Thresholds::corpus()), NOTHING);
    assert_eq!(Thresholds::default(), Thresholds::strict());
    assert_eq!(refusals(&[switches(vec![switch(|_| {})])], &Thresholds::strict()), NOTHING);
}

/// NVR-40: no threshold makes up for a manifest that is missing.
#[test]
fn a_device_without_manifests_is_refused_in_every_profile() {
    for thresholds in [Thresholds::strict(), Thresholds::corpus()] {
        let refused = one(GPU.0.devices[0].clone(), &thresholds);
        assert_eq!(refused, ["NVR-40 RimMissing", "NVR-40 RimMissing"], "driver and VBIOS");
    }
}

/// NV-71: a GPU states its firmware id; a switch has no place for it.
#[test]
fn a_report_without_a_firmware_id_is_refused_where_that_is_asked() {
    let absent = gpu(|device| device.fwid = FwidMatch::Absent);
    assert_eq!(one(absent.clone(), &Thresholds::strict()), ["NV-71 FwidAbsent"]);
    assert_eq!(one(absent, &Thresholds::corpus()), NOTHING);
    let absent = switch(|device| device.fwid = FwidMatch::Absent);
    assert_eq!(refusals(&[switches(vec![absent])], &Thresholds::strict()), NOTHING);
}

/// NV-72, NV-73.
#[test]
fn versions_have_floors() {
    let driver = |floor: &str| limits(|limits| limits.minimum_driver = Some(version(floor)));
    assert_eq!(one(gpu(|_| {}), &driver("590.12")), NOTHING);
    assert_eq!(one(gpu(|_| {}), &driver("590.13")), ["NV-72 DriverBelowFloor"]);
    assert_eq!(
        one(gpu(|device| device.fields.driver_version = None), &driver("1")),
        ["NV-72 DriverBelowFloor"]
    );
    assert_eq!(refusals(&[switches(vec![switch(|_| {})])], &driver("1000")), NOTHING, "a switch has none");
    let firmware = |architecture, floor: &str| {
        limits(|limits| drop(limits.minimum_firmware.insert(architecture, version(floor))))
    };
    assert_eq!(one(gpu(|_| {}), &firmware(Architecture::Hopper, "96.00.A5.00.01")), NOTHING);
    let below = ["NV-73 FirmwareBelowFloor"];
    assert_eq!(one(gpu(|_| {}), &firmware(Architecture::Hopper, "96.00.A5.00.02")), below);
    assert_eq!(one(gpu(|_| {}), &firmware(Architecture::Blackwell, "97.00")), NOTHING, "of another family");
}

/// NV-74, NV-76, NV-77.
#[test]
fn modes_counts_and_identities_can_be_listed() {
    let modes = |modes: &[Mode]| limits(|limits| limits.modes = Allowed::Listed(modes.to_vec()));
    assert_eq!(one(gpu(|_| {}), &modes(&[Mode::Spt])), NOTHING);
    let refused = ["NV-74 ModeNotAllowed"];
    assert_eq!(one(gpu(|_| {}), &modes(&[Mode::Mpt, Mode::Ppcie])), refused);
    assert_eq!(one(gpu(|device| device.fields.mode = None), &modes(&[Mode::Spt])), refused, "not stated");
    assert_eq!(one(gpu(|device| device.fields.mode = Some(Mode::Unknown)), &modes(&[Mode::Spt])), refused);
    for (expected, refused) in [(1, &NOTHING[..]), (2, &["NV-76 DeviceCount"]), (0, &["NV-76 DeviceCount"])] {
        assert_eq!(one(gpu(|_| {}), &limits(|limits| limits.gpus = Some(expected))), refused);
    }
    let none = appraise_devices(
        [].into_iter(),
        &Appraisal { nvidia: limits(|limits| limits.gpus = Some(1)), ..Appraisal::strict() },
    );
    assert_eq!(none[0].0, Tee::NvidiaGpu, "a missing GPU is missed");
    let (own, other) = (GPU.0.devices[0].pdi, Hex([9; 8]));
    let listed = |pdi| limits(|limits| limits.pdis = Allowed::Listed(vec![pdi]));
    let denied = |pdi| limits(|limits| limits.denied_pdis = vec![pdi]);
    for accepted in [listed(own), denied(other)] {
        assert_eq!(one(gpu(|_| {}), &accepted), NOTHING);
    }
    for refused in [listed(other), denied(own), limits(|limits| limits.pdis = Allowed::none())] {
        assert_eq!(one(gpu(|_| {}), &refused), ["NV-77 PdiNotAllowed"]);
    }
}

/// NV-95, NV-96: one device by its authority's serial number, all of a firmware by its id.
#[test]
fn serial_numbers_and_firmware_ids_can_be_denied() {
    let device = &GPU.0.devices[0];
    let own: Hex<9> = Hex(encoding::hex_array(&device.device_serial).unwrap());
    let serials = |serial| limits(|limits| limits.denied_device_serials = vec![Hex([7; 9]), serial]);
    assert_eq!(one(gpu(|_| {}), &serials(own)), ["NV-95 DeviceSerialDenied"]);
    assert_eq!(one(gpu(|_| {}), &serials(Hex([8; 9]))), NOTHING);
    assert_eq!(one(gpu(|device| device.device_serial = "08".repeat(9)), &serials(own)), NOTHING);
    let fwid = device.fwid_certificate.unwrap();
    let fwids = |fwid| limits(|limits| limits.denied_fwids = vec![fwid]);
    assert_eq!(one(gpu(|_| {}), &fwids(fwid)), ["NV-96 FwidDenied"]);
    assert_eq!(one(gpu(|_| {}), &fwids(Hex([8; 48]))), NOTHING);
    let switch_denied =
        refusals(&[switches(vec![switch(|device| device.fwid_certificate = Some(fwid))])], &fwids(fwid));
    assert_eq!(switch_denied, ["NV-96 FwidDenied"], "of a switch as well");
    let unstated = gpu(|device| device.fwid = FwidMatch::Absent);
    let lenient = Thresholds { require_fwid: false, ..fwids(fwid) };
    assert_eq!(one(unstated, &lenient), ["NV-96 FwidDenied"], "the certificate has it");
    for wrong in ["denied_device_serials = [\"41\"]", "denied_fwids = [\"00\"]", "denied_fwid = []"] {
        assert!(toml::from_str::<Thresholds>(wrong).is_err(), "{wrong}");
    }
}

/// NV-79: genuine, and never acceptable: no manifest of a form that is compared exists.
#[test]
fn devices_with_other_manifests_are_never_acceptable() {
    for thresholds in [Thresholds::strict(), Thresholds::corpus()] {
        let rubin = gpu(|device| device.architecture = Architecture::Rubin);
        let fsp = gpu(|device| {
            device.architecture = Architecture::Blackwell;
            device.hwmodel = "GB100 A01 FSP BROM".to_owned();
        });
        for device in [rubin, fsp] {
            assert_eq!(one(device, &thresholds), ["NV-79 RimFormUnsupported"]);
        }
    }
}

/// NV-82: in every profile, and it counts as no GPU either.
#[test]
fn a_switch_is_no_gpu_whatever_its_item_declares() {
    for thresholds in [Thresholds::strict(), Thresholds::corpus()] {
        let first = |items: &[AnyClaims]| refusals(items, &thresholds).into_iter().next();
        let among_gpus = gpus(vec![gpu(|_| {}), switch(|_| {})]);
        assert_eq!(first(std::slice::from_ref(&among_gpus)).as_deref(), Some("NV-82 DeviceKindMismatch"));
        assert_eq!(first(&[switches(vec![gpu(|_| {})])]).as_deref(), Some("NV-82 DeviceKindMismatch"));
        let cpu = sample::snp_item(sample::snp());
        let items = [(&cpu.0, &cpu.1), (&among_gpus, &GPU.1)];
        assert_eq!(tier_of_claims(items.into_iter(), &Appraisal::strict()), Tier::Confidential);
    }
}

/// NV-70, NV-75, NV-80, NV-81: several GPUs of one machine.
#[test]
fn several_gpus_are_distinct_and_alike() {
    let mpt = |pdi: u8| {
        gpu(|device| {
            device.pdi = Hex([pdi; 8]);
            device.fields.mode = Some(Mode::Mpt);
        })
    };
    for thresholds in [Thresholds::strict(), Thresholds::corpus()] {
        let judge = |devices: Vec<DeviceClaims>| refusals(&[gpus(devices)], &thresholds);
        assert_eq!(judge(vec![mpt(1), mpt(2), mpt(3)]), NOTHING);
        assert_eq!(judge(vec![mpt(1), mpt(2), mpt(1)]), ["NV-70 DeviceDuplicate"]);
        let with = |change: fn(&mut DeviceClaims)| {
            let mut other = mpt(2);
            change(&mut other);
            judge(vec![mpt(1), other])
        };
        assert_eq!(with(|device| device.fields.mode = Some(Mode::Spt)), ["NV-75 ModesMixed"]);
        assert_eq!(with(|device| device.fields.mode = None), ["NV-75 ModesMixed"]);
        assert_eq!(with(|device| device.nonce = Hex([8; 32])), ["NV-80 NoncesDiffer"]);
        let other_driver =
            |device: &mut DeviceClaims| device.fields.driver_version = Some("580.1".to_owned());
        assert_eq!(with(other_driver), ["NV-81 DriversDiffer"]);
        let single = |pdi| gpu(|device| device.pdi = Hex([pdi; 8]));
        assert_eq!(judge(vec![single(1), single(2)]), ["NV-75 ModesMixed"], "in a mode for one");
    }
}

/// Eight GPUs and four switches that name each other, as on one baseboard.
fn baseboard() -> (Vec<DeviceClaims>, Vec<DeviceClaims>) {
    let gpu_pdis: Vec<Hex<8>> = (1..=8).map(|n| Hex([n; 8])).collect();
    let switch_pdis: Vec<Hex<8>> = (101..=104).map(|n| Hex([n; 8])).collect();
    let mut links: Vec<Hex<8>> = switch_pdis.iter().cycle().take(17).copied().collect();
    links.push(Hex([0; 8]));
    let gpus = gpu_pdis.iter().map(|pdi| {
        gpu(|device| {
            device.pdi = *pdi;
            device.fields.mode = Some(Mode::Ppcie);
            device.fields.protected_pcie = Some(Toggle::On);
            device.fields.switch_pdis.clone_from(&links);
        })
    });
    let switches = switch_pdis.iter().map(|pdi| {
        switch(|device| {
            device.pdi = *pdi;
            device.fields.device_pdi = Some(*pdi);
            device.fields.gpu_pdis.clone_from(&gpu_pdis);
        })
    });
    (gpus.collect(), switches.collect())
}

fn closed(gpu_devices: Vec<DeviceClaims>, switch_devices: Vec<DeviceClaims>) -> Vec<String> {
    refusals(&[gpus(gpu_devices), switches(switch_devices)], &Thresholds::strict())
}

#[test]
fn a_whole_baseboard_is_acceptable() {
    let (gpus, switches) = baseboard();
    assert_eq!(closed(gpus, switches), NOTHING);
}

/// NV-78: whatever is missing, added, or says otherwise opens the topology.
#[test]
fn a_topology_that_is_not_closed_is_refused() {
    type Change = fn(&mut Vec<DeviceClaims>, &mut Vec<DeviceClaims>);
    let changes: [(&str, Change); 11] = [
        ("a GPU is missing", |gpus, _| drop(gpus.pop())),
        ("a switch is missing", |_, switches| drop(switches.pop())),
        ("no switch at all", |_, switches| switches.clear()),
        ("a GPU more", |gpus, _| {
            let another = DeviceClaims { pdi: Hex([99; 8]), ..gpus[0].clone() };
            gpus.push(another);
        }),
        ("a GPU is connected elsewhere", |gpus, _| gpus[0].fields.switch_pdis[0] = Hex([77; 8])),
        ("a GPU misses a switch", |gpus, _| gpus[0].fields.switch_pdis.truncate(3)),
        ("a switch is connected elsewhere", |_, switches| switches[0].fields.gpu_pdis[7] = Hex([77; 8])),
        ("a switch misses a GPU", |_, switches| switches[0].fields.gpu_pdis[7] = Hex([0; 8])),
        ("a switch is not locked", |_, switches| switches[0].fields.lock_status = Some(0)),
        ("a switch does not state itself", |_, switches| switches[0].fields.device_pdi = None),
        ("a GPU states that it is off", |gpus, _| gpus[0].fields.protected_pcie = Some(Toggle::Off)),
    ];
    for (what, change) in changes {
        let (mut gpus, mut switches) = baseboard();
        change(&mut gpus, &mut switches);
        assert_eq!(closed(gpus, switches), ["NV-78 TopologyOpen"], "{what}");
    }
}

/// NV-70, NV-78: eleven copies of one GPU's report and one switch's satisfy a rule that counts, and not
/// these.
#[test]
fn copies_of_one_report_are_no_baseboard() {
    let (gpus, switches) = baseboard();
    let copies = vec![gpus[0].clone(); 11];
    assert_eq!(closed(copies, switches[..1].to_vec()), ["NV-70 DeviceDuplicate", "NV-78 TopologyOpen"]);
    let copies = vec![gpus[0].clone(); 8];
    let refused = closed(copies, vec![switches[0].clone(); 4]);
    assert_eq!(refused, ["NV-70 DeviceDuplicate", "NV-78 TopologyOpen"]);
    // A switch cannot stand in for a GPU either: identities differ across both classes.
    let (mut gpus, switches) = baseboard();
    gpus[0].pdi = switches[0].pdi;
    assert!(closed(gpus, switches).contains(&"NV-70 DeviceDuplicate".to_owned()));
}

/// NV-78: GPUs alone are judged without their switches in the corpus profile, and nowhere else.
#[test]
fn protected_gpus_without_switches_are_refused_by_default() {
    let (devices, _) = baseboard();
    assert_eq!(refusals(&[gpus(devices.clone())], &Thresholds::strict()), ["NV-78 TopologyOpen"]);
    assert_eq!(refusals(&[gpus(devices)], &Thresholds::corpus()), NOTHING);
}

/// The third tier is a CPU's and its GPUs': neither alone has it, and no GPU that nothing vouches for gives
/// it.
#[test]
fn the_third_tier_takes_a_cpu_and_every_gpu() {
    let cpu = sample::snp_item(sample::snp());
    let good = (gpus(vec![gpu(|_| {}), gpu(|_| {})]), GPU.1.clone());
    let unknown = (gpus(vec![gpu(|_| {}), GPU.0.devices[0].clone()]), GPU.1.clone());
    let only_switches = (switches(vec![switch(|_| {})]), SWITCH.1.clone());
    let tier = |items: &[&(AnyClaims, Facts)]| {
        let items = items.iter().map(|(claims, facts)| (claims, facts));
        tier_of_claims(items, &Appraisal::strict())
    };
    assert_eq!(tier(&[&cpu, &good]), Tier::GpuCc);
    assert_eq!(tier(&[&good, &cpu]), Tier::GpuCc);
    assert_eq!(tier(&[&good]), Tier::Open);
    assert_eq!(tier(&[&cpu, &unknown]), Tier::Confidential);
    assert_eq!(tier(&[&cpu, &only_switches]), Tier::Confidential);
    assert_eq!(tier(&[&sample::key_item(), &good]), Tier::Encrypted);
    let poor = sample::unrated(cpu);
    assert_eq!(tier(&[&poor, &good]), Tier::Open, "a perfect GPU beside a CPU that proves nothing");
    let tpm = sample::tpm_item(sample::tpm());
    assert_eq!(tier(&[&tpm, &good]), Tier::Confidential, "a TPM is no TEE");
}

/// COL-26: thresholds are read by name, and a misspelt one is an error.
#[test]
fn thresholds_are_read_from_configuration() {
    let read = |text: &str| toml::from_str::<Thresholds>(text).map_err(|error| error.to_string());
    let text = "minimum_driver = \"570.124.06\"\nmodes = [\"ppcie\"]\ngpus = 8\n\
                minimum_firmware = { HOPPER = \"96.00.9F.00.01\" }\npdis = [\"412e7aa130caa058\"]";
    let limits = read(text).unwrap();
    assert_eq!((limits.gpus, limits.modes), (Some(8), Allowed::Listed(vec![Mode::Ppcie])));
    assert!(limits.require_fwid && limits.require_switches, "what is not said stays strict");
    for wrong in [
        "minimum_drivr = \"1\"",
        "minimum_driver = \"latest\"",
        "modes = [\"PPCIE\"]",
        "gpus = -1",
        "minimum_firmware = { hopper = \"1\" }",
        "pdis = [\"41\"]",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
