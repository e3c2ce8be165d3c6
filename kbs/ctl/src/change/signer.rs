//! The private key of a person: read from a file, used once.

use crate::exit::Failure;
use crate::input;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use hanzo_attestation_evidence::Hex;
use hanzo_kbs_protocol::changes::pem_block;
use std::path::Path;

/// A private key.
pub(super) enum Signer {
    /// Ed25519.
    Ed25519(Ed25519KeyPair),
    /// P-256.
    P256(EcdsaKeyPair),
}

impl Signer {
    /// Reads PKCS#8 in PEM; a file that every user of the machine can read is refused.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let pem = input::read_credential(path)?;
        let der = pem_block(&pem, "PRIVATE KEY")
            .ok_or_else(|| Failure::file(path, "not one PEM block `PRIVATE KEY`"))?;
        if let Ok(key) = Ed25519KeyPair::from_pkcs8(&der) {
            return Ok(Self::Ed25519(key));
        }
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der)
            .map(Self::P256)
            .map_err(|_| Failure::file(path, "not an Ed25519 or P-256 key in PKCS#8"))
    }

    /// Signs; `path` is for the message of a failure.
    pub(super) fn sign(&self, message: &[u8], path: &Path) -> Result<Hex<64>, Failure> {
        let no_signature = || Failure::file(path, "no signature could be made");
        let signature = match self {
            Self::Ed25519(key) => key.sign(message),
            Self::P256(key) => key.sign(&SystemRandom::new(), message).map_err(|_| no_signature())?,
        };
        <[u8; 64]>::try_from(signature.as_ref()).map(Hex).map_err(|_| no_signature())
    }
}

/// 16 random bytes; `path` is for the message of a failure.
pub(super) fn nonce(path: &Path) -> Result<Hex<16>, Failure> {
    let mut nonce = [0; 16];
    let filled = SystemRandom::new().fill(&mut nonce);
    filled.map_err(|_| Failure::file(path, "there is no randomness to sign with"))?;
    Ok(Hex(nonce))
}
