//! Certificates of a manifest: names and profiles as NVIDIA's, keys of the lab.

use super::super::certificates::Link;
use super::{RimDefect, RimKeys, RimOrder, RimProduct};
use crate::LabError;
use crate::der;
use crate::sign::{EcKey, Issuer as _};
use crate::x509::{self, KeyUsage, Plan, Validity, attribute};
use aws_lc_rs::digest;

const ECDSA_WITH_SHA384: &[u32] = &[1, 2, 840, 10045, 4, 3, 3];
const ROOT: &str = "NVIDIA CoRIM signing Root CA";

/// The root, self-signed.
pub(super) fn root(key: &EcKey, validity: Validity) -> Plan {
    Plan { extensions: authority(key, key, None), ..plan(ROOT, ROOT, key, validity) }
}

/// From the signer to the root.
pub(super) fn certificates(
    order: &RimOrder,
    keys: &RimKeys,
    root: &[u8],
    validity: Validity,
) -> Result<Vec<Vec<u8>>, LabError> {
    let defect = order.defect;
    let family = match (defect, order.product) {
        (Some(RimDefect::OtherFamily), RimProduct::Gh100) => RimProduct::Gb100,
        (Some(RimDefect::OtherFamily), _) => RimProduct::Gh100,
        (_, product) => product,
    };
    let names = Names::of(family);
    let by_stranger = |wrong, key| if defect == Some(wrong) { &keys.stranger } else { key };
    let root_key = if defect == Some(RimDefect::OwnRoot) { &keys.stranger } else { &keys.root };

    let signer = Plan {
        extensions: match defect {
            Some(RimDefect::SignerIsAuthority) => authority(&keys.signer, &keys.level3, Some(0)),
            _ => signer(&keys.signer, &keys.level3),
        },
        ..plan(names.signer, names.level3, &keys.signer, signer_validity(order, validity))
    };
    let level3 = Plan {
        extensions: match defect {
            Some(RimDefect::AuthorityIsNone) => self::signer(&keys.level3, &keys.family),
            _ => authority(&keys.level3, &keys.family, Some(0)),
        },
        ..plan(names.level3, names.family, &keys.level3, validity)
    };
    let family = Plan {
        extensions: authority(&keys.family, root_key, None),
        ..plan(names.family, ROOT, &keys.family, validity)
    };
    let signer = signer.issue(by_stranger(RimDefect::SignerNotSigned, &keys.level3))?;
    let level3 = level3.issue(&keys.family)?;
    let family = family.issue(by_stranger(RimDefect::FamilyNotSigned, root_key))?;
    let root = match defect {
        Some(RimDefect::OwnRoot) => self::root(root_key, validity).issue(root_key)?,
        _ => root.to_vec(),
    };
    Ok(match defect {
        Some(RimDefect::ThreeCertificates) => vec![signer, level3, family],
        Some(RimDefect::ChainOrder) => vec![signer, family, level3, root],
        _ => vec![signer, level3, family, root],
    })
}

/// The serial number of a certificate, its issuer, and another authority.
pub(super) fn asked(product: RimProduct, index: usize, keys: &RimKeys) -> (Vec<u8>, [Link; 2]) {
    let names = Names::of(product);
    let link = |common_name: &str, key: &EcKey| Link {
        key: key.clone(),
        subject: name(common_name),
        serial: serial(common_name),
        der: Vec::new(),
    };
    let level3 = link(names.level3, &keys.level3);
    let family = link(names.family, &keys.family);
    let root = link(ROOT, &keys.root);
    match index {
        0 => (serial(names.signer), [level3, root]),
        1 => (level3.serial, [family, root]),
        _ => (family.serial, [root, level3]),
    }
}

struct Names {
    signer: &'static str,
    level3: &'static str,
    family: &'static str,
}

impl Names {
    const fn of(product: RimProduct) -> Self {
        match product {
            RimProduct::Gh100 => Self {
                signer: "HCC RIM L4 Signer",
                level3: "NVIDIA Reference Value L3 GH100 001",
                family: "NVIDIA Reference Value GH100 CA",
            },
            RimProduct::Gb100 => Self {
                signer: "RIM L4 Signer",
                level3: "NVIDIA Reference Value L3 GB100-CC 001",
                family: "NVIDIA Reference Value GB1XX CA 001",
            },
            RimProduct::Ls10 => Self {
                signer: "NVIDIA Reference Value L4 LS10",
                level3: "NVIDIA Reference Value L3 LS10 001",
                family: "NVIDIA Reference Value LS10 CA",
            },
        }
    }
}

fn signer_validity(order: &RimOrder, vendor: Validity) -> Validity {
    let Validity { not_before, not_after } = order.signer_validity.unwrap_or(vendor);
    match order.defect {
        Some(RimDefect::Expired) => Validity { not_before, not_after: not_before },
        Some(RimDefect::NotYetValid) => Validity { not_before: not_after, not_after },
        _ => Validity { not_before, not_after },
    }
}

fn plan(subject: &str, issuer: &str, key: &EcKey, validity: Validity) -> Plan {
    Plan {
        serial: serial(subject),
        algorithm: der::sequence([der::oid(ECDSA_WITH_SHA384)]),
        issuer: name(issuer),
        validity,
        subject: name(subject),
        public_key_info: key.public_key_info(),
        extensions: Vec::new(),
    }
}

/// 16 octets, never zero, the same for the same name.
fn serial(subject: &str) -> Vec<u8> {
    let mut serial: Vec<u8> =
        digest::digest(&digest::SHA256, subject.as_bytes()).as_ref().iter().copied().take(16).collect();
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    serial
}

fn name(common_name: &str) -> Vec<u8> {
    der::sequence([
        attribute(&[2, 5, 4, 6], der::printable("US")),
        attribute(&[2, 5, 4, 10], der::utf8("NVIDIA Corporation")),
        attribute(&[2, 5, 4, 3], der::utf8(common_name)),
    ])
}

fn authority(key: &EcKey, issuer: &EcKey, below: Option<u8>) -> Vec<Vec<u8>> {
    vec![
        x509::authority(below),
        KeyUsage::CertificateAndListSign.extension(),
        x509::subject_key_id(key),
        x509::authority_key_id(issuer),
    ]
}

fn signer(key: &EcKey, issuer: &EcKey) -> Vec<Vec<u8>> {
    vec![
        x509::subject_key_id(key),
        x509::authority_key_id(issuer),
        x509::end_entity(),
        KeyUsage::DigitalSignature.extension(),
    ]
}
