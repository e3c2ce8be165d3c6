//! The document, and the signature in it.

use super::xml::Element;
use super::{RimDefect, RimKeys, RimMinimum, RimOrder};
use crate::LabError;
use aws_lc_rs::digest::{SHA384, digest};
use hanzo_attestation_evidence::encoding::base64_encode;

const SWID: &str = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd";
const TCG: &str =
    "https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/";
const HASHES: &str = "http://www.w3.org/2001/04/xmlenc#sha384";
const COUNTERS: &str = "https://docs.nvidia.com/attestation/specs/latest/opaque-data.html";
const XML: &str = "http://www.w3.org/XML/1998/namespace";
const SIGNATURES: &str = "http://www.w3.org/2000/09/xmldsig#";

/// Golden values that a manifest has room for, active or not.
const RECORDS: u8 = 64;

/// Makes the document and signs it.
pub(super) fn sign(order: &RimOrder, keys: &RimKeys, certificates: &[Vec<u8>]) -> Result<Vec<u8>, LabError> {
    let root = document(order);
    let mut signed = root.canonical(&[]);
    if order.defect == Some(RimDefect::OtherDigest) {
        signed.push(' ');
    }
    let info = signed_info(order.defect, digest(&SHA384, signed.as_bytes()).as_ref());
    let mut in_scope = root.declared().to_vec();
    in_scope.push(("ds", SIGNATURES));
    let key = if order.defect == Some(RimDefect::OtherKey) { &keys.stranger } else { &keys.signer };
    let value = key.sign_fixed(info.canonical(&in_scope).as_bytes())?;
    let mut data = Element::new("ds:X509Data");
    for certificate in certificates {
        data = data.child(Element::new("ds:X509Certificate").text(lines(&base64_encode(certificate))));
    }
    let mut key_info = Element::new("ds:KeyInfo").child(data);
    if order.defect == Some(RimDefect::KeyValue) {
        key_info = key_info.child(Element::new("ds:KeyValue"));
    }
    let signature = Element::new("ds:Signature")
        .declare("ds", SIGNATURES)
        .child(info)
        .child(Element::new("ds:SignatureValue").text(base64_encode(&value)))
        .child(key_info);
    Ok((root.child(signature).file() + "\n\n").into_bytes())
}

fn document(order: &RimOrder) -> Element {
    let product = order.product.name();
    let mut root = Element::new("SoftwareIdentity")
        .declare("", SWID)
        .declare("ns0", SWID)
        .declare("ns2", HASHES)
        .attribute("corpus", "false")
        .attribute("name", product)
        .attribute("patch", "false")
        .attribute("supplemental", "false")
        .attribute("tagId", tag_id(order))
        .attribute("version", "1.0")
        .attribute("tagVersion", "0");
    if !order.minimums.is_empty() || order.defect == Some(RimDefect::GoldenBesideMinimum) {
        root = root.declare("ns3", COUNTERS);
    }
    if order.defect == Some(RimDefect::XmlAttribute) {
        root = root.attribute_of(XML, "xml:lang", "en");
    }
    let entity = Element::new("ns0:Entity")
        .attribute("name", "NVIDIA Corporation")
        .attribute("role", "softwareCreator tagCreator");
    let mut root = root.text("\n    ").child(entity).text("\n    ").child(meta(order)).text("\n    ");
    match order.defect {
        Some(RimDefect::SecondMeta) => root = root.child(meta(order)).text("\n    "),
        Some(RimDefect::RecordOutsidePayload) => {
            root = root.child(record(60, &[[0x60; 48]], true, None)).text("\n    ");
        }
        _ => {}
    }
    root.child(payload(order)).text("\n")
}

