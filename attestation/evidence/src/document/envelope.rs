//! From strict JSON to items with decoded byte strings. Sizes are judged before anything is decoded.

use super::{Content, Document, DocumentError, DocumentItem, MAX_EVENT_LOG, MAX_ITEMS};
use crate::encoding::base64_decode;
use crate::identity::{self, KeyId};
use crate::json;
use crate::x509::{MAX_CERTIFICATE, MAX_CERTIFICATES, X509Error};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Most bytes of a `report` that are decoded. The exact length is the report's own rule (SNP-01).
const MAX_REPORT: usize = 4 << 10;
/// Most bytes of a `quote` (rule book B.0: "quote 32 KiB").
const MAX_QUOTE: usize = 32 << 10;
/// Kinds of the interface that this build does not verify.
const UNSUPPORTED: [&str; 5] = ["tpm", "az-snp-vtpm", "az-tdx-vtpm", "nvidia-gpu", "nvidia-switch"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    evidence: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SevSnp {
    #[serde(rename = "type")]
    _kind: String,
    report: String,
    certs: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tdx {
    #[serde(rename = "type")]
    _kind: String,
    quote: String,
    #[serde(default, deserialize_with = "present")]
    event_log: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sgx {
    #[serde(rename = "type")]
    _kind: String,
    #[serde(default, deserialize_with = "present")]
    quote: Option<String>,
    #[serde(default, deserialize_with = "present")]
    ra_tls: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegisteredKey {
    #[serde(rename = "type")]
    _kind: String,
    key_id: String,
    signature: String,
}

/// A field that is there has a value: `null` would be a second spelling of absence.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

pub(super) fn read(value: Value) -> Result<Document, DocumentError> {
    let envelope: Envelope = json::from_value(value)
        .map_err(|error| DocumentError::Shape { item: 0, problem: error.problem().to_owned() })?;
    let actual = envelope.evidence.len();
    if actual > MAX_ITEMS {
        return Err(DocumentError::TooManyItems { actual });
    }
    let items: Vec<DocumentItem> = envelope
        .evidence
        .into_iter()
        .enumerate()
        .map(|(position, json)| Ok(DocumentItem { content: content(position, &json)?, json }))
        .collect::<Result<_, DocumentError>>()?;
    if items.iter().filter(|item| item.kind().is_cpu()).count() > 1 {
        return Err(DocumentError::SeveralCpuItems);
    }
    refuse_repeated_keys(&items)?;
    Ok(Document { items })
}

fn content(item: usize, json: &Value) -> Result<Content, DocumentError> {
    let kind = json
        .get("type")
        .and_then(Value::as_str)
        .ok_or_else(|| DocumentError::Shape { item, problem: "no text field `type`".to_owned() })?;
    match kind {
        "sev-snp" => {
            let SevSnp { report, certs, .. } = fields(item, json)?;
            Ok(Content::SevSnp {
                report: bytes("report", &report, MAX_REPORT)?,
                certs: certificates(&certs)?,
            })
        }
        "tdx" => {
            let Tdx { quote, event_log, .. } = fields(item, json)?;
            let event_log = event_log.map(|log| bytes("event_log", &log, MAX_EVENT_LOG)).transpose()?;
            Ok(Content::Tdx { quote: bytes("quote", &quote, MAX_QUOTE)?, event_log })
        }
        "sgx" => {
            let Sgx { quote, ra_tls, .. } = fields(item, json)?;
            match (quote, ra_tls) {
                (Some(quote), None) => Ok(Content::Sgx { quote: bytes("quote", &quote, MAX_QUOTE)? }),
                (None, Some(der)) => {
                    Ok(Content::SgxRaTls { certificate: bytes("ra_tls", &der, MAX_CERTIFICATE)? })
                }
                _ => Err(DocumentError::Shape { item, problem: "one of `quote` and `ra_tls`".to_owned() }),
            }
        }
        "registered-key" => {
            let RegisteredKey { key_id, signature, .. } = fields(item, json)?;
            let signature = bytes("signature", &signature, identity::SIGNATURE_LENGTH)?;
            let problem = || DocumentError::Shape { item, problem: "a signature has 64 bytes".to_owned() };
            let key_id = KeyId::parse(&key_id)
                .map_err(|error| DocumentError::Shape { item, problem: error.to_string() })?;
            let signature = signature.try_into().map_err(|_| problem())?;
            Ok(Content::RegisteredKey(identity::Evidence { key_id, signature }))
        }
        other => Err(unknown(other)),
    }
}

fn fields<T: DeserializeOwned>(item: usize, json: &Value) -> Result<T, DocumentError> {
    T::deserialize(json).map_err(|error| DocumentError::Shape { item, problem: error.to_string() })
}

fn unknown(kind: &str) -> DocumentError {
    UNSUPPORTED.into_iter().find(|known| *known == kind).map_or_else(
        || DocumentError::KindUnknown { kind: kind.chars().take(32).flat_map(char::escape_debug).collect() },
        |kind| DocumentError::KindUnsupported { kind },
    )
}

/// Decodes one field. Four characters hold at most three bytes.
fn bytes(field: &'static str, text: &str, limit: usize) -> Result<Vec<u8>, DocumentError> {
    if text.len() > limit.div_ceil(3).saturating_mul(4) {
        return Err(DocumentError::FieldTooLarge { field, limit });
    }
    base64_decode(text).map_err(|error| DocumentError::Encoding { field, error })
}

fn certificates(certs: &[String]) -> Result<Vec<Vec<u8>>, DocumentError> {
    let actual = certs.len();
    if actual > MAX_CERTIFICATES {
        return Err(X509Error::TooMany { limit: MAX_CERTIFICATES, actual }.into());
    }
    let certs = certs.iter().map(|text| {
        bytes("certs", text, MAX_CERTIFICATE).map_err(|error| match error {
            DocumentError::FieldTooLarge { limit, .. } => {
                X509Error::TooLarge { what: "certificate", limit, actual: text.len() / 4 * 3 }.into()
            }
            other => other,
        })
    });
    certs.collect()
}

fn refuse_repeated_keys(items: &[DocumentItem]) -> Result<(), DocumentError> {
    let keys: Vec<&KeyId> = items
        .iter()
        .filter_map(|item| match &item.content {
            Content::RegisteredKey(key) => Some(&key.key_id),
            _ => None,
        })
        .collect();
    let repeated =
        keys.iter().enumerate().find(|(position, key)| keys.iter().take(*position).any(|k| k == *key));
    repeated.map_or(Ok(()), |(_, key)| Err(DocumentError::RepeatedKey { key_id: key.to_string() }))
}
