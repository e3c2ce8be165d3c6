//! What a device is, and what it says.

use super::{NvidiaDefect, RimProduct};
use hanzo_attestation_evidence::UnixTime;

/// NVDEC0_STATUS of a GPU whose video decoder is off.
const NVDEC0_OFF: u8 = 0x55;

/// A chip that the lab makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabChip {
    /// Hopper.
    Gh100,
    /// Blackwell.
    Gb100,
    /// Rubin.
    Gr100,
    /// NVSwitch.
    Ls10,
}

impl LabChip {
    /// The name in certificates.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gh100 => "GH100",
            Self::Gb100 => "GB100",
            Self::Gr100 => "GR100",
            Self::Ls10 => "LS_10",
        }
    }

    /// The name in the product's certificate: that of LS10 is the GPUs' beside it.
    pub(super) const fn product(self) -> &'static str {
        match self {
            Self::Ls10 => "GH100",
            _ => self.name(),
        }
    }

    /// The name in a lab's directory.
    pub(super) const fn folder(self) -> &'static str {
        match self {
            Self::Gh100 => "gh100",
            Self::Gb100 => "gb100",
            Self::Gr100 => "gr100",
            Self::Ls10 => "ls10",
        }
    }

    /// Whose manifests are its own. Rubin's have another form, which the lab does not write.
    pub(super) const fn rim(self) -> RimProduct {
        match self {
            Self::Gh100 => RimProduct::Gh100,
            Self::Gb100 | Self::Gr100 => RimProduct::Gb100,
            Self::Ls10 => RimProduct::Ls10,
        }
    }

    /// First number of GPU_INFO.
    pub(super) const fn id(self) -> u32 {
        match self {
            Self::Gh100 | Self::Ls10 => 0x180,
            Self::Gb100 => 0x1a0,
            Self::Gr100 => 0x1c0,
        }
    }

    /// First byte of the serial number of a device's own authority.
    pub(super) const fn engine(self) -> u8 {
        match self {
            Self::Ls10 => 0x50,
            _ => 0x41,
        }
    }
}

/// One device.
#[derive(Clone, Debug)]
pub struct DeviceOrder {
    /// The chip.
    pub chip: LabChip,
    /// Its identity.
    pub pdi: [u8; 8],
    /// The verifier's challenge.
    pub nonce: [u8; 32],
    /// DRIVER_VERSION; empty for none, as of a switch.
    pub driver: String,
    /// VBIOS_VERSION of a GPU, as eight bytes.
    pub vbios: [u8; 8],
    /// FEATURE_FLAG, if it states one.
    pub mode: Option<u16>,
    /// PROTECTED_PCIE_STATUS.
    pub protected_pcie: bool,
    /// Neighbours: the switches of a GPU, the GPUs of a switch.
    pub neighbours: Vec<[u8; 8]>,
    /// Whether the opaque data has the newer layout.
    pub nvdaod: bool,
    /// Whether the report states its firmware id.
    pub fwid: bool,
    /// NVDEC0_STATUS: 0xAA on, 0x55 off, and no third value means anything.
    pub nvdec0: u8,
    /// Security version of the FSP's microcode.
    pub security_version: u16,
    /// Index of the one measurement block that is not what the lab's manifests say.
    pub altered: Option<u8>,
    /// LOCK_STATUS of a switch: whether its configuration can no longer be changed.
    pub locked: bool,
    /// Whether its certificates are those of the FSP, as some of Blackwell's are, and not the GSP's.
    pub fsp: bool,
    /// Zeros after the signature.
    pub trailing: usize,
    /// Start of validity of its own certificates, else the vendor's.
    pub issued_at: Option<UnixTime>,
    /// What is wrong with it.
    pub defect: Option<NvidiaDefect>,
}

impl Default for DeviceOrder {
    fn default() -> Self {
        Self {
            chip: LabChip::Gh100,
            pdi: *b"lab-gpu0",
            nonce: [7; 32],
            driver: "590.12".to_owned(),
            vbios: [0x00, 0xa5, 0x00, 0x96, 0x01, 0, 0, 0],
            mode: Some(0),
            protected_pcie: false,
            neighbours: Vec::new(),
            nvdaod: false,
            fwid: true,
            nvdec0: NVDEC0_OFF,
            security_version: 3,
            altered: None,
            locked: true,
            fsp: false,
            trailing: 0,
            issued_at: None,
            defect: None,
        }
    }
}
