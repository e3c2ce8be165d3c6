//! NVIDIA devices of the lab with everything that a verifier can ask for: manifests, OCSP responses, and a
//! whole baseboard. And a single manifest.

use super::{Check, Checks, Subject};
use anyhow::{Context as _, Result, bail};
use aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED;
use hanzo_attestation::roots::ExtraRoots;
use hanzo_attestation::{Collateral, Revocation, Roots};
use hanzo_attestation_evidence::nvidia::rim::Rim;
use hanzo_attestation_evidence::nvidia::{Evidence, OcspResponse};
use hanzo_attestation_evidence::x509::{Certificate, PublicKey};
use hanzo_attestation_evidence::{Item, UnixTime};
use hanzo_attestation_lab::{
    DeviceOrder, LabChip, LabDevice, NvidiaLab, OcspOrder, RimOrder, RimProduct, RimVendor, Validity,
};
use hanzo_policy::Appraisal;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

/// FEATURE_FLAG of protected PCIe.
const PPCIE: u16 = 2;
/// GPUs and switches of one baseboard.
const GPUS: u8 = 8;
const SWITCHES: u8 = 4;
/// The order's default, which the lab's drivers state.
const DRIVER: &str = "590.12";
const VBIOS: &str = "96.00.A5.00.01";
const SWITCH_BIOS: &str = "96.10.55.00.01";
/// Golden indices of real manifests: a Hopper driver's, its VBIOS's, and those of a switch's BIOS.
const OF_DRIVER: [RangeInclusive<u8>; 2] = [7..=7, 21..=40];
const OF_VBIOS: [RangeInclusive<u8>; 2] = [0..=6, 8..=12];
const OF_SWITCH: [RangeInclusive<u8>; 1] = [0..=30];

/// Vendors of both kinds of devices, what their manifests are, and the instant of judgement.
struct World {
    gpus: Vendor,
    switches: Vendor,
    rim_root: Vec<u8>,
    manifests: Vec<Manifests>,
    now: UnixTime,
}

/// A vendor, and the answers about the two authorities that all its devices share.
struct Vendor {
    lab: NvidiaLab,
    shared: [Vec<u8>; 2],
}

/// The manifests of one product, and the answers about the certificates above them.
struct Manifests {
    product: RimProduct,
    files: Vec<Vec<u8>>,
    answers: Vec<Vec<u8>>,
}

/// One GPU, and one baseboard of eight GPUs and four switches: each with manifests and OCSP responses about
/// every certificate that can be revoked, and nothing waived.
pub(super) fn all() -> Result<Vec<Subject>> {
    let world = World::new()?;
    let device = world.gpus.lab.device(&DeviceOrder::default())?;
    let gpu = world.gpus.item("nvidia-gpu", &[device], world.now)?;
    let title = "lab NVIDIA Hopper, manifests and OCSP";
    Ok(vec![world.subject(title, vec![gpu], &[RimProduct::Gh100])?, world.board()?])
}

/// So many baseboards of one vendor.
pub(super) fn boards(count: usize) -> Result<Vec<Subject>> {
    let world = World::new()?;
    (0..count).map(|_| world.board()).collect()
}

impl World {
    fn new() -> Result<Self> {
        let at = |text| UnixTime::parse(text);
        let validity =
            Validity { not_before: at("2026-01-01T00:00:00Z")?, not_after: at("2027-01-01T00:00:00Z")? };
        let now = validity.not_before.after(Duration::from_secs(86_400));
        let rims = RimVendor::generate(validity)?;
        let manifests = [RimProduct::Gh100, RimProduct::Ls10].map(|product| manifests(&rims, product, now));
        Ok(Self {
            gpus: Vendor::new(LabChip::Gh100, validity, now)?,
            switches: Vendor::new(LabChip::Ls10, validity, now)?,
            rim_root: rims.root().to_vec(),
            manifests: manifests.into_iter().collect::<Result<_>>()?,
            now,
        })
    }

