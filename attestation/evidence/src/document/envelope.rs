//! From strict JSON to items with decoded byte strings. Sizes are judged before anything is decoded.

use super::{Content, Document, DocumentError, DocumentItem, MAX_EVENT_LOG, MAX_ITEMS, Tee};
use crate::bytes::Digest;
use crate::encoding::{base64_decode, hex_decode};
use crate::identity::{self, KeyId};
use crate::nvidia::{self, Class};
use crate::x509::{MAX_CERTIFICATE, MAX_CERTIFICATES, X509Error};
use crate::{json, tdi, tpm};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Most bytes of a `report` that are decoded. The exact length is the report's own rule (SNP-01).
const MAX_REPORT: usize = 4 << 10;
/// Most bytes of a `quote` (rule book B.0: "quote 32 KiB").
const MAX_QUOTE: usize = 32 << 10;
/// Most bytes of a TPM's activation record: ours have less than 160.
const MAX_ACTIVATION: usize = 256;

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
struct Tpm {
    #[serde(rename = "type")]
    _kind: String,
    attest: String,
    signature: String,
    #[serde(default, deserialize_with = "present")]
    pcrs: Option<BTreeMap<String, BTreeMap<String, String>>>,
    ak_public: String,
    #[serde(default, deserialize_with = "present")]
    ak_tpmt: Option<String>,
    #[serde(default, deserialize_with = "present")]
    ak_certs: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    activation: Option<String>,
    #[serde(default, deserialize_with = "present")]
    event_log: Option<String>,
    #[serde(default, deserialize_with = "present")]
    ima_log: Option<String>,
    #[serde(default, deserialize_with = "present")]
    init_data: Option<String>,
}

