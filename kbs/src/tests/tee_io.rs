//! TEE-I/O of GPUs: what reaches tier 4 in one decision, and everything that must not.

use super::World;
use super::world::{Options, Reply, START};
use hanzo_attestation::Revocation;
use hanzo_attestation::roots::ExtraRoots;
use hanzo_attestation_evidence::binding::DeviceDigests;
use hanzo_attestation_evidence::tdi::Parts;
use hanzo_attestation_evidence::{Binding, UnixTime};
use hanzo_attestation_lab::event_log::{EventKind, LabLog};
use hanzo_attestation_lab::{
    DeviceOrder, LabChip, LabDevice, LabInterface, NvidiaLab, RimOrder, RimProduct, RimVendor, TdiOrder,
    TdxOrder, Validity,
};
use hanzo_policy::Appraisal;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// FEATURE_FLAG of several GPUs in one machine.
const MPT: u16 = 1;
const PDIS: [[u8; 8]; 2] = [*b"lab-gpu0", *b"lab-gpu1"];
/// The tier 4 key, and the tier 3 key beside it.
const WEIGHTS: &str = "acme/weights";
const CACHE: &str = "acme/cache";

/// A vendor of Blackwell GPUs, one of Hopper's, and a vendor of manifests for both.
struct Vendor {
    blackwell: NvidiaLab,
    hopper: NvidiaLab,
    manifests: RimVendor,
}

/// A machine as it booted: its GPUs' interfaces, and what the guest recorded.
struct Machine {
    chips: Vec<(LabChip, [u8; 8])>,
    shown: Vec<LabInterface>,
    log: LabLog,
}

impl Vendor {
    fn new() -> Self {
        let at = |seconds| UnixTime::from_seconds(seconds).unwrap();
        let validity = Validity { not_before: at(START - 86_400), not_after: at(START + 31_536_000) };
        let [blackwell, hopper] =
            [LabChip::Gb100, LabChip::Gh100].map(|chip| NvidiaLab::generate(chip, validity).unwrap());
        Self { blackwell, hopper, manifests: RimVendor::generate(validity).unwrap() }
    }

    const fn of(&self, chip: LabChip) -> &NvidiaLab {
        if matches!(chip, LabChip::Gh100) { &self.hopper } else { &self.blackwell }
    }

    /// Of driver and VBIOS for each family; the golden value of index `i` is what the lab's block `i + 1` has.
    fn manifests(&self) -> Vec<Vec<u8>> {
        let order = |product, version: &str, golden| RimOrder {
            product,
            version: version.to_owned(),
            golden: BTreeMap::from([golden]),
            ..RimOrder::default()
        };
        let all = [RimProduct::Gb100, RimProduct::Gh100].into_iter().flat_map(|product| {
            let driver = order(product, "590.12", (7, vec![[8; 48]]));
            [driver, order(product, "96.00.A5.00.01", (0, vec![[1; 48]]))]
        });
        all.map(|order| self.manifests.manifest(&order).unwrap()).collect()
    }

    /// A broker that names the lab's usual TD as a guest whose word counts.
    async fn world(&self) -> World {
        let log = LabLog::usual_td().rtmrs();
        let guest = json!({"tee": "tdx", "registers": {
            "mr_td": hex::encode(TdxOrder::usual_mr_td()),
            "rtmr1": hex::encode(log[1]),
            "rtmr2": hex::encode(log[2]),
        }});
        let mut appraisal = Appraisal::strict();
        appraisal.tee_io.guests = vec![serde_json::from_value(guest).unwrap()];
        self.world_with(appraisal).await
    }

