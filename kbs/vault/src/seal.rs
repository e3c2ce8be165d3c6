//! The seal: how the root key is kept while the vault is closed.

use crate::error::{RecordError, StoreError};
use crate::key_file::KeyFileError;
use crate::rng::{Rng, RngError};
use crate::root::RootKey;

/// Names the store whose root key is wrapped. An implementation binds it, so that a wrapped root key from
/// another store does not unwrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealContext {
    /// The store's id: 16 random bytes.
    pub store_id: [u8; 16],
}

/// A way to wrap the root key: a key file here; shares of a Shamir scheme, a TPM or a PKCS#11 token later.
///
/// An implementation
/// - wraps with authentication, and binds both [`Seal::kind`] and the context: every changed byte, another
///   kind and another store all fail with [`SealError::DoesNotUnwrap`], and with nothing finer, so that it is
///   no oracle for guessing;
/// - keeps no copy of the root key, and wipes every buffer that held it;
/// - answers from what it was built with, and never asks an operator: shares are collected first, and the
///   seal is made of them. A set of shares that does not open is forgotten as a whole;
/// - may block, on a device or a token: callers run it off the request path;
/// - says `DoesNotUnwrap` for a wrong key and [`SealError::Unavailable`] when its device cannot be asked,
///   because the second is worth another try.
pub trait Seal: Send + Sync {
    /// A stable name, stored beside the wrapped key, e.g. `key-file`.
    fn kind(&self) -> &'static str;

    /// Wraps the root key. The output's format is the implementation's own, at most 64 KiB.
    ///
    /// # Errors
    /// [`SealError`].
    fn wrap_root(&self, root: &RootKey, context: &SealContext, rng: &dyn Rng) -> Result<Vec<u8>, SealError>;

    /// Unwraps what [`Seal::wrap_root`] made.
    ///
    /// # Errors
    /// [`SealError::DoesNotUnwrap`], [`SealError::Unavailable`].
    fn unwrap_root(&self, wrapped: &[u8], context: &SealContext) -> Result<RootKey, SealError>;
}

/// Why a store could not be initialised or unsealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key file is not acceptable.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// Wrong key, wrong store, or a changed byte.
    #[error("the root key does not unwrap")]
    DoesNotUnwrap,
    /// The device that holds the key cannot be asked.
    #[error("the seal is unavailable: {0}")]
    Unavailable(String),
    /// The store was sealed in another way.
    #[error("the store is sealed by `{stored}`, not by `{given}`")]
    OtherKind {
        /// The kind in the store.
        stored: String,
        /// The kind given.
        given: &'static str,
    },
    /// The root key could not be wrapped.
    #[error("the root key cannot be wrapped")]
    Wrap,
    /// No randomness.
    #[error(transparent)]
    Rng(#[from] RngError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The first decision could not be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
}
