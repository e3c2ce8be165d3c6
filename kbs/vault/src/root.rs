//! The root key: what unsealing yields, and what every other key hangs from.

use crate::rng::{Rng, RngError};
use std::fmt;
use zeroize::Zeroizing;

/// 32 bytes from which the vault derives everything. Wiped on drop; neither cloned nor printed. They stay in
/// one place on the heap: moving an array would leave copies on the stack that nobody wipes.
pub struct RootKey(Box<Zeroizing<[u8; 32]>>);

impl RootKey {
    /// Takes over key bytes, e.g. from an implementation of [`Seal`](crate::Seal).
    #[must_use]
    pub const fn from_bytes(bytes: Box<Zeroizing<[u8; 32]>>) -> Self {
        Self(bytes)
    }

    /// The bytes, for an implementation of [`Seal`](crate::Seal) to wrap.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn generate(rng: &dyn Rng) -> Result<Self, RngError> {
        let mut bytes = Box::new(Zeroizing::new([0; 32]));
        rng.fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(…)")
    }
}
