//! `evidence show`: every field as the bytes state it. Nothing is verified.

use crate::output::{Sheet, Show};
use aws_lc_rs::digest::{SHA256, digest};
use hanzo_attestation::tpm::Bytes;
use hanzo_attestation_evidence::dcap::{Certification, Quote};
use hanzo_attestation_evidence::x509::{Certificate, Name, ObjectIdentifier};
use hanzo_attestation_evidence::{
    Document, Finding, Hex, Item, Tee, azure, encoding, nvidia, sgx, snp, tdi, tdx, tpm,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What stands above everything else, so that nobody takes a statement for a fact.
const WARNING: &str = "NOTHING HERE IS VERIFIED: these are the statements of the bytes alone.";

/// The fields of a document.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    /// Always false.
    verified: bool,
    items: Vec<ShownItem>,
}

#[derive(Debug, Serialize)]
struct ShownItem {
    #[serde(rename = "type")]
    kind: Tee,
    /// Why the item cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Finding>,
    fields: Value,
    certificates: Vec<ShownCertificate>,
}

#[derive(Debug, Serialize)]
struct ShownCertificate {
    sha256: Hex<32>,
    #[serde(flatten)]
    content: CertificateContent,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum CertificateContent {
    Read { subject: String, issuer: String, not_before: String, not_after: String },
    Refused { refused: Finding },
}

/// Reads each item alone.
pub(super) fn read(document: Document) -> Shown {
    Shown { verified: false, items: document.split().iter().map(read_item).collect() }
}

impl Shown {
    /// Whether every item is well formed.
    pub(super) fn is_readable(&self) -> bool {
        self.items.iter().all(|item| item.refused.is_none())
    }
}

fn read_item(document: &Document) -> ShownItem {
    let kind = document.items().first().map_or(Tee::RegisteredKey, |item| item.kind());
    match document.parse() {
        Ok(evidence) => match evidence.items().first() {
            Some(Item::SevSnp(item)) => show_snp(item),
            Some(Item::Tdx(item)) => show_tdx(item),
            Some(Item::Sgx(item)) => show_sgx(item),
            Some(Item::Tpm(item)) => show_tpm(item),
            Some(Item::AzSnpVtpm(item)) => show_azure(kind, &item.vtpm, json!(item.snp.report.body())),
            Some(Item::AzTdxVtpm(item)) => show_azure(kind, &item.vtpm, json!(item.tdx.quote)),
            Some(Item::Nvidia(item)) => show_nvidia(item),
            Some(Item::Tdi(item)) => show_interfaces(item),
            Some(Item::RegisteredKey(item)) => ShownItem {
                kind,
                refused: None,
                fields: json!({"key_id": item.key_id, "signature": encoding::base64_encode(&item.signature)}),
                certificates: Vec::new(),
            },
            None => ShownItem { kind, refused: None, fields: Value::Null, certificates: Vec::new() },
        },
        Err(error) => ShownItem {
            kind,
            refused: Some(Finding::refuse(&error)),
            fields: Value::Null,
            certificates: Vec::new(),
        },
    }
}

fn show_snp(item: &snp::Evidence) -> ShownItem {
    ShownItem {
        kind: Tee::SevSnp,
        refused: None,
        fields: serde_json::to_value(item.report.body()).unwrap_or_default(),
        certificates: item.certs.iter().map(|der| certificate(der)).collect(),
    }
}

fn show_tdx(item: &tdx::Evidence) -> ShownItem {
    let mut shown = show_quote(Tee::Tdx, &item.quote);
    if let Value::Object(fields) = &mut shown.fields {
        fields.insert("event_log_bytes".to_owned(), json!(item.event_log.as_ref().map(Vec::len)));
    }
    shown
}

fn show_sgx(item: &sgx::Evidence) -> ShownItem {
    let mut shown = show_quote(Tee::Sgx, &item.quote);
    shown.certificates.extend(item.courier.iter().map(|courier| certificate(courier.certificate())));
    shown
}

fn show_quote<B: Serialize>(kind: Tee, quote: &Quote<B>) -> ShownItem {
    let mut fields = serde_json::to_value(quote).unwrap_or_default();
    let (certification, certificates) = match &quote.certification {
        Certification::Chain(chain) => {
            (json!({"type": 5}), [&chain.leaf, &chain.ca, &chain.root].map(|der| certificate(der)).into())
        }
        Certification::PlatformIdentifiers { kind, data } => {
            (json!({"type": kind, "data": encoding::base64_encode(data)}), Vec::new())
        }
    };
    if let Value::Object(fields) = &mut fields {
        fields.insert("attestation_key".to_owned(), json!(Hex(quote.attestation_key)));
        fields.insert("signature".to_owned(), json!(Hex(quote.signature)));
        fields.insert("qe_report_signature".to_owned(), json!(Hex(quote.qe_report_signature)));
        fields.insert("qe_auth_data".to_owned(), json!(encoding::base64_encode(&quote.qe_auth_data)));
        fields.insert("certification".to_owned(), certification);
    }
    ShownItem { kind, refused: None, fields, certificates }
}

fn show_azure(kind: Tee, vtpm: &azure::Vtpm, hardware: Value) -> ShownItem {
    let attest = &vtpm.quote.attest;
    let fields = json!({
        "version": vtpm.version,
        "hcl_version": vtpm.hcl.version,
        "vm_config": vtpm.runtime.vm_config,
        "user_data": vtpm.runtime.user_data.map(Hex),
        "extra_data": Bytes(attest.extra_data.clone()),
        "pcrs": vtpm.quote.pcrs,
        "hardware": hardware,
    });
    ShownItem { kind, refused: None, fields, certificates: Vec::new() }
}

fn show_nvidia(item: &nvidia::Evidence) -> ShownItem {
    let devices: Vec<Value> = item.devices.iter().map(show_device).collect();
    let certificates = item.devices.iter().flat_map(|device| &device.certs).map(|der| certificate(der));
    let fields = json!({"devices": devices, "ocsp_responses": item.ocsp.len()});
    ShownItem { kind: item.class.tee(), refused: None, fields, certificates: certificates.collect() }
}

/// A report for a reader: what its opaque data says, and the measurements that are not zero, by index.
fn show_device(device: &nvidia::Device) -> Value {
    let report = &device.report;
    let is_zero = |block: &&nvidia::Block| block.value.iter().all(|byte| *byte == 0);
    let named = |block: &nvidia::Block| (format!("{:02}", block.index), json!(Bytes(block.value.clone())));
    let measured: Map<String, Value> =
        report.blocks.iter().filter(|block| !is_zero(block)).map(named).collect();
    let mut says = json!(report.opaque.fields);
    if let Some(counts) = says.get_mut("measurement_counts") {
        let words = report.opaque.fields.measurement_counts.iter().map(u32::to_string);
        *counts = json!(words.collect::<Vec<_>>().join(" "));
    }
    json!({
        "nonce": report.nonce,
        "responder_nonce": report.responder_nonce,
        "opaque_format": report.opaque.format,
        "opaque_version": report.opaque.version,
        "says": says,
        "unknown_entries": report.opaque.unknown,
        "undecoded_types": report.opaque.undecoded,
        "measurements": measured,
        "measurements_that_are_zero": report.blocks.iter().filter(is_zero).count(),
        "signature": Hex(*report.signature()),
        "zeros_after_the_signature": report.trailing,
    })
}

fn show_interfaces(item: &tdi::Evidence) -> ShownItem {
    let devices: Vec<Value> = item.devices.iter().map(show_interface).collect();
    let certificates = item.devices.iter().flat_map(|device| &device.certs.certificates);
    let certificates = certificates.map(|der| certificate(der)).collect();
    let fields = json!({"devices": devices, "ocsp_responses": item.ocsp.len()});
    ShownItem { kind: Tee::Tdi, refused: None, fields, certificates }
}

/// An interface for a reader: what its device reports of it, what SPDM agreed on, what is measured, and what a
/// TSM would tell of these objects.
fn show_interface(device: &tdi::Device) -> Value {
    let named = |block: &nvidia::Block| (format!("{:02}", block.index), json!(Bytes(block.value.clone())));
    let measured: Map<String, Value> = device.measured.blocks.iter().map(named).collect();
    json!({
        "interface": device.interface_report,
        "spdm_version": device.vca.version,
        "nonce": device.measured.nonce,
        "nonce_at_lock": device.measured_at_lock.nonce,
        "measurements": measured,
        "same_as_at_lock": device.measured.blocks == device.measured_at_lock.blocks,
        "tsm_digests": device.tsm,
        "root_sha384": device.certs.root_hash,
    })
}

fn show_tpm(item: &tpm::Evidence) -> ShownItem {
    let (attest, signature) = (&item.quote.attest, &item.quote.signature);
    let fields = json!({
        "qualified_signer": Bytes(attest.qualified_signer.clone()),
        "extra_data": Bytes(attest.extra_data.clone()),
        "clock_ms": attest.clock.milliseconds,
        "reset_count": attest.clock.reset_count,
        "restart_count": attest.clock.restart_count,
        "clock_safe": attest.clock.safe,
        "firmware_version": Hex(attest.firmware_version.to_be_bytes()),
        "selection": attest.selection,
        "pcr_digest": Bytes(attest.pcr_digest.clone()),
        "pcrs": item.quote.pcrs,
        "sig_alg": signature.scheme(),
        "sig_hash": signature.hash,
        "ak_sha256": sha256(item.key.spki()),
        "ak_name": item.key.name(),
        "event_log_bytes": item.event_log.as_ref().map(Vec::len),
    });
    let certificates = item.certs.iter().map(|der| certificate(der)).collect();
    ShownItem { kind: Tee::Tpm, refused: None, fields, certificates }
}

fn certificate(der: &[u8]) -> ShownCertificate {
    let content = match Certificate::parse(der) {
        Ok(found) => CertificateContent::Read {
            subject: name(found.subject()),
            issuer: name(found.issuer()),
            not_before: found.not_before().to_string(),
            not_after: found.not_after().to_string(),
        },
        Err(error) => CertificateContent::Refused { refused: Finding::refuse(&error) },
    };
    ShownCertificate { sha256: sha256(der), content }
}

/// A name as RFC 4514 orders it: the last attribute of the encoding first.
fn name(name: &Name<'_>) -> String {
    let attribute = |(kind, text): &(ObjectIdentifier, &str)| {
        let label = match *kind {
            Name::COMMON_NAME => "CN".to_owned(),
            Name::ORGANIZATION => "O".to_owned(),
            Name::ORGANIZATIONAL_UNIT => "OU".to_owned(),
            Name::LOCALITY => "L".to_owned(),
            Name::STATE => "ST".to_owned(),
            Name::COUNTRY => "C".to_owned(),
            other => other.to_string(),
        };
        format!("{label}={text}")
    };
    let attributes: Vec<String> = name.attributes().iter().rev().map(attribute).collect();
    attributes.join(", ")
}

impl Show for Shown {
    fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new().line(WARNING);
        for item in &self.items {
            sheet = match &item.refused {
                Some(finding) => sheet
                    .line(format!("{}: cannot be read: {}: {}", item.kind, finding.rule, finding.message)),
                None => sheet.line(item.kind.name()),
            };
            if item.fields != Value::Null {
                let mut rows = Vec::new();
                flatten("", &item.fields, &mut rows);
                sheet = sheet.grid(["field", "value"], rows);
            }
            if !item.certificates.is_empty() {
                sheet = sheet.grid(
                    ["certificate", "issuer", "valid", "SHA-256"],
                    item.certificates.iter().map(ShownCertificate::row),
                );
            }
        }
        sheet
    }
}

