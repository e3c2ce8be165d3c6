//! One GPU, one holder; which machine may show which GPU; and lists that live sessions feel.

use super::gpu::Vendor;
use super::world::{Options, with};
use super::{Reply, World};
use hanzo_attestation_evidence::binding::DeviceDigests;
use hanzo_attestation_evidence::{Binding, Hex, Kem};
use hanzo_attestation_lab::{DeviceOrder, LabDevice, NvidiaLab, SnpDefect, SnpOrder};
use hanzo_kbs_protocol::{ChangeKind, PersonKey, RecipientKeyPair};
use hanzo_kbs_vault::{DeviceRules, DeviceSessions, GpuInventory, NamePattern, Quorum, Scope};
use hanzo_policy::Appraisal;
use serde_json::{Value, json};

const GPU0: [u8; 8] = *b"lab-gpu0";
const GPU1: [u8; 8] = *b"lab-gpu1";
/// FEATURE_FLAG of several GPUs in one machine.
const MPT: u16 = 1;

/// A guest: its machine, and the key that what it gets is sealed to.
struct Guest {
    chip: u32,
    hidden: bool,
    pair: RecipientKeyPair,
}

/// A guest on the machine of this number; a new one each time, as after a restart.
fn guest(chip: u32) -> Guest {
    Guest { chip, hidden: false, pair: RecipientKeyPair::generate(Kem::X25519HkdfSha256).unwrap() }
}

fn hidden(chip: u32) -> Guest {
    Guest { hidden: true, ..guest(chip) }
}

impl Guest {
    fn binding(&self, nonce: &str) -> Binding {
        Binding::new(nonce, self.pair.recipient(), None, &[]).unwrap()
    }

    /// The GPUs' answers to a challenge.
    fn gpus(&self, vendor: &Vendor, nonce: &str, pdis: &[[u8; 8]]) -> Vec<LabDevice> {
        let mode = (pdis.len() > 1).then_some(MPT);
        let nonce = *self.binding(nonce).device_nonce();
        let order = |pdi: &[u8; 8]| DeviceOrder { pdi: *pdi, nonce, mode, ..DeviceOrder::default() };
        pdis.iter().map(|pdi| vendor.device(&order(pdi))).collect()
    }

    /// The CPU's report over a challenge and these devices.
    fn cpu(&self, world: &World, nonce: &str, named: &[LabDevice]) -> Value {
        let digests: Vec<DeviceDigests> =
            named.iter().map(|device| DeviceDigests::of(&device.report, &device.certs)).collect();
        let binding = self.binding(nonce).with_devices(&digests).unwrap();
        let order =
            SnpOrder { chip: self.chip, report_data: *binding.cpu_report_data(), ..SnpOrder::default() };
        let order = if self.hidden { order.with_defect(SnpDefect::ChipIdMasked) } else { order };
        world.lab.snp(&order).unwrap()
    }

    fn request(&self, nonce: &str, cpu: Value, gpus: &[LabDevice]) -> Value {
        let mut evidence = vec![cpu];
        if !gpus.is_empty() {
            evidence.push(NvidiaLab::item("nvidia-gpu", gpus, &[]));
        }
        json!({"nonce": nonce, "recipient": self.pair.recipient(), "evidence": evidence})
    }

    /// A fresh challenge, answered by the CPU and these GPUs.
    async fn proof(&self, world: &World, vendor: &Vendor, pdis: &[[u8; 8]]) -> Value {
        let nonce = world.nonce().await;
        let gpus = self.gpus(vendor, &nonce, pdis);
        self.request(&nonce, self.cpu(world, &nonce, &gpus), &gpus)
    }

    async fn authorize(&self, world: &World, vendor: &Vendor, pdis: &[[u8; 8]]) -> Reply {
        let key = if pdis.is_empty() { "acme/disk" } else { "acme/weights" };
        world.authorize(self.proof(world, vendor, pdis).await, &[key]).await
    }

    /// As [`Self::authorize`], granted: the session's name.
    async fn session(&self, world: &World, vendor: &Vendor, pdis: &[[u8; 8]]) -> String {
        let granted = self.authorize(world, vendor, pdis).await;
        assert_eq!(granted.status, 200, "{granted:?}");
        granted.body["session_id"].as_str().unwrap().to_owned()
    }

    async fn renew(&self, world: &World, vendor: &Vendor, id: &str, pdis: &[[u8; 8]]) -> Reply {
        let proof = self.proof(world, vendor, pdis).await;
        world.post("/kbs/v1/renew", &with(proof, "session_id", json!(id))).await
    }
}

