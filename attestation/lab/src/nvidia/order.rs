//! What a device is, and what it says.

use super::NvidiaDefect;
use hanzo_attestation_evidence::UnixTime;

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
    /// DRIVER_VERSION; a switch has none.
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
            trailing: 0,
            issued_at: None,
            defect: None,
        }
    }
}