impl ShownCertificate {
    fn row(&self) -> [String; 4] {
        let sha256 = self.sha256.to_string();
        match &self.content {
            CertificateContent::Read { subject, issuer, not_before, not_after } => {
                [subject.clone(), issuer.clone(), format!("{not_before} to {not_after}"), sha256]
            }
            CertificateContent::Refused { refused } => {
                [format!("cannot be read: {}", refused.message), String::new(), String::new(), sha256]
            }
        }
    }
}

/// One row for each leaf of a JSON tree, named by its path. The trees here are our own and shallow.
fn flatten(path: &str, value: &Value, rows: &mut Vec<[String; 2]>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, field)| flatten(&below(name), field, rows)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&below(&index.to_string()), item, rows);
            }
        }
        Value::String(text) => rows.push([path.to_owned(), text.clone()]),
        Value::Null => rows.push([path.to_owned(), "absent".to_owned()]),
        // Wide numbers are sets of bits here.
        Value::Number(number) => {
            let wide = number.as_u64().filter(|number| *number > u64::from(u16::MAX));
            let text = wide.map_or_else(|| number.to_string(), |number| format!("{number:#x}"));
            rows.push([path.to_owned(), text]);
        }
        Value::Bool(set) => rows.push([path.to_owned(), set.to_string()]),
    }
}

fn sha256(bytes: &[u8]) -> Hex<32> {
    let mut array = [0; 32];
    array.copy_from_slice(digest(&SHA256, bytes).as_ref());
    Hex(array)
}
