//! Claims under NVIDIA's names, and what NVIDIA's documented default policy asks of them.

use super::{Bench, claims, judge};
use hanzo_attestation::nvidia::{Claims as NvidiaClaims, EatVersion, policy_input};
use hanzo_attestation::roots::ExtraRoots;
use hanzo_attestation::{Collateral, Revocation, RimHold, Roots, Verified};
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_lab::{
    DeviceOrder, LabChip, NvidiaLab, OcspDefect, OcspOrder, RimMinimum, RimOrder, RimProduct, RimVendor,
    Validity,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A GPU with manifests and answers about everything, and what a case changes.
struct World {
    bench: Bench,
    rims: RimVendor,
}

/// What is changed.
#[derive(Clone, Copy, Default)]
struct Change {
    /// The golden value of the VBIOS's manifest is another.
    golden: bool,
    /// The lowest security version in the driver's manifest; the lab's device has 3.
    minimum: u32,
    /// No answer about the device's own certificate.
    unanswered: bool,
    /// The manifests' signer is on hold, which is accepted.
    held: bool,
}

impl World {
    fn new() -> Self {
        let bench = Bench::new(LabChip::Gh100);
        let at = |text| UnixTime::parse(text).unwrap();
        let validity =
            Validity { not_before: at("2026-01-01T00:00:00Z"), not_after: at("2027-01-01T00:00:00Z") };
        Self { bench, rims: RimVendor::generate(validity).unwrap() }
    }

    fn asked(&self, index: usize, device_serial: &[u8], defect: Option<OcspDefect>) -> OcspOrder {
        let device_serial = device_serial.to_vec();
        OcspOrder { index, device_serial, sha384: false, by_issuer: false, now: self.bench.now, defect }
    }

    fn collateral(&self, change: Change) -> Collateral {
        let order = |version: &str, golden: (u8, u8)| RimOrder {
            version: version.to_owned(),
            golden: BTreeMap::from([(golden.0, vec![[golden.1; 48]])]),
            ..RimOrder::default()
        };
        let minimum = RimMinimum {
            kind: 37,
            name: "FSP_UCODE".to_owned(),
            min_svn: change.minimum,
            include_in_result: true,
        };
        let driver = RimOrder { minimums: vec![minimum], ..order("590.12", (7, 8)) };
        let vbios = order("96.00.A5.00.01", (0, if change.golden { 0x77 } else { 1 }));
        let mut collateral = Collateral::default();
        for order in [driver, vbios] {
            collateral = collateral.with_nvidia_rim(&self.rims.manifest(&order).unwrap());
        }
        for index in 0..3 {
            let defect = (change.held && index == 0).then_some(OcspDefect::Hold);
            let answer = self.rims.ocsp(RimProduct::Gh100, &self.asked(index, &[], defect)).unwrap();
            collateral = collateral.with_nvidia_ocsp(answer);
        }
        let hold = if change.held { RimHold::Accept } else { RimHold::Refuse };
        collateral.with_nvidia_rim_hold(hold)
    }

    fn verify(&self, change: Change) -> Verified {
        let device = self.bench.device(&DeviceOrder { nvdaod: true, ..DeviceOrder::default() });
        let indices = if change.unanswered { 2..4 } else { 1..4 };
        let ocsp: Vec<Vec<u8>> = indices
            .map(|index| self.bench.lab.ocsp(&self.asked(index, &device.device_serial, None)).unwrap())
            .collect();
        let roots = Roots::vendor().with_extra(ExtraRoots {
            nvidia: vec![self.bench.lab.root().to_vec()],
            nvidia_rim: vec![self.rims.root().to_vec()],
            ..ExtraRoots::default()
        });
        let revocation = match change.unanswered {
            true => Revocation::Waived { reason: "a test".to_owned() },
            false => Revocation::Required,
        };
        let item = NvidiaLab::item("nvidia-gpu", std::slice::from_ref(&device), &ocsp);
        judge(&[item], &roots, &self.collateral(change), &revocation, self.bench.now).unwrap()
    }

    fn input(&self, change: Change, version: EatVersion) -> Value {
        policy_input([claims(&self.verify(change), 0)].into_iter(), version).unwrap()
    }
}

/// What NVIDIA's default policy asks of each device: `measres`, and of three chains four claims each. Its
/// variant for caches asks all but the nonce.
fn unmet(input: &Value, with_nonce: bool) -> Vec<String> {
    let mut unmet = Vec::new();
    for (index, device) in input.as_array().unwrap().iter().enumerate() {
        let mut ask = |name: String, found: &Value, expected: Value| {
            if *found != expected {
                unmet.push(format!("{index} {name}"));
            }
        };
        ask("measres".to_owned(), &device["measres"], json!("success"));
        for chain in ["attestation-report", "driver-rim", "vbios-rim"] {
            let claims = &device[format!("x-nvidia-gpu-{chain}-cert-chain")];
            let mut of = |name: &str, expected: Value| {
                ask(format!("{chain} {name}"), &claims[format!("x-nvidia-cert-{name}")], expected);
            };
            of("status", json!("valid"));
            of("ocsp-status", json!("good"));
            of("ocsp-response-valid", json!(true));
            if with_nonce {
                of("ocsp-nonce-matches", json!(true));
            }
        }
    }
    unmet
}

#[test]
fn a_device_with_everything_meets_the_default_policy_but_for_the_nonce() {
    let world = World::new();
    for version in [EatVersion::V3, EatVersion::V4] {
        let input = world.input(Change::default(), version);
        assert_eq!(unmet(&input, false), [""; 0]);
        assert_eq!(unmet(&input, true).len(), 3, "nobody here asked the responder");
        assert_eq!(input[0]["x-nvidia-gpu-claims-version"], version.name());
        assert_eq!(input[0]["x-nvidia-device-type"], "gpu");
        assert!(input[0]["eat_nonce"] == "07".repeat(32) && input[0]["secboot"] == true);
    }
}

/// NVR-45, NVR-47, NV-21, NVR-30: what is not so is not claimed.
#[test]
fn what_is_wrong_is_in_the_claims() {
    let world = World::new();
    let ask = |change| unmet(&world.input(change, EatVersion::V4), false);
    assert_eq!(ask(Change { golden: true, ..Change::default() }), ["0 measres"]);
    assert_eq!(ask(Change { minimum: 4, ..Change::default() }), ["0 measres"]);
    let unanswered = ask(Change { unanswered: true, ..Change::default() });
    assert_eq!(unanswered, ["0 attestation-report ocsp-status", "0 attestation-report ocsp-response-valid"]);
    let held = ask(Change { held: true, ..Change::default() });
    let expected =
        ["0 driver-rim status", "0 driver-rim ocsp-status", "0 vbios-rim status", "0 vbios-rim ocsp-status"];
    assert_eq!(held, expected);
    let input = world.input(Change { held: true, ..Change::default() }, EatVersion::V3);
    let chain = &input[0]["x-nvidia-gpu-driver-rim-cert-chain"];
    assert_eq!(chain["x-nvidia-cert-revocation-reason"], "certificateHold");
}

/// The names of version 3.0, and the two that 4.0 adds.
#[test]
fn the_names_are_the_vendors() {
    let world = World::new();
    let verified = world.verify(Change { minimum: 4, golden: true, ..Change::default() });
    let of = |version| policy_input([claims(&verified, 0)].into_iter(), version).unwrap()[0].clone();
    let (v3, v4) = (of(EatVersion::V3), of(EatVersion::V4));
    let names = |claims: &Value| -> Vec<String> { claims.as_object().unwrap().keys().cloned().collect() };
    for name in [
        "eat_nonce",
        "measres",
        "secboot",
        "dbgstat",
        "hwmodel",
        "ueid",
        "oemid",
        "x-nvidia-device-type",
        "x-nvidia-mismatch-measurement-records",
        "x-nvidia-gpu-arch-check",
        "x-nvidia-gpu-driver-version",
        "x-nvidia-gpu-vbios-version",
        "x-nvidia-gpu-attestation-report-cert-chain",
        "x-nvidia-gpu-attestation-report-cert-chain-fwid-match",
        "x-nvidia-gpu-attestation-report-parsed",
        "x-nvidia-gpu-attestation-report-nonce-match",
        "x-nvidia-gpu-attestation-report-signature-verified",
        "x-nvidia-gpu-driver-rim-fetched",
        "x-nvidia-gpu-driver-rim-schema-validated",
        "x-nvidia-gpu-driver-rim-cert-chain",
        "x-nvidia-gpu-driver-rim-signature-verified",
        "x-nvidia-gpu-driver-rim-version-match",
        "x-nvidia-gpu-driver-rim-measurements-available",
        "x-nvidia-gpu-vbios-rim-fetched",
        "x-nvidia-gpu-vbios-rim-cert-chain",
        "x-nvidia-gpu-vbios-rim-measurements-available",
        "x-nvidia-gpu-vbios-index-no-conflict",
        "x-nvidia-gpu-claims-version",
    ] {
        assert!(v3.get(name).is_some(), "{name}");
    }
    let added: Vec<String> = names(&v4).into_iter().filter(|name| v3.get(name).is_none()).collect();
    assert!(added.len() == 2 && names(&v3).iter().all(|name| v4.get(name).is_some()), "{added:?}");
    assert_eq!(v4["x-nvidia-attester-claims"], json!({"FSP_UCODE": 3}));
    let record = &v4["x-nvidia-mismatch-opaque-data-records"][0];
    assert_eq!(
        (&record["name"], &record["goldenValue"], &record["runtimeValue"]),
        (&json!("FSP_UCODE"), &json!(4), &json!(3))
    );
    assert_eq!(v3["x-nvidia-mismatch-measurement-records"][0]["measurementSource"], "firmware");
    assert!(v3["secboot"].is_null() && v3["dbgstat"].is_null(), "nothing is said of a device that differs");
    // Signed, and in none of the vendor's claims.
    for name in ["mode", "pdi", "fwid", "nvdec0", "rim", "revocation", "opaque_format"] {
        assert!(v3["x-hanzo-device"].get(name).is_some(), "{name}");
    }
}

/// A policy that asks something of every device says yes to none: there is no empty input.
#[test]
fn no_devices_make_no_input() {
    assert_eq!(policy_input(std::iter::empty::<&NvidiaClaims>(), EatVersion::V3), None);
}
