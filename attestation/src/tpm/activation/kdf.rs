//! Key derivation (part 1, 11.4.10), with SHA-256.

use aws_lc_rs::{digest, hmac};

/// KDFa (NIST SP 800-108, counter mode with HMAC) for at most one digest: `N` bytes, at most 32.
pub(super) fn kdf_a<const N: usize>(key: &[u8], label: &str, context: &[u8]) -> Option<[u8; N]> {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    mac.update(&1_u32.to_be_bytes());
    mac.update(label.as_bytes());
    mac.update(&[0]);
    mac.update(context);
    mac.update(&bits(N)?);
    mac.sign().as_ref().first_chunk().copied()
}

/// KDFe (NIST SP 800-56A, one step with SHA-256) for one digest.
pub(super) fn kdf_e(z: &[u8], label: &str, party_u: &[u8], party_v: &[u8]) -> Option<[u8; 32]> {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(&1_u32.to_be_bytes());
    hash.update(z);
    hash.update(label.as_bytes());
    hash.update(&[0]);
    hash.update(party_u);
    hash.update(party_v);
    hash.finish().as_ref().first_chunk().copied()
}

fn bits(bytes: usize) -> Option<[u8; 4]> {
    u32::try_from(bytes.checked_mul(8)?).ok().map(u32::to_be_bytes)
}
