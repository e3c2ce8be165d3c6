//! Certificates of TPM keys (TCG EK Credential Profile; TCG Infrastructure Credential Profiles): an empty
//! subject, the TPM's manufacturer, model and version in a critical alternative name.

use super::defect::EkDefect;
use super::vendor::TpmKeys;
use super::{AkCertificate, AkUsage, GceInstance, TpmDefect, TpmOrder};
use crate::der;
use crate::sign::{EcKey, Issuer as _, oids};
use crate::x509::{self, KeyUsage, Plan, Validity, attribute};
use aws_lc_rs::digest;

const EK_PURPOSE: &[u32] = &[2, 23, 133, 8, 1];
const AK_PURPOSE: &[u32] = &[2, 23, 133, 8, 3];
const SERVER_PURPOSE: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
const GCE_INSTANCE: &[u32] = &[1, 3, 6, 1, 4, 1, 11129, 2, 1, 21];

/// Who certifies the lab's endorsement keys.
pub(super) const MANUFACTURER: &str = "Hanzo Lab TPM Manufacturer";
/// Who certifies the lab's attestation keys.
pub(super) const AUTHORITY: &str = "Hanzo Lab TPM Attestation CA";
/// An authority that nobody configures.
const STRANGER: &str = "Hanzo Lab Stranger";

/// A self-signed authority.
pub(super) fn authority(name: &str, key: &EcKey, validity: Validity) -> Plan {
    Plan {
        serial: key.key_id(),
        algorithm: ecdsa_with_sha256(),
        issuer: common_name(name),
        validity,
        subject: common_name(name),
        public_key_info: key.public_key_info(),
        extensions: vec![
            x509::subject_key_id(key),
            KeyUsage::CertificateAndListSign.extension(),
            x509::authority(Some(0)),
        ],
    }
}

/// The certificate of an attestation key, and who signs it.
pub(super) fn attestation_key<'a>(
    order: &TpmOrder,
    certificate: &AkCertificate,
    public_key_info: Vec<u8>,
    keys: &'a TpmKeys,
    validity: Validity,
) -> (Plan, &'a EcKey) {
    let defect = order.defect;
    let validity = validity.starting(order.issued_at);
    let (issuer, signer) = match defect {
        Some(TpmDefect::AkOwnAuthority) => (STRANGER, &keys.p256),
        _ => (AUTHORITY, &keys.authority),
    };
    let purpose = match (defect, certificate.usage) {
        (Some(TpmDefect::AkCertificateUsage), _) => Some(SERVER_PURPOSE),
        (Some(TpmDefect::AkCertificateNoUsage), _) | (_, AkUsage::Absent) => None,
        (_, AkUsage::Attestation) => Some(AK_PURPOSE),
        (_, AkUsage::Endorsement) => Some(EK_PURPOSE),
    };
    let key_usage = match defect {
        Some(TpmDefect::AkCertificateKeyUsage) => KeyUsage::KeyEncipherment,
        _ => KeyUsage::DigitalSignature,
    };
    let constraints = match defect {
        Some(TpmDefect::AkCertificateIsCa) => x509::authority(Some(0)),
        _ => x509::end_entity(),
    };
    let mut extensions = vec![
        x509::authority_key_id(signer),
        key_usage.extension(),
        constraints,
        x509::directory_name(&machine_name()),
    ];
    extensions.extend(purpose.map(x509::extended_key_usage));
    extensions.extend(certificate.instance.iter().map(instance));
    let plan = Plan {
        serial: serial("ak", order.machine),
        algorithm: ecdsa_with_sha256(),
        issuer: common_name(issuer),
        validity: match defect {
            Some(TpmDefect::AkCertificateExpired) => past(validity),
            _ => validity,
        },
        subject: der::sequence([]),
        public_key_info,
        extensions,
    };
    (plan, signer)
}

/// The certificate of an endorsement key, and who signs it.
pub(super) fn endorsement_key(
    defect: Option<EkDefect>,
    machine: u32,
    public_key_info: Vec<u8>,
    keys: &TpmKeys,
    validity: Validity,
) -> (Plan, &EcKey) {
    let (issuer, signer) = match defect {
        Some(EkDefect::OwnManufacturer) => (STRANGER, &keys.p256),
        _ => (MANUFACTURER, &keys.manufacturer),
    };
    let purpose = match defect {
        Some(EkDefect::NoUsage) => None,
        Some(EkDefect::Usage) => Some(AK_PURPOSE),
        _ => Some(EK_PURPOSE),
    };
    let key_usage = match defect {
        Some(EkDefect::KeyUsage) => KeyUsage::DigitalSignature,
        _ => KeyUsage::KeyEncipherment,
    };
    let mut extensions = vec![
        x509::authority_key_id(signer),
        key_usage.extension(),
        x509::end_entity(),
        x509::directory_name(&machine_name()),
    ];
    extensions.extend(purpose.map(x509::extended_key_usage));
    let plan = Plan {
        serial: serial("ek", machine),
        algorithm: ecdsa_with_sha256(),
        issuer: common_name(issuer),
        validity: if defect == Some(EkDefect::Expired) { past(validity) } else { validity },
        subject: der::sequence([]),
        public_key_info,
        extensions,
    };
    (plan, signer)
}

fn common_name(name: &str) -> Vec<u8> {
    der::sequence([attribute(&[2, 5, 4, 3], der::utf8(name))])
}

/// tpmManufacturer, tpmModel and tpmVersion. The manufacturer is an id of four letters in hex: `LAB ` here.
fn machine_name() -> Vec<u8> {
    der::sequence([
        attribute(&[2, 23, 133, 2, 1], der::utf8("id:4C414220")),
        attribute(&[2, 23, 133, 2, 2], der::utf8("hanzo-lab")),
        attribute(&[2, 23, 133, 2, 3], der::utf8("id:20260101")),
    ])
}

/// Google's extension: zone, project number, project id, instance id, name.
fn instance(instance: &GceInstance) -> Vec<u8> {
    let value = der::sequence([
        der::utf8(&instance.zone),
        der::unsigned(&instance.project_number.to_be_bytes()),
        der::utf8(&instance.project_id),
        der::unsigned(&instance.instance_id.to_be_bytes()),
        der::utf8(&instance.name),
    ]);
    x509::extension(GCE_INSTANCE, &value)
}

fn ecdsa_with_sha256() -> Vec<u8> {
    der::sequence([der::oid(oids::ECDSA_WITH_SHA256)])
}

/// 16 octets, never zero, the same for the same machine.
fn serial(kind: &str, machine: u32) -> Vec<u8> {
    let name = format!("hanzo-lab/tpm/{kind}/{machine}");
    let mut serial: Vec<u8> =
        digest::digest(&digest::SHA256, name.as_bytes()).as_ref().iter().copied().take(16).collect();
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    serial
}

/// Over since the lab's first second.
const fn past(validity: Validity) -> Validity {
    Validity { not_before: validity.not_before, not_after: validity.not_before }
}
