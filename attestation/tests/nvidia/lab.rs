//! A lab's devices: what is accepted, and each defect by the one rule that it breaks.

use super::{Bench, claims};
use hanzo_attestation::nvidia::{FwidMatch, Source};
use hanzo_attestation::{Cache, Collateral, Context, Revocation, Roots, verify};
use hanzo_attestation_evidence::nvidia::{Architecture, Format, Mode, Toggle};
use hanzo_attestation_evidence::{Document, Hex, Severity, UnixTime};
use hanzo_attestation_lab::{DeviceOrder, LabChip, LabDevice, NvidiaDefect, NvidiaLab};
use serde_json::json;

/// NV-01 to NV-20: every defect is refused by its own rule.
#[test]
fn every_defect_breaks_its_one_rule() {
    let bench = Bench::new(LabChip::Gh100);
    assert!(bench.judge_gpu(&DeviceOrder::default()).is_ok());
    for defect in NvidiaDefect::ALL {
        let order = DeviceOrder { defect: Some(*defect), ..DeviceOrder::default() };
        let refusal = bench.judge_gpu(&order).map(drop);
        assert_eq!(refusal, Err(format!("{} {}", defect.rule(), defect.expects())), "{}", defect.name());
    }
}

/// NV-07, NV-08, NV-09: the same in the newer layout of opaque data.
#[test]
fn opaque_data_of_the_newer_layout_obeys_the_same_rules() {
    let bench = Bench::new(LabChip::Gh100);
    for defect in [NvidiaDefect::OpaqueOverrun, NvidiaDefect::OpaqueVersion, NvidiaDefect::DuplicateEntry] {
        let order = DeviceOrder { nvdaod: true, defect: Some(defect), ..DeviceOrder::default() };
        let refusal = bench.judge_gpu(&order).map(drop);
        assert_eq!(refusal, Err(format!("{} {}", defect.rule(), defect.expects())), "{}", defect.name());
    }
}

/// Both layouts say the same of a device, and security versions only where the layout has types of values.
#[test]
fn both_layouts_are_read() {
    let bench = Bench::new(LabChip::Gh100);
    for (nvdaod, format, version) in [(false, Format::Legacy, 1), (true, Format::Nvdaod, 2)] {
        let verified = bench.judge_gpu(&DeviceOrder { nvdaod, ..DeviceOrder::default() }).unwrap();
        let device = &claims(&verified, 0).devices[0];
        assert_eq!((device.opaque_format, device.opaque_version), (format, version));
        assert_eq!(device.fields.driver_version.as_deref(), Some("590.12"));
        assert_eq!(device.fields.vbios_version.as_deref(), Some("96.00.A5.00.01"));
        assert_eq!((device.fields.mode, device.fields.nvdec0), (Some(Mode::Spt), Some(Toggle::Off)));
        assert_eq!(device.fields.security_versions.get(&37).copied(), nvdaod.then_some(3));
        assert_eq!((device.pdi, device.fwid), (Hex(*b"lab-gpu0"), FwidMatch::Match));
        assert_eq!(device.device_info.as_deref(), Some("LAB:GH100:0001"));
        assert_eq!((device.measurements.len(), device.nonce), (64, Hex([7; 32])));
        assert!(verified.lab() && verified.items()[0].facts().lab);
        // Claims and what the opaque data says share one object: no name is there twice.
        let text = serde_json::to_vec(verified.items()[0].claims()).unwrap();
        let json = hanzo_attestation_evidence::json::parse(&text).unwrap();
        assert_eq!(json["devices"][0]["fwid_match"], "match");
        assert_eq!(json["devices"][0]["fwid"], "5f".repeat(48));
    }
}

