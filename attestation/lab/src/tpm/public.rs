//! Public areas and Names (TPM 2.0 Library, part 2, 12.2.4 TPMT_PUBLIC; part 1, 16 Names). Integers are
//! big-endian.

use super::order::TpmKey;
use super::{TpmDefect, TpmHash};
use crate::der;
use crate::sign::{RsaKey, oids};

const ALG_RSA: u16 = 0x0001;
const ALG_AES: u16 = 0x0006;
const ALG_ECC: u16 = 0x0023;
const ALG_NULL: u16 = 0x0010;
const ALG_CFB: u16 = 0x0043;
const CURVE_P256: u16 = 0x0003;
const CURVE_P384: u16 = 0x0004;

/// fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, restricted, sign.
const AK_ATTRIBUTES: u32 = 0x0005_0072;
/// fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt (TCG EK Credential
/// Profile).
const EK_ATTRIBUTES: u32 = 0x0003_00b2;
const FIXED_TPM: u32 = 1 << 1;
const FIXED_PARENT: u32 = 1 << 4;
const SENSITIVE_DATA_ORIGIN: u32 = 1 << 5;
const RESTRICTED: u32 = 1 << 16;
const DECRYPT: u32 = 1 << 17;
const SIGN: u32 = 1 << 18;

/// TPM_RH_ENDORSEMENT: the lab's attestation keys are primary keys of this hierarchy.
const ENDORSEMENT: u32 = 0x4000_000b;

/// Bytes behind their length (TPM2B).
pub(super) fn sized(bytes: &[u8]) -> Vec<u8> {
    // Nothing that the lab sizes has more than a few hundred bytes.
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], bytes].concat()
}

/// What a public area says of the key's numbers.
pub(super) enum Numbers {
    /// A modulus; the exponent is 65537, which is written as 0, or another.
    Rsa { modulus: Vec<u8>, exponent: u32 },
    /// Coordinates.
    Ecc { x: Vec<u8>, y: Vec<u8> },
}

impl Numbers {
    pub(super) fn of_rsa(key: &RsaKey) -> Self {
        Self::Rsa { modulus: key.modulus().to_vec(), exponent: 0 }
    }

    pub(super) fn of_ecc(coordinates: &[u8]) -> Self {
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        Self::Ecc { x: x.to_vec(), y: y.to_vec() }
    }

    /// SubjectPublicKeyInfo of an RSA key with any numbers.
    pub(super) fn rsa_public_key_info(modulus: &[u8], exponent: u32) -> Vec<u8> {
        let exponent = if exponent == 0 { 65_537 } else { exponent };
        let algorithm = der::sequence([der::oid(oids::RSA_ENCRYPTION), der::null()]);
        let key = der::sequence([der::unsigned(modulus), der::integer(exponent)]);
        der::sequence([algorithm, der::bit_string(&key)])
    }
}

/// TPMT_PUBLIC of an attestation key, bound to its scheme.
pub(super) fn attestation_key(key: TpmKey, numbers: &Numbers, defect: Option<TpmDefect>) -> Vec<u8> {
    let attributes = match defect {
        Some(TpmDefect::AkUnrestricted) => AK_ATTRIBUTES & !RESTRICTED,
        Some(TpmDefect::AkDecrypts) => AK_ATTRIBUTES | DECRYPT,
        Some(TpmDefect::AkNotFixed) => AK_ATTRIBUTES & !FIXED_TPM & !FIXED_PARENT,
        Some(TpmDefect::AkImported) => AK_ATTRIBUTES & !SENSITIVE_DATA_ORIGIN,
        _ => AK_ATTRIBUTES,
    };
    let scheme = [key.scheme(), key.hash().id()].map(u16::to_be_bytes).concat();
    // No symmetric algorithm: only storage keys have one.
    let parameters = [&ALG_NULL.to_be_bytes()[..], &scheme].concat();
    public_area(attributes, &[], &parameters, numbers)
}

/// TPMT_PUBLIC of an RSA-2048 endorsement key of the default template (TCG EK Credential Profile, template
/// L-1), or of a signing key where it should be one for storage.
pub(super) fn endorsement_key(numbers: &Numbers, is_storage_key: bool) -> Vec<u8> {
    let attributes =
        if is_storage_key { EK_ATTRIBUTES } else { EK_ATTRIBUTES & !DECRYPT & !RESTRICTED | SIGN };
    // PolicySecret of the endorsement hierarchy, the same in every TPM.
    let policy = [
        0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd,
        0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
    ];
    let parameters = if is_storage_key {
        [ALG_AES, 128, ALG_CFB, ALG_NULL].map(u16::to_be_bytes).concat()
    } else {
        [ALG_NULL, ALG_NULL].map(u16::to_be_bytes).concat()
    };
    public_area(attributes, &policy, &parameters, numbers)
}

fn public_area(attributes: u32, policy: &[u8], symmetric_and_scheme: &[u8], numbers: &Numbers) -> Vec<u8> {
    let kind = match numbers {
        Numbers::Rsa { .. } => ALG_RSA,
        Numbers::Ecc { .. } => ALG_ECC,
    };
    let mut out = Vec::new();
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&TpmHash::Sha256.id().to_be_bytes());
    out.extend_from_slice(&attributes.to_be_bytes());
    out.extend(sized(policy));
    out.extend_from_slice(symmetric_and_scheme);
    match numbers {
        Numbers::Rsa { modulus, exponent } => {
            let bits = u16::try_from(modulus.len() * 8).unwrap_or(u16::MAX);
            out.extend_from_slice(&bits.to_be_bytes());
            out.extend_from_slice(&exponent.to_be_bytes());
            out.extend(sized(modulus));
        }
        Numbers::Ecc { x, y } => {
            let curve = if x.len() == 32 { CURVE_P256 } else { CURVE_P384 };
            out.extend_from_slice(&curve.to_be_bytes());
            // No key derivation.
            out.extend_from_slice(&ALG_NULL.to_be_bytes());
            out.extend(sized(x));
            out.extend(sized(y));
        }
    }
    out
}

/// The Name of a public area: its hash function's id, then its digest.
pub(super) fn name(public: &[u8]) -> Vec<u8> {
    [&TpmHash::Sha256.id().to_be_bytes()[..], &TpmHash::Sha256.digest(public)].concat()
}

/// The qualified Name of a primary key of the endorsement hierarchy.
pub(super) fn qualified_name(public: &[u8]) -> Vec<u8> {
    let below = [&ENDORSEMENT.to_be_bytes()[..], &name(public)].concat();
    [&TpmHash::Sha256.id().to_be_bytes()[..], &TpmHash::Sha256.digest(&below)].concat()
}
