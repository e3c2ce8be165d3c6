//! The evidence document: what one node presents, in JSON (see `interfaces`, "Evidence, as JSON").
//!
//! Reading goes in two steps. [`Document::from_json`] reads the envelope: strict JSON, known kinds and
//! fields, canonical base64, budgets. [`Document::parse`] reads what is inside: the vendors' own formats.
//! The two fail for different people: the first is a caller's mistake, the second is a statement about
//! the evidence.

mod envelope;
mod error;

pub use error::{DocumentError, EvidenceError};

use crate::binding::DeviceDigests;
use crate::bytes::Hex;
use crate::encoding::base64_encode;
use crate::{azure, identity, json, nvidia, sgx, snp, tdi, tdx, tpm};
use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// Largest evidence document in bytes (rule book B.0: 4 MiB without an IMA list; one request is bounded at 1
/// MiB).
pub const MAX_DOCUMENT: usize = 1 << 20;
/// Most items in one document: one CPU, its GPUs and switches, and a registered key for each of a few
/// administrators.
pub const MAX_ITEMS: usize = 8;
/// Largest CCEL event log in bytes (LOG-01).
pub const MAX_EVENT_LOG: usize = 1 << 20;

/// The kinds of evidence that this build verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Tee {
    /// AMD SEV-SNP.
    #[serde(rename = "sev-snp")]
    SevSnp,
    /// Intel TDX.
    #[serde(rename = "tdx")]
    Tdx,
    /// Intel SGX.
    #[serde(rename = "sgx")]
    Sgx,
    /// A TPM 2.0.
    #[serde(rename = "tpm")]
    Tpm,
    /// SEV-SNP behind Azure's paravisor and its vTPM.
    #[serde(rename = "az-snp-vtpm")]
    AzSnpVtpm,
    /// TDX behind Azure's paravisor and its vTPM.
    #[serde(rename = "az-tdx-vtpm")]
    AzTdxVtpm,
    /// NVIDIA GPUs.
    #[serde(rename = "nvidia-gpu")]
    NvidiaGpu,
    /// NVIDIA NVSwitches.
    #[serde(rename = "nvidia-switch")]
    NvidiaSwitch,
    /// TEE device interfaces of GPUs (TDISP).
    #[serde(rename = "tdi")]
    Tdi,
    /// A key registered with the broker: an identity, not hardware.
    #[serde(rename = "registered-key")]
    RegisteredKey,
}

impl Tee {
    /// The name in documents, answers and policies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SevSnp => "sev-snp",
            Self::Tdx => "tdx",
            Self::Sgx => "sgx",
            Self::Tpm => "tpm",
            Self::AzSnpVtpm => "az-snp-vtpm",
            Self::AzTdxVtpm => "az-tdx-vtpm",
            Self::NvidiaGpu => "nvidia-gpu",
            Self::NvidiaSwitch => "nvidia-switch",
            Self::Tdi => "tdi",
            Self::RegisteredKey => "registered-key",
        }
    }
}

impl fmt::Display for Tee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Tee {
    /// Whether this is a CPU's own evidence; a document holds at most one.
    #[must_use]
    pub const fn is_cpu(self) -> bool {
        match self {
            Self::SevSnp | Self::Tdx | Self::Sgx | Self::AzSnpVtpm | Self::AzTdxVtpm => true,
            Self::Tpm | Self::NvidiaGpu | Self::NvidiaSwitch | Self::Tdi | Self::RegisteredKey => false,
        }
    }

    /// Whether these are devices beside the CPU; a document holds at most one item of each kind.
    #[must_use]
    pub const fn is_device(self) -> bool {
        matches!(self, Self::NvidiaGpu | Self::NvidiaSwitch | Self::Tdi)
    }
}

/// An evidence document whose envelope is in order. What is inside is not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    items: Vec<DocumentItem>,
}

/// One item of a document: its kind, and its byte strings decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentItem {
    /// The item as it stands in the document; its encodings are canonical.
    json: Value,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    SevSnp {
        report: Vec<u8>,
        certs: Vec<Vec<u8>>,
    },
    Tdx {
        quote: Vec<u8>,
        event_log: Option<Vec<u8>>,
    },
    Sgx {
        quote: Vec<u8>,
    },
    SgxRaTls {
        certificate: Vec<u8>,
    },
    Tpm(Box<tpm::Parts>),
    /// What is inside is read from the item itself.
    AzSnpVtpm,
    AzTdxVtpm,
    Nvidia {
        class: nvidia::Class,
        devices: Vec<nvidia::Parts>,
        ocsp: Vec<Vec<u8>>,
    },
    Tdi {
        devices: Vec<tdi::Parts>,
        ocsp: Vec<Vec<u8>>,
    },
    RegisteredKey(identity::Evidence),
}

