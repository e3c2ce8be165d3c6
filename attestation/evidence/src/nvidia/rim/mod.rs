//! Reference integrity manifests of NVIDIA devices: SWID tags (ISO/IEC 19770-2) after the TCG RIM information
//! model, with one enveloped XML signature.
//!
//! One profile is read, that of every manifest which NVIDIA has published in this form: no DTD, no processing
//! instruction, no CDATA, no entity but the five of XML; one signature, the last child of the root, with one
//! reference to the whole document, canonical XML 1.1 without comments, SHA-384 and ECDSA.
//!
//! What is read is what was signed: the signed tree is written in its canonical form, and the golden values
//! are read from those bytes, so that no second view of the document can differ from the one under the
//! digest.
//!
//! Nothing here verifies the signature.

mod canonical;
mod content;
mod error;
mod id;
mod signature;
mod xml;

pub use self::content::{Edition, Golden, Meta, Minimum};
pub use self::error::RimError;
pub use self::id::{RimId, RimIdError};
pub use self::signature::Signature;
pub use self::xml::MAX_RIM;

use crate::bytes::Hex;
use aws_lc_rs::digest::{SHA256, SHA384, digest};
use std::collections::BTreeMap;

/// Number from which on a record speaks of an entry of the opaque data, and no more of a measurement.
pub const OPAQUE_BASE: u32 = 0x1000;

/// A manifest that is well formed. Nothing of it is trusted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rim {
    sha256: Hex<32>,
    tag_id: String,
    meta: Meta,
    golden: BTreeMap<u8, Golden>,
    minimums: BTreeMap<u16, Minimum>,
    signed_sha384: Hex<48>,
    signature: Signature,
}

/// For what a manifest has golden values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// A GPU's driver, with the firmware that it loads.
    Driver,
    /// A GPU's VBIOS.
    Vbios,
    /// A switch's BIOS.
    SwitchBios,
}

impl Rim {
    /// Reads a file of at most [`MAX_RIM`] bytes.
    ///
    /// # Errors
    /// The [`RimError`] of the first rule that it breaks.
    pub fn parse(bytes: &[u8]) -> Result<Self, RimError> {
        let text = xml::check(bytes)?;
        let document = xml::parse(text)?;
        let root = document.root_element();
        let signature_element = signature::find(root)?;
        let signature = signature::read(signature_element, text)?;
        let signed = canonical::tree(root, Some(signature_element), text);
        let content = content::read(xml::parse(&signed)?.root_element())?;
        Ok(Self {
            sha256: Hex(array(digest(&SHA256, bytes).as_ref())),
            tag_id: content.tag_id,
            meta: content.meta,
            golden: content.golden,
            minimums: content.minimums,
            signed_sha384: Hex(array(digest(&SHA384, signed.as_bytes()).as_ref())),
            signature,
        })
    }

    /// SHA-256 of the file. Files of one id and one tag can differ in what they hold: this tells them apart.
    #[must_use]
    pub const fn sha256(&self) -> Hex<32> {
        self.sha256
    }

    /// `tagId` of the root. It does not fix the content either.
    #[must_use]
    pub fn tag_id(&self) -> &str {
        &self.tag_id
    }

    /// What it says of itself.
    #[must_use]
    pub const fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Active golden values, by index: 0 is the measurement of SPDM block 1.
    #[must_use]
    pub const fn golden(&self) -> &BTreeMap<u8, Golden> {
        &self.golden
    }

    /// Lowest acceptable security versions, by type of the entry in the opaque data.
    #[must_use]
    pub const fn minimums(&self) -> &BTreeMap<u16, Minimum> {
        &self.minimums
    }

    /// SHA-384 of the signed tree in its canonical form: what the signature's digest must be.
    #[must_use]
    pub const fn signed_sha384(&self) -> Hex<48> {
        self.signed_sha384
    }

    /// The signature, as it stands.
    #[must_use]
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// For what it is. A manifest does not say so: firmware has a version of five bytes in hex, a driver has
    /// not.
    #[must_use]
    pub fn component(&self) -> Component {
        match self.meta.edition {
            Edition::Switch => Component::SwitchBios,
            Edition::Gpu if is_firmware_version(&self.meta.version) => Component::Vbios,
            Edition::Gpu => Component::Driver,
        }
    }

    /// The id under which NVIDIA's service has it. That of firmware names the board too, which no manifest
    /// states.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        (self.component() == Component::Driver).then(|| driver_id(&self.meta.product, &self.meta.version))
    }
}

/// The id of a driver's manifest: products since Blackwell have another prefix.
#[must_use]
pub fn driver_id(product: &str, version: &str) -> String {
    let prefix = if matches!(product, "GH100" | "GR100") { "NV_GPU_DRIVER" } else { "NV_GPU_CC_DRIVER" };
    format!("{prefix}_{product}_{version}")
}

/// Five bytes in hex with points between: `96.00.5E.00.01`.
fn is_firmware_version(version: &str) -> bool {
    let is_byte = |group: &str| group.len() == 2 && group.bytes().all(|digit| digit.is_ascii_hexdigit());
    version.split('.').count() == 5 && version.split('.').all(is_byte)
}

/// A digest's bytes; its length is the algorithm's.
fn array<const N: usize>(digest: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    for (byte, found) in bytes.iter_mut().zip(digest) {
        *byte = *found;
    }
    bytes
}

#[cfg(test)]
mod tests;
