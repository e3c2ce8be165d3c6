//! The recipient's side: a key pair whose private half never leaves it.

use crate::aad::{Aad, ExpectedAad};
use crate::sealed::{INFO, OpenError, Sealed};
use crate::suite::{self, PrivateKey};
use hanzo_attestation_evidence::binding::BindingError;
use hanzo_attestation_evidence::{Kem, Recipient};
use std::fmt;
use zeroize::Zeroizing;

/// A fresh key pair. The private key is wiped on drop, and there is no way to read or print it.
pub struct RecipientKeyPair {
    private: PrivateKey,
    recipient: Recipient,
}

/// Why no key pair could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// The system gave no randomness.
    #[error("no randomness for a key pair")]
    Randomness,
    /// The library made a public key of an unexpected length.
    #[error(transparent)]
    Recipient(#[from] BindingError),
}

impl RecipientKeyPair {
    /// Makes a key pair; its randomness is the library's own.
    ///
    /// # Errors
    /// [`GenerateError`].
    pub fn generate(kem: Kem) -> Result<Self, GenerateError> {
        let (private, public) = suite::generate(kem).map_err(|_| GenerateError::Randomness)?;
        Ok(Self { private, recipient: Recipient::new(kem, public)? })
    }

    /// The public half, as it goes into the binding.
    #[must_use]
    pub const fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// Opens an envelope after checking that it is what was asked for.
    ///
    /// # Errors
    /// [`OpenError`]: by name what differs from `expected`, and without a reason when the envelope does not
    /// open.
    pub fn open(&self, sealed: &Sealed, expected: &ExpectedAad) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let kem = self.recipient.kem();
        if sealed.kem != kem {
            return Err(OpenError::Kem { expected: kem, found: sealed.kem });
        }
        Aad::from_bytes(&sealed.aad)?.check(expected)?;
        suite::open(&self.private, &sealed.enc, INFO, &sealed.aad, &sealed.ciphertext)
            .ok_or(OpenError::Ciphertext)
    }
}

impl fmt::Debug for RecipientKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecipientKeyPair").field("recipient", &self.recipient).finish_non_exhaustive()
    }
}
