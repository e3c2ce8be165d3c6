//! What the importer of reference values and the calculator of measurements read: manifests, messages, images.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::encoding::{base64_encode, hex_decode};
use hanzo_attestation_measure::snp::{Launch, Monitor, measure};
use hanzo_attestation_measure::tdx::{self, PageOrder};
use hanzo_attestation_reference::corim::Corim;
use hanzo_attestation_reference::cose;
use hanzo_attestation_reference::signer::Signer;
use serde_json::json;
use std::sync::LazyLock;

/// A CoRIM with one launch measurement of SEV-SNP that counts from 2023 to 2096.
const CORIM: &str = "d901f5a300676578616d706c650181d901fa586fa201a1006972656c65617365203704a1008182a100a200d82550\
    d05e6d1b9f464ae2a610ce3e6ee7e153026547656e6f6181a20019028101a10281820758301111111111111111111111111111111111\
    1111111111111111111111111111111111111111111111111111111111111104a200c11a6553f10001c11aee6b2800";
/// Its protected header: EdDSA, `application/rim+cbor`, a signer's name.
const PROTECTED: &str =
    "a3012703746170706c69636174696f6e2f72696d2b63626f720853a100a1006e4578616d706c6520496d61676573";

/// A key of these runs alone.
static KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| {
    let Ok(pair) = Ed25519KeyPair::from_seed_unchecked(&[7; 32]) else {
        unreachable!("any 32 bytes are a seed")
    };
    pair
});
static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
    let spki = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", KEY.public_key().as_ref()].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64_encode(&spki));
    let Ok(signer) = Signer::from_pem("fuzz", pem.as_bytes()) else { unreachable!("a key in PEM") };
    signer
});

/// An instant inside the dates of [`CORIM`].
fn now() -> UnixTime {
    UnixTime::from_seconds(1_800_000_000).unwrap_or(UnixTime::MAX)
}

fn bytes(hex: &str) -> Vec<u8> {
    hex_decode(hex).unwrap_or_default()
}

/// A byte string of CBOR with its length in four bytes or, where the reader wants it shorter, in fewer.
fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    let head = match length {
        [0, 0, 0, low] if low < 24 => vec![0x40 | low],
        [0, 0, 0, low] => vec![0x58, low],
        [0, 0, high, low] => vec![0x59, high, low],
        [a, b, c, d] => vec![0x5a, a, b, c, d],
    };
    [head, bytes.to_vec()].concat()
}

/// A payload, signed by the key of these runs.
fn envelope(payload: &[u8]) -> Vec<u8> {
    let (protected, payload) = (string(&bytes(PROTECTED)), string(payload));
    let message = [b"\x84\x6aSignature1", &protected[..], b"\x40", &payload].concat();
    let signature = string(KEY.sign(&message).as_ref());
    [b"\xd2\x84", &protected[..], b"\xa0", &payload, &signature].concat()
}

pub(super) fn corims() -> Vec<Vec<u8>> {
    vec![bytes(CORIM)]
}

/// What is signed is read: whatever the payload is, the signature over it is good.
pub(super) fn corim(payload: &[u8]) {
    let signed = envelope(payload);
    if let Ok(signed) = cose::verify(&signed, std::slice::from_ref(&SIGNER), now()) {
        assert_eq!(signed.payload(), payload);
        drop(Corim::read(&signed, now()));
    }
}

pub(super) fn envelopes() -> Vec<Vec<u8>> {
    vec![envelope(&bytes(CORIM))]
}

pub(super) fn cose(bytes: &[u8]) {
    drop(cose::verify(bytes, std::slice::from_ref(&SIGNER), now()));
}

pub(super) fn messages() -> Vec<Vec<u8>> {
    let payload = json!({"snp_launch_measurement": ["11".repeat(48)], "svn": 3}).to_string();
    let message = |kind: &str, payload: &[u8]| {
        json!({"version": "0.1.0", "type": kind, "payload": base64_encode(payload)}).to_string().into_bytes()
    };
    vec![message("sample", payload.as_bytes()), message("corim", &bytes(CORIM))]
}

/// An image of one page that is a firmware to the calculator: a table, and metadata with one section.
pub(super) fn firmwares() -> Vec<Vec<u8>> {
    let entry = |data: &[u8], guid: &str| {
        let length = u16::try_from(data.len() + 18).unwrap_or_default().to_le_bytes();
        [data, &length, &bytes(guid)].concat()
    };
    let table = [
        entry(&4096_u32.to_le_bytes(), "666588dc4a989847a75e5585a7bf67cc"),
        entry(&0x0080_b004_u32.to_le_bytes(), "de71f7007e1acb4f890e68c77e2fb44e"),
    ];
    let length = u16::try_from(table.concat().len() + 18).unwrap_or_default().to_le_bytes();
    let table = [table.concat(), length.to_vec(), bytes("de82b596b21ff745baeaa366c55a082d")].concat();
    let words = [28_u32, 1, 1, 0x80_0000, 0x1000, 1].map(u32::to_le_bytes).concat();
    let mut image = [b"ASEV".to_vec(), words].concat();
    image.resize(4096 - 32 - table.len(), 0);
    image.extend(table);
    image.resize(4096, 0);
    vec![image]
}

pub(super) fn firmware(image: &[u8]) {
    let monitor = Monitor::Qemu;
    let launch =
        Launch { firmware: image, kernel: None, vcpus: 2, cpu_signature: 7, guest_features: 1, monitor };
    assert_eq!(measure(&launch), measure(&launch));
}

/// The same for TDX: metadata with a boot volume and a page of blank memory.
pub(super) fn tdx_firmwares() -> Vec<Vec<u8>> {
    let length = |bytes: usize| u16::try_from(bytes).unwrap_or_default().to_le_bytes();
    let place =
        [&1024_u32.to_le_bytes()[..], &length(22), &bytes("35657ae44a989847865e4685a7bf8ec2")].concat();
    let table = [place, length(40).to_vec(), bytes("de82b596b21ff745baeaa366c55a082d")].concat();
    let words = [80_u32, 1, 2, 0, 4096, 0xffff_f000, 0, 4096, 0, 0, 1, 0, 0, 0x80_0000, 0, 4096, 0, 3, 0];
    let metadata = [b"TDVF".to_vec(), words.map(u32::to_le_bytes).concat()].concat();
    let mut image = vec![7; 4096 - 1024 - 16];
    image.extend([bytes("f3f9eae98e16d544a8eb7f4d8738f6ae"), metadata].concat());
    image.resize(4096 - 32 - table.len(), 0);
    image.extend(table);
    image.resize(4096, 0);
    vec![image]
}

pub(super) fn tdx_firmware(image: &[u8]) {
    let by_page = tdx::measure(image, PageOrder::ByPage);
    let by_section = tdx::measure(image, PageOrder::BySection);
    assert_eq!(by_page.err(), by_section.err(), "the order is no reason to refuse");
}
