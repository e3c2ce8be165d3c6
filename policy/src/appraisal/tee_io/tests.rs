//! Each rule alone, on a TD with Blackwell GPUs of the lab: one thing is changed, and exactly that rule answers.

use super::*;
use crate::appraisal::{Appraisal, appraise_claims, appraise_devices};
use crate::appraised::tier_of_claims;
use crate::sample;
use crate::tier::Tier;
use hanzo_attestation::event_log;
use hanzo_attestation::nvidia::rim::Outcome;
use hanzo_attestation::nvidia::{self, tdi};
use hanzo_attestation::roots::ExtraRoots;
use hanzo_attestation::{Cache, Claims, Collateral, Context, Facts, Revocation, Roots, tdx, verify};
use hanzo_attestation_evidence::nvidia::Class;
use hanzo_attestation_evidence::{Document, Hex, Severity, Tee};
use hanzo_attestation_lab::event_log::{EventKind, LabLog};
use hanzo_attestation_lab::{DeviceOrder, LabChip, LabInterface, NvidiaLab, TdiOrder, Validity};
use serde_json::{Value, json};
use std::sync::LazyLock;

const PDIS: [[u8; 8]; 2] = [*b"lab-gpu0", *b"lab-gpu1"];

static VENDORS: LazyLock<[NvidiaLab; 2]> = LazyLock::new(|| {
    let validity = Validity {
        not_before: sample::at("2026-01-01T00:00:00Z"),
        not_after: sample::at("2027-01-01T00:00:00Z"),
    };
    [LabChip::Gb100, LabChip::Gh100].map(|chip| NvidiaLab::generate(chip, validity).unwrap())
});

fn vendor(chip: LabChip) -> &'static NvidiaLab {
    &VENDORS[usize::from(chip == LabChip::Gh100)]
}

/// A document of one item, verified.
fn verified(item: &Value) -> (Claims, Facts) {
    let document = json!({"evidence": [item]}).to_string();
    let evidence = Document::from_json(document.as_bytes()).unwrap().parse().unwrap();
    let nvidia = VENDORS.iter().map(|vendor| vendor.root().to_vec()).collect();
    let context = Context {
        roots: &Roots::vendor().with_extra(ExtraRoots { nvidia, ..ExtraRoots::default() }),
        collateral: &Collateral::default(),
        revocation: &Revocation::Waived { reason: "a test".to_owned() },
        now: sample::now(),
        cache: Cache::off(),
    };
    let verified = verify(evidence, &context).unwrap();
    (verified.items()[0].claims().clone(), verified.items()[0].facts().clone())
}

fn gpu(chip: LabChip, pdi: [u8; 8]) -> nvidia::DeviceClaims {
    let order = DeviceOrder { chip, pdi, mode: Some(1), ..DeviceOrder::default() };
    let device = vendor(chip).device(&order).unwrap();
    let Claims::Nvidia(claims) = verified(&NvidiaLab::item("nvidia-gpu", &[device], &[])).0 else {
        panic!("NVIDIA claims")
    };
    let mut device = claims.devices[0].clone();
    device.rim.outcome = Outcome::Success;
    device
}

fn interface(order: &TdiOrder) -> LabInterface {
    vendor(order.chip).interface(order).unwrap()
}

fn shown(interface: &LabInterface) -> tdi::DeviceClaims {
    let item = NvidiaLab::interfaces(&[interface.answer([7; 32]).unwrap()], &[]);
    let Claims::Tdi(claims) = verified(&item).0 else { panic!("interfaces") };
    claims.devices[0].clone()
}

/// A TD that booted, and then extended these events into RTMR3.
fn td(events: &[Vec<u8>]) -> (Claims, Facts) {
    let mut log = LabLog::usual_td();
    events.iter().for_each(|event| drop(log.event(3, EventKind::EVENT_TAG, event).bytes()));
    let rtmr = log.rtmrs().map(Hex);
    let facts = event_log::ccel(&log.bytes(), &rtmr).unwrap();
    sample::td_item(tdx::Claims { rtmr, log: Some(facts), ..sample::td() })
}

/// A machine with two GPUs, whose interfaces the guest accepted.
struct Machine {
    cpu: (Claims, Facts),
    gpus: Vec<nvidia::DeviceClaims>,
    interfaces: Vec<tdi::DeviceClaims>,
    appraisal: Appraisal,
}

