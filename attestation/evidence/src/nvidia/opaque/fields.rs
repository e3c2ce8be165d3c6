//! What the entries of known types say. Every one is signed; none is needed to verify the signature.

use super::Entry;
use crate::bytes::Hex;
use crate::nvidia::report::{ValueType, as_hex};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Links of a GPU: one PDI of 8 bytes for each.
const PDI: usize = 8;
/// GPUs that a switch lists: the first 64 of 128 bytes; the rest maps ports to them.
const SWITCH_GPUS: usize = 8;

/// Families of devices, by the names that the vendor's tools use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Architecture {
    /// GH100: H100, H200, GH200.
    Hopper,
    /// GB100 to GB20x: B200, B300, RTX PRO 6000.
    Blackwell,
    /// GR100.
    Rubin,
    /// LS10: the NVSwitch beside Hopper.
    Ls10,
}

impl Architecture {
    /// The family of a chip by its name in certificates and CHIP_INFO.
    #[must_use]
    pub fn of_chip(chip: &str) -> Option<Self> {
        match chip.get(..3)? {
            "GH1" => Some(Self::Hopper),
            "GB1" | "GB2" => Some(Self::Blackwell),
            "GR1" => Some(Self::Rubin),
            "LS_" | "LS1" => Some(Self::Ls10),
            _ => None,
        }
    }

    /// The vendor's name of the family.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hopper => "HOPPER",
            Self::Blackwell => "BLACKWELL",
            Self::Rubin => "RUBIN",
            Self::Ls10 => "LS10",
        }
    }
}

/// How the GPUs of a virtual machine work together (FEATURE_FLAG, type 36).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Single-GPU pass-through.
    Spt,
    /// Multi-GPU pass-through with encrypted NVLink.
    Mpt,
    /// Protected PCIe: eight GPUs and four switches of one baseboard.
    Ppcie,
    /// A value that is not known.
    Unknown,
}

/// A byte that says on or off (0xAA, 0x55).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Toggle {
    /// 0xAA.
    On,
    /// 0x55.
    Off,
    /// Another value.
    Unknown,
}

/// Entries of known types. `None` when absent, or in a form that is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fields {
    /// DRIVER_VERSION (3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver_version: Option<String>,
    /// VBIOS_VERSION (6), as manifests write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vbios_version: Option<String>,
    /// First number of GPU_INFO (4): 0x180 GH100, 0x1a0 GB100, 0x1c0 GR100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chip_id: Option<u32>,
    /// CHIP_INFO (35).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chip_info: Option<String>,
    /// NVDEC0_STATUS (11): whether the video decoder is on. Index 35 counts when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nvdec0: Option<Toggle>,
    /// MSRSCNT (12): how often each measurement was extended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measurement_counts: Vec<u32>,
    /// CPRINFO (13): the compute protected region; its unit is not documented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpr_info: Option<u32>,
    /// BOARD_ID (14).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub board_id: Option<u32>,
    /// CHIP_SKU (15).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chip_sku: Option<String>,
    /// CHIP_SKU_MOD (16).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chip_sku_mod: Option<String>,
    /// PROJECT (17).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// PROJECT_SKU (18).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_sku: Option<String>,
    /// PROJECT_SKU_MOD (19).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_sku_mod: Option<String>,
    /// FWID (20): SHA-384 of the first mutable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fwid: Option<Hex<48>>,
    /// PROTECTED_PCIE_STATUS (21).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protected_pcie: Option<Toggle>,
    /// SWITCH_PDI (22) of a GPU: the switch at each NVLink, in the order of bytes in which a switch writes
    /// its own; zero for a link that is down.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub switch_pdis: Vec<Hex<8>>,
    /// DEVICE_PDI (22) of a switch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_pdi: Option<Hex<8>>,
    /// DISABLED_PORTS (23) of a switch, floorswept units of a GPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_ports: Option<Bytes>,
    /// POSITION_ID (24).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position_id: Option<u16>,
    /// LOCK_STATUS (25) of a switch: 1 when it is locked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_status: Option<u16>,
    /// SWITCH_GPU_PDIS (26) of a switch; old firmware has them in GPU_INFO (4).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gpu_pdis: Vec<Hex<8>>,
    /// SYS_ENABLE_STATUS (33).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sys_enable_status: Option<Bytes>,
    /// OPAQUE_DATA_VERSION (34).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opaque_data_version: Option<u16>,
    /// FEATURE_FLAG (36).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// NVLE_STATUS (38): whether NVLink is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nvlink_encryption: Option<Toggle>,
    /// Security version numbers, by type: entries of the value type 0x87 and two bytes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub security_versions: BTreeMap<u16, u16>,
    /// Entries of known names whose content has no public form, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<&'static str, Bytes>,
}

/// Bytes of any length, in lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Bytes(#[serde(serialize_with = "as_hex")] pub Vec<u8>);

/// What became of an entry.
pub(super) enum Taken {
    Yes,
    UnknownType,
    UnknownForm,
}

