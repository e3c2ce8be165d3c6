//! Every truncation and every changed byte of a genuine report is refused; and a report is its own device's.

use super::corpus::cases;
use super::{Bench, judge};
use hanzo_attestation::{Collateral, Revocation, Roots};
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::encoding::{base64_decode, base64_encode};
use hanzo_attestation_lab::{DeviceOrder, LabChip, NvidiaLab};
use serde_json::Value;

fn try_all(name: &str, item: &Value, roots: &Roots, now: UnixTime) {
    let waived = Revocation::Waived { reason: "a test".to_owned() };
    let accepts = |report: &[u8]| {
        let mut item = item.clone();
        item["devices"][0]["report"] = base64_encode(report).into();
        judge(&[item], roots, &Collateral::default(), &waived, now).is_ok()
    };
    let genuine = base64_decode(item["devices"][0]["report"].as_str().unwrap()).unwrap();
    assert!(accepts(&genuine), "{name} is genuine");
    for length in 0..genuine.len() {
        assert!(!accepts(&genuine[..length]), "{name}: {length} bytes");
    }
    for position in 0..genuine.len() {
        let mut changed = genuine.clone();
        changed[position] ^= 1 << (position % 8);
        assert!(!accepts(&changed), "{name}: byte {position}");
    }
    println!("{name}: {0} truncations and {0} changed bytes refused", genuine.len());
}

/// NV-01 to NV-20.
#[test]
fn no_changed_report_of_a_lab_is_accepted() {
    let bench = Bench::new(LabChip::Gh100);
    for nvdaod in [false, true] {
        let device = bench.device(&DeviceOrder { nvdaod, ..DeviceOrder::default() });
        try_all("a lab's", &NvidiaLab::item("nvidia-gpu", &[device], &[]), &bench.roots, bench.now);
    }
}

/// NV-01 to NV-20, on a real Hopper and a real switch.
#[test]
fn no_changed_report_of_a_real_device_is_accepted() {
    let cases = cases();
    for name in ["h100-590-nvidia", "ls10-json"] {
        match cases.iter().find(|case| case.name == name) {
            Some(case) => try_all(name, &case.item, &Roots::vendor(), case.now),
            None => println!("SKIPPED: {name} is not at hand"),
        }
    }
}

/// NV-15, NV-20: one device's report with another device's certificates, and certificates of two chains.
#[test]
fn reports_and_chains_of_two_devices_do_not_mix() {
    let bench = Bench::new(LabChip::Gh100);
    let [one, two] = [1, 2].map(|pdi| bench.device(&DeviceOrder { pdi: [pdi; 8], ..DeviceOrder::default() }));
    let refused = |device| bench.judge(&[NvidiaLab::item("nvidia-gpu", &[device], &[])]).map(drop);
    let mut mixed = one.clone();
    mixed.certs.clone_from(&two.certs);
    assert_eq!(refused(mixed), Err("NV-20 ReportSignature".to_owned()));
    let end = "-----END CERTIFICATE-----\n";
    let certs = |text: &str| text.split_inclusive(end).map(str::to_owned).collect::<Vec<_>>();
    let mut mixed = one.clone();
    mixed.certs = [&certs(&one.certs)[..1], &certs(&two.certs)[1..]].concat().concat();
    assert_eq!(refused(mixed), Err("NV-13 ChainOrder".to_owned()));
}

/// The chip that evidence is said to be of is no field of it: only signed names count.
#[test]
fn no_unsigned_name_of_an_architecture_is_read() {
    let bench = Bench::new(LabChip::Gh100);
    let mut item = NvidiaLab::item("nvidia-gpu", &[bench.device(&DeviceOrder::default())], &[]);
    item["devices"][0]["arch"] = "BLACKWELL".into();
    assert_eq!(bench.judge(&[item]).map(drop), Err("COL-03 EnvelopeMalformed".to_owned()));
}