/// GPUs, their interfaces, and the events with which the guest accepted them.
type Accepted = (Vec<nvidia::DeviceClaims>, Vec<tdi::DeviceClaims>, Vec<Vec<u8>>);

static WHOLE: LazyLock<Accepted> = LazyLock::new(|| {
    let orders = PDIS.map(|pdi| TdiOrder { pdi, ..TdiOrder::default() });
    let interfaces = orders.map(|order| interface(&order));
    let gpus = PDIS.map(|pdi| gpu(LabChip::Gb100, pdi)).to_vec();
    let events = interfaces.iter().map(LabInterface::accept_event).collect();
    (gpus, interfaces.iter().map(shown).collect(), events)
});

impl Machine {
    fn whole() -> Self {
        let (gpus, interfaces, events) = WHOLE.clone();
        let cpu = td(&events);
        let Claims::Tdx(claims) = &cpu.0 else { panic!("a TD") };
        let guest = json!({"tee": "tdx", "registers": {
            "mr_td": claims.mr_td, "rtmr1": claims.rtmr[1], "rtmr2": claims.rtmr[2],
        }});
        let mut appraisal = Appraisal::strict();
        appraisal.tee_io.guests = vec![serde_json::from_value(guest).unwrap()];
        Self { cpu, gpus, interfaces, appraisal }
    }

    /// With one interface, of this order, in place of both.
    fn of(order: &TdiOrder) -> Self {
        let one = interface(order);
        let interfaces = vec![shown(&one)];
        let gpus = vec![gpu(order.chip, order.pdi)];
        Self { cpu: td(&[one.accept_event()]), gpus, interfaces, ..Self::whole() }
    }

    fn items(&self) -> Vec<(Claims, Facts)> {
        let gpus = nvidia::Claims { class: Class::Gpu, devices: self.gpus.clone() };
        let mut items = vec![self.cpu.clone()];
        let facts = |tee| Facts { tee, measurements: Vec::new(), debug: None, ..self.cpu.1.clone() };
        if !self.gpus.is_empty() {
            items.push((Claims::Nvidia(Box::new(gpus)), facts(Tee::NvidiaGpu)));
        }
        if !self.interfaces.is_empty() {
            let claims = tdi::Claims { devices: self.interfaces.clone() };
            items.push((Claims::Tdi(Box::new(claims)), facts(Tee::Tdi)));
        }
        items
    }

    fn tier(&self) -> Tier {
        let items = self.items();
        tier_of_claims(items.iter().map(|(claims, facts)| (claims, facts)), &self.appraisal)
    }

    /// What is said, by weight.
    fn said(&self, severity: Severity) -> Vec<(Tee, String, String)> {
        let items = self.items();
        let found = appraise_devices(items.iter().map(|(claims, _)| claims), &self.appraisal);
        let found = found.into_iter().filter(|(_, finding)| finding.severity == severity);
        found.map(|(tee, finding)| (tee, finding.rule.to_string(), finding.message)).collect()
    }

    fn refused(&self) -> Vec<String> {
        self.said(Severity::Refuse).into_iter().map(|(_, rule, _)| rule).collect()
    }

    /// Asserts tier 3, nothing refused, and what is missing for tier 4.
    fn assert_lacks(&self, severity: Severity, missing: &str) {
        assert_eq!((self.refused(), self.tier()), (Vec::new(), Tier::GpuCc), "{missing}");
        let said = self.said(severity);
        let [(_, rule, message)] = said.as_slice() else { panic!("{missing}: {said:?}") };
        assert_eq!(rule, "TDI-30 TeeIoNotProven");
        assert!(message.starts_with("tier 4 is not proved: ") && message.contains(missing), "{message}");
    }
}

#[test]
fn gpus_whose_interfaces_a_named_guest_accepted_are_tier_4() {
    let machine = Machine::whole();
    assert_eq!((machine.refused(), machine.tier()), (Vec::new(), Tier::TeeIo));
    assert!(machine.said(Severity::Warn).is_empty() && machine.said(Severity::Info).is_empty());
    // RTMR3 has nothing but what these rules judge, so that strict appraisal accepts the TD (TDX-22).
    let alone = appraise_claims(&machine.cpu.0, &machine.cpu.1, &machine.appraisal);
    assert!(alone.iter().all(|finding| finding.severity != Severity::Refuse), "{alone:?}");
    let newer = Machine::of(&TdiOrder { spdm_1_3: true, ..TdiOrder::default() });
    let tier_before_it_is_named = newer.tier();
    assert_eq!((newer.refused(), tier_before_it_is_named), (Vec::new(), Tier::TeeIo));
}