    async fn world_with(&self, appraisal: Appraisal) -> World {
        let world = World::furnished_with(Options {
            extra: ExtraRoots {
                nvidia: vec![self.blackwell.root().to_vec(), self.hopper.root().to_vec()],
                nvidia_rim: vec![self.manifests.root().to_vec()],
                ..ExtraRoots::default()
            },
            manifests: self.manifests(),
            revocation: Revocation::Waived { reason: "the lab answers no OCSP here".to_owned() },
            appraisal,
            ..Options::default()
        })
        .await;
        for (key, tier, name) in [(WEIGHTS, 4, "acme-weights"), (CACHE, 3, "acme-cache")] {
            world.key(key, tier).await;
            let when = if tier == 4 {
                "principal.tee_io && principal has gpus && principal.gpus.tee_io"
            } else {
                "true"
            };
            let text = format!(
                "permit (principal, action == Action::\"release\", resource == Key::\"{key}\") when {{ {when} }};"
            );
            world.policy(name, &text).await;
        }
        world
    }

    fn lock(&self, order: &TdiOrder) -> LabInterface {
        self.of(order.chip).interface(order).unwrap()
    }

    /// Two Blackwell GPUs, whose interfaces the guest accepted when it booted.
    fn machine(&self) -> Machine {
        self.machine_of(PDIS.map(|pdi| TdiOrder { pdi, ..TdiOrder::default() }).as_slice())
    }

    fn machine_of(&self, orders: &[TdiOrder]) -> Machine {
        let shown: Vec<LabInterface> = orders.iter().map(|order| self.lock(order)).collect();
        let chips = orders.iter().map(|order| (order.chip, order.pdi)).collect();
        let mut machine = Machine { chips, shown, log: LabLog::usual_td() };
        let events: Vec<Vec<u8>> = machine.shown.iter().map(LabInterface::accept_event).collect();
        events.iter().for_each(|event| machine.record(event));
        machine
    }

    /// What the machine answers to a fresh challenge, with the objects of its interfaces changed.
    async fn proof(&self, world: &World, machine: &Machine, change: impl Fn(&mut Vec<Parts>)) -> Value {
        let nonce = world.nonce().await;
        let alone = Binding::new(&nonce, world.pair.recipient(), None, &[]).unwrap();
        let asked = *alone.device_nonce();
        let gpu = |(chip, pdi): &(LabChip, [u8; 8])| {
            let order = DeviceOrder {
                chip: *chip,
                pdi: *pdi,
                nonce: asked,
                mode: Some(MPT),
                ..DeviceOrder::default()
            };
            self.of(*chip).device(&order).unwrap()
        };
        let gpus: Vec<LabDevice> = machine.chips.iter().map(gpu).collect();
        let mut parts: Vec<Parts> = machine.shown.iter().map(|shown| shown.answer(asked).unwrap()).collect();
        change(&mut parts);
        let digests = gpus.iter().map(|device| DeviceDigests::of(&device.report, &device.certs));
        let digests: Vec<DeviceDigests> = digests.chain(parts.iter().map(Parts::digests)).collect();
        let binding = alone.with_devices(&digests).unwrap();
        let order = TdxOrder { report_data: *binding.cpu_report_data(), ..TdxOrder::default() };
        let mut items = vec![world.lab.tdx(&order.with_log(&machine.log)).unwrap()];
        items.push(NvidiaLab::item("nvidia-gpu", &gpus, &[]));
        if !parts.is_empty() {
            items.push(NvidiaLab::interfaces(&parts, &[]));
        }
        json!({"nonce": nonce, "recipient": world.pair.recipient(), "evidence": items})
    }
}

impl Machine {
    /// The guest extends an event into RTMR3.
    fn record(&mut self, event: &[u8]) {
        self.log.event(3, EventKind::EVENT_TAG, event);
    }
}

async fn asked(vendor: &Vendor, world: &World, machine: &Machine, key: &str) -> Reply {
    world.authorize(vendor.proof(world, machine, |_| ()).await, &[key]).await
}

