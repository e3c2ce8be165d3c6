//! Signatures of TPMs and of the authorities over their keys: RSA from 2048 to 4096 bits and three curves,
//! each with SHA-256, SHA-384 or SHA-512 (TPM-06, TPM-10).

use super::{
    Budget, FormError, P256_ORDER, P384_ORDER, SignatureError, check_scalars, fixed_from_der, parse, verify,
};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, EcdsaVerificationAlgorithm, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
};
use der::asn1::UintRef;
use der::{AnyRef, Encode, Tag};
use hanzo_attestation_evidence::tpm::SigningHash;
use hanzo_attestation_evidence::x509::PublicKey;

/// Order of P-521 (SEC 2, 2.6.1), big-endian.
const P521_ORDER: [u8; 66] = [
    0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfa,
    0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b, 0x7f, 0xcc, 0x01, 0x48, 0xf7, 0x09, 0xa5, 0xd0, 0x3b,
    0xb5, 0xc9, 0xb8, 0x89, 0x9c, 0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38, 0x64, 0x09,
];

/// RSASSA-PKCS1-v1_5.
///
/// # Errors
/// [`SignatureError`]; [`FormError::AlgorithmNotAllowed`] for a key that is not RSA, has less than 2048 or
/// more than 4096 bits, or another exponent than 65537.
pub fn rsassa(
    budget: &mut Budget,
    hash: SigningHash,
    key: PublicKey<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    rsa(budget, rsassa_algorithm(hash), key, message, signature)
}

/// RSASSA-PSS, MGF1 with the same hash function, and a salt as long as its digest (FIPS 186-5, 5.4). TPMs of
/// before 2016 make a longer salt: their signatures do not verify.
///
/// # Errors
/// As [`rsassa`].
pub fn rsapss(
    budget: &mut Budget,
    hash: SigningHash,
    key: PublicKey<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    rsa(budget, rsapss_algorithm(hash), key, message, signature)
}

/// ECDSA on P-256, P-384 or P-521; R and S are big-endian numbers, at most as long as the field.
///
/// # Errors
/// [`SignatureError`]; [`FormError::AlgorithmNotAllowed`] for a key on another curve.
pub fn ecdsa(
    budget: &mut Budget,
    hash: SigningHash,
    key: PublicKey<'_>,
    message: &[u8],
    (r, s): (&[u8], &[u8]),
) -> Result<(), SignatureError> {
    let number = |bytes| UintRef::new(bytes).and_then(|number| number.to_der());
    let der = number(r)
        .and_then(|r| number(s).map(|s| [r, s].concat()))
        .and_then(|pair| AnyRef::new(Tag::Sequence, &pair)?.to_der())
        .map_err(|_| FormError::NotCanonical)?;
    ecdsa_der(budget, hash, key, message, &der)
}

/// ECDSA on P-256, P-384 or P-521; the signature is DER, as in X.509.
///
/// # Errors
/// As [`ecdsa`].
pub fn ecdsa_der(
    budget: &mut Budget,
    hash: SigningHash,
    key: PublicKey<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let (order, point, algorithm): (&[u8], &[u8], _) = match key {
        PublicKey::P256(point) => (&P256_ORDER, point, p256_algorithm(hash)),
        PublicKey::P384(point) => (&P384_ORDER, point, p384_algorithm(hash)),
        PublicKey::P521(point) => (&P521_ORDER, point, p521_algorithm(hash)),
        _ => return Err(FormError::AlgorithmNotAllowed.into()),
    };
    let mut fixed = vec![0; order.len().saturating_mul(2)];
    fixed_from_der(signature, &mut fixed)?;
    check_scalars(&fixed, order)?;
    verify(budget, &parse(algorithm, point)?, message, signature)
}

fn rsa(
    budget: &mut Budget,
    algorithm: &'static RsaParameters,
    key: PublicKey<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let PublicKey::Rsa { pkcs1, bits: bits @ 2048..=4096, exponent: [1, 0, 1] } = key else {
        return Err(FormError::AlgorithmNotAllowed.into());
    };
    if signature.len() != bits.div_ceil(8) {
        return Err(FormError::NotCanonical.into());
    }
    verify(budget, &parse(algorithm, pkcs1)?, message, signature)
}

const fn rsassa_algorithm(hash: SigningHash) -> &'static RsaParameters {
    match hash {
        SigningHash::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
        SigningHash::Sha384 => &RSA_PKCS1_2048_8192_SHA384,
        SigningHash::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
    }
}

const fn rsapss_algorithm(hash: SigningHash) -> &'static RsaParameters {
    match hash {
        SigningHash::Sha256 => &RSA_PSS_2048_8192_SHA256,
        SigningHash::Sha384 => &RSA_PSS_2048_8192_SHA384,
        SigningHash::Sha512 => &RSA_PSS_2048_8192_SHA512,
    }
}

const fn p256_algorithm(hash: SigningHash) -> &'static EcdsaVerificationAlgorithm {
    match hash {
        SigningHash::Sha256 => &ECDSA_P256_SHA256_ASN1,
        SigningHash::Sha384 => &ECDSA_P256_SHA384_ASN1,
        SigningHash::Sha512 => &ECDSA_P256_SHA512_ASN1,
    }
}

const fn p384_algorithm(hash: SigningHash) -> &'static EcdsaVerificationAlgorithm {
    match hash {
        SigningHash::Sha256 => &ECDSA_P384_SHA256_ASN1,
        SigningHash::Sha384 => &ECDSA_P384_SHA384_ASN1,
        SigningHash::Sha512 => &ECDSA_P384_SHA512_ASN1,
    }
}

const fn p521_algorithm(hash: SigningHash) -> &'static EcdsaVerificationAlgorithm {
    match hash {
        SigningHash::Sha256 => &ECDSA_P521_SHA256_ASN1,
        SigningHash::Sha384 => &ECDSA_P521_SHA384_ASN1,
        SigningHash::Sha512 => &ECDSA_P521_SHA512_ASN1,
    }
}