/// Order and company change nothing: the tier is of the whole.
#[test]
fn the_order_of_items_does_not_matter() {
    let machine = Machine::whole();
    let mut items = machine.items();
    items.push(sample::key_item());
    items.reverse();
    let tier = tier_of_claims(items.iter().map(|(claims, facts)| (claims, facts)), &machine.appraisal);
    assert_eq!(tier, Tier::TeeIo);
    let mut swapped = Machine::whole();
    swapped.interfaces.reverse();
    assert_eq!((swapped.refused(), swapped.tier()), (Vec::new(), Tier::TeeIo));
}

/// TDI-30: what is only absent leaves tier 3, and is named.
#[test]
fn what_is_absent_leaves_tier_3() {
    let mut machine = Machine::whole();
    (machine.interfaces, machine.cpu) = (Vec::new(), td(&[]));
    machine.assert_lacks(Severity::Info, "no TEE device interface is shown");

    let mut machine = Machine::whole();
    let events = [WHOLE.2[0].clone()];
    (machine.interfaces, machine.cpu) = (vec![WHOLE.1[0].clone()], td(&events));
    machine.assert_lacks(Severity::Warn, "shows no TEE device interface");

    let mut machine = Machine::whole();
    machine.cpu = td(&[WHOLE.2[0].clone()]);
    machine.assert_lacks(Severity::Warn, "does not say that the guest accepted");

    let mut machine = Machine::whole();
    let Claims::Tdx(claims) = &mut machine.cpu.0 else { panic!("a TD") };
    claims.log = None;
    machine.assert_lacks(Severity::Warn, "there is no event log that the CPU measured");

    let mut machine = Machine::whole();
    machine.cpu = sample::snp_item(sample::snp());
    machine.assert_lacks(Severity::Warn, "there is no event log that the CPU measured");

    let mut machine = Machine::whole();
    let Claims::Tdx(claims) = &mut machine.cpu.0 else { panic!("a TD") };
    claims.log.as_mut().unwrap().unexplained.push(event_log::Register::Rtmr(3));
    machine.assert_lacks(Severity::Warn, "does not explain rtmr3");
}

/// TDI-30: an empty list names nobody, and another image is not the one that is named.
#[test]
fn a_guest_that_is_not_named_proves_no_interface() {
    let mut machine = Machine::whole();
    machine.appraisal.tee_io.guests.clear();
    machine.assert_lacks(Severity::Warn, "no guest is named");
    let mut machine = Machine::whole();
    let Claims::Tdx(claims) = &mut machine.cpu.0 else { panic!("a TD") };
    claims.mr_td = Hex([0x99; 48]);
    machine.assert_lacks(Severity::Warn, "none of `tee_io.guests`");
}

/// TDI-30: a Hopper GPU without an interface is tier 3; TDI-22: one with an interface contradicts itself.
#[test]
fn hopper_has_no_tee_io() {
    let mut machine = Machine::whole();
    (machine.gpus, machine.interfaces) = (vec![gpu(LabChip::Gh100, PDIS[0])], Vec::new());
    machine.cpu = td(&[]);
    machine.assert_lacks(Severity::Info, "no TEE device interface is shown");
    let machine = Machine::of(&TdiOrder { chip: LabChip::Gh100, ..TdiOrder::default() });
    assert_eq!((machine.refused(), machine.tier()), (vec!["TDI-22 TdiArchitecture".to_owned()], Tier::GpuCc));
    // Beside one whose interface is shown.
    let mut machine = Machine::whole();
    machine.gpus[1] = gpu(LabChip::Gh100, PDIS[1]);
    (machine.interfaces, machine.cpu) = (vec![WHOLE.1[0].clone()], td(&[WHOLE.2[0].clone()]));
    machine.assert_lacks(Severity::Warn, "is a HOPPER, which has no TEE-I/O");
}

