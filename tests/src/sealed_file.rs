//! A file sealed under a 32-byte key: AES-256-GCM, a random nonce before the ciphertext.

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;

fn aead(key: &[u8]) -> Result<LessSafeKey> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| anyhow!("the key has no 32 bytes"))?))
}

/// A fresh random key.
///
/// # Errors
/// When the system has no randomness.
pub fn fresh_key() -> Result<[u8; 32]> {
    let mut key = [0; 32];
    rand::fill(&mut key).map_err(|_| anyhow!("no randomness"))?;
    Ok(key)
}

/// Seals bytes under a key.
///
/// # Errors
/// When the key has another length than 32 bytes.
pub fn seal(key: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| anyhow!("no randomness"))?;
    let mut sealed = plaintext.to_vec();
    let nonce_used = Nonce::assume_unique_for_key(nonce);
    aead(key)?
        .seal_in_place_append_tag(nonce_used, Aad::empty(), &mut sealed)
        .map_err(|_| anyhow!("sealing"))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// Opens what [`seal`] made.
///
/// # Errors
/// When the key is another one, or the bytes were changed.
pub fn open(key: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
    let (nonce, ciphertext) = sealed.split_at_checked(NONCE_LEN).context("too short")?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| anyhow!("nonce"))?;
    let mut buffer = ciphertext.to_vec();
    let plaintext = aead(key)?
        .open_in_place(nonce, Aad::empty(), &mut buffer)
        .map_err(|_| anyhow!("another key, or the file was changed"))?;
    Ok(plaintext.to_vec())
}