async fn world_with(vendor: &Vendor, devices: DeviceRules, appraisal: Appraisal) -> World {
    let options = Options { devices, appraisal, ..vendor.options(vendor.manifests([1; 48])) };
    let world = World::furnished_with(options).await;
    world.key("acme/weights", 3).await;
    world
}

async fn pairing(vendor: &Vendor, inventory: GpuInventory) -> World {
    let devices = DeviceRules { inventory, ..DeviceRules::default() };
    world_with(vendor, devices, Appraisal::strict()).await
}

async fn state(world: &World, id: &str) -> Value {
    world.get(&format!("/kbs/v1/session/{id}/status")).await.body["state"].clone()
}

async fn assert_held(world: &World, reply: &Reply) {
    world.assert_refused(reply, 403, "KeyNotGranted", "DeviceInAnotherSession").await;
    // The caller learns nothing of the other session; the operator does.
    assert!(!reply.text.contains("session"), "{}", reply.text);
    assert!(world.newest().await["reason"].as_str().unwrap().starts_with("NV-90: "));
}

/// NV-90: the same GPU in two live sessions, whoever shows it and however.
#[tokio::test]
async fn one_gpu_is_in_one_session() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    let held = guest(1).session(&world, &vendor, &[GPU0]).await;
    let other = guest(2);
    assert_held(&world, &other.authorize(&world, &vendor, &[GPU0]).await).await;
    assert_held(&world, &other.authorize(&world, &vendor, &[GPU1, GPU0]).await).await;
    let row = world.newest().await;
    assert_eq!(row["devices"].as_array().unwrap().len(), 2, "{row}");
    assert_eq!(row["machine"]["tee"], "sev-snp");
    // By a token.
    let attested = world.post("/kbs/v1/attest", &other.proof(&world, &vendor, &[GPU0]).await).await;
    let token = attested.body["token"].as_str().unwrap();
    let by_token = world.bearer(token, "/kbs/v1/authorize", &json!({"keys": ["acme/weights"]})).await;
    assert_held(&world, &by_token).await;
    // By renewing a session that has another GPU.
    let own = other.session(&world, &vendor, &[GPU1]).await;
    assert_held(&world, &other.renew(&world, &vendor, &own, &[GPU0]).await).await;
    assert_eq!((state(&world, &held).await, state(&world, &own).await), (json!("live"), json!("live")));
    // The same evidence is good as soon as the other session has ended.
    world.post("/kbs/v1/revoke", &json!({"session_id": held})).await;
    assert_eq!(other.renew(&world, &vendor, &own, &[GPU0]).await.status, 200);
    assert_held(&world, &guest(1).authorize(&world, &vendor, &[GPU0]).await).await;
    world.advance(3600);
    guest(1).session(&world, &vendor, &[GPU0]).await;
}

/// NV-90: a machine that starts again takes over from itself, also after the broker did.
#[tokio::test]
async fn a_restarted_machine_supersedes_its_session() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    let before = guest(1).session(&world, &vendor, &[GPU0]).await;
    let beside = guest(1).session(&world, &vendor, &[GPU1]).await;
    let world = world.restarted(vendor.options(vendor.manifests([1; 48]))).await;
    let after = guest(1).session(&world, &vendor, &[GPU0]).await;
    assert_eq!(state(&world, &before).await, "superseded");
    assert_eq!((state(&world, &beside).await, state(&world, &after).await), (json!("live"), json!("live")));
    let pdi = hex::encode(GPU0);
    let grants = world.admin("GET", &format!("/kbs/v1/grants?device={pdi}"), Value::Null).await.body;
    let seen: Vec<_> = grants
        .as_array()
        .unwrap()
        .iter()
        .map(|grant| (&grant["session_id"], &grant["superseded"], &grant["devices"][0]["pdi"]))
        .collect();
    assert_eq!(
        seen,
        [(&json!(after), &json!(false), &json!(pdi)), (&json!(before), &json!(true), &json!(pdi))]
    );
    let rows = world.admin("GET", "/kbs/v1/audit?limit=1000", Value::Null).await.body;
    let ended = rows["entries"].as_array().unwrap().iter().rfind(|row| row["code"] == "SessionSuperseded");
    assert_eq!(ended.unwrap()["session_id"], json!(before));
    for query in ["device=41", "device=4A4A4A4A4A4A4A4A", "device=", "pdi=00"] {
        let refused = world.admin("GET", &format!("/kbs/v1/grants?{query}"), Value::Null).await;
        assert_eq!(refused.status, 400, "{query}: {refused:?}");
    }
}

