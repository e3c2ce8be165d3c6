//! Randomness as an argument.

/// The source gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the random source failed")]
pub struct RngError;

/// A cryptographically secure source of randomness. Everything random that the vault makes comes from the
/// one it was opened with: keys, salts, session ids. Two things draw from their library instead, because it
/// takes no such argument: HPKE encapsulation, and the token signing key.
pub trait Rng: Send + Sync {
    /// Fills the whole buffer with unpredictable bytes, or fails.
    ///
    /// # Errors
    /// [`RngError`]; the buffer must not be used then.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError>;
}

/// The operating system's source, through aws-lc.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        aws_lc_rs::rand::fill(buffer).map_err(|_| RngError)
    }
}

/// `N` random bytes that are no secret.
pub(crate) fn random<const N: usize>(rng: &dyn Rng) -> Result<[u8; N], RngError> {
    let mut bytes = [0; N];
    rng.fill(&mut bytes)?;
    Ok(bytes)
}
