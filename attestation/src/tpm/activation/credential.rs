//! TPM2_MakeCredential in software (part 1, 24.4; part 3, 12.6).

use super::ek::Ek;
use super::kdf::{kdf_a, kdf_e};
use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::{agreement, hmac};
use hanzo_attestation_evidence::tpm::{Curve, Name, Parameters, Public, SigningHash};

/// Longest secret in bytes: a digest of the endorsement key's hash function (part 3, 12.6), here SHA-256.
pub const MAX_SECRET: usize = 32;

/// A secret that only one TPM can decrypt, and only for one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// TPM2B_ID_OBJECT, with its length: `credentialBlob` of TPM2_ActivateCredential.
    pub id_object: Vec<u8>,
    /// TPM2B_ENCRYPTED_SECRET, with its length: `secret` of TPM2_ActivateCredential.
    pub encrypted_secret: Vec<u8>,
}

impl Credential {
    /// The file that `tpm2_activatecredential` reads: a magic, a version, and both structures.
    #[must_use]
    pub fn to_tpm2_tools(&self) -> Vec<u8> {
        [b"\xba\xdc\xc0\xde\x00\x00\x00\x01".as_slice(), &self.id_object, &self.encrypted_secret].concat()
    }
}

/// Why no credential can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// The endorsement key is none of the default templates that this build knows: RSA or P-256, with SHA-256
    /// and AES-128 (TCG EK Credential Profile, templates L-1, L-2, H-1 and H-2).
    #[error("the endorsement key has another form than RSA or P-256 with SHA-256 and AES-128")]
    Unsupported,
    /// The secret is empty or longer than [`MAX_SECRET`].
    #[error("a secret has 1 to {MAX_SECRET} bytes")]
    SecretLength,
    /// The endorsement key is no valid key, or the random bytes are no private key of the curve.
    #[error("the endorsement key cannot be used")]
    Key,
}

/// Encrypts a secret for the TPM of an endorsement key, to be released there only beside the object of this
/// Name.
///
/// `random` must be fresh and secret: the seed for an RSA key, the ephemeral private key for an elliptic
/// curve. The padding of RSA-OAEP draws its own random bytes within the cryptographic library, which takes
/// none.
///
/// # Errors
/// [`CredentialError`].
pub fn make_credential(
    ek: &Ek,
    ak_name: &Name,
    secret: &[u8],
    random: &[u8; 32],
) -> Result<Credential, CredentialError> {
    let public = ek.public();
    if public.name_alg != SigningHash::Sha256 || public.aes_cfb_bits != Some(128) {
        return Err(CredentialError::Unsupported);
    }
    if secret.is_empty() || secret.len() > MAX_SECRET {
        return Err(CredentialError::SecretLength);
    }
    let (seed, encrypted_seed) = match &public.parameters {
        Parameters::Rsa { .. } => (*random, encrypt_seed(public, random)?),
        Parameters::Ecc { curve: Curve::P256, x, y } => agree_seed(x, y, random)?,
        Parameters::Ecc { .. } => return Err(CredentialError::Unsupported),
    };
    let wrapped = wrap(&seed, ak_name, secret)?;
    let sized = |bytes: &[u8]| sized(bytes).ok_or(CredentialError::Key);
    Ok(Credential { id_object: sized(&wrapped)?, encrypted_secret: sized(&encrypted_seed)? })
}

/// RSA-OAEP with the label `IDENTITY` and its final zero (part 1, B.10.3).
fn encrypt_seed(ek: &Public, seed: &[u8; 32]) -> Result<Vec<u8>, CredentialError> {
    let spki = ek.spki().map_err(|_| CredentialError::Key)?;
    let key = PublicEncryptingKey::from_der(&spki).map_err(|_| CredentialError::Key)?;
    let key = OaepPublicEncryptingKey::new(key).map_err(|_| CredentialError::Key)?;
    let mut ciphertext = vec![0; key.ciphertext_size()];
    let written = key
        .encrypt(&OAEP_SHA256_MGF1SHA256, seed, &mut ciphertext, Some(b"IDENTITY\0"))
        .map_err(|_| CredentialError::Key)?
        .len();
    ciphertext.truncate(written);
    Ok(ciphertext)
}

/// One-pass Diffie-Hellman (part 1, C.6.4): the seed, and the ephemeral point (TPMS_ECC_POINT).
fn agree_seed(x: &[u8], y: &[u8], ephemeral: &[u8; 32]) -> Result<([u8; 32], Vec<u8>), CredentialError> {
    let algorithm = &agreement::ECDH_P256;
    let unusable = |_| CredentialError::Key;
    let private =
        agreement::PrivateKey::from_private_key(algorithm, ephemeral).map_err(|_| CredentialError::Key)?;
    let public = private.compute_public_key().map_err(unusable)?;
    let (own_x, own_y) = public
        .as_ref()
        .strip_prefix(&[4])
        .and_then(|point| point.split_at_checked(32))
        .ok_or(CredentialError::Key)?;
    let peer = agreement::UnparsedPublicKey::new(algorithm, [&[4], x, y].concat());
    let seed = agreement::agree(&private, peer, CredentialError::Key, |z| {
        kdf_e(z, "IDENTITY", own_x, x).ok_or(CredentialError::Key)
    })?;
    let point = sized(own_x).and_then(|x| sized(own_y).map(|y| [x, y].concat()));
    Ok((seed, point.ok_or(CredentialError::Key)?))
}

/// TPMS_ID_OBJECT: the secret under the seed's keys, and the Name bound to it (part 1, 24.4).
fn wrap(seed: &[u8; 32], ak_name: &Name, secret: &[u8]) -> Result<Vec<u8>, CredentialError> {
    let cipher_key: [u8; 16] = kdf_a(seed, "STORAGE", ak_name.as_bytes()).ok_or(CredentialError::Key)?;
    let mac_key: [u8; 32] = kdf_a(seed, "INTEGRITY", &[]).ok_or(CredentialError::Key)?;
    let mut identity = sized(secret).ok_or(CredentialError::SecretLength)?;
    let key = UnboundCipherKey::new(&AES_128, &cipher_key).and_then(EncryptingKey::cfb128);
    // The key is used once, so that the specification's vector of zeros is fresh.
    let zeros = EncryptionContext::Iv128(FixedLength::from([0; 16]));
    key.and_then(|key| key.less_safe_encrypt(&mut identity, zeros)).map_err(|_| CredentialError::Key)?;
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &mac_key));
    mac.update(&identity);
    mac.update(ak_name.as_bytes());
    let mac = sized(mac.sign().as_ref()).ok_or(CredentialError::Key)?;
    Ok([mac, identity].concat())
}

/// A TPM2B.
fn sized(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(bytes.len()).ok()?;
    Some([length.to_be_bytes().as_slice(), bytes].concat())
}
