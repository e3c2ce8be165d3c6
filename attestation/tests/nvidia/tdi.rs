//! A lab's interfaces: what is accepted, and each defect by the one rule that it breaks.

use super::{Bench, judge};
use hanzo_attestation::nvidia::tdi::Claims as TdiClaims;
use hanzo_attestation::{Cache, Claims, Collateral, Context, Revocation, Roots, Verified, precheck, verify};
use hanzo_attestation_evidence::binding::DeviceDigests;
use hanzo_attestation_evidence::tdi::{Parts, Vca};
use hanzo_attestation_evidence::{Binding, Document, Hex, Kem, Recipient, Tee};
use hanzo_attestation_lab::{DeviceOrder, LabChip, LabInterface, NvidiaLab, TdiDefect, TdiOrder};
use serde_json::{Value, json};

const NONCE: [u8; 32] = [7; 32];

fn bench() -> Bench {
    Bench::new(LabChip::Gb100)
}

fn interface(bench: &Bench, order: &TdiOrder) -> LabInterface {
    bench.lab.interface(order).unwrap()
}

fn answer(bench: &Bench, order: &TdiOrder) -> Parts {
    interface(bench, order).answer(NONCE).unwrap()
}

fn verified(bench: &Bench, parts: &[Parts]) -> Result<Verified, String> {
    bench.judge(&[NvidiaLab::interfaces(parts, &[])])
}

fn claims(verified: &Verified) -> &TdiClaims {
    match verified.items()[0].claims() {
        Claims::Tdi(claims) => claims,
        _ => panic!("interfaces"),
    }
}

/// TDI-01 to TDI-09: every defect is refused by its own rule, in both versions of SPDM.
#[test]
fn every_defect_breaks_its_one_rule() {
    let bench = bench();
    for spdm_1_3 in [false, true] {
        let order = TdiOrder { spdm_1_3, ..TdiOrder::default() };
        assert!(verified(&bench, &[answer(&bench, &order)]).is_ok());
        for defect in TdiDefect::ALL {
            let order = TdiOrder { defect: Some(*defect), ..order.clone() };
            let refusal = verified(&bench, &[answer(&bench, &order)]).map(drop);
            assert_eq!(refusal, Err(format!("{} {}", defect.rule(), defect.expects())), "{}", defect.name());
        }
    }
}

#[test]
fn an_interface_says_what_its_objects_say() {
    let bench = bench();
    let order = TdiOrder { spdm_1_3: true, ..TdiOrder::default() };
    let interface = interface(&bench, &order);
    let verified = verified(&bench, &[interface.answer(NONCE).unwrap()]).unwrap();
    let [device] = claims(&verified).devices.as_slice() else { panic!("one interface") };
    assert_eq!((device.pdi, device.nonce), (Hex(*b"lab-gpu0"), Hex(NONCE)));
    assert_eq!((device.spdm_version.name(), device.chip.as_str()), ("1.3", "GB100"));
    assert_eq!((device.measurements.len(), device.interface.mmio_ranges.len()), (4, 3));
    assert!(device.interface.info.no_firmware_update && !device.interface.info.ats);
    assert_eq!(device.interface.device_specific.0, b"lab");
    // What the guest was told of is what is claimed.
    let told: Value = serde_json::from_str(&interface.told()).unwrap();
    assert_eq!(told["certs_sha384"], json!(device.tsm.certs));
    assert_eq!(told["measurements_sha384"], json!(device.tsm.measurements));
    assert_eq!(told["interface_report_sha384"], json!(device.tsm.interface_report));
    let item = &verified.items()[0];
    assert!(verified.lab() && item.facts().lab && item.tee() == Tee::Tdi);
    // Claims are JSON that this project reads itself.
    let text = serde_json::to_vec(item.claims()).unwrap();
    let json = hanzo_attestation_evidence::json::parse(&text).unwrap();
    assert_eq!(json["devices"][0]["spdm_version"], "1.3");
}

/// TDI-08, TDI-05: no byte of either exchange can be another one.
#[test]
fn every_byte_of_an_exchange_counts() {
    let bench = bench();
    let good = answer(&bench, &TdiOrder::default());
    for at in 0..good.measurements.len() {
        let mut changed = good.clone();
        changed.measurements[at] ^= 1;
        assert!(verified(&bench, &[changed]).is_err(), "byte {at}");
    }
    for at in (0..good.measurements_at_lock.len()).step_by(7) {
        let mut changed = good.clone();
        changed.measurements_at_lock[at] ^= 1;
        assert!(verified(&bench, &[changed]).is_err(), "byte {at} at the lock");
    }
    for at in 0..good.vca.len() {
        let mut changed = good.clone();
        changed.vca[at] ^= 1;
        assert!(verified(&bench, &[changed]).is_err(), "byte {at} of the negotiation");
    }
}

