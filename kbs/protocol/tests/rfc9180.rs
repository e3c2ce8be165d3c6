//! RFC 9180, appendix A.1.1 and A.3.1 (base mode, HKDF-SHA256, AES-128-GCM) against both libraries beneath
//! the envelope. The RFC has no vectors for these KEMs with AES-256-GCM, so that the cipher of the envelope
//! is held by the interoperation of the two libraries instead.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use hpke::aead::AesGcm128;
use hpke::kdf::HkdfSha256;
use hpke::kem::{DhP256HkdfSha256, X25519HkdfSha256};
use hpke::{Deserializable, Kem, OpModeR};
use rustls::crypto::aws_lc_rs::hpke::{DH_KEM_P256_HKDF_SHA256_AES_128, DH_KEM_X25519_HKDF_SHA256_AES_128};
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey};

const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
const PLAINTEXT: &str = "4265617574792069732074727574682c20747275746820626561757479";

struct Vector {
    private: &'static str,
    enc: &'static str,
    /// Ciphertexts of sequence numbers 0, 1 and 2; their associated data is `Count-0` and so on.
    ciphertexts: [&'static str; 3],
}

const X25519: Vector = Vector {
    private: "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
    enc: "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
    ciphertexts: [
        "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
        "af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab251c03d0c22a56b8ca42c2063b84",
        "498dfcabd92e8acedc281e85af1cb4e3e31c7dc394a1ca20e173cb72516491588d96a19ad4a683518973dcc180",
    ],
};

const P256: Vector = Vector {
    private: "f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2",
    enc: "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4",
    ciphertexts: [
        "5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434",
        "fa6f037b47fc21826b610172ca9637e82d6e5801eb31cbd3748271affd4ecb06646e0329cbdf3c3cd655b28e82",
        "895cabfac50ce6c6eb02ffe6c048bf53b7f7be9a91fc559402cbc5b8dcaeb52b2ccc93e466c28fb55fed7a7fec",
    ],
};

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn by_rustls(suite: &'static dyn Hpke, vector: &Vector) {
    let private = HpkePrivateKey::from(bytes(vector.private));
    let enc = EncapsulatedSecret(bytes(vector.enc));
    let mut opener = suite.setup_opener(&enc, &bytes(INFO), &private).unwrap();
    for (sequence, ciphertext) in vector.ciphertexts.iter().enumerate() {
        let aad = format!("Count-{sequence}");
        assert_eq!(opener.open(aad.as_bytes(), &bytes(ciphertext)).unwrap(), bytes(PLAINTEXT));
    }
    assert!(suite.open(&enc, b"", b"Count-0", &bytes(vector.ciphertexts[0]), &private).is_err());
}

fn by_hpke<K: Kem>(vector: &Vector) {
    let private = K::PrivateKey::from_bytes(&bytes(vector.private)).unwrap();
    let enc = K::EncappedKey::from_bytes(&bytes(vector.enc)).unwrap();
    let mut context =
        hpke::setup_receiver::<AesGcm128, HkdfSha256, K>(&OpModeR::Base, &private, &enc, &bytes(INFO))
            .unwrap();
    for (sequence, ciphertext) in vector.ciphertexts.iter().enumerate() {
        let aad = format!("Count-{sequence}");
        assert_eq!(context.open(&bytes(ciphertext), aad.as_bytes()).unwrap(), bytes(PLAINTEXT));
    }
}

#[test]
fn x25519_a_1_1() {
    by_rustls(DH_KEM_X25519_HKDF_SHA256_AES_128, &X25519);
    by_hpke::<X25519HkdfSha256>(&X25519);
}

#[test]
fn p256_a_3_1() {
    by_rustls(DH_KEM_P256_HKDF_SHA256_AES_128, &P256);
    by_hpke::<DhP256HkdfSha256>(&P256);
}
