//! The three HPKE suites and the library behind each: X25519 and P-256 by aws-lc through rustls (five
//! times as fast on P-256), X-Wing by the `hpke` crate.

use crate::sealed::SealError;
use hanzo_attestation_evidence::{Kem, Recipient};
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem as _, OpModeR, OpModeS, Serializable};
use rustls::crypto::aws_lc_rs::hpke::{DH_KEM_P256_HKDF_SHA256_AES_256, DH_KEM_X25519_HKDF_SHA256_AES_256};
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey, HpkePublicKey};
use std::convert::Infallible;
use zeroize::Zeroizing;

type XWingPrivateKey = <XWing as hpke::Kem>::PrivateKey;

/// A private key, in the form that its library keeps. Both wipe it on drop.
pub(crate) enum PrivateKey {
    X25519(HpkePrivateKey),
    P256(HpkePrivateKey),
    XWing(Box<XWingPrivateKey>),
}

/// The system gave no randomness, or the library could not make a key of it.
pub(crate) struct NoKey;

pub(crate) fn generate(kem: Kem) -> Result<(PrivateKey, Vec<u8>), NoKey> {
    match kem {
        Kem::X25519HkdfSha256 => {
            let (public, private) =
                DH_KEM_X25519_HKDF_SHA256_AES_256.generate_key_pair().map_err(|_| NoKey)?;
            Ok((PrivateKey::X25519(private), public.0))
        }
        Kem::P256HkdfSha256 => {
            let (public, private) = DH_KEM_P256_HKDF_SHA256_AES_256.generate_key_pair().map_err(|_| NoKey)?;
            Ok((PrivateKey::P256(private), public.0))
        }
        Kem::XWing => {
            let mut seed = Zeroizing::new([0; 32]);
            aws_lc_rs::rand::fill(seed.as_mut_slice()).map_err(|_| NoKey)?;
            let (private, public) = XWing::derive_keypair(seed.as_slice());
            Ok((PrivateKey::XWing(Box::new(private)), public.to_bytes().to_vec()))
        }
    }
}

pub(crate) fn seal(
    recipient: &Recipient,
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), SealError> {
    let kem = recipient.kem();
    let invalid = SealError::PublicKey { kem };
    let classical = |suite: &'static dyn Hpke| {
        let public = HpkePublicKey(recipient.public_key().to_vec());
        suite
            .seal(info, aad, plaintext, &public)
            .map(|(enc, ciphertext)| (enc.0, ciphertext))
            .map_err(|_| SealError::PublicKey { kem })
    };
    match kem {
        Kem::X25519HkdfSha256 => classical(DH_KEM_X25519_HKDF_SHA256_AES_256),
        Kem::P256HkdfSha256 => classical(DH_KEM_P256_HKDF_SHA256_AES_256),
        Kem::XWing => {
            let Ok(public) = <XWing as hpke::Kem>::PublicKey::from_bytes(recipient.public_key()) else {
                return Err(invalid);
            };
            let mut rng = LibraryRng { failed: false };
            let mode = OpModeS::Base;
            let sealed = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, XWing>(
                &mode, &public, info, plaintext, aad, &mut rng,
            );
            if rng.failed {
                return Err(SealError::Randomness);
            }
            let (enc, ciphertext) = sealed.map_err(|_| invalid)?;
            Ok((enc.to_bytes().to_vec(), ciphertext))
        }
    }
}

pub(crate) fn open(
    key: &PrivateKey,
    enc: &[u8],
    info: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let classical = |suite: &'static dyn Hpke, private: &HpkePrivateKey| {
        let enc = EncapsulatedSecret(enc.to_vec());
        suite.open(&enc, info, aad, ciphertext, private).ok().map(Zeroizing::new)
    };
    match key {
        PrivateKey::X25519(private) => classical(DH_KEM_X25519_HKDF_SHA256_AES_256, private),
        PrivateKey::P256(private) => classical(DH_KEM_P256_HKDF_SHA256_AES_256, private),
        PrivateKey::XWing(private) => {
            let enc = <XWing as hpke::Kem>::EncappedKey::from_bytes(enc).ok()?;
            let mode = OpModeR::Base;
            hpke::single_shot_open::<AesGcm256, HkdfSha256, XWing>(
                &mode, private, &enc, info, ciphertext, aad,
            )
            .ok()
            .map(Zeroizing::new)
        }
    }
}

/// aws-lc's generator behind the trait of the `hpke` crate, which knows no failure: one is remembered here
/// and turned into an error after the call, where the crate's own choice would panic.
struct LibraryRng {
    failed: bool,
}

impl TryRng for LibraryRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.failed |= aws_lc_rs::rand::fill(bytes).is_err();
        Ok(())
    }
}

impl TryCryptoRng for LibraryRng {}