/// TDI-20: two interfaces of one device do not stand for two devices.
#[test]
fn one_device_twice_is_refused() {
    let mut machine = Machine::whole();
    machine.interfaces[1] = machine.interfaces[0].clone();
    assert_eq!(machine.refused(), ["TDI-20 TdiDuplicate", "TDI-25 TdiLogOtherDevice"]);
    let again = interface(&TdiOrder::default());
    machine.interfaces[1] = shown(&again);
    machine.cpu = td(&[WHOLE.2[0].clone(), again.accept_event()]);
    assert_eq!(machine.refused(), ["TDI-20 TdiDuplicate"]);
}

/// TDI-21: an interface of a device that is none of the GPUs, or of no GPU at all.
#[test]
fn an_interface_of_another_device_is_refused() {
    let mut machine = Machine::whole();
    machine.gpus[1].pdi = Hex(*b"lab-gpu7");
    assert_eq!(machine.refused(), ["TDI-21 TdiUnknownDevice"]);
    let mut machine = Machine::whole();
    machine.gpus.clear();
    assert_eq!(machine.refused(), ["TDI-21 TdiUnknownDevice", "TDI-21 TdiUnknownDevice"]);
    assert_eq!(machine.tier(), Tier::Confidential);
}

/// TDI-23: the report and the TSM both say that firmware stays, some memory is the TEE's, and it runs.
#[test]
fn an_interface_that_is_not_locked_is_refused() {
    let usual = TdiOrder::default;
    for (what, order) in [
        ("firmware may be updated", TdiOrder { interface_info: 0b10, ..usual() }),
        ("it was locked without a ban on updates", TdiOrder { lock_flags: 0b100, ..usual() }),
        ("it is only configured", TdiOrder { state: "CONFIG_LOCKED", ..usual() }),
        ("it is not even locked", TdiOrder { state: "CONFIG_UNLOCKED", ..usual() }),
        ("it has failed", TdiOrder { state: "ERROR", ..usual() }),
    ] {
        let machine = Machine::of(&order);
        let expected = vec!["TDI-23 TdiNotLocked".to_owned()];
        assert_eq!((machine.refused(), machine.tier()), (expected, Tier::GpuCc), "{what}");
    }
    let mut machine = Machine::whole();
    machine.interfaces[0].interface.mmio_ranges.iter_mut().for_each(|range| range.non_tee = true);
    assert_eq!(machine.refused(), ["TDI-23 TdiNotLocked"], "all memory is the host's as well");
}

/// TDI-24: what the TSM told of is what is shown.
#[test]
fn other_digests_than_the_tsms_are_refused() {
    type Change = fn(&mut tdi::DeviceClaims);
    let changes: [Change; 2] =
        [|shown| shown.tsm.interface_report = Hex([1; 48]), |shown| shown.tsm.measurements = Hex([1; 48])];
    for change in changes {
        let mut machine = Machine::whole();
        change(&mut machine.interfaces[1]);
        assert_eq!(
            (machine.refused(), machine.tier()),
            (vec!["TDI-24 TdiDigestMismatch".into()], Tier::GpuCc)
        );
    }
}

/// TDI-25: a log that grew by a device that is not shown, whether any other is or not.
#[test]
fn a_log_with_another_device_is_refused() {
    let stranger = interface(&TdiOrder { pdi: *b"stranger", ..TdiOrder::default() });
    let grown = [WHOLE.2.clone(), vec![stranger.accept_event()]].concat();
    let mut machine = Machine::whole();
    machine.cpu = td(&grown);
    assert_eq!((machine.refused(), machine.tier()), (vec!["TDI-25 TdiLogOtherDevice".into()], Tier::GpuCc));
    machine.interfaces.clear();
    assert_eq!(machine.refused(), ["TDI-25 TdiLogOtherDevice"]);
    machine.gpus.clear();
    let said = machine.said(Severity::Refuse);
    assert!(
        matches!(said.as_slice(), [(Tee::Tdx, rule, _)] if rule == "TDI-25 TdiLogOtherDevice"),
        "{said:?}"
    );
}

/// TDI-26: an interface is accepted once; after it was given up and locked anew, the boot no longer says which of
/// the two serves the guest.
#[test]
fn a_device_that_is_accepted_twice_is_refused() {
    let mut machine = Machine::whole();
    machine.cpu = td(&[WHOLE.2.clone(), vec![WHOLE.2[1].clone()]].concat());
    assert_eq!((machine.refused(), machine.tier()), (vec!["TDI-26 TdiEventTwice".into()], Tier::GpuCc));
}