#[test]
fn every_family_has_its_chain_and_its_form_of_firmware_id() {
    for (chip, kind, architecture, count) in [
        (LabChip::Gh100, "nvidia-gpu", Architecture::Hopper, 64),
        (LabChip::Gb100, "nvidia-gpu", Architecture::Blackwell, 64),
        (LabChip::Gr100, "nvidia-gpu", Architecture::Rubin, 64),
        (LabChip::Ls10, "nvidia-switch", Architecture::Ls10, 31),
    ] {
        let bench = Bench::new(chip);
        let device = bench.device(&DeviceOrder { chip, ..DeviceOrder::default() });
        let verified = bench.judge(&[NvidiaLab::item(kind, std::slice::from_ref(&device), &[])]).unwrap();
        let found = &claims(&verified, 0).devices[0];
        assert_eq!((found.architecture, found.measurements.len()), (architecture, count));
        assert_eq!(found.fwid_certificate, Some(Hex([0x5f; 48])));
        // What the item declares is a hint: the chip is the certificate's word, and the rest is appraisal's.
        let other = if kind == "nvidia-gpu" { "nvidia-switch" } else { "nvidia-gpu" };
        let declared_otherwise = bench.judge(&[NvidiaLab::item(other, &[device], &[])]).unwrap();
        assert_eq!(claims(&declared_otherwise, 0).devices[0].architecture, architecture);
    }
}

/// NV-19: the PDI that a switch states is that of its certificate.
#[test]
fn a_switch_states_its_own_pdi() {
    let bench = Bench::new(LabChip::Ls10);
    let of = |pdi| bench.device(&DeviceOrder { chip: LabChip::Ls10, pdi, ..DeviceOrder::default() });
    let (one, other) = (of(*b"switch01"), of(*b"switch02"));
    let verified = bench.judge(&[NvidiaLab::item("nvidia-switch", &[one.clone(), other], &[])]).unwrap();
    let devices = &claims(&verified, 0).devices;
    assert!(devices.iter().all(|device| device.fields.device_pdi == Some(device.pdi)));
    assert_eq!(verified.items()[0].facts().chip, None, "two devices have no one identity");
    // A report with another PDI in it carries no signature of its own device.
    let mut changed = one;
    let at = changed.report.windows(8).position(|window| window == b"switch01").unwrap();
    changed.report[at] ^= 1;
    let refusal = bench.judge(&[NvidiaLab::item("nvidia-switch", &[changed], &[])]).map(drop);
    assert_eq!(refusal, Err("NV-19 PdiMismatch".to_owned()));
}

/// NV-03: up to sixteen zeros may follow, and are reported.
#[test]
fn zeros_after_the_signature_are_a_finding() {
    let bench = Bench::new(LabChip::Gh100);
    for trailing in [0, 1, 16] {
        let verified = bench.judge_gpu(&DeviceOrder { trailing, ..DeviceOrder::default() }).unwrap();
        let said = verified.items()[0].findings().iter().any(|finding| finding.rule.id == "NV-03");
        assert_eq!((said, claims(&verified, 0).devices[0].trailing), (trailing > 0, trailing));
    }
}

/// NV-03: what is nobody's statement gives a report no second name in records.
#[test]
fn zeros_after_the_signature_do_not_change_the_digest_of_the_evidence() {
    let bench = Bench::new(LabChip::Gh100);
    let device = bench.device(&DeviceOrder::default());
    let digest = |device: LabDevice| {
        let item = NvidiaLab::item("nvidia-gpu", &[device], &[]);
        bench.judge(&[item]).unwrap().evidence_digest()
    };
    let mut padded = device.clone();
    padded.report.extend([0; 16]);
    assert_eq!(digest(padded), digest(device));
}

/// NV-13: the lab's devices are nobody's without its root, and no certificate that comes along is one.
#[test]
fn a_root_that_comes_along_is_no_anchor() {
    let bench = Bench::new(LabChip::Gh100);
    let item = NvidiaLab::item("nvidia-gpu", &[bench.device(&DeviceOrder::default())], &[]);
    let (collateral, now) = (Collateral::default(), bench.now);
    let refusal =
        super::judge(std::slice::from_ref(&item), &Roots::vendor(), &collateral, &bench.revocation, now);
    assert_eq!(refusal.map(drop), Err("NV-13 ChainOrder".to_owned()));
    let stranger = Bench::new(LabChip::Gh100);
    assert_eq!(stranger.judge(&[item]).map(drop), Err("NV-13 ChainOrder".to_owned()));
}