    /// Devices that name each other, so that the topology closes.
    fn board(&self) -> Result<Subject> {
        let pdis = |first: u8, count: u8| -> Vec<[u8; 8]> { (0..count).map(|n| [first + n; 8]).collect() };
        let (gpu_pdis, switch_pdis) = (pdis(0x10, GPUS), pdis(0x80, SWITCHES));
        let gpu = |pdi: &[u8; 8]| {
            let (pdi, neighbours) = (*pdi, switch_pdis.clone());
            let (mode, protected_pcie) = (Some(PPCIE), true);
            let order = DeviceOrder { pdi, neighbours, mode, protected_pcie, ..DeviceOrder::default() };
            self.gpus.lab.device(&order)
        };
        let switch = |pdi: &[u8; 8]| {
            let (pdi, neighbours, chip) = (*pdi, gpu_pdis.clone(), LabChip::Ls10);
            self.switches.lab.device(&DeviceOrder { pdi, neighbours, chip, ..DeviceOrder::default() })
        };
        let gpus = gpu_pdis.iter().map(gpu).collect::<Result<Vec<_>, _>>()?;
        let switches = switch_pdis.iter().map(switch).collect::<Result<Vec<_>, _>>()?;
        let items = vec![
            self.gpus.item("nvidia-gpu", &gpus, self.now)?,
            self.switches.item("nvidia-switch", &switches, self.now)?,
        ];
        let products = [RimProduct::Gh100, RimProduct::Ls10];
        self.subject("lab NVIDIA 8 GPUs and 4 switches, the same", items, &products)
    }

    fn subject(&self, title: &str, items: Vec<Value>, products: &[RimProduct]) -> Result<Subject> {
        let (mut collateral, mut cold) = (Collateral::default(), Vec::new());
        for found in self.manifests.iter().filter(|found| products.contains(&found.product)) {
            let mut authorities = Vec::new();
            for xml in &found.files {
                collateral = collateral.with_nvidia_rim(xml);
                cold.extend(manifest_checks(xml)?);
                authorities.extend(Rim::parse(xml)?.signature().certificates.clone());
            }
            cold.extend(answers_checks(&authorities, &found.answers)?);
            collateral = found.answers.iter().cloned().fold(collateral, Collateral::with_nvidia_ocsp);
        }
        let roots = Roots::vendor().with_extra(ExtraRoots {
            nvidia: vec![self.gpus.lab.root().to_vec(), self.switches.lab.root().to_vec()],
            nvidia_rim: vec![self.rim_root.clone()],
            ..ExtraRoots::default()
        });
        let document = json!({"evidence": items});
        let (revocation, title) = (Revocation::Required, title.to_owned());
        let mut subject = Subject::new(title, &document, roots, collateral, revocation, self.now, &[])?;
        subject.appraisal = Some(Appraisal::strict());
        for item in subject.evidence.items() {
            let Item::Nvidia(item) = item else { bail!("another item") };
            let authorities: Vec<_> = item.devices.iter().flat_map(|device| device.certs.clone()).collect();
            cold.extend(answers_checks(&authorities, &item.ocsp)?);
        }
        subject.cold.extend(cold);
        Ok(subject)
    }
}

impl Vendor {
    fn new(chip: LabChip, validity: Validity, now: UnixTime) -> Result<Self> {
        let lab = NvidiaLab::generate(chip, validity)?;
        let shared = [lab.ocsp(&asked(2, &[], now))?, lab.ocsp(&asked(3, &[], now))?];
        Ok(Self { lab, shared })
    }

    /// Devices, with an answer about each one's own authority and about the two above that they share.
    fn item(&self, kind: &str, devices: &[LabDevice], now: UnixTime) -> Result<Value> {
        let answer = |device: &LabDevice| self.lab.ocsp(&asked(1, &device.device_serial, now));
        let mut ocsp = devices.iter().map(answer).collect::<Result<Vec<_>, _>>()?;
        ocsp.extend(self.shared.clone());
        Ok(NvidiaLab::item(kind, devices, &ocsp))
    }
}

