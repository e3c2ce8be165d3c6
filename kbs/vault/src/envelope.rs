//! One record: material under a key that is used once.
//!
//! The key is HKDF-SHA256 of the parent key with a fresh salt of 32 random bytes and the associated data as
//! context; the cipher is AES-256-GCM with that key and an all-zero nonce. A key never seals twice, so that
//! no counter can repeat after a restart, a restore or a fork, and no message limit of GCM is near
//! (NIST SP 800-38D, section 8.3). Moving a record to another place changes the associated data, and with
//! them both key and tag.

use crate::rng::{self, Rng, RngError};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{self, HKDF_SHA256};
use zeroize::Zeroizing;

/// Domain of every record key.
const DOMAIN: &[u8] = b"hanzo-kbs/v1/record";
/// Length of the GCM tag in bytes.
const TAG: usize = 16;

/// Ciphertext with its salt. No secret: it is what the store keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// 32 random bytes.
    pub salt: [u8; 32],
    /// Ciphertext and tag.
    pub ciphertext: Vec<u8>,
}

/// Why a record could not be made or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The record is not what was sealed in this place under this key.
    #[error("the record does not open: its content, its place or its key is another")]
    Open,
    /// The material is too long for the cipher.
    #[error("the material cannot be sealed")]
    Seal,
    /// No randomness for the salt.
    #[error(transparent)]
    Rng(#[from] RngError),
}

/// Seals material for one place, which `aad` names.
pub(crate) fn seal(
    parent: &[u8; 32],
    aad: &[u8],
    material: &[u8],
    rng: &dyn Rng,
) -> Result<Record, EnvelopeError> {
    let salt = rng::random(rng)?;
    // Room for the tag from the start: growing would leave a copy of the material behind.
    let mut buffer = Zeroizing::new(Vec::with_capacity(material.len() + TAG));
    buffer.extend_from_slice(material);
    record_key(parent, &salt, aad)
        .ok_or(EnvelopeError::Seal)?
        .seal_in_place_append_tag(zero_nonce(), Aad::from(aad), &mut *buffer)
        .map_err(|_| EnvelopeError::Seal)?;
    Ok(Record { salt, ciphertext: std::mem::take(&mut *buffer) })
}

/// Opens a record found in the place that `aad` names.
pub(crate) fn open(
    parent: &[u8; 32],
    aad: &[u8],
    record: &Record,
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let mut buffer = Zeroizing::new(record.ciphertext.clone());
    let length = record_key(parent, &record.salt, aad)
        .ok_or(EnvelopeError::Open)?
        .open_in_place(zero_nonce(), Aad::from(aad), &mut buffer)
        .map_err(|_| EnvelopeError::Open)?
        .len();
    buffer.truncate(length);
    Ok(buffer)
}

/// Opens a record that holds a key of 32 bytes. The key stays where it is written, on the heap.
pub(crate) fn open_key(
    parent: &[u8; 32],
    aad: &[u8],
    record: &Record,
) -> Result<Box<Zeroizing<[u8; 32]>>, EnvelopeError> {
    let material = open(parent, aad, record)?;
    let mut key = Box::new(Zeroizing::new([0; 32]));
    if material.len() != key.len() {
        return Err(EnvelopeError::Open);
    }
    key.copy_from_slice(&material);
    Ok(key)
}

/// A key derived from the parent for one purpose; nothing is stored for it.
pub(crate) fn derive(
    parent: &[u8; 32],
    domain: &[u8],
    purpose: &[u8],
) -> Result<Box<Zeroizing<[u8; 32]>>, EnvelopeError> {
    let mut key = Box::new(Zeroizing::new([0; 32]));
    expand(parent, &[], &[domain, &[0], purpose], key.as_mut_slice()).ok_or(EnvelopeError::Seal)?;
    Ok(key)
}

fn record_key(parent: &[u8; 32], salt: &[u8; 32], aad: &[u8]) -> Option<LessSafeKey> {
    let mut key = Zeroizing::new([0; 32]);
    expand(parent, salt, &[DOMAIN, &[0], aad], key.as_mut_slice())?;
    UnboundKey::new(&AES_256_GCM, key.as_slice()).ok().map(LessSafeKey::new)
}

fn expand(parent: &[u8; 32], salt: &[u8], info: &[&[u8]], out: &mut [u8]) -> Option<()> {
    hkdf::Salt::new(HKDF_SHA256, salt).extract(parent).expand(info, HKDF_SHA256).ok()?.fill(out).ok()
}

fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

#[cfg(test)]
mod tests;