/// No prefix of an object is one, and none is read beyond its end.
#[test]
fn truncated_objects_are_refused() {
    let bench = bench();
    let good = answer(&bench, &TdiOrder::default());
    type Object = fn(&mut Parts) -> &mut Vec<u8>;
    let objects: [Object; 5] = [
        |parts| &mut parts.certs,
        |parts| &mut parts.vca,
        |parts| &mut parts.interface_report,
        |parts| &mut parts.measurements_at_lock,
        |parts| &mut parts.measurements,
    ];
    for object in objects {
        let mut whole = good.clone();
        let length = object(&mut whole).len();
        for kept in (0..length).step_by(3) {
            let mut cut = good.clone();
            object(&mut cut).truncate(kept);
            assert!(verified(&bench, &[cut]).is_err(), "{kept} of {length}");
        }
    }
}

/// The 100 bytes and the digest of the transcript, written out by hand (DSP0274 1.2, clause 15).
#[test]
fn the_signature_covers_the_documented_bytes() {
    let good = answer(&bench(), &TdiOrder::default());
    let vca = Vca::parse(&good.vca).unwrap();
    let exchange =
        hanzo_attestation_evidence::tdi::Measurements::parse(&good.measurements, vca.version).unwrap();
    let unsigned = &good.measurements[..good.measurements.len() - 96];
    let transcript = [good.vca.as_slice(), unsigned].concat();
    let mut expected = b"dmtf-spdm-v1.2.*dmtf-spdm-v1.2.*dmtf-spdm-v1.2.*dmtf-spdm-v1.2.*".to_vec();
    expected.extend(b"\0\0\0\0\0\0responder-measurements signing");
    assert_eq!(expected.len(), 100);
    expected.extend(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA384, &transcript).as_ref());
    assert_eq!(exchange.signed(&vca), expected);
}

/// NV-13, NV-10, NV-14: the certificates are judged as those of a report are.
#[test]
fn certificates_are_those_of_a_device() {
    let bench = bench();
    let good = answer(&bench, &TdiOrder::default());
    let item = [NvidiaLab::interfaces(std::slice::from_ref(&good), &[])];
    let (collateral, now) = (Collateral::default(), bench.now);
    let refusal = judge(&item, &Roots::vendor(), &collateral, &bench.revocation, now).map(drop);
    assert_eq!(refusal, Err("NV-13 ChainOrder".to_owned()), "the lab is nobody without its root");
    let refusal = judge(&item, &bench.roots, &collateral, &Revocation::Required, now).map(drop);
    assert_eq!(refusal, Err("NV-21 RevocationUnchecked".to_owned()));
    let issued_at = hanzo_attestation_evidence::UnixTime::from_seconds(now.seconds() + 1).unwrap();
    let order = TdiOrder { issued_at: Some(issued_at), ..TdiOrder::default() };
    let refusal = verified(&bench, &[answer(&bench, &order)]).map(drop);
    assert_eq!(refusal, Err("NV-14 ChainNotInValidity".to_owned()));
    // The root left out, as a device may (the digest still names it); and nothing at all.
    let mut none = good.clone();
    none.certs.truncate(52);
    none.certs[..2].copy_from_slice(&52_u16.to_le_bytes());
    assert_eq!(verified(&bench, &[none]).map(drop), Err("NV-10 ChainLength".to_owned()));
}

/// TDI-08: the objects of two interfaces cannot be mixed, not even those of one device.
#[test]
fn objects_of_two_interfaces_do_not_mix() {
    let bench = bench();
    let (one, other) = (answer(&bench, &TdiOrder::default()), answer(&bench, &TdiOrder::default()));
    for mixed in [
        Parts { certs: other.certs.clone(), ..one.clone() },
        Parts { measurements: other.measurements.clone(), ..one.clone() },
        Parts { measurements_at_lock: other.measurements_at_lock.clone(), ..one.clone() },
    ] {
        assert_eq!(verified(&bench, &[mixed]).map(drop), Err("TDI-08 TdiSignature".to_owned()));
    }
    let newer = answer(&bench, &TdiOrder { spdm_1_3: true, ..TdiOrder::default() });
    let mixed = Parts { vca: newer.vca, ..one };
    assert_eq!(verified(&bench, &[mixed]).map(drop), Err("TDI-05 TdiMeasurementsMalformed".to_owned()));
}