/// The evidence holds, for tier 3 and no more: the key of tier 4 stays closed.
async fn assert_tier_3(vendor: &Vendor, world: &World, machine: &Machine, missing: &str) {
    let closed = asked(vendor, world, machine, WEIGHTS).await;
    assert_eq!(closed.status, 403, "{missing}: {closed:?}");
    assert_eq!(world.newest().await["code"], "TierTooLow", "{missing}");
    let open = asked(vendor, world, machine, CACHE).await;
    assert_eq!((open.status.as_u16(), &open.body["tier"]), (200, &json!(3)), "{missing}: {open:?}");
    let proof = vendor.proof(world, machine, |_| ()).await;
    let attested = world.post("/kbs/v1/attest", &proof).await;
    assert_eq!(attested.status, 200, "{attested:?}");
    let findings = attested.body["findings"].as_array().unwrap();
    let named = findings.iter().find(|finding| finding["code"] == "TeeIoNotProven");
    let message = named.map(|finding| finding["message"].as_str().unwrap().to_owned()).unwrap_or_default();
    assert!(message.contains(missing), "{missing}: {findings:?}");
}

#[tokio::test]
async fn a_machine_with_tee_io_gets_a_key_of_tier_4() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    let machine = vendor.machine();
    let proof = vendor.proof(&world, &machine, |_| ()).await;
    let granted = world.authorize(proof, &[WEIGHTS, CACHE]).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    assert_eq!((&granted.body["tier"], granted.body["keys"].as_array().unwrap().len()), (&json!(4), 2));
    let row = world.newest().await;
    assert_eq!((&row["outcome"], &row["lab"], &row["tier"]), (&json!("granted"), &json!(true), &json!(4)));
    let kinds: Vec<_> = row["claims"].as_array().unwrap().iter().map(|item| item["type"].clone()).collect();
    assert_eq!(kinds, ["tdx", "nvidia-gpu", "tdi"]);
    // A second challenge in the same boot: the log has not grown.
    let renewed = asked(&vendor, &world, &machine, WEIGHTS).await;
    assert_eq!((renewed.status.as_u16(), &renewed.body["tier"]), (200, &json!(4)), "{renewed:?}");
}

/// TDI-30: what is only absent leaves tier 3, by name.
#[tokio::test]
async fn without_a_whole_proof_the_key_stays_closed() {
    let vendor = Vendor::new();
    let world = vendor.world().await;

    let mut machine = vendor.machine();
    (machine.shown, machine.log) = (Vec::new(), LabLog::usual_td());
    assert_tier_3(&vendor, &world, &machine, "no TEE device interface is shown").await;

    let mut machine = vendor.machine_of(&[TdiOrder::default()]);
    machine.chips.push((LabChip::Gb100, PDIS[1]));
    assert_tier_3(&vendor, &world, &machine, "shows no TEE device interface").await;

    let mut machine = vendor.machine();
    machine.log = LabLog::usual_td();
    assert_tier_3(&vendor, &world, &machine, "does not say that the guest accepted").await;

    let hopper =
        Machine { chips: vec![(LabChip::Gh100, PDIS[0])], shown: Vec::new(), log: LabLog::usual_td() };
    assert_tier_3(&vendor, &world, &hopper, "no TEE device interface is shown").await;
}

/// TDI-30: nobody's word counts unless policy names who it is.
#[tokio::test]
async fn a_guest_that_is_not_named_stays_at_tier_3() {
    let vendor = Vendor::new();
    let world = vendor.world_with(Appraisal::strict()).await;
    assert_tier_3(&vendor, &world, &vendor.machine(), "no guest is named").await;
    let other = json!({"tee": "tdx", "registers": {
        "mr_td": "11".repeat(48), "rtmr1": "22".repeat(48), "rtmr2": "33".repeat(48),
    }});
    let mut appraisal = Appraisal::strict();
    appraisal.tee_io.guests = vec![serde_json::from_value(other).unwrap()];
    let world = vendor.world_with(appraisal).await;
    assert_tier_3(&vendor, &world, &vendor.machine(), "none of `tee_io.guests`").await;
}