/// The same for the same product and version, whatever the manifest holds: as NVIDIA's.
fn tag_id(order: &RimOrder) -> String {
    let about = format!("hanzo-lab/{}/{}", order.product.name(), order.version);
    digest(&SHA384, about.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn meta(order: &RimOrder) -> Element {
    let product = order.product.name();
    let mut meta =
        Element::new("ns0:Meta").declare("ns1", TCG).attribute("colloquialVersion", order.version.clone());
    if order.defect != Some(RimDefect::NoEdition) {
        meta = meta.attribute("edition", order.product.edition());
    }
    meta.attribute("product", product)
        .attribute("revision", "r1")
        .attribute("PayloadType", "direct")
        .attribute_of(TCG, "ns1:BindingSpec", "RIMIM")
        .attribute_of(TCG, "ns1:PlatformModel", product)
        .attribute_of(TCG, "ns1:FirmwareManufacturerId", "5703")
}

fn payload(order: &RimOrder) -> Element {
    let mut payload = Element::new("ns0:Payload").declare("SHA384", HASHES);
    for index in 0..RECORDS {
        let values = order.golden.get(&index).filter(|_| order.defect != Some(RimDefect::NothingActive));
        let inactive = [[0; 48]];
        let first = order.golden.keys().next() == Some(&index);
        let defect = order.defect.filter(|_| first);
        let values_or_none = values.map_or(inactive.as_slice(), Vec::as_slice);
        let element = record(index, values_or_none, values.is_some(), defect);
        if defect == Some(RimDefect::DuplicateIndex) {
            payload = payload.text("\n        ").child(element.clone());
        }
        payload = payload.text("\n        ").child(element);
    }
    for minimum in &order.minimums {
        payload = payload.text("\n        ").child(counter(minimum));
    }
    if order.defect == Some(RimDefect::GoldenBesideMinimum) {
        let minimum =
            RimMinimum { kind: 37, name: "FSP_UCODE".to_owned(), min_svn: 1, include_in_result: false };
        let element = counter(&minimum).attribute_of(HASHES, "ns2:Hash0", "00".repeat(48));
        payload = payload.text("\n        ").child(element);
    }
    payload.text("\n    ")
}

fn record(index: u8, values: &[[u8; 48]], active: bool, defect: Option<RimDefect>) -> Element {
    let miscounted = usize::from(defect == Some(RimDefect::AlternativesMiscounted));
    let mut element = Element::new("ns0:Resource")
        .attribute("type", "Measurement")
        .attribute("index", index.to_string())
        .attribute("active", if active { "True" } else { "False" })
        .attribute("alternatives", (values.len() + miscounted).to_string());
    for (number, value) in values.iter().enumerate() {
        let short = defect == Some(RimDefect::ShortGolden);
        let bytes = value.iter().skip(usize::from(short));
        let hex: String = bytes.map(|byte| format!("{byte:02x}")).collect();
        element = element.attribute_of(HASHES, &format!("ns2:Hash{number}"), hex);
    }
    element.attribute("name", format!("Measurement_{index}")).attribute("size", "48")
}

fn counter(minimum: &RimMinimum) -> Element {
    let element = Element::new("ns0:Resource")
        .attribute("type", "OpaqueData")
        .attribute("index", (0x1000 + u32::from(minimum.kind)).to_string())
        .attribute("active", "True")
        .attribute("name", minimum.name.clone())
        .attribute_of(COUNTERS, "ns3:minSvn", minimum.min_svn.to_string());
    if minimum.include_in_result {
        return element.attribute_of(COUNTERS, "ns3:includeInResult", "True");
    }
    element
}

fn signed_info(defect: Option<RimDefect>, digest: &[u8]) -> Element {
    let algorithm = |element: &str, name: &str| Element::new(element).attribute("Algorithm", name);
    let canonical = "http://www.w3.org/2006/12/xml-c14n11";
    let method = match defect {
        Some(RimDefect::OtherAlgorithm) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
        _ => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    };
    let transforms = Element::new("ds:Transforms")
        .child(algorithm("ds:Transform", "http://www.w3.org/2000/09/xmldsig#enveloped-signature"))
        .child(algorithm("ds:Transform", canonical));
    let uri = if defect == Some(RimDefect::PartReference) { "#payload" } else { "" };
    let reference = Element::new("ds:Reference")
        .attribute("URI", uri)
        .child(transforms)
        .child(algorithm("ds:DigestMethod", "http://www.w3.org/2001/04/xmldsig-more#sha384"))
        .child(Element::new("ds:DigestValue").text(base64_encode(digest)));
    let info = Element::new("ds:SignedInfo")
        .child(algorithm("ds:CanonicalizationMethod", canonical))
        .child(algorithm("ds:SignatureMethod", method));
    match defect {
        Some(RimDefect::NoReference) => info,
        Some(RimDefect::SecondReference) => info.child(reference.clone()).child(reference),
        _ => info.child(reference),
    }
}

/// Base64 in lines of 64 characters, as NVIDIA writes certificates.
fn lines(base64: &str) -> String {
    let mut text = String::new();
    let mut rest = base64;
    while !rest.is_empty() {
        // Base64 is ASCII, so that any index is a character boundary.
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text
}
