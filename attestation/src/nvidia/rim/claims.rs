//! What a trusted manifest says, as claims.

use super::chain::Link;
use super::stored::Content;
use hanzo_attestation_evidence::nvidia::rim::{Component, Edition, Golden, Minimum};
use hanzo_attestation_evidence::{Hex, UnixTime};
use serde::Serialize;
use std::collections::BTreeMap;

/// One manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RimClaims {
    /// For what it has golden values.
    pub component: Component,
    /// The id under which NVIDIA's service has it; absent for firmware, whose id names a board.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Which kind of device.
    pub edition: Edition,
    /// The device's product.
    pub product: String,
    /// `colloquialVersion`.
    pub version: String,
    /// `tagId`. Files with other golden values can have the same.
    pub tag_id: String,
    /// SHA-256 of the file.
    pub sha256: Hex<32>,
    /// SHA-384 of what is signed in it.
    pub signed_sha384: Hex<48>,
    /// PlatformModel, where stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_model: Option<String>,
    /// FirmwareManufacturerId, where stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oemid: Option<String>,
    /// Who signed it.
    pub signer: RimSigner,
    /// Common names of the authorities above, up to the root.
    pub authorities: Vec<String>,
    /// Earliest end of validity in its chain.
    pub not_after: UnixTime,
    /// Golden values by index.
    pub golden: BTreeMap<u8, Golden>,
    /// Lowest acceptable security versions, by type of the entry in the opaque data.
    pub minimums: BTreeMap<u16, Minimum>,
    /// Whether its root is a lab's.
    pub lab: bool,
}

/// The certificate that signed a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RimSigner {
    /// Common name of its subject.
    pub subject: String,
    /// Serial number, hex.
    pub serial: String,
    /// First valid instant.
    pub not_before: UnixTime,
    /// Last valid instant.
    pub not_after: UnixTime,
}

impl RimClaims {
    pub(super) fn new(content: &Content, lab: bool) -> Self {
        let Content { rim, chain } = content;
        let meta = rim.meta();
        Self {
            component: rim.component(),
            id: rim.id(),
            edition: meta.edition,
            product: meta.product.clone(),
            version: meta.version.clone(),
            tag_id: rim.tag_id().to_owned(),
            sha256: rim.sha256(),
            signed_sha384: rim.signed_sha384(),
            platform_model: meta.platform_model.clone(),
            oemid: meta.manufacturer_id.clone(),
            signer: RimSigner::new(chain.signer()),
            authorities: chain.links.iter().skip(1).map(|link| link.name.clone()).collect(),
            not_after: chain.not_after(),
            golden: rim.golden().clone(),
            minimums: rim.minimums().clone(),
            lab,
        }
    }
}

impl RimSigner {
    pub(super) fn new(signer: &Link) -> Self {
        Self {
            subject: signer.name.clone(),
            serial: hex::encode(&signer.serial),
            not_before: signer.validity.not_before,
            not_after: signer.validity.not_after,
        }
    }
}
