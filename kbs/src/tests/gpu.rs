//! GPUs beside a CPU: what reaches tier 3 in one decision, and everything that must not.

use super::World;
use super::world::{Options, START, with};
use hanzo_attestation::Revocation;
use hanzo_attestation::roots::ExtraRoots;
use hanzo_attestation_evidence::binding::DeviceDigests;
use hanzo_attestation_evidence::nvidia::rim::MAX_RIM;
use hanzo_attestation_evidence::{Binding, UnixTime};
use hanzo_attestation_lab::{
    DeviceOrder, LabChip, LabDevice, NvidiaDefect, NvidiaLab, OcspDefect, OcspOrder, RimOrder, RimProduct,
    RimVendor, SnpOrder, Validity,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// FEATURE_FLAG of several GPUs in one machine.
const MPT: u16 = 1;

/// A vendor of GPUs, and of manifests for what they measure.
pub(super) struct Vendor {
    gpus: NvidiaLab,
    manifests: RimVendor,
}

impl Vendor {
    pub(super) fn new() -> Self {
        let at = |seconds| UnixTime::from_seconds(seconds).unwrap();
        let validity = Validity { not_before: at(START - 86_400), not_after: at(START + 31_536_000) };
        let gpus = NvidiaLab::generate(LabChip::Gh100, validity).unwrap();
        Self { gpus, manifests: RimVendor::generate(validity).unwrap() }
    }

    /// The driver's manifest and the VBIOS's; the golden value of index `i` is what the lab's block `i + 1`
    /// has.
    pub(super) fn manifests(&self, vbios_golden: [u8; 48]) -> Vec<Vec<u8>> {
        let order = |version: &str, golden| RimOrder {
            version: version.to_owned(),
            golden: BTreeMap::from([golden]),
            ..RimOrder::default()
        };
        let driver = order("590.12", (7, vec![[8; 48]]));
        let vbios = order("96.00.A5.00.01", (0, vec![vbios_golden]));
        [driver, vbios].iter().map(|order| self.manifests.manifest(order).unwrap()).collect()
    }

    /// Answers about every certificate of the manifests' chain: its signer is on hold, the others are good.
    pub(super) fn on_hold(&self, now: UnixTime) -> Vec<Vec<u8>> {
        let order = |index| OcspOrder {
            index,
            device_serial: Vec::new(),
            sha384: true,
            by_issuer: false,
            now,
            defect: (index == 0).then_some(OcspDefect::Hold),
        };
        (0..3).map(|index| self.manifests.ocsp(RimProduct::Gh100, &order(index)).unwrap()).collect()
    }

    pub(super) fn options(&self, manifests: Vec<Vec<u8>>) -> Options {
        Options {
            extra: ExtraRoots {
                nvidia: vec![self.gpus.root().to_vec()],
                nvidia_rim: vec![self.manifests.root().to_vec()],
                ..ExtraRoots::default()
            },
            manifests,
            revocation: Revocation::Waived { reason: "the lab answers no OCSP here".to_owned() },
            ..Options::default()
        }
    }

    /// A broker that accepts the vendor, with a key of tier 3 and one of tier 2.
    pub(super) async fn world(&self) -> World {
        self.world_with(self.manifests([1; 48])).await
    }

    async fn world_with(&self, manifests: Vec<Vec<u8>>) -> World {
        let world = World::furnished_with(self.options(manifests)).await;
        world.key("acme/weights", 3).await;
        world
    }

    pub(super) fn gpu(&self, binding: &Binding, pdi: [u8; 8]) -> LabDevice {
        self.device(&DeviceOrder { pdi, nonce: *binding.device_nonce(), ..DeviceOrder::default() })
    }

    pub(super) fn device(&self, order: &DeviceOrder) -> LabDevice {
        self.gpus.device(order).unwrap()
    }
}

/// What a device reports over: challenge and recipient, and nothing of other devices.
pub(super) fn alone(world: &World, nonce: &str) -> Binding {
    Binding::new(nonce, world.pair.recipient(), None, &[]).unwrap()
}

/// The CPU's report over `named`, beside the devices `sent`.
pub(super) fn proof(world: &World, nonce: &str, named: &[LabDevice], sent: &[LabDevice]) -> Value {
    let digests: Vec<DeviceDigests> =
        named.iter().map(|device| DeviceDigests::of(&device.report, &device.certs)).collect();
    let binding = alone(world, nonce).with_devices(&digests).unwrap();
    let order = SnpOrder { report_data: *binding.cpu_report_data(), ..SnpOrder::default() };
    let items = [world.lab.snp(&order).unwrap(), NvidiaLab::item("nvidia-gpu", sent, &[])];
    json!({"nonce": nonce, "recipient": world.pair.recipient(), "evidence": items})
}

#[tokio::test]
async fn a_cpu_and_its_gpu_get_a_key_of_tier_3() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    let nonce = world.nonce().await;
    let gpu = [vendor.gpu(&alone(&world, &nonce), *b"lab-gpu0")];
    let granted = world.authorize(proof(&world, &nonce, &gpu, &gpu), &["acme/weights", "acme/disk"]).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    assert_eq!((&granted.body["tier"], granted.body["keys"].as_array().unwrap().len()), (&json!(3), 2));
    let row = world.newest().await;
    assert_eq!((&row["outcome"], &row["lab"], &row["tier"]), (&json!("granted"), &json!(true), &json!(3)));
    let kinds: Vec<_> = row["claims"].as_array().unwrap().iter().map(|item| item["type"].clone()).collect();
    assert_eq!(kinds, ["sev-snp", "nvidia-gpu"]);
}