/// TDI-21 to TDI-27: what contradicts itself is refused by name, for a key of any tier.
#[tokio::test]
async fn a_proof_that_contradicts_itself_is_refused_by_its_rule() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    let usual = TdiOrder::default;
    let hopper = TdiOrder { chip: LabChip::Gh100, ..usual() };
    let mut grown = vendor.machine();
    grown.record(&vendor.lock(&TdiOrder { pdi: *b"stranger", ..usual() }).accept_event());
    let mut hidden = vendor.machine();
    hidden.shown.clear();
    let mut twice = vendor.machine();
    twice.record(&twice.shown[0].accept_event());
    let mut elsewhere = vendor.machine();
    elsewhere.chips[1].1 = *b"lab-gpu7";
    let mut unknown = vendor.machine();
    unknown.record(&LabInterface::event("hanzo.tee-io accept-tdi-v9", "{}"));
    for (machine, code) in [
        (vendor.machine_of(&[hopper]), "TdiArchitecture"),
        (vendor.machine_of(&[TdiOrder { interface_info: 0b10, ..usual() }]), "TdiNotLocked"),
        (vendor.machine_of(&[TdiOrder { state: "CONFIG_LOCKED", ..usual() }]), "TdiNotLocked"),
        (grown, "TdiLogOtherDevice"),
        (hidden, "TdiLogOtherDevice"),
        (twice, "TdiEventTwice"),
        (elsewhere, "TdiUnknownDevice"),
        (unknown, "TdiEventMalformed"),
    ] {
        for key in [WEIGHTS, CACHE] {
            let reply = asked(&vendor, &world, &machine, key).await;
            world.assert_refused(&reply, 403, "EvidenceRefused", code).await;
        }
    }
}

/// TDI-24, TDI-08, TDI-09: an object that is another one than the TSM told of, or than the device signed.
#[tokio::test]
async fn an_altered_object_is_refused() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    let machine = vendor.machine();
    let other = vendor.machine();
    let relocked = other.shown[0].answer([0; 32]).unwrap();
    type Change = Box<dyn Fn(&mut Vec<Parts>)>;
    let changes: [(Change, &str); 4] = [
        // The memory of the report becomes the host's, which no signature of the device covers.
        (Box::new(|parts| parts[0].interface_report[44] ^= 0b100), "TdiDigestMismatch"),
        (Box::new(|parts| parts[0].measurements[60] ^= 1), "TdiMeasurementsChanged"),
        (Box::new(|parts| parts[0].vca[30] ^= 1), "TdiSignature"),
        (Box::new(move |parts| parts[0].measurements = relocked.measurements.clone()), "TdiNonce"),
    ];
    for (change, code) in changes {
        let proof = vendor.proof(&world, &machine, change).await;
        let reply = world.authorize(proof, &[WEIGHTS]).await;
        world.assert_refused(&reply, 403, "EvidenceRefused", code).await;
    }
    // A CPU that names the interfaces of another machine.
    let proof = vendor.proof(&world, &machine, |_| ()).await;
    let stolen = vendor.proof(&world, &other, |_| ()).await;
    let mut mixed = proof;
    mixed["evidence"][2] = stolen["evidence"][2].clone();
    let reply = world.authorize(mixed, &[WEIGHTS]).await;
    world.assert_refused(&reply, 403, "EvidenceRefused", "QuoteReportDataMismatch").await;
}

/// The token says what of each interface was verified.
#[tokio::test]
async fn a_token_has_a_submodule_for_each_interface() {
    let vendor = Vendor::new();
    let world = vendor.world().await;
    let proof = vendor.proof(&world, &vendor.machine(), |_| ()).await;
    let attested = world.post("/kbs/v1/attest", &proof).await;
    assert_eq!((attested.status.as_u16(), &attested.body["tier"]), (200, &json!(4)), "{attested:?}");
    let token = attested.body["token"].as_str().unwrap();
    let claims = super::token::part(token, 1);
    let submods = claims["submods"].as_object().unwrap();
    for (name, pdi) in [("tdi0", PDIS[0]), ("tdi1", PDIS[1])] {
        assert_eq!(submods[name]["ear_attester_claims"]["x-hanzo-tdi"]["pdi"], hex::encode(pdi));
        assert_eq!(submods[name]["ear_attester_claims"]["tee"], "tdi");
    }
    assert_eq!(claims["tier"], 4);
}
