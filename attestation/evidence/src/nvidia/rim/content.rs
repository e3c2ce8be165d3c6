//! What a manifest says: Meta, and the records of its Payload. Each is read only in its place below the root.

use super::OPAQUE_BASE;
use super::error::RimError;
use crate::bytes::Hex;
use roxmltree::Node;
use serde::Serialize;
use std::collections::BTreeMap;

const SWID: &str = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd";
const TCG: &str =
    "https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/";
const HASHES: &str = "http://www.w3.org/2001/04/xmlenc#sha384";
const COUNTERS: &str = "https://docs.nvidia.com/attestation/specs/latest/opaque-data.html";

/// Longest attribute in characters that is kept: a tag id has 96.
const MAX_TEXT: usize = 128;
/// Most alternatives of one golden value: four is the most that was published.
const MAX_ALTERNATIVES: usize = 32;
/// Bytes of a golden value: SHA-384.
const SIZE: &str = "48";

/// What the manifest says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// `colloquialVersion`: the driver's or the firmware's version.
    pub version: String,
    /// Which kind of device.
    pub edition: Edition,
    /// The device's product, e.g. `GH100`.
    pub product: String,
    /// PlatformModel, where stated.
    pub platform_model: Option<String>,
    /// FirmwareManufacturerId, where stated: an enterprise number, NVIDIA's is 5703.
    pub manufacturer_id: Option<String>,
}

/// A kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Edition {
    /// A GPU.
    Gpu,
    /// An NVSwitch.
    Switch,
}

/// What one measurement may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Golden {
    /// The record's name. It is a hint and has no effect.
    pub name: String,
    /// Acceptable values, never none.
    pub alternatives: Vec<Hex<48>>,
}

/// The lowest acceptable security version of one component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Minimum {
    /// Its name.
    pub name: String,
    /// The lowest acceptable value.
    pub min_svn: u32,
    /// Whether the value found belongs into the result.
    pub include_in_result: bool,
}

#[derive(Debug)]
pub(super) struct Content {
    pub(super) tag_id: String,
    pub(super) meta: Meta,
    pub(super) golden: BTreeMap<u8, Golden>,
    pub(super) minimums: BTreeMap<u16, Minimum>,
}

/// Reads the signed tree.
pub(super) fn read(root: Node<'_, '_>) -> Result<Content, RimError> {
    if !is(root, "SoftwareIdentity") {
        return Err(RimError::Root);
    }
    let meta = only(root, "Meta", "Meta is absent, repeated, or not a child of the root")?;
    let payload = only(root, "Payload", "Payload is absent, repeated, or not a child of the root")?;
    let mut content = Content {
        tag_id: required(root, "tagId")?,
        meta: read_meta(meta)?,
        golden: BTreeMap::new(),
        minimums: BTreeMap::new(),
    };
    let resources: Vec<_> = payload.children().filter(Node::is_element).collect();
    let all = root.descendants().filter(|node| node.tag_name().name() == "Resource").count();
    if all != resources.len() || !resources.iter().all(|record| is(*record, "Resource")) {
        return Err(RimError::Structure("a Resource is outside Payload, or something else inside"));
    }
    let mut seen: Vec<u32> = Vec::with_capacity(resources.len());
    for record in resources {
        let record = Record::read(record)?;
        if seen.contains(&record.index) {
            return Err(RimError::DuplicateIndex(format!("index {}", record.index)));
        }
        seen.push(record.index);
        record.add_to(&mut content)?;
    }
    // It would agree with every device.
    if content.golden.is_empty() {
        return Err(RimError::Structure("Payload has no active golden value"));
    }
    Ok(content)
}

/// The one element of this name in the whole tree, a child of the root.
fn only<'a, 'i>(
    root: Node<'a, 'i>,
    name: &'static str,
    problem: &'static str,
) -> Result<Node<'a, 'i>, RimError> {
    let mut found = root.descendants().filter(|node| node.tag_name().name() == name);
    match (found.next(), found.next()) {
        (Some(element), None) if is(element, name) && element.parent() == Some(root) => Ok(element),
        _ => Err(RimError::Structure(problem)),
    }
}

fn is(element: Node<'_, '_>, name: &str) -> bool {
    element.tag_name().namespace() == Some(SWID) && element.tag_name().name() == name
}

/// NVR-06.
fn read_meta(meta: Node<'_, '_>) -> Result<Meta, RimError> {
    let edition = match meta.attribute("edition") {
        Some("GPU") => Edition::Gpu,
        Some("SWITCH") => Edition::Switch,
        _ => return Err(RimError::Meta("edition")),
    };
    Ok(Meta {
        version: required(meta, "colloquialVersion")?,
        edition,
        product: required(meta, "product")?,
        platform_model: optional(meta, "PlatformModel")?,
        manufacturer_id: optional(meta, "FirmwareManufacturerId")?,
    })
}

