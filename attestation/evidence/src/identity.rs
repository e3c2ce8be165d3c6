//! A registered key's signature over the binding: an authenticated identity, without hardware.

use serde::{Serialize, Serializer};
use std::fmt;

/// Bytes of a signature: Ed25519, or ECDSA P-256 as R and S.
pub const SIGNATURE_LENGTH: usize = 64;
/// Longest name of a key in bytes.
pub const MAX_KEY_ID: usize = 128;

/// One registered-key item: who says that he signed, and the signature over
/// [`crate::Binding::identity_message`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Name under which the key is registered.
    pub key_id: KeyId,
    /// The signature.
    pub signature: [u8; SIGNATURE_LENGTH],
}

/// The name of a registered key: 1 to 128 of `a-z A-Z 0-9 . _ - / : @`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

/// A text that is no key name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key id has 1 to {MAX_KEY_ID} of the characters a-z A-Z 0-9 . _ - / : @")]
pub struct KeyIdError;

impl KeyId {
    /// Reads a name.
    ///
    /// # Errors
    /// [`KeyIdError`].
    pub fn parse(text: &str) -> Result<Self, KeyIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
        if text.is_empty() || text.len() > MAX_KEY_ID || !text.bytes().all(allowed) {
            return Err(KeyIdError);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