impl Fields {
    /// Reads one entry into its field.
    pub(super) fn take(&mut self, entry: &Entry) -> Taken {
        let data = entry.data.as_slice();
        let counter = (entry.value_type == Some(ValueType::SVN)).then(|| u16_of(data)).flatten();
        if let Some(counter) = counter {
            self.security_versions.insert(entry.kind, counter);
        }
        let read = match entry.kind {
            3 => put(&mut self.driver_version, text(data)),
            4 => self.take_gpu_info(data),
            6 => put(&mut self.vbios_version, vbios(data)),
            11 => put(&mut self.nvdec0, toggle(data)),
            12 => put(&mut self.measurement_counts, words(data)),
            13 => put(&mut self.cpr_info, u32_of(data)),
            14 => put(&mut self.board_id, u32_of(data)),
            15 => put(&mut self.chip_sku, text(data)),
            16 => put(&mut self.chip_sku_mod, text(data)),
            17 => put(&mut self.project, text(data)),
            18 => put(&mut self.project_sku, text(data)),
            19 => put(&mut self.project_sku_mod, text(data)),
            20 => put(&mut self.fwid, data.try_into().ok().map(Hex)),
            21 => put(&mut self.protected_pcie, toggle(data)),
            22 if data.len() == PDI => put(&mut self.device_pdi, data.try_into().ok().map(Hex)),
            22 => put(&mut self.switch_pdis, links(data)),
            23 => put(&mut self.disabled_ports, Some(Bytes(data.to_vec()))),
            24 => put(&mut self.position_id, u16_of(data)),
            25 => put(&mut self.lock_status, u16_of(data)),
            26 => put(&mut self.gpu_pdis, gpus(data)),
            33 => put(&mut self.sys_enable_status, Some(Bytes(data.to_vec()))),
            34 => put(&mut self.opaque_data_version, u16_of(data)),
            35 => put(&mut self.chip_info, text(data)),
            36 => put(&mut self.mode, u16_of(data).map(mode)),
            38 => put(&mut self.nvlink_encryption, toggle(data)),
            kind => {
                let Some(name) = name_of(kind) else {
                    return if counter.is_some() { Taken::Yes } else { Taken::UnknownType };
                };
                self.other.insert(name, Bytes(data.to_vec()));
                true
            }
        };
        if read { Taken::Yes } else { Taken::UnknownForm }
    }

    /// Eight bytes with the chip's id, or a list of PDIs in old firmware of switches.
    fn take_gpu_info(&mut self, data: &[u8]) -> bool {
        if data.len() >= SWITCH_GPUS * PDI {
            return put(&mut self.gpu_pdis, gpus(data));
        }
        put(&mut self.chip_id, data.split_first_chunk().map(|(id, _)| u32::from_le_bytes(*id)))
    }
}

/// Types with a name and no public form, but for security versions, which [`Fields::take`] has read.
const fn name_of(kind: u16) -> Option<&'static str> {
    match kind {
        1 => Some("certificate_issuer_name"),
        2 => Some("certificate_authority_key_identifier"),
        5 => Some("sku"),
        7 => Some("manufacturer_id"),
        8 => Some("tamper_detection"),
        9 => Some("smc"),
        10 => Some("vpr"),
        27 => Some("port_map_name"),
        32 => Some("gpu_link_connections"),
        37 => Some("fsp_ucode_svn"),
        _ => None,
    }
}

/// Sets a field; `false` when there is nothing to set.
fn put<T: From<V>, V>(field: &mut T, value: Option<V>) -> bool {
    let found = value.is_some();
    if let Some(value) = value {
        *field = value.into();
    }
    found
}

/// Printable ASCII, cut at the first NUL, after which only NULs may follow, and without spaces at the end.
fn text(data: &[u8]) -> Option<String> {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (text, padding) = data.split_at_checked(end)?;
    let printable = text.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    if !printable || padding.iter().any(|byte| *byte != 0) {
        return None;
    }
    Some(std::str::from_utf8(text).ok()?.trim_end().to_owned()).filter(|text| !text.is_empty())
}

/// `b3.b2.b1.b0.b4` of a GPU's eight bytes: the first half backwards, then the first byte of the second half.
/// A switch writes the text itself.
fn vbios(data: &[u8]) -> Option<String> {
    if data.len() != 8 {
        let plain = |text: &String| text.bytes().all(|byte| byte == b'.' || byte.is_ascii_hexdigit());
        return text(data).filter(plain).map(|text| text.to_ascii_uppercase());
    }
    let (first, second) = data.split_at_checked(data.len() / 2)?;
    let bytes = first.iter().rev().chain(second.first());
    Some(bytes.map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join("."))
}

fn toggle(data: &[u8]) -> Option<Toggle> {
    match data {
        [0xaa] => Some(Toggle::On),
        [0x55] => Some(Toggle::Off),
        [_] => Some(Toggle::Unknown),
        _ => None,
    }
}

const fn mode(flag: u16) -> Mode {
    match flag {
        0 => Mode::Spt,
        1 => Mode::Mpt,
        2 => Mode::Ppcie,
        _ => Mode::Unknown,
    }
}

pub(super) fn u16_of(data: &[u8]) -> Option<u16> {
    data.try_into().ok().map(u16::from_le_bytes)
}

fn u32_of(data: &[u8]) -> Option<u32> {
    data.try_into().ok().map(u32::from_le_bytes)
}

fn words(data: &[u8]) -> Option<Vec<u32>> {
    let (words, []) = data.as_chunks() else { return None };
    Some(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
}

/// One PDI for each link, each backwards.
fn links(data: &[u8]) -> Option<Vec<Hex<8>>> {
    let (links, []) = data.as_chunks() else { return None };
    let natural = links.iter().map(|link: &[u8; PDI]| {
        let mut link = *link;
        link.reverse();
        Hex(link)
    });
    Some(natural.collect()).filter(|links: &Vec<_>| !links.is_empty())
}

/// The PDIs of a switch's GPUs: the first 64 bytes alone.
fn gpus(data: &[u8]) -> Option<Vec<Hex<8>>> {
    let (pdis, _) = data.get(..SWITCH_GPUS * PDI)?.as_chunks();
    Some(pdis.iter().map(|pdi: &[u8; PDI]| Hex(*pdi)).collect())
}