/// NV-90: the token of a guest that was replaced ends nothing.
#[tokio::test]
async fn an_older_token_does_not_end_a_newer_session() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    let (before, after) = (guest(1), guest(1));
    let attested = world.post("/kbs/v1/attest", &before.proof(&world, &vendor, &[GPU0]).await).await;
    let token = attested.body["token"].as_str().unwrap();
    let keys = json!({"keys": ["acme/weights"]});
    for _ in 0..2 {
        let granted = world.bearer(token, "/kbs/v1/authorize", &keys).await;
        assert_eq!(granted.status, 200, "one holder, as many keys as it likes: {granted:?}");
    }
    world.advance(10);
    let id = after.session(&world, &vendor, &[GPU0]).await;
    assert_held(&world, &world.bearer(token, "/kbs/v1/authorize", &keys).await).await;
    assert_eq!(state(&world, &id).await, "live");
}

/// NV-90: where the platform hides which machine it is, its older session has to end first.
#[tokio::test]
async fn a_machine_that_hides_supersedes_nothing() {
    let vendor = Vendor::new();
    let mut appraisal = Appraisal::strict();
    appraisal.snp.allow_masked_chip = true;
    let world = world_with(&vendor, DeviceRules::default(), appraisal).await;
    let before = hidden(1).session(&world, &vendor, &[GPU0]).await;
    for again in [hidden(1), guest(1)] {
        assert_held(&world, &again.authorize(&world, &vendor, &[GPU0]).await).await;
    }
    assert_eq!(state(&world, &before).await, "live");
    world.post("/kbs/v1/revoke", &json!({"session_id": before})).await;
    hidden(1).session(&world, &vendor, &[GPU0]).await;
}

/// NV-90: `device_sessions = "any"`.
#[tokio::test]
async fn two_machines_may_show_one_gpu_where_that_is_configured() {
    let vendor = Vendor::new();
    let devices = DeviceRules { sessions: DeviceSessions::Any, ..DeviceRules::default() };
    let world = world_with(&vendor, devices, Appraisal::strict()).await;
    let first = guest(1).session(&world, &vendor, &[GPU0]).await;
    guest(2).session(&world, &vendor, &[GPU0]).await;
    assert_eq!(state(&world, &first).await, "live");
}

/// NV-30, NV-31: what the CPU of one session signed and what a GPU answered in another do not go together,
/// whichever challenge they are sent under.
#[tokio::test]
async fn a_cpu_of_one_session_and_a_gpu_of_another_are_refused() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    let node = guest(1);
    for case in 0..4 {
        let (first, second) = (world.nonce().await, world.nonce().await);
        let (early, late) = (node.gpus(&vendor, &first, &[GPU0]), node.gpus(&vendor, &second, &[GPU0]));
        let (request, code) = match case {
            // The CPU's evidence of the first session with the GPU's of the second, under either challenge.
            0 => {
                let cpu = node.cpu(&world, &first, &early);
                (node.request(&first, cpu, &late), "SnpReportDataMismatch")
            }
            1 => {
                let cpu = node.cpu(&world, &first, &early);
                (node.request(&second, cpu, &late), "SnpReportDataMismatch")
            }
            // The GPU's evidence of the first session with the CPU's of the second, which does not name it.
            2 => {
                let cpu = node.cpu(&world, &second, &late);
                (node.request(&second, cpu, &early), "SnpReportDataMismatch")
            }
            // And which does.
            _ => (node.request(&second, node.cpu(&world, &second, &early), &early), "Nonce"),
        };
        let reply = world.authorize(request, &["acme/weights"]).await;
        world.assert_refused(&reply, 403, "EvidenceRefused", code).await;
    }
    // The whole of one session is good.
    node.session(&world, &vendor, &[GPU0]).await;
}

/// The machine and the devices that the newest refusal was about, as an operator pairs them.
async fn shown(world: &World) -> Value {
    let row = world.newest().await;
    json!({"machine": row["machine"], "devices": row["devices"]})
}

