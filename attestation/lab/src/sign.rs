//! The lab's private keys: RSA-4096 with RSASSA-PSS for AMD's certificates, RSA-2048 for TPMs, ECDSA for
//! everything else.

use crate::LabError;
use crate::der;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, RsaSignatureEncoding};
use aws_lc_rs::{digest, pkcs8};
use std::sync::Arc;
use zeroize::Zeroizing;

/// OIDs of keys and signatures (RFC 3279, RFC 4055, RFC 5480, RFC 5758).
pub(crate) mod oids {
    pub(crate) const RSA_ENCRYPTION: &[u32] = &[1, 2, 840, 113_549, 1, 1, 1];
    pub(crate) const MGF1: &[u32] = &[1, 2, 840, 113_549, 1, 1, 8];
    pub(crate) const RSASSA_PSS: &[u32] = &[1, 2, 840, 113_549, 1, 1, 10];
    pub(crate) const SHA384: &[u32] = &[2, 16, 840, 1, 101, 3, 4, 2, 2];
    pub(crate) const EC_PUBLIC_KEY: &[u32] = &[1, 2, 840, 10045, 2, 1];
    pub(crate) const PRIME256V1: &[u32] = &[1, 2, 840, 10045, 3, 1, 7];
    pub(crate) const SECP384R1: &[u32] = &[1, 3, 132, 0, 34];
    pub(crate) const ECDSA_WITH_SHA256: &[u32] = &[1, 2, 840, 10045, 4, 3, 2];
}

/// A key that signs certificates.
pub(crate) trait Issuer {
    /// Signs; the result is what the certificate's BIT STRING holds.
    fn sign_certificate(&self, message: &[u8]) -> Result<Vec<u8>, LabError>;
    /// SubjectPublicKeyInfo of this key.
    fn public_key_info(&self) -> Vec<u8>;
    /// The bits of the public key, without algorithm.
    fn public_key(&self) -> &[u8];

    /// Subject key identifier: the leftmost 160 bits of SHA-256 over the public key (RFC 7093, method 1).
    fn key_id(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.public_key()).as_ref().iter().copied().take(20).collect()
    }
}

/// RSA. Certificates are signed with RSASSA-PSS, SHA-384 and a salt of 48 bytes.
#[derive(Clone)]
pub(crate) struct RsaKey {
    pair: Arc<rsa::KeyPair>,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl RsaKey {
    /// RSA-4096, as AMD's authorities have.
    pub(crate) fn generate() -> Result<Self, LabError> {
        Self::of_size(KeySize::Rsa4096)
    }

    /// RSA-2048, as TPMs have.
    pub(crate) fn generate_2048() -> Result<Self, LabError> {
        Self::of_size(KeySize::Rsa2048)
    }

    fn of_size(size: KeySize) -> Result<Self, LabError> {
        let pair = rsa::KeyPair::generate(size).map_err(|_| LabError::KeyGeneration)?;
        let pkcs8 = pair.as_der().map_err(|_| LabError::KeyGeneration)?;
        Ok(Self { pkcs8: Zeroizing::new(pkcs8.as_ref().to_vec()), pair: Arc::new(pair) })
    }

    pub(crate) fn from_pkcs8(bytes: Zeroizing<Vec<u8>>) -> Result<Self, LabError> {
        let pair = rsa::KeyPair::from_pkcs8(&bytes).map_err(|e| LabError::KeyRejected(e.to_string()))?;
        Ok(Self { pair: Arc::new(pair), pkcs8: bytes })
    }

    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }
}

impl RsaKey {
    /// Signs with any scheme.
    pub(crate) fn sign(
        &self,
        scheme: &'static RsaSignatureEncoding,
        message: &[u8],
    ) -> Result<Vec<u8>, LabError> {
        let mut out = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(scheme, &SystemRandom::new(), message, &mut out).map_err(|_| LabError::Signing)?;
        Ok(out)
    }

    /// The modulus, most significant byte first.
    pub(crate) fn modulus(&self) -> &[u8] {
        // RSAPublicKey (RFC 8017, A.1.1) ends with the modulus and the exponent 65537, which has five bytes
        // in DER.
        let key = self.public_key();
        let end = key.len().saturating_sub(5);
        key.get(end.saturating_sub(self.pair.public_modulus_len())..end).unwrap_or_default()
    }
}

impl Issuer for RsaKey {
    fn sign_certificate(&self, message: &[u8]) -> Result<Vec<u8>, LabError> {
        self.sign(&signature::RSA_PSS_SHA384, message)
    }

    fn public_key_info(&self) -> Vec<u8> {
        let algorithm = der::sequence([der::oid(oids::RSA_ENCRYPTION), der::null()]);
        der::sequence([algorithm, der::bit_string(self.public_key())])
    }

    fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }
}

/// The two curves of the formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
}

impl Curve {
    const fn algorithm(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        }
    }

    const fn oid(self) -> &'static [u32] {
        match self {
            Self::P256 => oids::PRIME256V1,
            Self::P384 => oids::SECP384R1,
        }
    }
}

/// An ECDSA key: P-256 with SHA-256, or P-384 with SHA-384.
#[derive(Clone)]
pub(crate) struct EcKey {
    pair: Arc<EcdsaKeyPair>,
    curve: Curve,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl EcKey {
    pub(crate) fn generate(curve: Curve) -> Result<Self, LabError> {
        let document: pkcs8::Document = EcdsaKeyPair::generate_pkcs8(curve.algorithm(), &SystemRandom::new())
            .map_err(|_| LabError::KeyGeneration)?;
        Self::from_pkcs8(curve, Zeroizing::new(document.as_ref().to_vec()))
    }

    pub(crate) fn from_pkcs8(curve: Curve, bytes: Zeroizing<Vec<u8>>) -> Result<Self, LabError> {
        let pair = EcdsaKeyPair::from_pkcs8(curve.algorithm(), &bytes)
            .map_err(|e| LabError::KeyRejected(e.to_string()))?;
        Ok(Self { pair: Arc::new(pair), curve, pkcs8: bytes })
    }

    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Signs; r and s in fixed width, big-endian, one after the other.
    pub(crate) fn sign_fixed(&self, message: &[u8]) -> Result<Vec<u8>, LabError> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| LabError::Signing)?;
        Ok(signature.as_ref().to_vec())
    }

    /// x and y in fixed width, big-endian, without the prefix of an uncompressed point.
    pub(crate) fn coordinates(&self) -> &[u8] {
        self.public_key().get(1..).unwrap_or_default()
    }
}

impl Issuer for EcKey {
    fn sign_certificate(&self, message: &[u8]) -> Result<Vec<u8>, LabError> {
        let fixed = self.sign_fixed(message)?;
        let (r, s) = fixed.split_at(fixed.len() / 2);
        Ok(der::sequence([der::unsigned(r), der::unsigned(s)]))
    }

    fn public_key_info(&self) -> Vec<u8> {
        let algorithm = der::sequence([der::oid(oids::EC_PUBLIC_KEY), der::oid(self.curve.oid())]);
        der::sequence([algorithm, der::bit_string(self.public_key())])
    }

    fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }
}
