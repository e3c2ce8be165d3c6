//! Where evidence comes from.

use crate::{CollectError, ConfigfsTsm, LabSocket, SevGuestDevice};
use hanzo_attestation_evidence::{Binding, encoding};
use serde_json::{Value, json};
use std::future::Future;
use std::path::Path;

/// Something that gives evidence carrying a binding.
pub trait EvidenceSource: Send + Sync {
    /// The name in configuration and in messages.
    fn name(&self) -> &'static str;

    /// An evidence document, `{"evidence":[…]}`, whose items carry the digests of `binding`.
    ///
    /// # Errors
    /// [`CollectError`]; never a document without what was asked for.
    fn collect(&self, binding: &Binding) -> impl Future<Output = Result<Value, CollectError>> + Send;
}

/// One of the sources of this version.
#[derive(Debug)]
pub enum Source {
    /// The kernel's report interface.
    ConfigfsTsm(ConfigfsTsm),
    /// The guest device of SEV-SNP.
    SevGuest(SevGuestDevice),
    /// A lab, on a unix socket.
    LabSocket(LabSocket),
    /// No source: the document is empty, and the tier is 0.
    Nothing,
}

impl Source {
    /// The best source that this machine has: configfs-tsm, then the SEV-SNP guest device, else
    /// [`Source::Nothing`]. A lab is never chosen here.
    #[must_use]
    pub fn auto(root: &Path) -> Self {
        if let Some(source) = ConfigfsTsm::find(root) {
            return Self::ConfigfsTsm(source);
        }
        SevGuestDevice::find(root).map_or(Self::Nothing, Self::SevGuest)
    }
}

impl EvidenceSource for Source {
    fn name(&self) -> &'static str {
        match self {
            Self::ConfigfsTsm(source) => source.name(),
            Self::SevGuest(source) => source.name(),
            Self::LabSocket(source) => source.name(),
            Self::Nothing => "none",
        }
    }

    async fn collect(&self, binding: &Binding) -> Result<Value, CollectError> {
        match self {
            Self::ConfigfsTsm(source) => source.collect(binding).await,
            Self::SevGuest(source) => source.collect(binding).await,
            Self::LabSocket(source) => source.collect(binding).await,
            Self::Nothing => Ok(json!({"evidence": []})),
        }
    }
}

/// A document with one SEV-SNP item.
pub(crate) fn snp_document(report: &[u8], certs: &[Vec<u8>]) -> Value {
    let certs: Vec<String> = certs.iter().map(|der| encoding::base64_encode(der)).collect();
    json!({"evidence": [{
        "type": "sev-snp",
        "report": encoding::base64_encode(report),
        "certs": certs,
    }]})
}

/// A document with one TDX item.
pub(crate) fn tdx_document(quote: &[u8], event_log: Option<&[u8]>) -> Value {
    let mut item = json!({"type": "tdx", "quote": encoding::base64_encode(quote)});
    if let (Some(log), Some(fields)) = (event_log, item.as_object_mut()) {
        fields.insert("event_log".to_owned(), Value::String(encoding::base64_encode(log)));
    }
    json!({"evidence": [item]})
}
