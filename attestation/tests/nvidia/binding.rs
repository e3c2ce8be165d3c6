//! What ties devices to one challenge and to the CPU beside them (NV-30, NV-31), and attacks on it.

use super::{Bench, code};
use hanzo_attestation::precheck;
use hanzo_attestation_evidence::binding::DeviceDigests;
use hanzo_attestation_evidence::{Binding, Document, Evidence, Kem, Recipient};
use hanzo_attestation_lab::{DeviceOrder, LabChip, LabDevice, NvidiaLab};
use serde_json::json;

fn recipient() -> Recipient {
    Recipient::new(Kem::X25519HkdfSha256, vec![9; 32]).unwrap()
}

fn binding(nonce: &str, devices: &[DeviceDigests]) -> Binding {
    Binding::new(nonce, &recipient(), None, devices).unwrap()
}

/// A device that answers the binding's nonce.
fn device(bench: &Bench, nonce: &str, pdi: u8) -> LabDevice {
    let nonce = *binding(nonce, &[]).device_nonce();
    bench.device(&DeviceOrder { nonce, pdi: [pdi; 8], ..DeviceOrder::default() })
}

fn digests(device: &LabDevice) -> DeviceDigests {
    DeviceDigests::of(&device.report, &device.certs)
}

fn evidence(devices: &[LabDevice]) -> Evidence {
    let document = json!({"evidence": [NvidiaLab::item("nvidia-gpu", devices, &[])]}).to_string();
    Document::from_json(document.as_bytes()).unwrap().parse().unwrap()
}

/// Both the check before signatures and the binding after them give the same answer.
fn bound(bench: &Bench, devices: &[LabDevice], binding: &Binding) -> Result<(), String> {
    let early = precheck(&evidence(devices), binding).map_err(code);
    let verified = bench.judge(&[NvidiaLab::item("nvidia-gpu", devices, &[])]).unwrap();
    let late = verified.bind(binding).map(drop).map_err(code);
    assert_eq!(early, late);
    late
}

#[test]
fn devices_answer_the_binding_and_are_covered_by_it() {
    let bench = Bench::new(LabChip::Gh100);
    let devices = [device(&bench, "n", 1), device(&bench, "n", 2)];
    let covered = devices.each_ref().map(digests);
    assert_eq!(bound(&bench, &devices, &binding("n", &covered)), Ok(()));
}

/// NV-30: evidence of another session, whose devices are covered, answers another nonce.
#[test]
fn evidence_of_another_session_is_refused() {
    let bench = Bench::new(LabChip::Gh100);
    let devices = [device(&bench, "n", 1), device(&bench, "another", 2)];
    let covered = devices.each_ref().map(digests);
    assert_eq!(bound(&bench, &devices, &binding("n", &covered)), Err("NV-30 Nonce".to_owned()));
    assert_eq!(bound(&bench, &devices, &binding("another", &covered)), Err("NV-30 Nonce".to_owned()));
}

/// NV-31: a binding of no devices, of fewer, of more, of others, or in another order covers not these.
#[test]
fn devices_beside_the_binding_are_refused() {
    let bench = Bench::new(LabChip::Gh100);
    let devices = [device(&bench, "n", 1), device(&bench, "n", 2)];
    let [one, two] = devices.each_ref().map(digests);
    let other = digests(&device(&bench, "n", 3));
    let swapped = DeviceDigests { report: one.report, certs: two.certs };
    for covered in
        [&[][..], &[one], &[two, one], &[one, two, other], &[one, other], &[one, one], &[swapped, two]]
    {
        let refusal = bound(&bench, &devices, &binding("n", covered));
        assert_eq!(refusal, Err("NV-31 DevicesNotCovered".to_owned()));
    }
    // A binding with devices covers no document without any.
    let none = Document::from_json(b"{\"evidence\":[]}").unwrap().parse().unwrap();
    assert_eq!(
        precheck(&none, &binding("n", &[one])).map_err(code),
        Err("NV-31 DevicesNotCovered".to_owned())
    );
}

/// NV-30: tools compare the nonce alone.
#[test]
fn a_tool_compares_the_nonce_over_its_whole_length() {
    let bench = Bench::new(LabChip::Gh100);
    let verified = bench.judge_gpu(&DeviceOrder::default()).unwrap();
    assert!(verified.check_device_nonce(&[7; 32]).is_ok());
    for wrong in [&[7; 31][..], &[7; 33], &[8; 32], &[]] {
        assert_eq!(verified.check_device_nonce(wrong).map_err(code), Err("NV-30 Nonce".to_owned()));
    }
}