/// The object inside has versions of its own, which the parser judges (AZ-01).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Azure {
    #[serde(rename = "type")]
    _kind: String,
    #[serde(rename = "evidence")]
    _evidence: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nvidia {
    #[serde(rename = "type")]
    _kind: String,
    devices: Vec<NvidiaDevice>,
    #[serde(default, deserialize_with = "present")]
    ocsp: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NvidiaDevice {
    report: String,
    certs: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tdi {
    #[serde(rename = "type")]
    _kind: String,
    devices: Vec<TdiDevice>,
    #[serde(default, deserialize_with = "present")]
    ocsp: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TdiDevice {
    certs: String,
    vca: String,
    interface_report: String,
    measurements_at_lock: String,
    measurements: String,
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
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
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
    for kind in [Tee::NvidiaGpu, Tee::NvidiaSwitch, Tee::Tdi] {
        if items.iter().filter(|item| item.kind() == kind).count() > 1 {
            return Err(DocumentError::SeveralDeviceItems { kind });
        }
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
        "tpm" => tpm(item, fields(item, json)?).map(|parts| Content::Tpm(Box::new(parts))),
        "az-snp-vtpm" => fields(item, json).map(|_: Azure| Content::AzSnpVtpm),
        "az-tdx-vtpm" => fields(item, json).map(|_: Azure| Content::AzTdxVtpm),
        "nvidia-gpu" => nvidia(item, Class::Gpu, fields(item, json)?),
        "nvidia-switch" => nvidia(item, Class::Switch, fields(item, json)?),
        "tdi" => interfaces(item, fields(item, json)?),
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

fn tpm(item: usize, fields: Tpm) -> Result<tpm::Parts, DocumentError> {
    if fields.ak_public.len() > tpm::MAX_PEM {
        return Err(DocumentError::FieldTooLarge { field: "ak_public", limit: tpm::MAX_PEM });
    }
    if fields.ima_log.is_some() && fields.event_log.is_none() {
        let problem = "`ima_log` without `event_log`: nothing says of which boot".to_owned();
        return Err(DocumentError::Shape { item, problem });
    }
    let optional =
        |field, text: Option<String>, limit| text.map(|text| bytes(field, &text, limit)).transpose();
    let init_data = optional("init_data", fields.init_data, Digest::MAX)?;
    let init_data = init_data.map(|digest| Digest::try_from(digest.as_slice())).transpose();
    Ok(tpm::Parts {
        attest: bytes("attest", &fields.attest, tpm::MAX_ATTEST)?,
        signature: bytes("signature", &fields.signature, tpm::MAX_SIGNATURE)?,
        pcrs: fields.pcrs.map(|pcrs| registers(item, pcrs)).transpose()?,
        ak_public: fields.ak_public,
        ak_tpmt: optional("ak_tpmt", fields.ak_tpmt, tpm::MAX_PUBLIC)?,
        ak_certs: certificates(&fields.ak_certs.unwrap_or_default())?,
        activation: optional("activation", fields.activation, MAX_ACTIVATION)?,
        event_log: optional("event_log", fields.event_log, MAX_EVENT_LOG)?,
        ima_log: optional("ima_log", fields.ima_log, MAX_EVENT_LOG)?,
        init_data: init_data
            .map_err(|error| DocumentError::Shape { item, problem: format!("`init_data`: {error}") })?,
    })
}

/// The devices of one class. Counts and sizes first: what is inside is read later.
fn nvidia(item: usize, class: Class, fields: Nvidia) -> Result<Content, DocumentError> {
    let shape = |problem: String| DocumentError::Shape { item, problem };
    let Nvidia { devices, ocsp, .. } = fields;
    if devices.is_empty() || devices.len() > nvidia::MAX_DEVICES {
        let problem = format!("{} devices; 1 to {} are read", devices.len(), nvidia::MAX_DEVICES);
        return Err(shape(problem));
    }
    let ocsp = ocsp.unwrap_or_default();
    if ocsp.len() > nvidia::MAX_OCSP_RESPONSES {
        let limit = nvidia::MAX_OCSP_RESPONSES;
        return Err(shape(format!("{} OCSP responses; at most {limit} are read", ocsp.len())));
    }
    let devices = devices.into_iter().map(|device| {
        if device.certs.len() > nvidia::MAX_PEM {
            return Err(DocumentError::FieldTooLarge { field: "certs", limit: nvidia::MAX_PEM });
        }
        let report = bytes("report", &device.report, nvidia::MAX_REPORT)?;
        Ok(nvidia::Parts { report, certs: device.certs })
    });
    let devices = devices.collect::<Result<_, DocumentError>>()?;
    let ocsp = ocsp.iter().map(|text| bytes("ocsp", text, nvidia::MAX_OCSP));
    Ok(Content::Nvidia { class, devices, ocsp: ocsp.collect::<Result<_, _>>()? })
}

/// TEE device interfaces. Counts and sizes first, as of devices.
fn interfaces(item: usize, fields: Tdi) -> Result<Content, DocumentError> {
    let shape = |problem: String| DocumentError::Shape { item, problem };
    let Tdi { devices, ocsp, .. } = fields;
    if devices.is_empty() || devices.len() > tdi::MAX_DEVICES {
        let problem = format!("{} interfaces; 1 to {} are read", devices.len(), tdi::MAX_DEVICES);
        return Err(shape(problem));
    }
    let ocsp = ocsp.unwrap_or_default();
    if ocsp.len() > nvidia::MAX_OCSP_RESPONSES {
        let limit = nvidia::MAX_OCSP_RESPONSES;
        return Err(shape(format!("{} OCSP responses; at most {limit} are read", ocsp.len())));
    }
    let devices = devices.iter().map(|device| {
        Ok(tdi::Parts {
            certs: bytes("certs", &device.certs, tdi::MAX_CERTIFICATE_CHAIN)?,
            vca: bytes("vca", &device.vca, tdi::MAX_VCA)?,
            interface_report: bytes("interface_report", &device.interface_report, tdi::MAX_INTERFACE_REPORT)?,
            measurements_at_lock: bytes(
                "measurements_at_lock",
                &device.measurements_at_lock,
                tdi::MAX_EXCHANGE,
            )?,
            measurements: bytes("measurements", &device.measurements, tdi::MAX_EXCHANGE)?,
        })
    });
    let devices = devices.collect::<Result<_, DocumentError>>()?;
    let ocsp = ocsp.iter().map(|text| bytes("ocsp", text, nvidia::MAX_OCSP));
    Ok(Content::Tdi { devices, ocsp: ocsp.collect::<Result<_, _>>()? })
}

/// Register values by bank and number, each in its one spelling. Whether they are the quoted ones is the
/// quote's rule (TPM-19).
fn registers(
    item: usize,
    pcrs: BTreeMap<String, BTreeMap<String, String>>,
) -> Result<Vec<(tpm::Hash, u8, Vec<u8>)>, DocumentError> {
    let shape = |problem: &str| DocumentError::Shape { item, problem: problem.to_owned() };
    let mut registers = Vec::new();
    for (bank, values) in pcrs {
        let bank =
            tpm::Hash::from_name(&bank).ok_or_else(|| shape("`pcrs` has a bank of an unknown name"))?;
        for (number, value) in values {
            let index = number.parse().ok().filter(|index: &u8| *index < tpm::PCRS);
            let index = index.filter(|index| index.to_string() == number);
            let index = index.ok_or_else(|| shape("`pcrs` has a register that is no number from 0 to 23"))?;
            if value.len() > 2 * Digest::MAX {
                return Err(DocumentError::FieldTooLarge { field: "pcrs", limit: Digest::MAX });
            }
            let value =
                hex_decode(&value).map_err(|error| DocumentError::Encoding { field: "pcrs", error })?;
            registers.push((bank, index, value));
        }
    }
    Ok(registers)
}

fn fields<T: DeserializeOwned>(item: usize, json: &Value) -> Result<T, DocumentError> {
    T::deserialize(json).map_err(|error| DocumentError::Shape { item, problem: error.to_string() })
}

fn unknown(kind: &str) -> DocumentError {
    DocumentError::KindUnknown { kind: kind.chars().take(32).flat_map(char::escape_debug).collect() }
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
