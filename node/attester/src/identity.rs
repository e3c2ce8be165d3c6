//! A registered key of this machine: an authenticated identity, without hardware.
//!
//! [`Identified`] wraps any other source and adds one item to its document,
//! `{"type":"registered-key","key_id":…,"signature":B64}`. The signature is over
//! [`Binding::identity_message`], so that it holds for one challenge and one recipient key.

mod key;
mod key_file;
mod pem;

pub use key::{Algorithm, IdentityKey, PublicPart};
pub use key_file::KeyFileError;
pub use pem::PemError;

use crate::{CollectError, EvidenceSource};
use hanzo_attestation_evidence::identity::KeyId;
use hanzo_attestation_evidence::{Binding, encoding};
use serde_json::{Value, json};

/// A key, and the name under which the broker knows it.
pub struct Identity {
    key_id: KeyId,
    key: IdentityKey,
}

impl Identity {
    /// The identity that signs with `key` and calls itself `key_id`.
    #[must_use]
    pub const fn new(key_id: KeyId, key: IdentityKey) -> Self {
        Self { key_id, key }
    }

    /// The name.
    #[must_use]
    pub const fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// What the broker registers.
    #[must_use]
    pub fn public(&self) -> PublicPart {
        self.key.public()
    }

    /// The evidence item for one binding.
    ///
    /// # Errors
    /// [`CollectError::IdentitySignature`].
    pub fn item(&self, binding: &Binding) -> Result<Value, CollectError> {
        let signature = self
            .key
            .sign(binding.identity_message())
            .ok_or_else(|| CollectError::IdentitySignature { key_id: self.key_id.to_string() })?;
        Ok(json!({
            "type": "registered-key",
            "key_id": self.key_id,
            "signature": encoding::base64_encode(&signature),
        }))
    }
}

/// A source whose documents carry this machine's identity as well, where it has one.
pub struct Identified<S> {
    source: S,
    identity: Option<Identity>,
}

impl<S> Identified<S> {
    /// Adds an identity to a source; with `None` the source's documents stay as they are.
    #[must_use]
    pub const fn new(source: S, identity: Option<Identity>) -> Self {
        Self { source, identity }
    }

    /// The source underneath.
    #[must_use]
    pub const fn source(&self) -> &S {
        &self.source
    }

    /// The identity, if there is one.
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }
}

impl<S: EvidenceSource> EvidenceSource for Identified<S> {
    fn name(&self) -> &'static str {
        self.source.name()
    }

    async fn collect(&self, binding: &Binding) -> Result<Value, CollectError> {
        let mut document = self.source.collect(binding).await?;
        let Some(identity) = &self.identity else { return Ok(document) };
        let items = document
            .get_mut("evidence")
            .and_then(Value::as_array_mut)
            .ok_or(CollectError::NoDocument { source_name: self.source.name() })?;
        items.push(identity.item(binding)?);
        Ok(document)
    }
}

#[cfg(test)]
mod tests;