/// NV-91, NV-92, NV-93: an operator says which GPUs a machine has, and live sessions feel it.
#[tokio::test]
async fn pinned_machines_show_their_own_gpus() {
    let vendor = Vendor::new();
    let world = pairing(&vendor, GpuInventory::Pinned).await;
    let node = guest(1);
    let refused = node.authorize(&world, &vendor, &[GPU0, GPU1]).await;
    world.assert_refused(&refused, 403, "KeyNotGranted", "MachineNotInInventory").await;
    let pair = with(shown(&world).await, "note", json!("rack 1"));
    let put = world.admin("PUT", "/kbs/v1/inventory/rack-1", pair.clone()).await;
    assert_eq!((put.status.as_u16(), &put.body["version"]), (200, &json!(1)), "{put:?}");
    assert_eq!(world.newest().await["action"], "inventory.put");
    let id = node.session(&world, &vendor, &[GPU0, GPU1]).await;
    let fewer = node.authorize(&world, &vendor, &[GPU0]).await;
    world.assert_refused(&fewer, 403, "KeyNotGranted", "PairingDiffers").await;
    let other = guest(2).authorize(&world, &vendor, &[GPU0, GPU1]).await;
    world.assert_refused(&other, 403, "KeyNotGranted", "MachineNotInInventory").await;
    // Another machine's pair cannot take them, and a malformed one is none.
    let theirs = shown(&world).await;
    for (body, status) in [
        (theirs.clone(), 409),
        (with(pair.clone(), "devices", json!([])), 400),
        (with(pair.clone(), "expected_version", json!(7)), 409),
        (with(pair.clone(), "machine", json!({"tee": "sev-snp", "id": "zz"})), 400),
    ] {
        let refused = world.admin("PUT", "/kbs/v1/inventory/rack-2", body.clone()).await;
        assert_eq!(refused.status.as_u16(), status, "{body}: {refused:?}");
    }
    // A guest without GPUs is not asked.
    guest(3).session(&world, &vendor, &[]).await;
    assert_eq!(node.renew(&world, &vendor, &id, &[GPU0, GPU1]).await.status, 200);
    let removed = world.admin("DELETE", "/kbs/v1/inventory/rack-1?expected_version=1", Value::Null).await;
    assert_eq!((removed.status.as_u16(), &removed.body["devices"]), (200, &json!([])), "{removed:?}");
    assert_eq!(world.newest().await["action"], "inventory.remove");
    let refused = node.renew(&world, &vendor, &id, &[GPU0, GPU1]).await;
    world.assert_refused(&refused, 403, "KeyNotGranted", "MachineNotInInventory").await;
    assert_eq!(world.admin("GET", "/kbs/v1/inventory", Value::Null).await.body, json!([]));
    assert_eq!(world.admin("GET", "/kbs/v1/inventory/rack-1", Value::Null).await.body["version"], 2);
    world.admin("GET", "/kbs/v1/inventory/rack-9", Value::Null).await.assert_problem(404, "NotFound");
    let again = world.admin("DELETE", "/kbs/v1/inventory/rack-1?expected_version=2", Value::Null).await;
    world.assert_refused(&again, 409, "Conflict", "VersionConflict").await;
    world.get("/kbs/v1/inventory").await.assert_problem(401, "Unauthenticated");
    // The GPU moves: its session of the old machine has to end as well.
    assert_eq!(world.admin("PUT", "/kbs/v1/inventory/rack-2", theirs).await.status, 200);
    assert_held(&world, &guest(2).authorize(&world, &vendor, &[GPU0, GPU1]).await).await;
    world.post("/kbs/v1/revoke", &json!({"session_id": id})).await;
    guest(2).session(&world, &vendor, &[GPU0, GPU1]).await;
}

