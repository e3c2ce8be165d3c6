//! Every public-key operation of verification goes through here, and is counted (COL-05).
//!
//! The algorithms are a closed list (COL-19): RSA-PSS with SHA-384 and 4096 bits for AMD's authorities, ECDSA
//! P-384 for its endorsement keys, ECDSA P-256 for Intel, Ed25519 and P-256 for registered keys, and what
//! TPMs can sign with.

mod tpm;

pub use tpm::{ecdsa, ecdsa_der, rsapss, rsassa};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    RSA_PSS_2048_8192_SHA384, VerificationAlgorithm,
};
use hanzo_attestation_evidence::x509::PublicKey;
use hanzo_attestation_evidence::{Broken, Rule};

/// Most public-key operations for one document without devices (COL-05).
pub const MAX_OPERATIONS: u32 = 12;
/// Most operations more for each device: its report, or the two exchanges of an interface, four certificates,
/// and for three of them an OCSP response with the certificate of whoever signed it.
pub const OPERATIONS_PER_DEVICE: u32 = 2 + 4 + 3 * 2;

/// Order of P-256 (SEC 2, 2.4.2), big-endian.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// Order of P-384 (SEC 2, 2.5.1), big-endian.
const P384_ORDER: [u8; 48] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a,
    0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
];

/// Counts the public-key operations that one document causes.
#[derive(Debug)]
pub struct Budget {
    used: u32,
    limit: u32,
}

impl Budget {
    /// A full budget: [`MAX_OPERATIONS`].
    #[must_use]
    pub const fn new() -> Self {
        Self { used: 0, limit: MAX_OPERATIONS }
    }

    /// A full budget for a document with so many devices.
    #[must_use]
    pub fn for_devices(devices: usize) -> Self {
        let devices = u32::try_from(devices).unwrap_or(u32::MAX);
        let more = devices.saturating_mul(OPERATIONS_PER_DEVICE);
        Self { used: 0, limit: MAX_OPERATIONS.saturating_add(more) }
    }

    /// Operations so far.
    #[must_use]
    pub const fn used(&self) -> u32 {
        self.used
    }

    fn spend(&mut self) -> Result<(), FormError> {
        if self.used >= self.limit {
            return Err(FormError::BudgetExceeded);
        }
        self.used += 1;
        Ok(())
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a signature does not count.
///
/// It names no rule: that a signature is not by the key is a rule of whatever was signed, and whoever asks
/// knows which.
///
/// ```compile_fail,E0277
/// use hanzo_attestation::crypto::SignatureError;
/// use hanzo_attestation_evidence::Broken;
/// fn surface(error: &impl Broken) {}
/// surface(&SignatureError::Mismatch);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The signature is not by this key over these bytes.
    #[error("the signature does not verify")]
    Mismatch,
    /// The signature or the key is not of a form that is verified at all.
    #[error(transparent)]
    Form(#[from] FormError),
}

/// Why a signature is not even verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// COL-05: more public-key operations than one document may cause.
    #[error("more public-key operations than one document may cause")]
    BudgetExceeded,
    /// COL-20: not in the one spelling: R or S out of range, or DER that is not minimal.
    #[error("the signature is not in its canonical form")]
    NotCanonical,
    /// COL-21: the key is no valid key, e.g. a point that is not on its curve.
    #[error("the public key is not valid")]
    PublicKeyInvalid,
    /// COL-19: a key or an algorithm that is not on the list.
    #[error("the algorithm is not allowed here")]
    AlgorithmNotAllowed,
}

impl Broken for FormError {
    fn rule(&self) -> Rule {
        match self {
            Self::BudgetExceeded => Rule::new("COL-05", "VerificationBudgetExceeded"),
            Self::NotCanonical => Rule::new("COL-20", "SignatureNotCanonical"),
            Self::PublicKeyInvalid => Rule::new("COL-21", "PublicKeyInvalid"),
            Self::AlgorithmNotAllowed => Rule::new("COL-19", "AlgorithmNotAllowed"),
        }
    }
}

/// A key on P-384 that was parsed once: its point lies on the curve (COL-21).
#[derive(Clone, Debug)]
pub struct P384Key(ParsedPublicKey);

impl P384Key {
    /// Reads an uncompressed point.
    ///
    /// # Errors
    /// [`FormError::PublicKeyInvalid`].
    pub fn parse(point: &[u8; 97]) -> Result<Self, FormError> {
        parse(&ECDSA_P384_SHA384_FIXED, point).map(Self)
    }