/// A chain that comes without its root is the same chain, and a sixth certificate is none.
#[test]
fn the_root_may_be_left_out() {
    let bench = Bench::new(LabChip::Gh100);
    let mut device = bench.device(&DeviceOrder::default());
    let end = "-----END CERTIFICATE-----\n";
    let all: Vec<String> = device.certs.split_inclusive(end).map(str::to_owned).collect();
    device.certs = all[..4].concat();
    assert!(bench.judge(&[NvidiaLab::item("nvidia-gpu", &[device.clone()], &[])]).is_ok());
    for wrong in [all[..3].concat(), all.concat() + &all[4], String::new(), all[1..].concat()] {
        device.certs = wrong;
        let refusal = bench.judge(&[NvidiaLab::item("nvidia-gpu", &[device.clone()], &[])]).map(drop);
        assert_eq!(refusal, Err("NV-10 ChainLength".to_owned()));
    }
    let swapped = [&all[1], &all[0], &all[2], &all[3]].map(String::as_str).concat();
    device.certs = swapped;
    let refusal = bench.judge(&[NvidiaLab::item("nvidia-gpu", &[device], &[])]).map(drop);
    assert_eq!(refusal, Err("NV-12 ChainProfile".to_owned()), "the leaf comes first");
}

/// NV-14: both ends of validity are included, at the instant that is given.
#[test]
fn dates_are_judged_at_the_given_instant() {
    let bench = Bench::new(LabChip::Gh100);
    let issued_at = UnixTime::parse("2026-05-01T00:00:00Z").unwrap();
    let order = DeviceOrder { issued_at: Some(issued_at), ..DeviceOrder::default() };
    let item = [NvidiaLab::item("nvidia-gpu", &[bench.device(&order)], &[])];
    let at = |seconds: i64| {
        let now = UnixTime::from_seconds(issued_at.seconds() + seconds).unwrap();
        super::judge(&item, &bench.roots, &Collateral::default(), &bench.revocation, now).map(drop)
    };
    assert_eq!(at(0), Ok(()));
    assert_eq!(at(-1), Err("NV-14 ChainNotInValidity".to_owned()));
}

/// NV-21: revocation is unknown, and says so where it is waived.
#[test]
fn unchecked_revocation_is_refused_or_waived_by_name() {
    let mut bench = Bench::new(LabChip::Gh100);
    let verified = bench.judge_gpu(&DeviceOrder::default()).unwrap();
    let finding = verified.items()[0].findings().iter().find(|finding| finding.rule.id == "NV-21").unwrap();
    assert_eq!(finding.severity, Severity::Warn);
    assert!(finding.message.contains("a test"));
    let standing = &claims(&verified, 0).devices[0].revocation;
    assert!(standing.len() == 3 && standing.iter().all(|standing| standing.source == Source::Unchecked));
    bench.revocation = Revocation::Required;
    let refusal = bench.judge_gpu(&DeviceOrder::default()).map(drop);
    assert_eq!(refusal, Err("NV-21 RevocationUnchecked".to_owned()));
}

/// COL-05: sixteen devices, each by its own chain, are within the budget; a warm device costs one operation.
#[test]
fn operations_are_bounded_and_known_chains_cost_one() {
    let bench = Bench::new(LabChip::Gh100);
    let devices: Vec<_> = (0..16_u8)
        .map(|index| bench.device(&DeviceOrder { pdi: [index + 1; 8], ..DeviceOrder::default() }))
        .collect();
    let document = json!({"evidence": [NvidiaLab::item("nvidia-gpu", &devices, &[])]}).to_string();
    let cache = Cache::new(64);
    let (collateral, revocation) = (Collateral::default(), &bench.revocation);
    let operations = || {
        let evidence = Document::from_json(document.as_bytes()).unwrap().parse().unwrap();
        let context = Context {
            roots: &bench.roots,
            collateral: &collateral,
            revocation,
            now: bench.now,
            cache: &cache,
        };
        verify(evidence, &context).unwrap().public_key_operations()
    };
    // A report and two certificates of its own each, and the two that all share.
    assert_eq!(operations(), 16 * 3 + 2);
    assert_eq!(operations(), 16);
}