/// NV-91, NV-93, NV-94: what a machine showed first is what it has.
#[tokio::test]
async fn first_use_pairs_a_machine() {
    let vendor = Vendor::new();
    let mut appraisal = Appraisal::strict();
    appraisal.snp.allow_masked_chip = true;
    let devices = DeviceRules { inventory: GpuInventory::Tofu, ..DeviceRules::default() };
    let world = world_with(&vendor, devices, appraisal).await;
    let id = guest(1).session(&world, &vendor, &[GPU0]).await;
    let pairs = world.admin("GET", "/kbs/v1/inventory", Value::Null).await.body;
    assert_eq!(pairs[0]["devices"][0]["pdi"], hex::encode(GPU0));
    world.post("/kbs/v1/revoke", &json!({"session_id": id})).await;
    for (node, gpus, code) in [
        (guest(2), &[GPU0][..], "DevicePairedElsewhere"),
        (guest(1), &[GPU1], "PairingDiffers"),
        (guest(1), &[GPU0, GPU1], "PairingDiffers"),
        (hidden(1), &[GPU0], "MachineUnidentified"),
    ] {
        let refused = node.authorize(&world, &vendor, gpus).await;
        world.assert_refused(&refused, 403, "KeyNotGranted", code).await;
    }
    let reason = world.newest().await["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("NV-91: "), "{reason}");
    guest(2).session(&world, &vendor, &[GPU1]).await;
    guest(1).session(&world, &vendor, &[GPU0]).await;
    assert_eq!(world.admin("GET", "/kbs/v1/inventory", Value::Null).await.body.as_array().unwrap().len(), 2);
}

/// NV-93: what the configuration has written down at first use is no person's change: a scope over the inventory
/// neither stands in its way nor lets an administrator undo it alone.
#[tokio::test]
async fn first_use_asks_nobody_and_undoing_it_does() {
    let person = |seed: u8| PersonKey::Ed25519([seed; 32]);
    let scope = Scope {
        name: "machines".to_owned(),
        changes: vec![ChangeKind::Inventory],
        names: vec![NamePattern::parse("*").unwrap()],
        minimum_tier: None,
        approvals: 1,
        wait: std::time::Duration::ZERO,
        break_glass: None,
    };
    let people = vec![("alice".to_owned(), person(1)), ("bob".to_owned(), person(2))];
    let vendor = Vendor::new();
    let devices = DeviceRules { inventory: GpuInventory::Tofu, ..DeviceRules::default() };
    let options = Options {
        devices,
        quorum: Quorum::new(people, vec![scope]).unwrap(),
        ..vendor.options(vendor.manifests([1; 48]))
    };
    let world = World::furnished_with(options).await;
    world.key("acme/weights", 3).await;
    guest(1).session(&world, &vendor, &[GPU0]).await;
    let pairs = world.admin("GET", "/kbs/v1/inventory", Value::Null).await.body;
    let (name, version) = (pairs[0]["name"].as_str().unwrap(), &pairs[0]["version"]);
    let path = format!("/kbs/v1/inventory/{name}?expected_version={version}");
    let refused = world.admin("DELETE", &path, Value::Null).await;
    world.assert_refused(&refused, 409, "QuorumRequired", "QuorumRequired").await;
    assert_eq!(world.admin("GET", "/kbs/v1/inventory", Value::Null).await.body, pairs);
}

/// NV-77, NV-95, NV-96, NVR-48: a list that names what a live session rests on ends it at its renewal.
#[tokio::test]
async fn a_list_that_changed_does_not_renew() {
    type Change = fn(&mut Appraisal, &Value);
    let changes: [(&str, Change); 4] = [
        ("PdiNotAllowed", |appraisal, _| appraisal.nvidia.denied_pdis = vec![Hex(GPU0)]),
        ("DeviceSerialDenied", |appraisal, device| {
            appraisal.nvidia.denied_device_serials = vec![read(&device["device_serial"])];
        }),
        ("FwidDenied", |appraisal, device| {
            appraisal.nvidia.denied_fwids = vec![read(&device["fwid_certificate"])];
        }),
        ("RimDenied", |appraisal, device| {
            appraisal.nvidia.denied_manifests = vec![read(&device["rim"]["driver"]["sha256"])];
        }),
    ];
    let vendor = Vendor::new();
    let options = || vendor.options(vendor.manifests([1; 48]));
    for (code, change) in changes {
        let manifests = vendor.manifests([1; 48]);
        let world = World::furnished_with(vendor.options(manifests.clone())).await;
        world.key("acme/weights", 3).await;
        let node = guest(1);
        let id = node.session(&world, &vendor, &[GPU0]).await;
        assert_eq!(node.renew(&world, &vendor, &id, &[GPU0]).await.status, 200, "{code}");
        let device = world.newest().await["claims"][1]["claims"]["devices"][0].clone();
        let mut appraisal = Appraisal::strict();
        change(&mut appraisal, &device);
        let world = world.restarted(Options { appraisal, manifests, ..options() }).await;
        let refused = node.renew(&world, &vendor, &id, &[GPU0]).await;
        world.assert_refused(&refused, 403, "EvidenceRefused", code).await;
        let refused = guest(2).authorize(&world, &vendor, &[GPU0]).await;
        world.assert_refused(&refused, 403, "EvidenceRefused", code).await;
    }
}

fn read<const N: usize>(value: &Value) -> Hex<N> {
    serde_json::from_value(value.clone()).unwrap()
}