    /// ECDSA with SHA-384; the signature is R and S, 48 bytes each, big-endian.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(
        &self,
        budget: &mut Budget,
        message: &[u8],
        signature: &[u8; 96],
    ) -> Result<(), SignatureError> {
        check_scalars(signature, &P384_ORDER)?;
        verify(budget, &self.0, message, signature)
    }

    /// ECDSA with SHA-384; the signature is a DER `SEQUENCE { r INTEGER, s INTEGER }`, as in X.509.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify_der(
        &self,
        budget: &mut Budget,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let mut fixed = [0; 96];
        fixed_from_der(signature, &mut fixed)?;
        self.verify(budget, message, &fixed)
    }
}

/// A key on P-256 that was parsed once: its point lies on the curve (COL-21).
#[derive(Clone, Debug)]
pub struct P256Key(ParsedPublicKey);

impl P256Key {
    /// Reads an uncompressed point.
    ///
    /// # Errors
    /// [`FormError::PublicKeyInvalid`].
    pub fn parse(point: &[u8; 65]) -> Result<Self, FormError> {
        parse(&ECDSA_P256_SHA256_FIXED, point).map(Self)
    }

    /// ECDSA with SHA-256; the signature is R and S, 32 bytes each, big-endian.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(
        &self,
        budget: &mut Budget,
        message: &[u8],
        signature: &[u8; 64],
    ) -> Result<(), SignatureError> {
        check_scalars(signature, &P256_ORDER)?;
        verify(budget, &self.0, message, signature)
    }

    /// ECDSA with SHA-256; the signature is a DER `SEQUENCE { r INTEGER, s INTEGER }`, as in X.509.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify_der(
        &self,
        budget: &mut Budget,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let mut fixed = [0; 64];
        fixed_from_der(signature, &mut fixed)?;
        self.verify(budget, message, &fixed)
    }
}

/// A key of AMD's authorities that was parsed once: RSA with 4096 bits and the exponent 65537.
#[derive(Clone, Debug)]
pub struct Rsa4096Key(ParsedPublicKey);

impl Rsa4096Key {
    /// Reads the key.
    ///
    /// # Errors
    /// [`FormError::AlgorithmNotAllowed`] for a key of any other kind or size,
    /// [`FormError::PublicKeyInvalid`].
    pub fn parse(key: PublicKey<'_>) -> Result<Self, FormError> {
        let PublicKey::Rsa { pkcs1, bits: 4096, exponent: [1, 0, 1] } = key else {
            return Err(FormError::AlgorithmNotAllowed);
        };
        parse(&RSA_PSS_2048_8192_SHA384, pkcs1).map(Self)
    }

    /// RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify_pss_sha384(
        &self,
        budget: &mut Budget,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        if signature.len() != 512 {
            return Err(FormError::NotCanonical.into());
        }
        verify(budget, &self.0, message, signature)
    }
}

/// ECDSA P-384 with SHA-384; the signature is R and S, 48 bytes each, big-endian.
///
/// # Errors
/// [`SignatureError`].
pub fn ecdsa_p384(
    budget: &mut Budget,
    key: &[u8; 97],
    message: &[u8],
    signature: &[u8; 96],
) -> Result<(), SignatureError> {
    P384Key::parse(key)?.verify(budget, message, signature)
}

