//! The formats by hand: what is read, and what each rule refuses.

use super::*;
use crate::binding::{Binding, Recipient};
use crate::document::Document;
use crate::encoding::{base64_decode, base64_encode};
use crate::rule::Broken;
use serde_json::{Value, json};

/// A report with these ranges: first page, pages, attributes.
fn report(info: u16, ranges: &[(u64, u32, u16)]) -> Vec<u8> {
    let mut bytes = info.to_le_bytes().to_vec();
    bytes.extend([0, 0, 0x3F, 0x80, 0, 0, 1, 0, 0, 0]);
    bytes.extend(u32::try_from(ranges.len()).unwrap().to_le_bytes());
    for (number, (first, pages, attributes)) in (0_u16..).zip(ranges) {
        bytes.extend(first.to_le_bytes());
        bytes.extend(pages.to_le_bytes());
        bytes.extend(attributes.to_le_bytes());
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend([2, 0, 0, 0, 0xAB, 0xCD]);
    bytes
}

fn rule<T>(result: Result<T, TdiError>) -> String {
    result.map(drop).map_err(|error| error.rule().to_string()).unwrap_err()
}

/// PCI Express 6.3, 11.3.11, field by field.
#[test]
fn a_report_is_read_field_by_field() {
    let read = InterfaceReport::parse(&report(0b1_0101, &[(0, 1, 0b101), (0x10, 4, 0b1010)])).unwrap();
    assert!(read.info.no_firmware_update && read.info.dma_with_pasid && read.info.prs);
    assert!(!read.info.dma_without_pasid && !read.info.ats);
    assert_eq!((read.msi_x_message_control, read.lnr_control, read.tph_control), (0x803F, 0, 1));
    let [table, memory] = read.mmio_ranges.as_slice() else { panic!("two ranges") };
    assert!(table.msi_x_table && table.non_tee && !table.msi_x_pba && !table.updatable);
    assert!(memory.msi_x_pba && memory.updatable && !memory.non_tee);
    assert_eq!((memory.first_page, memory.pages, memory.id), (0x10, 4, 1));
    assert_eq!(read.device_specific.0, [0xAB, 0xCD]);
}

/// TDI-01: whole, and nothing that is not understood.
#[test]
fn a_report_that_is_not_whole_is_refused() {
    let good = report(1, &[(0, 1, 0)]);
    assert!(InterfaceReport::parse(&good).is_ok());
    for kept in 0..good.len() {
        assert_eq!(rule(InterfaceReport::parse(&good[..kept])), "TDI-01 TdiReportMalformed", "{kept}");
    }
    let longer = [good.as_slice(), &[0]].concat();
    let mut many = good.clone();
    many[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut specific = good.clone();
    let at = specific.len() - 6;
    specific[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut reserved = good.clone();
    reserved[2] = 1;
    let huge = vec![0; MAX_INTERFACE_REPORT + 1];
    for wrong in [longer, many, specific, reserved, huge, report(1 << 5, &[]), report(1 << 15, &[])] {
        assert_eq!(rule(InterfaceReport::parse(&wrong)), "TDI-01 TdiReportMalformed");
    }
}

/// TDI-02: a range has pages, within the address space, and no page is in two.
#[test]
fn ranges_are_apart() {
    let last = (1 << 52) - 1;
    assert!(InterfaceReport::parse(&report(1, &[(last, 1, 0), (0, 1, 0), (1, 1, 0)])).is_ok());
    for wrong in [
        [(0, 0, 0), (1, 1, 0)],
        [(last, 2, 0), (1, 1, 0)],
        [(u64::MAX, 1, 0), (1, 1, 0)],
        [(0, 1, 1 << 4), (1, 1, 0)],
        [(0, 2, 0), (1, 1, 0)],
        [(1, 1, 0), (0, 2, 0)],
        [(5, 1, 0), (5, 1, 0)],
        [(5, 1, 0), (4, u32::MAX, 0)],
    ] {
        assert_eq!(rule(InterfaceReport::parse(&report(1, &wrong))), "TDI-02 TdiRange", "{wrong:?}");
    }
}

/// TDI-06: SPDM's header before the certificates, and whole certificates after it.
#[test]
fn a_chain_has_spdms_header() {
    let with = |length: usize, body: &[u8]| {
        let length = u16::try_from(length).unwrap();
        [&length.to_le_bytes(), &[0, 0], &[9; 48][..], body].concat()
    };
    let one = [0x30, 1, 0];
    let read = CertificateChain::parse(&with(58, &[one, [0x30, 1, 1]].concat())).unwrap();
    assert_eq!((read.root_hash, read.certificates), (Hex([9; 48]), vec![vec![0x30, 1, 1], one.to_vec()]));
    for wrong in
        [with(56, &one), with(54, &one), with(55, &one)[..20].to_vec(), vec![0; MAX_CERTIFICATE_CHAIN + 1]]
    {
        assert_eq!(rule(CertificateChain::parse(&wrong)), "TDI-06 TdiCertificates");
    }
    let seven = with(52 + 21, &one.repeat(7));
    assert_eq!(rule(CertificateChain::parse(&seven)), "TDI-06 TdiCertificates");
    for cut in [with(54, &one[..2]), with(55, &[4, 1, 0])] {
        assert!(CertificateChain::parse(&cut).is_err(), "no certificate");
    }
}

/// TDI-27: the content of the guest's event.
#[test]
fn an_event_is_read_strictly() {
    let good = json!({
        "certs_sha384": "aa".repeat(48), "measurements_sha384": "bb".repeat(48),
        "interface_report_sha384": "cc".repeat(48), "lock_flags": 29, "tdi_state": "RUN",
    });
    let read = Accepted::parse(good.to_string().as_bytes()).unwrap();
    assert_eq!((read.tsm.certs, read.state), (Hex([0xAA; 48]), TdiState::Run));
    assert_eq!((read.tsm.measurements, read.tsm.interface_report), (Hex([0xBB; 48]), Hex([0xCC; 48])));
    let lock = read.lock;
    assert!(lock.no_firmware_update && lock.msi_x && lock.bind_p2p && lock.all_request_redirect);
    let with = |name: &str, value: Value| {
        let mut changed = good.clone();
        changed[name] = value;
        rule(Accepted::parse(changed.to_string().as_bytes()))
    };
    for (name, value) in [
        ("certs_sha384", json!("AA".repeat(48))),
        ("certs_sha384", json!("aa".repeat(47))),
        ("measurements_sha384", json!(null)),
        ("lock_flags", json!(32)),
        ("lock_flags", json!(-1)),
        ("lock_flags", json!(65536)),
        ("tdi_state", json!("run")),
        ("tdi_state", json!(2)),
        ("more", json!(1)),
    ] {
        assert_eq!(with(name, value), "TDI-27 TdiEventMalformed", "{name}");
    }
    for text in ["", "{}", "[]", "null"] {
        assert_eq!(rule(Accepted::parse(text.as_bytes())), "TDI-27 TdiEventMalformed");
    }
    let twice = good.to_string().replacen('{', "{\"tdi_state\":\"RUN\",", 1);
    assert_eq!(rule(Accepted::parse(twice.as_bytes())), "TDI-27 TdiEventMalformed");
    assert!(is_ours(ACCEPT) && is_ours("hanzo.tee-io anything") && !is_ours("hanzo.tee-iox anything"));
}

/// COL-01, COL-02, COL-03: the envelope.
#[test]
fn the_envelope_is_strict() {
    let one = json!({
        "certs": "", "vca": "", "interface_report": "", "measurements_at_lock": "", "measurements": "",
    });
    let rule = |item: &Value, times: usize| {
        let document = json!({"evidence": vec![item; times]}).to_string();
        Document::from_json(document.as_bytes()).map(drop).map_err(|error| error.rule().to_string())
    };
    let item = |devices: Value| json!({"type": "tdi", "devices": devices});
    assert_eq!(rule(&item(json!([one])), 1), Ok(()), "what is inside is read later");
    let malformed = Err("COL-03 EnvelopeMalformed".to_owned());
    assert_eq!(rule(&item(json!([one])), 2), malformed, "two items");
    assert_eq!(rule(&item(json!([])), 1), malformed);
    assert_eq!(rule(&item(json!(vec![&one; 17])), 1), malformed);
    let with = |name: &str, value: Value| {
        let mut changed = one.clone();
        changed[name] = value;
        item(json!([changed]))
    };
    assert_eq!(rule(&with("tsm", json!("")), 1), malformed);
    assert_eq!(rule(&with("vca", json!(null)), 1), malformed);
    let mut ocsp = item(json!([one]));
    ocsp["ocsp"] = json!(null);
    assert_eq!(rule(&ocsp, 1), malformed);
    ocsp["ocsp"] = json!(vec![""; 49]);
    assert_eq!(rule(&ocsp, 1), malformed);
    assert_eq!(rule(&with("vca", json!("=")), 1), Err("COL-02 EncodingNotCanonical".to_owned()));
    for (name, limit) in [
        ("certs", MAX_CERTIFICATE_CHAIN),
        ("vca", MAX_VCA),
        ("interface_report", MAX_INTERFACE_REPORT),
        ("measurements", MAX_EXCHANGE),
        ("measurements_at_lock", MAX_EXCHANGE),
    ] {
        let large = base64_encode(&vec![0; limit + 3]);
        assert_eq!(rule(&with(name, json!(large)), 1), Err("COL-01 EvidenceTooLarge".to_owned()), "{name}");
    }
    let document = json!({"evidence": [item(json!([one]))]}).to_string();
    let refused = Document::from_json(document.as_bytes()).unwrap().parse().unwrap_err();
    assert_eq!(
        (refused.rule().to_string().as_str(), refused.item()),
        ("TDI-03 TdiVcaMalformed", Some(crate::Tee::Tdi))
    );
}

/// Vectors made by another implementation: interfaces after devices, and devices alone as before.
#[test]
fn the_published_vectors_hold() {
    let file: Value = serde_json::from_str(include_str!("../../../../fixtures/binding/tdi.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        let bytes = |value: &Value, name: &str| base64_decode(value[name].as_str().unwrap()).unwrap();
        let device =
            |device: &Value| DeviceDigests::of(&bytes(device, "report"), device["certs"].as_str().unwrap());
        let interface = |interface: &Value| {
            let parts = Parts {
                certs: bytes(interface, "certs"),
                vca: bytes(interface, "vca"),
                interface_report: bytes(interface, "interface_report"),
                measurements_at_lock: bytes(interface, "measurements_at_lock"),
                measurements: bytes(interface, "measurements"),
            };
            parts.digests()
        };
        let devices = vector["devices"].as_array().unwrap().iter().map(device);
        let interfaces = vector["interfaces"].as_array().unwrap().iter().map(interface);
        let all: Vec<DeviceDigests> = devices.chain(interfaces).collect();
        let recipient: Recipient = serde_json::from_value(vector["recipient"].clone()).unwrap();
        let binding = Binding::new(vector["nonce"].as_str().unwrap(), &recipient, None, &all).unwrap();
        let expect = &vector["expect"];
        assert_eq!(expect["cpu"], hex::encode(binding.cpu_report_data()), "{}", vector["name"]);
        assert_eq!(expect["device"], hex::encode(binding.device_nonce()));
        assert_eq!(expect["tpm"], hex::encode(binding.tpm_qualifying_data()));
        assert_eq!(expect["identity"], hex::encode(binding.identity_message()));
    }
}