impl DocumentItem {
    /// The kind that the item declares.
    #[must_use]
    pub const fn kind(&self) -> Tee {
        match self.content {
            Content::SevSnp { .. } => Tee::SevSnp,
            Content::Tdx { .. } => Tee::Tdx,
            Content::Sgx { .. } | Content::SgxRaTls { .. } => Tee::Sgx,
            Content::Tpm(_) => Tee::Tpm,
            Content::AzSnpVtpm => Tee::AzSnpVtpm,
            Content::AzTdxVtpm => Tee::AzTdxVtpm,
            Content::Nvidia { class, .. } => class.tee(),
            Content::Tdi { .. } => Tee::Tdi,
            Content::RegisteredKey(_) => Tee::RegisteredKey,
        }
    }
}

impl Document {
    /// Reads the envelope `{"evidence":[…]}`.
    ///
    /// # Errors
    /// [`DocumentError`]: too large, not strict JSON, unknown fields or kinds, text that is not canonical
    /// base64, more than one CPU item.
    pub fn from_json(bytes: &[u8]) -> Result<Self, DocumentError> {
        if bytes.len() > MAX_DOCUMENT {
            return Err(DocumentError::TooLarge { limit: MAX_DOCUMENT, actual: bytes.len() });
        }
        envelope::read(json::parse(bytes)?)
    }

    /// The items, in the document's order.
    #[must_use]
    pub fn items(&self) -> &[DocumentItem] {
        &self.items
    }

    /// One document for each item, in order: for tools that judge each item alone.
    #[must_use]
    pub fn split(self) -> Vec<Self> {
        self.items.into_iter().map(|item| Self { items: vec![item] }).collect()
    }

    /// Reads what is inside, in the vendors' formats.
    ///
    /// # Errors
    /// [`EvidenceError`]: the first rule that an item breaks, and which item.
    pub fn parse(&self) -> Result<Evidence, EvidenceError> {
        let items =
            self.items.iter().map(DocumentItem::parse).collect::<Result<Vec<Item>, EvidenceError>>()?;
        let digest = self.digest(&items)?;
        Ok(Evidence { items, digest })
    }

    /// SHA-256 over the RFC 8785 form of the document, without the padding after a quote (DCAP-09) or a
    /// report (NV-03).
    fn digest(&self, parsed: &[Item]) -> Result<Hex<32>, EvidenceError> {
        let items: Vec<Cow<'_, Value>> =
            self.items.iter().zip(parsed).map(|(item, parsed)| item.without_padding(parsed)).collect();
        let canonical = serde_json_canonicalizer::to_vec(&Canonical { evidence: items })
            .map_err(|error| EvidenceError::Canonical(error.to_string()))?;
        let mut array = [0; 32];
        array.copy_from_slice(digest::digest(&digest::SHA256, &canonical).as_ref());
        Ok(Hex(array))
    }
}

/// A document as it is digested.
#[derive(Serialize)]
struct Canonical<'a> {
    evidence: Vec<Cow<'a, Value>>,
}

impl DocumentItem {
    /// The item's JSON with a quote cut to its own length: the zeros after it are nobody's statement, and one
    /// quote would have a digest for each number of them.
    fn without_padding(&self, parsed: &Item) -> Cow<'_, Value> {
        let (received, parsed) = match (&self.content, parsed) {
            (Content::Tdx { quote, .. }, Item::Tdx(tdx)) => (quote, tdx.quote.bytes()),
            (Content::Sgx { quote }, Item::Sgx(sgx)) => (quote, sgx.quote.bytes()),
            (Content::AzTdxVtpm, Item::AzTdxVtpm(item)) => {
                let mut json = self.json.clone();
                if let Some(evidence) = json.get_mut("evidence") {
                    azure::cut_td_quote(evidence, item.tdx.quote.bytes());
                }
                return Cow::Owned(json);
            }
            (Content::Nvidia { .. }, Item::Nvidia(item)) => return self.without_zeros_after_reports(item),
            _ => return Cow::Borrowed(&self.json),
        };
        let mut json = Cow::Borrowed(&self.json);
        if received.len() != parsed.len()
            && let Some(text) = json.to_mut().get_mut("quote")
        {
            *text = Value::String(base64_encode(parsed));
        }
        json
    }

    /// The same of the zeros that may follow a device's report (NV-03).
    fn without_zeros_after_reports(&self, item: &nvidia::Evidence) -> Cow<'_, Value> {
        let mut json = Cow::Borrowed(&self.json);
        for (index, device) in item.devices.iter().enumerate() {
            if device.report.trailing > 0
                && let Some(text) = json.to_mut().pointer_mut(&format!("/devices/{index}/report"))
            {
                *text = Value::String(base64_encode(device.report.message()));
            }
        }
        json
    }

    /// The object of an Azure item.
    fn inside(&self) -> &Value {
        self.json.get("evidence").unwrap_or(&Value::Null)
    }

    fn parse(&self) -> Result<Item, EvidenceError> {
        match &self.content {
            Content::SevSnp { report, certs } => {
                Ok(Item::SevSnp(snp::Evidence { report: snp::Report::parse(report)?, certs: certs.clone() }))
            }
            Content::Tdx { quote, event_log } => {
                Ok(Item::Tdx(tdx::Evidence::parse(quote, event_log.clone())?))
            }
            Content::Sgx { quote } => Ok(Item::Sgx(sgx::Evidence::parse(quote)?)),
            Content::SgxRaTls { certificate } => Ok(Item::Sgx(sgx::Evidence::parse_ra_tls(certificate)?)),
            Content::Tpm(parts) => Ok(Item::Tpm(Box::new(tpm::Evidence::parse(parts)?))),
            Content::AzSnpVtpm => azure::SnpEvidence::parse(self.inside())
                .map(|item| Item::AzSnpVtpm(Box::new(item)))
                .map_err(EvidenceError::AzSnpVtpm),
            Content::AzTdxVtpm => azure::TdxEvidence::parse(self.inside())
                .map(|item| Item::AzTdxVtpm(Box::new(item)))
                .map_err(EvidenceError::AzTdxVtpm),
            Content::Nvidia { class, devices, ocsp } => {
                nvidia::Evidence::parse(*class, devices, ocsp.clone())
                    .map(|item| Item::Nvidia(Box::new(item)))
                    .map_err(|error| EvidenceError::Nvidia(*class, error))
            }
            Content::Tdi { devices, ocsp } => {
                let item = tdi::Evidence::parse(devices, ocsp.clone())?;
                Ok(Item::Tdi(Box::new(item)))
            }
            Content::RegisteredKey(key) => Ok(Item::RegisteredKey(key.clone())),
        }
    }
}