#[tokio::test]
async fn several_gpus_reach_tier_3_in_the_mode_for_several_alone() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    for (mode, expected) in [(MPT, None), (0, Some("ModesMixed"))] {
        let nonce = world.nonce().await;
        let asked = *alone(&world, &nonce).device_nonce();
        let of = |pdi| {
            vendor.device(&DeviceOrder { pdi, nonce: asked, mode: Some(mode), ..DeviceOrder::default() })
        };
        let gpus = [of(*b"lab-gpu0"), of(*b"lab-gpu1")];
        let reply = world.authorize(proof(&world, &nonce, &gpus, &gpus), &["acme/weights"]).await;
        match expected {
            None => assert_eq!((reply.status.as_u16(), &reply.body["tier"]), (200, &json!(3)), "{reply:?}"),
            Some(code) => world.assert_refused(&reply, 403, "EvidenceRefused", code).await,
        }
    }
}

/// The CPU speaks for the devices that it names, in their order and with their certificates, and for no
/// other.
#[tokio::test]
async fn gpus_that_the_cpu_does_not_name_are_refused() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    for case in 0..5 {
        let nonce = world.nonce().await;
        let asked = *alone(&world, &nonce).device_nonce();
        let of = |pdi| {
            vendor.device(&DeviceOrder { pdi, nonce: asked, mode: Some(MPT), ..DeviceOrder::default() })
        };
        let (one, other) = (of(*b"lab-gpu0"), of(*b"lab-gpu1"));
        let certified_again = LabDevice { certs: of(*b"lab-gpu0").certs, ..one.clone() };
        let (named, sent) = match case {
            0 => (vec![], vec![one]),
            1 => (vec![other], vec![one]),
            2 => (vec![one.clone(), other], vec![one]),
            3 => (vec![one.clone(), other.clone()], vec![other, one]),
            _ => (vec![one], vec![certified_again]),
        };
        let reply = world.authorize(proof(&world, &nonce, &named, &sent), &["acme/weights"]).await;
        world.assert_refused(&reply, 403, "EvidenceRefused", "SnpReportDataMismatch").await;
    }
}