/// TDI-27: an event of these is whole and of the one version, or the log is refused.
#[test]
fn events_that_cannot_be_read_are_refused() {
    let one = interface(&TdiOrder::default());
    let name = "hanzo.tee-io accept-tdi-v1";
    for event in [
        LabInterface::event("hanzo.tee-io accept-tdi-v2", &one.told()),
        LabInterface::event("hanzo.tee-io forget-tdi", &one.told()),
        LabInterface::event(name, "{}"),
        LabInterface::event(name, &one.told().replace("RUN", "RUNNING")),
        LabInterface::event(name, &one.told().replace("\"lock_flags\":5", "\"lock_flags\":37")),
        LabInterface::event(name, &one.told().replace('}', ",\"more\":1}")),
        LabInterface::event(name, &format!("{}{}", one.told(), " ".repeat(1024))),
    ] {
        let mut machine = Machine::whole();
        machine.cpu = td(&[WHOLE.2.clone(), vec![event]].concat());
        assert_eq!(
            (machine.refused(), machine.tier()),
            (vec!["TDI-27 TdiEventMalformed".into()], Tier::GpuCc)
        );
    }
    // A register that the guest can reset forgets what was in it.
    for number in [16, 23] {
        let mut machine = Machine::whole();
        let Claims::Tdx(claims) = &mut machine.cpu.0 else { panic!("a TD") };
        claims.log.as_mut().unwrap().runtime_events[0].register = event_log::Register::Pcr(number);
        assert_eq!(machine.refused(), ["TDI-27 TdiEventMalformed"]);
    }
}

/// TDX-22: beside events that these rules judge, RTMR3 still may hold nothing that nobody knows.
#[test]
fn rtmr3_holds_nothing_else() {
    let other = LabInterface::event("somebody else", "x");
    let appraisal = Appraisal::strict();
    for (events, expected) in [
        (WHOLE.2.clone(), false),
        ([WHOLE.2.clone(), vec![other.clone()]].concat(), true),
        (vec![other], true),
    ] {
        let (claims, facts) = td(&events);
        let found = appraise_claims(&claims, &facts, &appraisal);
        let refused = found.iter().any(|finding| finding.rule.to_string() == "TDX-22 TdRtmrUnknown");
        assert_eq!(refused, expected, "{} events", events.len());
    }
}

/// Neither the GPUs nor the CPU are forgotten over their interfaces.
#[test]
fn the_rest_of_tier_3_is_still_asked() {
    let mut machine = Machine::whole();
    machine.gpus[1].rim.outcome = Outcome::Fail;
    assert_eq!(machine.tier(), Tier::Confidential);
    let mut machine = Machine::whole();
    machine.cpu = sample::unrated(machine.cpu);
    assert_eq!(machine.tier(), Tier::Open);
}

/// COL-26: a guest is named by what its software is measured into, and by no less.
#[test]
fn guests_are_read_strictly() {
    let read = |text: &str| toml::from_str::<Thresholds>(text).map_err(|error| error.to_string());
    let sha384 = |byte: &str| byte.repeat(48);
    let (a, b, c) = (sha384("aa"), sha384("bb"), sha384("cc"));
    let whole = format!(
        "guests = [{{ tee = \"tdx\", registers = {{ mr_td = \"{a}\", rtmr1 = \"{b}\", rtmr2 = \"{c}\" }} }}]"
    );
    assert_eq!(read(&whole).unwrap().guests.len(), 1);
    let azure =
        format!("guests = [{{ tee = \"az-snp-vtpm\", registers = {{ pcr4 = \"{a}\", pcr11 = \"{b}\" }} }}]");
    assert_eq!(read(&azure).unwrap().guests.len(), 1);
    assert_eq!(read("").unwrap(), Thresholds::default());
    for wrong in [
        whole.replace("\"tdx\"", "\"sev-snp\""),
        whole.replace("rtmr2", "rtmr9"),
        whole.replace("rtmr2", "rtmr0"),
        whole.replace(&c, "cc"),
        whole.replace(&c, &sha384("00")),
        whole.replace("registers", "register"),
        azure.replace("pcr11", "pcr12"),
        "guest = []".to_owned(),
    ] {
        assert!(read(&wrong).is_err(), "{wrong}");
    }
}