/// Evidence, well formed to the last byte, about which nothing is known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    items: Vec<Item>,
    digest: Hex<32>,
}

/// One parsed item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// AMD SEV-SNP.
    SevSnp(snp::Evidence),
    /// Intel TDX.
    Tdx(tdx::Evidence),
    /// Intel SGX.
    Sgx(sgx::Evidence),
    /// A TPM 2.0.
    Tpm(Box<tpm::Evidence>),
    /// SEV-SNP behind Azure's paravisor.
    AzSnpVtpm(Box<azure::SnpEvidence>),
    /// TDX behind Azure's paravisor.
    AzTdxVtpm(Box<azure::TdxEvidence>),
    /// NVIDIA devices of one class.
    Nvidia(Box<nvidia::Evidence>),
    /// TEE device interfaces.
    Tdi(Box<tdi::Evidence>),
    /// A registered key.
    RegisteredKey(identity::Evidence),
}

impl Item {
    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> Tee {
        match self {
            Self::SevSnp(_) => Tee::SevSnp,
            Self::Tdx(_) => Tee::Tdx,
            Self::Sgx(_) => Tee::Sgx,
            Self::Tpm(_) => Tee::Tpm,
            Self::AzSnpVtpm(_) => Tee::AzSnpVtpm,
            Self::AzTdxVtpm(_) => Tee::AzTdxVtpm,
            Self::Nvidia(item) => item.class.tee(),
            Self::Tdi(_) => Tee::Tdi,
            Self::RegisteredKey(_) => Tee::RegisteredKey,
        }
    }

    /// The 64 bytes that a CPU's guest chose; `None` for an item that has none.
    #[must_use]
    pub const fn report_data(&self) -> Option<&[u8; 64]> {
        match self {
            Self::SevSnp(item) => Some(&item.report.body().report_data.0),
            Self::Tdx(item) => Some(item.report_data()),
            Self::Sgx(item) => Some(item.report_data()),
            // Azure's guests choose the vTPM's qualifying data instead.
            Self::Tpm(_)
            | Self::AzSnpVtpm(_)
            | Self::AzTdxVtpm(_)
            | Self::Nvidia(_)
            | Self::Tdi(_)
            | Self::RegisteredKey(_) => None,
        }
    }
}

impl Evidence {
    /// The items, in the document's order.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// What a binding has of the devices, in the document's order.
    #[must_use]
    pub fn device_digests(&self) -> Vec<DeviceDigests> {
        let mut digests = Vec::new();
        for item in &self.items {
            match item {
                Item::Nvidia(item) => digests.extend(item.devices.iter().map(|device| device.digests)),
                Item::Tdi(item) => digests.extend(item.devices.iter().map(|device| device.digests)),
                _ => {}
            }
        }
        digests
    }

    /// SHA-256 over the RFC 8785 form of the document, in which the zeros that may follow a quote are left
    /// out (DCAP-09): how records name this evidence.
    #[must_use]
    pub const fn digest(&self) -> Hex<32> {
        self.digest
    }
}

#[cfg(test)]
mod tests;