fn required(element: Node<'_, '_>, name: &'static str) -> Result<String, RimError> {
    element.attribute(name).and_then(word).ok_or(RimError::Meta(name))
}

fn optional(meta: Node<'_, '_>, name: &'static str) -> Result<Option<String>, RimError> {
    meta.attribute((TCG, name)).map(|text| word(text).ok_or(RimError::Meta(name))).transpose()
}

/// Printable ASCII without spaces or slashes: it names files and entries of bundles.
fn word(text: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fits = !text.is_empty() && text.len() <= MAX_TEXT && text.bytes().all(allowed);
    fits.then(|| text.to_owned())
}

/// One record whose index is known.
struct Record<'a, 'i> {
    element: Node<'a, 'i>,
    index: u32,
    active: bool,
}

impl<'a, 'i> Record<'a, 'i> {
    fn read(element: Node<'a, 'i>) -> Result<Self, RimError> {
        let written = element.attribute("index").unwrap_or_default();
        let refused = |problem| {
            let index = written.chars().take(MAX_TEXT).collect();
            RimError::Record { index, problem }
        };
        let index = decimal(written).ok_or_else(|| refused("its index is no decimal number"))?;
        let active = match element.attribute("active") {
            Some("True") => true,
            Some("False") => false,
            _ => return Err(refused("neither active nor inactive")),
        };
        Ok(Self { element, index, active })
    }

    /// What is not active has no effect, and is not read further.
    fn add_to(&self, content: &mut Content) -> Result<(), RimError> {
        if !self.active {
            return Ok(());
        }
        if let Some(number) = self.index.checked_sub(OPAQUE_BASE) {
            let kind = u16::try_from(number).map_err(|_| self.refused("its type has more than 16 bits"))?;
            let minimum = self.minimum()?;
            if content.minimums.values().any(|other| other.name == minimum.name) {
                return Err(RimError::DuplicateIndex(format!("`{}`", minimum.name)));
            }
            content.minimums.insert(kind, minimum);
            return Ok(());
        }
        // SPDM counts blocks from 1 to 254.
        let index = u8::try_from(self.index).ok().filter(|index| *index < 254);
        let index = index.ok_or_else(|| self.refused("no measurement has this index"))?;
        content.golden.insert(index, self.golden()?);
        Ok(())
    }

    fn golden(&self) -> Result<Golden, RimError> {
        if self.element.attribute("type") != Some("Measurement")
            || self.element.attribute("size") != Some(SIZE)
        {
            return Err(self.refused("it is not a measurement of 48 bytes"));
        }
        if self.has_attributes_of(COUNTERS) {
            return Err(self.refused("a security version beside a measurement"));
        }
        let count = self.element.attribute("alternatives").and_then(decimal);
        let count = count.and_then(|count| usize::try_from(count).ok());
        let hashes = self.element.attributes().filter(|found| found.namespace() == Some(HASHES)).count();
        let count = count.filter(|count| *count == hashes && (1..=MAX_ALTERNATIVES).contains(count));
        let count = count.ok_or_else(|| self.refused("not as many golden values as it says"))?;
        let mut alternatives = Vec::with_capacity(count);
        for number in 0..count {
            let hash = self.element.attribute((HASHES, format!("Hash{number}").as_str()));
            let bytes = hash.and_then(|hash| hex::decode(hash).ok()).and_then(|bytes| bytes.try_into().ok());
            alternatives
                .push(Hex(bytes.ok_or_else(|| self.refused("a golden value is not 48 bytes in hex"))?));
        }
        Ok(Golden { name: self.name()?, alternatives })
    }

    fn minimum(&self) -> Result<Minimum, RimError> {
        if self.has_attributes_of(HASHES) {
            return Err(self.refused("a golden value beside a security version"));
        }
        let min_svn = self.element.attribute((COUNTERS, "minSvn")).and_then(decimal);
        let include_in_result = match self.element.attribute((COUNTERS, "includeInResult")) {
            None | Some("False") => false,
            Some("True") => true,
            Some(_) => return Err(self.refused("includeInResult is neither True nor False")),
        };
        Ok(Minimum {
            name: self.name()?,
            min_svn: min_svn.ok_or_else(|| self.refused("minSvn is absent or no decimal number"))?,
            include_in_result,
        })
    }

    fn name(&self) -> Result<String, RimError> {
        let printable = |text: &&str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let name = self.element.attribute("name").filter(|text| (1..=MAX_TEXT).contains(&text.len()));
        let name = name.filter(printable).ok_or_else(|| self.refused("it has no name"))?;
        Ok(name.to_owned())
    }

    fn has_attributes_of(&self, namespace: &str) -> bool {
        self.element.attributes().any(|found| found.namespace() == Some(namespace))
    }

    fn refused(&self, problem: &'static str) -> RimError {
        RimError::Record { index: self.index.to_string(), problem }
    }
}

/// Digits alone, without leading zeros.
fn decimal(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}