/// A device answers one challenge; its evidence from another session proves nothing here.
#[tokio::test]
async fn gpu_evidence_of_another_session_is_refused() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    let (earlier, nonce) = (world.nonce().await, world.nonce().await);
    let gpu = [vendor.gpu(&alone(&world, &earlier), *b"lab-gpu0")];
    let reply = world.authorize(proof(&world, &nonce, &gpu, &gpu), &["acme/weights"]).await;
    world.assert_refused(&reply, 403, "EvidenceRefused", "Nonce").await;
}

#[tokio::test]
async fn one_gpu_twice_is_refused() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    let nonce = world.nonce().await;
    let asked = *alone(&world, &nonce).device_nonce();
    let gpu = vendor.device(&DeviceOrder { nonce: asked, mode: Some(MPT), ..DeviceOrder::default() });
    let twice = [gpu.clone(), gpu];
    let reply = world.authorize(proof(&world, &nonce, &twice, &twice), &["acme/weights"]).await;
    world.assert_refused(&reply, 403, "EvidenceRefused", "DeviceDuplicate").await;
}

#[tokio::test]
async fn gpus_that_no_manifest_vouches_for_are_refused() {
    let vendor = Vendor::new();
    let mut oversized = vendor.manifests([1; 48]);
    oversized[0].resize(MAX_RIM + 1, b' ');
    for (manifests, code) in [
        (Vec::new(), "RimMissing"),
        (vendor.manifests([1; 48])[..1].to_vec(), "RimMissing"),
        (vendor.manifests([2; 48]), "RimMeasurementMismatch"),
        (oversized, "RimMissing"),
    ] {
        let world = vendor.world_with(manifests).await;
        let nonce = world.nonce().await;
        let gpu = [vendor.gpu(&alone(&world, &nonce), *b"lab-gpu0")];
        let reply = world.authorize(proof(&world, &nonce, &gpu, &gpu), &["acme/disk"]).await;
        world.assert_refused(&reply, 403, "EvidenceRefused", code).await;
    }
}

#[tokio::test]
async fn a_gpu_with_a_defect_is_refused_by_its_rule() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    for defect in [NvidiaDefect::LeafSignature, NvidiaDefect::LeafExpired, NvidiaDefect::ChipName] {
        let nonce = world.nonce().await;
        let asked = *alone(&world, &nonce).device_nonce();
        let order = DeviceOrder { nonce: asked, defect: Some(defect), ..DeviceOrder::default() };
        let gpu = [vendor.device(&order)];
        let reply = world.authorize(proof(&world, &nonce, &gpu, &gpu), &["acme/weights"]).await;
        world.assert_refused(&reply, 403, "EvidenceRefused", defect.expects()).await;
    }
}

/// A GPU proves nothing about a guest: without a CPU TEE the tier is what the rest proves.
#[tokio::test]
async fn gpus_without_a_cpu_reach_no_key() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    let nonce = world.nonce().await;
    let gpu = [vendor.gpu(&alone(&world, &nonce), *b"lab-gpu0")];
    let whole = proof(&world, &nonce, &gpu, &gpu);
    let device_alone = with(whole.clone(), "evidence", json!([whole["evidence"][1]]));
    let reply = world.authorize(device_alone, &["acme/disk"]).await;
    assert_eq!(reply.status, 403, "{reply:?}");
    assert_eq!(world.newest().await["code"], "TierTooLow");
}

/// The same evidence at a broker that has no lab root for GPUs.
#[tokio::test]
async fn a_vendor_that_configuration_does_not_name_is_nobody() {
    let vendor = Vendor::new();
    let options = Options { extra: ExtraRoots::default(), ..vendor.options(vendor.manifests([1; 48])) };
    let world = World::furnished_with(options).await;
    let nonce = world.nonce().await;
    let gpu = [vendor.gpu(&alone(&world, &nonce), *b"lab-gpu0")];
    let reply = world.authorize(proof(&world, &nonce, &gpu, &gpu), &["acme/disk"]).await;
    world.assert_refused(&reply, 403, "EvidenceRefused", "ChainOrder").await;
}
