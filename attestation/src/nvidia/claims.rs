//! What verified devices claim.

use super::rim::RimResult;
use hanzo_attestation_evidence::binding::DeviceDigests;
use hanzo_attestation_evidence::nvidia::{Architecture, Bytes, Class, Fields, Format};
use hanzo_attestation_evidence::{DeviceId, Hex, UnixTime};
use serde::Serialize;
use std::collections::BTreeMap;

/// The verified claims of one item: devices of one class, in the document's order.
#[derive(Clone, Debug, Serialize)]
pub struct Claims {
    /// GPUs or switches.
    #[serde(skip)]
    pub class: Class,
    /// One entry for each device.
    pub devices: Vec<DeviceClaims>,
}

/// The verified claims of one device. All of them are signed: by the device, or by the authorities above it.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceClaims {
    /// The family of the chip.
    pub architecture: Architecture,
    /// The chip, as its certificate names it.
    pub chip: String,
    /// Common name of the device's own authority, e.g. `GH100 A01 GSP BROM`.
    pub hwmodel: String,
    /// Per-Device Identifier, from the serial number of the device's own authority.
    pub pdi: Hex<8>,
    /// SHA-256 of the root's certificate (DER) in which the chain ends: what vouches for the PDI.
    pub root: Hex<32>,
    /// The device's name in its leaf certificate, e.g. `NVIDIA:GH100:48B0…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_info: Option<String>,
    /// Serial number of the leaf certificate, hex.
    pub leaf_serial: String,
    /// Serial number of the device's own authority, hex.
    pub device_serial: String,
    /// SHA-256 of the leaf certificate.
    pub leaf_sha256: Hex<32>,
    /// SHA-384 of the report, as the binding has it.
    pub report_sha384: Hex<48>,
    /// SHA-384 of the certificates, as the binding has it.
    pub certs_sha384: Hex<48>,
    /// The verifier's challenge that the device answered.
    pub nonce: Hex<32>,
    /// Whether the report states the firmware id of its certificate.
    #[serde(rename = "fwid_match")]
    pub fwid: FwidMatch,
    /// Firmware id of the leaf certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fwid_certificate: Option<Hex<48>>,
    /// Layout of the opaque data.
    pub opaque_format: Format,
    /// Version of the opaque data.
    pub opaque_version: u16,
    /// What the opaque data says.
    #[serde(flatten)]
    pub fields: Fields,
    /// Values by measurement index, from 1.
    pub measurements: BTreeMap<u8, Bytes>,
    /// Zeros after the signature.
    pub trailing: usize,
    /// Earliest end of validity in the chain.
    pub chain_not_after: UnixTime,
    /// What it measured, beside the manifests of its versions.
    pub rim: RimResult,
    /// What is known of the revocation of each certificate, from the device's own upwards.
    pub revocation: Vec<Standing>,
}

impl DeviceClaims {
    /// Which device this is.
    #[must_use]
    pub const fn id(&self) -> DeviceId {
        DeviceId { root: self.root, pdi: self.pdi }
    }

    /// What a binding has of this device.
    #[must_use]
    pub const fn digests(&self) -> DeviceDigests {
        DeviceDigests { report: self.report_sha384.0, certs: self.certs_sha384.0 }
    }
}

/// Whether a report states the firmware id of its certificate. One that states another is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FwidMatch {
    /// It does.
    Match,
    /// It states none.
    Absent,
}

/// What is known of one certificate's revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Its common name.
    pub certificate: String,
    /// Who said that it is not revoked.
    pub source: Source,
    /// When that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub this_update: Option<UnixTime>,
    /// Until when it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_update: Option<UnixTime>,
}

/// Where a statement about revocation comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A verified OCSP response.
    Ocsp,
    /// Its issuer's verified revocation list.
    Crl,
    /// Nobody: the check was waived.
    Unchecked,
}