/// TDI-10, NV-31: an interface answers one challenge, and the binding names it.
#[test]
fn a_binding_covers_interfaces_and_their_nonce() {
    let bench = bench();
    let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![1; 32]).unwrap();
    let alone = Binding::new("nonce", &recipient, None, &[]).unwrap();
    let interface = interface(&bench, &TdiOrder::default());
    let parts = interface.answer(*alone.device_nonce()).unwrap();
    let device = bench.device(&DeviceOrder {
        chip: LabChip::Gb100,
        nonce: *alone.device_nonce(),
        ..DeviceOrder::default()
    });
    let digests = [DeviceDigests::of(&device.report, &device.certs), parts.digests()];
    let items = [
        NvidiaLab::item("nvidia-gpu", &[device], &[]),
        NvidiaLab::interfaces(std::slice::from_ref(&parts), &[]),
    ];
    let document = json!({"evidence": items}).to_string();
    let parse = || Document::from_json(document.as_bytes()).unwrap().parse().unwrap();
    let context = Context {
        roots: &bench.roots,
        collateral: &Collateral::default(),
        revocation: &bench.revocation,
        now: bench.now,
        cache: Cache::off(),
    };
    let bind = |binding: &Binding| {
        let early = precheck(&parse(), binding).map_err(|refused| refused.finding.rule.to_string());
        let late = verify(parse(), &context).unwrap().bind(binding);
        let late = late.map(drop).map_err(|refused| refused.finding.rule.to_string());
        assert_eq!(early, late);
        late
    };
    let whole = alone.with_devices(&digests).unwrap();
    assert_eq!(bind(&whole), Ok(()));
    let covered = "NV-31 DevicesNotCovered".to_owned();
    for other in [vec![digests[0]], vec![digests[1], digests[0]], vec![]] {
        assert_eq!(bind(&alone.with_devices(&other).unwrap()), Err(covered.clone()));
    }
    let later = Binding::new("another", &recipient, None, &digests).unwrap();
    assert_eq!(bind(&later), Err("NV-30 Nonce".to_owned()));
    let only = verified(&bench, &[interface.answer(NONCE).unwrap()]).unwrap();
    assert_eq!(only.check_device_nonce(&NONCE), Ok(()));
    let refused = only.check_device_nonce(&[8; 32]).map_err(|refused| refused.finding.rule.to_string());
    assert_eq!(refused, Err("TDI-10 TdiNonce".to_owned()));
}

/// NV-31: each object is part of what a binding names.
#[test]
fn every_object_changes_the_binding() {
    let good = answer(&bench(), &TdiOrder::default());
    let all = [
        Parts { certs: vec![1], ..good.clone() },
        Parts { vca: vec![1], ..good.clone() },
        Parts { interface_report: vec![1], ..good.clone() },
        Parts { measurements_at_lock: vec![1], ..good.clone() },
        Parts { measurements: vec![1], ..good.clone() },
        Parts { vca: good.interface_report.clone(), interface_report: good.vca.clone(), ..good.clone() },
    ];
    for other in all {
        assert_ne!(other.digests(), good.digests());
    }
}

/// COL-05: sixteen GPUs and their interfaces are within the budget; a warm interface costs two operations.
#[test]
fn operations_are_bounded_and_known_chains_cost_two() {
    let bench = bench();
    let pdis = (1..=16_u8).map(|index| [index; 8]);
    let interfaces: Vec<Parts> =
        pdis.clone().map(|pdi| answer(&bench, &TdiOrder { pdi, ..TdiOrder::default() })).collect();
    let chip = LabChip::Gb100;
    let gpus: Vec<_> =
        pdis.map(|pdi| bench.device(&DeviceOrder { chip, pdi, ..DeviceOrder::default() })).collect();
    let cache = Cache::new(64);
    let operations = |items: &[Value]| {
        let document = json!({"evidence": items}).to_string();
        let evidence = Document::from_json(document.as_bytes()).unwrap().parse().unwrap();
        let context = Context {
            roots: &bench.roots,
            collateral: &Collateral::default(),
            revocation: &bench.revocation,
            now: bench.now,
            cache: &cache,
        };
        verify(evidence, &context).unwrap().public_key_operations()
    };
    let item = NvidiaLab::interfaces(&interfaces, &[]);
    // Two exchanges and two certificates of its own each, and the two that all share.
    assert_eq!(operations(std::slice::from_ref(&item)), 16 * 4 + 2);
    assert_eq!(operations(std::slice::from_ref(&item)), 16 * 2);
    // The GPUs' own chains are new, and the authorities above them are known.
    assert_eq!(operations(&[NvidiaLab::item("nvidia-gpu", &gpus, &[]), item]), 16 * 3 + 16 * 2);
}