fn asked(index: usize, device_serial: &[u8], now: UnixTime) -> OcspOrder {
    let device_serial = device_serial.to_vec();
    OcspOrder { index, device_serial, sha384: false, by_issuer: false, now, defect: None }
}

fn manifests(rims: &RimVendor, product: RimProduct, now: UnixTime) -> Result<Manifests> {
    let order = |version: &str, indices: &[RangeInclusive<u8>]| {
        let (golden, version) = (golden(indices), version.to_owned());
        rims.manifest(&RimOrder { product, version, golden, ..RimOrder::default() })
    };
    let files = match product {
        RimProduct::Ls10 => vec![order(SWITCH_BIOS, &OF_SWITCH)?],
        _ => vec![order(DRIVER, &OF_DRIVER)?, order(VBIOS, &OF_VBIOS)?],
    };
    let answers = (0..3).map(|index| rims.ocsp(product, &asked(index, &[], now)));
    Ok(Manifests { product, files, answers: answers.collect::<Result<_, _>>()? })
}

/// The golden value of an index is what the lab's block of the next number has.
fn golden(indices: &[RangeInclusive<u8>]) -> BTreeMap<u8, Vec<[u8; 48]>> {
    indices.iter().cloned().flatten().map(|index| (index, vec![[index + 1; 48]])).collect()
}

/// Every device's report; each certificate under the next, the root's being the last that came along. What
/// devices share is checked once.
pub(super) fn device_checks(item: &Evidence) -> Result<Checks> {
    let (mut cold, mut warm, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for device in &item.devices {
        let chain = device.certs.iter().map(|der| Certificate::parse(der)).collect::<Result<Vec<_>, _>>()?;
        let PublicKey::P384(key) = chain.first().context("no leaf")?.public_key() else {
            bail!("no P-384 key")
        };
        let (message, signature) = (device.report.signed(), device.report.signature());
        let report = || Check::new(&ECDSA_P384_SHA384_FIXED, key, message, signature);
        warm.push(report());
        cold.push(report());
        for pair in chain.windows(2) {
            if let [subject, issuer] = pair
                && seen.insert(subject.der().to_vec())
            {
                cold.push(Check::under(issuer, subject.tbs(), subject.signature())?);
            }
        }
    }
    Ok((cold, warm))
}

/// Each response under its responder, and each responder's certificate under the authority for which it
/// answers.
fn answers_checks(authorities: &[Vec<u8>], responses: &[Vec<u8>]) -> Result<Vec<Check>> {
    let authorities = authorities.iter().map(|der| Certificate::parse(der)).collect::<Result<Vec<_>, _>>()?;
    let mut checks = Vec::new();
    for der in responses {
        let response = OcspResponse::parse(der)?;
        let responder = Certificate::parse(response.certificates.first().context("no responder")?)?;
        let issued = |authority: &&Certificate<'_>| {
            authority.subject().der() == responder.issuer().der()
                && authority.subject_key_id() == responder.authority_key_id()
        };
        let authority = authorities.iter().find(issued).context("nobody certified the responder")?;
        checks.push(Check::under(&responder, response.tbs, response.signature)?);
        checks.push(Check::under(authority, responder.tbs(), responder.signature())?);
    }
    Ok(checks)
}

/// The four signatures of a manifest.
pub(super) fn manifest_checks(xml: &[u8]) -> Result<Vec<Check>> {
    let rim = Rim::parse(xml)?;
    let signature = rim.signature();
    let chain =
        signature.certificates.iter().map(|der| Certificate::parse(der)).collect::<Result<Vec<_>, _>>()?;
    let PublicKey::P384(key) = chain.first().context("no signer")?.public_key() else {
        bail!("no P-384 key")
    };
    let mut checks =
        vec![Check::new(&ECDSA_P384_SHA384_FIXED, key, &signature.signed_info, &signature.value.0)];
    for pair in chain.windows(2) {
        if let [subject, issuer] = pair {
            checks.push(Check::under(issuer, subject.tbs(), subject.signature())?);
        }
    }
    Ok(checks)
}
