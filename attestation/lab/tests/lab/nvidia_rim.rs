//! A lab's GPU beside a lab's manifests, judged strictly and without any waiver: OCSP answers speak for every
//! certificate.

use crate::judge::NOW;
use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Collateral, ExtraRoots, Revocation, Roots, verify};
use hanzo_attestation_evidence::{Document, Hex, Severity, UnixTime};
use hanzo_attestation_lab::{
    DeviceOrder, Lab, LabChip, NvidiaLab, OcspOrder, RimDefect, RimMinimum, RimOrder, RimProduct, RimVendor,
    Validity,
};
use hanzo_policy::appraisal::nvidia::Thresholds;
use hanzo_policy::{Appraisal, appraise_item};
use serde_json::Value;
use std::collections::BTreeMap;

struct Bench {
    devices: NvidiaLab,
    manifests: RimVendor,
    now: UnixTime,
}

impl Bench {
    fn new() -> Self {
        let now = UnixTime::parse(NOW).unwrap();
        let validity =
            Validity { not_before: now, not_after: UnixTime::parse("2027-06-01T00:00:00Z").unwrap() };
        Self {
            devices: NvidiaLab::generate(LabChip::Gh100, validity).unwrap(),
            manifests: RimVendor::generate(validity).unwrap(),
            now,
        }
    }

    fn answer(&self, index: usize, device_serial: &[u8]) -> OcspOrder {
        OcspOrder {
            index,
            device_serial: device_serial.to_vec(),
            sha384: true,
            by_issuer: false,
            now: self.now,
            defect: None,
        }
    }

    /// A GPU with the answers about its own chain, and about its manifests'.
    fn gpu(&self) -> Value {
        let device = self.devices.device(&DeviceOrder { nvdaod: true, ..DeviceOrder::default() }).unwrap();
        let own = (1..4).map(|index| self.devices.ocsp(&self.answer(index, &device.device_serial)));
        let manifests = (0..3).map(|index| self.manifests.ocsp(RimProduct::Gh100, &self.answer(index, &[])));
        let answers: Vec<Vec<u8>> = own.chain(manifests).map(Result::unwrap).collect();
        NvidiaLab::item("nvidia-gpu", &[device], &answers)
    }

    /// The refusals of appraisal.
    fn judge(&self, orders: &[RimOrder], limits: Thresholds) -> Vec<&'static str> {
        let manifests: Vec<Vec<u8>> =
            orders.iter().map(|order| self.manifests.manifest(order).unwrap()).collect();
        self.judge_files(&manifests, limits)
    }

    fn judge_files(&self, manifests: &[Vec<u8>], limits: Thresholds) -> Vec<&'static str> {
        let collateral =
            manifests.iter().fold(Collateral::default(), |collateral, xml| collateral.with_nvidia_rim(xml));
        let extra = ExtraRoots {
            nvidia: vec![self.devices.root().to_vec()],
            nvidia_rim: vec![self.manifests.root().to_vec()],
            ..ExtraRoots::default()
        };
        let context = Context {
            roots: &Roots::vendor().with_extra(extra),
            collateral: &collateral,
            revocation: &Revocation::Required,
            now: self.now,
            cache: Cache::off(),
        };
        let document = Lab::document(vec![self.gpu()]).to_string();
        let evidence = Document::from_json(document.as_bytes()).unwrap().parse().unwrap();
        let verified = verify(evidence, &context).unwrap();
        let appraisal = Appraisal { nvidia: limits, ..Appraisal::strict() };
        let findings = appraise_item(&verified.items()[0], &appraisal);
        let refusals = findings.iter().filter(|finding| finding.severity == Severity::Refuse);
        refusals.map(|finding| finding.rule.code).collect()
    }
}

/// The lab's GPU measures its block's number, 48 times; golden indices are one less.
fn order(version: &str, indices: impl IntoIterator<Item = u8>) -> RimOrder {
    let golden: BTreeMap<u8, _> = indices.into_iter().map(|index| (index, vec![[index + 1; 48]])).collect();
    RimOrder { version: version.to_owned(), golden, ..RimOrder::default() }
}

fn driver() -> RimOrder {
    let minimum = |min_svn| RimMinimum { kind: 37, name: "FSP".to_owned(), min_svn, include_in_result: true };
    RimOrder { minimums: vec![minimum(3)], ..order("590.12", [7, 23, 35]) }
}

fn vbios() -> RimOrder {
    order("96.00.A5.00.01", [0, 1, 12])
}

#[test]
fn a_gpu_with_its_manifests_and_answers_is_acceptable() {
    let bench = Bench::new();
    assert!(bench.judge(&[driver(), vbios()], Thresholds::strict()).is_empty());
}

/// NVR-40, NVR-41, NVR-45, NVR-47: the device is genuine, and not acceptable.
#[test]
fn a_gpu_that_differs_from_its_manifests_is_not() {
    let bench = Bench::new();
    let judge = |orders: &[RimOrder]| bench.judge(orders, Thresholds::strict());
    assert_eq!(judge(&[]), ["RimMissing", "RimMissing"]);
    assert_eq!(judge(&[driver()]), ["RimMissing"]);
    assert_eq!(judge(&[driver(), vbios().with_defect(RimDefect::OtherKey)]), ["RimNotTrusted"]);
    let mut other = vbios();
    other.golden.insert(12, vec![[0; 48]]);
    assert_eq!(judge(&[driver(), other]), ["RimMeasurementMismatch"]);
    let mut newer = driver();
    newer.minimums[0].min_svn = 4;
    assert_eq!(judge(&[newer, vbios()]), ["RimSecurityVersion"]);
}

/// NVR-48, NVR-49: what an operator denies does not count, whoever signed it.
#[test]
fn a_denied_manifest_or_signer_is_refused() {
    let bench = Bench::new();
    let xml = bench.manifests.manifest(&driver()).unwrap();
    let rim = hanzo_attestation_evidence::nvidia::rim::Rim::parse(&xml).unwrap();
    let certificate = rim.signature().certificates[0].clone();
    let certificate = hanzo_attestation_evidence::x509::Certificate::parse(&certificate).unwrap();
    let signer: String = certificate.serial().iter().map(|byte| format!("{byte:02x}")).collect();
    let limits = Thresholds { denied_manifest_signers: vec![signer], ..Thresholds::strict() };
    assert_eq!(bench.judge(&[driver(), vbios()], limits), ["RimSignerDenied", "RimSignerDenied"]);
    let file = rim.sha256();
    let limits = Thresholds { denied_manifests: vec![file], ..Thresholds::strict() };
    let files = [xml, bench.manifests.manifest(&vbios()).unwrap()];
    assert_eq!(bench.judge_files(&files, limits), ["RimDenied"]);
    let other = Thresholds {
        denied_manifest_signers: vec!["00".to_owned()],
        denied_manifests: vec![Hex([0; 32])],
        ..Thresholds::strict()
    };
    assert!(bench.judge(&[driver(), vbios()], other).is_empty());
}
