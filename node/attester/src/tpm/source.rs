//! A source whose documents carry a TPM's quote as well.

use super::Tpm;
use crate::{CollectError, EvidenceSource, Seen};
use hanzo_attestation_evidence::Binding;
use serde_json::Value;

/// A source, and this machine's TPM where one is configured.
pub struct WithTpm<S> {
    source: S,
    tpm: Option<Tpm>,
}

impl<S> WithTpm<S> {
    /// Adds a TPM to a source; with `None` the source's documents stay as they are.
    #[must_use]
    pub const fn new(source: S, tpm: Option<Tpm>) -> Self {
        Self { source, tpm }
    }

    /// The source underneath.
    #[must_use]
    pub const fn source(&self) -> &S {
        &self.source
    }

    /// The TPM, if one is configured.
    #[must_use]
    pub const fn tpm(&self) -> Option<&Tpm> {
        self.tpm.as_ref()
    }
}

impl<S: EvidenceSource> EvidenceSource for WithTpm<S> {
    fn name(&self) -> &'static str {
        self.source.name()
    }

    /// A TPM that is not there adds nothing, and the tier is lower; one that is there and gives no quote is
    /// an error: a machine whose TPM was taken out of use must not look like one that never had any.
    async fn collect(&self, binding: &Binding) -> Result<Value, CollectError> {
        let mut document = self.source.collect(binding).await?;
        let Some(tpm) = &self.tpm else { return Ok(document) };
        match tpm.seen() {
            Seen::Present(()) => {}
            Seen::Absent => return Ok(document),
            Seen::Unreadable { path, reason } => return Err(CollectError::Unavailable { path, reason }),
        }
        let items = document
            .get_mut("evidence")
            .and_then(Value::as_array_mut)
            .ok_or(CollectError::NoDocument { source_name: self.source.name() })?;
        items.push(tpm.item(binding).await?);
        Ok(document)
    }
}