/// ECDSA P-256 with SHA-256; the signature is R and S, 32 bytes each, big-endian.
///
/// # Errors
/// [`SignatureError`].
pub fn ecdsa_p256(
    budget: &mut Budget,
    key: &[u8; 65],
    message: &[u8],
    signature: &[u8; 64],
) -> Result<(), SignatureError> {
    P256Key::parse(key)?.verify(budget, message, signature)
}

/// ECDSA P-256 with SHA-256; the signature is a DER `SEQUENCE { r INTEGER, s INTEGER }`, as in X.509.
///
/// # Errors
/// [`SignatureError`].
pub fn ecdsa_p256_der(
    budget: &mut Budget,
    key: &[u8; 65],
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    P256Key::parse(key)?.verify_der(budget, message, signature)
}

/// ECDSA P-384 with SHA-384; the signature is DER, as in X.509.
///
/// # Errors
/// [`SignatureError`].
pub fn ecdsa_p384_der(
    budget: &mut Budget,
    key: &[u8; 97],
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    P384Key::parse(key)?.verify_der(budget, message, signature)
}

/// ECDSA P-384 with SHA-256, as NVIDIA signs revocation data; the signature is DER, as in X.509.
///
/// # Errors
/// [`SignatureError`].
pub fn ecdsa_p384_sha256_der(
    budget: &mut Budget,
    key: &[u8; 97],
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let mut fixed = [0; 96];
    fixed_from_der(signature, &mut fixed)?;
    check_scalars(&fixed, &P384_ORDER)?;
    verify(budget, &parse(&ECDSA_P384_SHA256_ASN1, key)?, message, signature)
}

/// Ed25519 (RFC 8032).
///
/// # Errors
/// [`SignatureError`].
pub fn ed25519(
    budget: &mut Budget,
    key: &[u8; 32],
    message: &[u8],
    signature: &[u8; 64],
) -> Result<(), SignatureError> {
    verify(budget, &parse(&ED25519, key)?, message, signature)
}

/// COL-21: parsing checks that a point lies on its curve.
fn parse(algorithm: &'static dyn VerificationAlgorithm, key: &[u8]) -> Result<ParsedPublicKey, FormError> {
    ParsedPublicKey::new(algorithm, key).map_err(|_| FormError::PublicKeyInvalid)
}

/// The one place where a public-key operation happens.
fn verify(
    budget: &mut Budget,
    key: &ParsedPublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    budget.spend()?;
    key.verify_sig(message, signature).map_err(|_| SignatureError::Mismatch)
}

/// COL-20: R and S in 1..n-1. Low S is not asked for: genuine evidence has both.
fn check_scalars(signature: &[u8], order: &[u8]) -> Result<(), FormError> {
    let in_range = |scalar: &[u8]| scalar.iter().any(|byte| *byte != 0) && scalar < order;
    let (r, s) = signature.split_at(order.len());
    if in_range(r) && in_range(s) { Ok(()) } else { Err(FormError::NotCanonical) }
}

/// Strict DER of an ECDSA signature, right-aligned into R and S.
fn fixed_from_der(signature: &[u8], fixed: &mut [u8]) -> Result<(), FormError> {
    use der::asn1::UintRef;
    use der::{AnyRef, Decode, Reader, Tag, Tagged};
    let not_canonical = |_| FormError::NotCanonical;
    let any = AnyRef::from_der(signature).map_err(not_canonical)?;
    if any.tag() != Tag::Sequence {
        return Err(FormError::NotCanonical);
    }
    let (r, s) = any
        .sequence(|reader| {
            Ok::<_, der::Error>((reader.decode::<UintRef<'_>>()?, reader.decode::<UintRef<'_>>()?))
        })
        .map_err(not_canonical)?;
    let half = fixed.len() / 2;
    let (front, back) = fixed.split_at_mut(half);
    for (target, number) in [(front, r.as_bytes()), (back, s.as_bytes())] {
        let start = half.checked_sub(number.len()).ok_or(FormError::NotCanonical)?;
        target[start..].copy_from_slice(number);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
