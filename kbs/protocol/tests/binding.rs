//! The published binding vectors against the implementation. The vectors were made by another program.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aws_lc_rs::digest::{SHA384, digest};
use hanzo_attestation_evidence::binding::DeviceDigests;
use hanzo_attestation_evidence::{Binding, Recipient, encoding};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashSet;

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    nonce: String,
    recipient: Recipient,
    runtime_data: Option<Value>,
    devices: Vec<Device>,
    expect: Expect,
}

#[derive(Deserialize)]
struct Device {
    report: String,
    certs: String,
}

#[derive(Deserialize)]
struct Expect {
    cpu: String,
    device: String,
    tpm: String,
    identity: String,
}

fn vectors() -> Vec<Vector> {
    let file: File = serde_json::from_str(include_str!("../../../fixtures/binding/vectors.json")).unwrap();
    file.vectors
}

fn sha384(bytes: &[u8]) -> [u8; 48] {
    digest(&SHA384, bytes).as_ref().try_into().unwrap()
}

fn binding(vector: &Vector) -> Binding {
    let devices: Vec<DeviceDigests> = vector
        .devices
        .iter()
        .map(|device| DeviceDigests {
            report: sha384(&encoding::base64_decode(&device.report).unwrap()),
            certs: sha384(device.certs.as_bytes()),
        })
        .collect();
    Binding::new(&vector.nonce, &vector.recipient, vector.runtime_data.as_ref(), &devices).unwrap()
}

#[test]
fn every_vector_is_reproduced() {
    let vectors = vectors();
    assert!(vectors.len() >= 12);
    for vector in vectors {
        let binding = binding(&vector);
        let expect = &vector.expect;
        assert_eq!(hex::encode(binding.cpu_report_data()), expect.cpu, "{}: cpu", vector.name);
        assert_eq!(hex::encode(binding.device_nonce()), expect.device, "{}: device", vector.name);
        assert_eq!(hex::encode(binding.tpm_qualifying_data()), expect.tpm, "{}: tpm", vector.name);
        assert_eq!(hex::encode(binding.identity_message()), expect.identity, "{}: identity", vector.name);
    }
}

#[test]
fn no_two_vectors_share_a_digest() {
    let digests: Vec<Vec<u8>> =
        vectors().iter().map(|vector| binding(vector).cpu_report_data().to_vec()).collect();
    assert_eq!(digests.iter().collect::<HashSet<_>>().len(), digests.len());
}

#[test]
fn the_purposes_do_not_share_a_digest() {
    for vector in vectors() {
        let binding = binding(&vector);
        assert_ne!(binding.cpu_report_data(), binding.identity_message());
        assert_ne!(binding.tpm_qualifying_data(), binding.device_nonce());
        assert_ne!(&binding.cpu_report_data()[..32], binding.tpm_qualifying_data());
    }
}
