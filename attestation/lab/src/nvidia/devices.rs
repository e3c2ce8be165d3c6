//! The GPUs and switches of one machine, as items of an evidence document.

use super::vendor::{BLACKWELL_VBIOS, DRIVER, HOPPER_VBIOS, NvidiaVendor, OLDER_DRIVER};
use super::{DeviceOrder, DevicesDefect, LabChip, LabDevice, NvidiaDefect, NvidiaLab, OcspStaple};
use crate::LabError;
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::binding::DeviceDigests;
use serde_json::Value;

/// VBIOS bytes of the version of the switches' BIOS.
const VBIOS_OF_SWITCH: [u8; 8] = [0x00, 0x55, 0x10, 0x96, 0x01, 0, 0, 0];
/// A block that every manifest of firmware speaks of.
const ALTERED: u8 = 7;

/// How the GPUs work together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabMode {
    /// One GPU (FEATURE_FLAG 0).
    Spt,
    /// Several, with encrypted NVLink (1).
    Mpt,
    /// Protected PCIe (2).
    Ppcie,
}

impl LabMode {
    const fn flag(self) -> u16 {
        match self {
            Self::Spt => 0,
            Self::Mpt => 1,
            Self::Ppcie => 2,
        }
    }
}

/// The devices of a machine.
#[derive(Clone, Debug)]
pub struct DevicesOrder {
    /// The GPUs' chip: [`LabChip::Gh100`] or [`LabChip::Gb100`].
    pub chip: LabChip,
    /// How many GPUs.
    pub gpus: u8,
    /// How many switches. With any, GPUs and switches name each other.
    pub switches: u8,
    /// The challenge that all answer.
    pub nonce: [u8; 32],
    /// Which of the lab's machines: each number has devices of its own.
    pub machine: u32,
    /// The GPUs' mode; that of their number and of their switches, if absent.
    pub mode: Option<LabMode>,
    /// DRIVER_VERSION; the lab's newer driver, if absent.
    pub driver: Option<String>,
    /// VBIOS_VERSION; the lab's of the chip, if absent.
    pub vbios: Option<[u8; 8]>,
    /// Start of validity of the devices' own certificates, else the lab's.
    pub issued_at: Option<UnixTime>,
    /// OCSP answers, if any come along.
    pub ocsp: Option<OcspStaple>,
    /// What is wrong with the first device's report or chain.
    pub first: Option<NvidiaDefect>,
    /// What is wrong with the devices together.
    pub defect: Option<DevicesDefect>,
}

impl Default for DevicesOrder {
    /// One Hopper GPU, and no answers.
    fn default() -> Self {
        Self {
            chip: LabChip::Gh100,
            gpus: 1,
            switches: 0,
            nonce: [0; 32],
            machine: 1,
            mode: None,
            driver: None,
            vbios: None,
            issued_at: None,
            ocsp: None,
            first: None,
            defect: None,
        }
    }
}

/// Items of an evidence document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Devices {
    /// One of the GPUs, one of the switches, as far as there are any.
    pub items: Vec<Value>,
    /// What the CPU's report data must say of every device, in order.
    pub digests: Vec<DeviceDigests>,
}

impl DevicesOrder {
    /// The same order with a defect, and with as many devices as that takes.
    #[must_use]
    pub fn with_defect(mut self, defect: DevicesDefect) -> Self {
        use DevicesDefect as Defect;
        let (gpus, switches) = match defect {
            Defect::Copies => (11, 0),
            Defect::ModesMixed | Defect::ModeForOne | Defect::NoncesDiffer | Defect::DriversDiffer => (2, 0),
            // The one of another kind is the only one of its item, so that nothing else differs in it.
            Defect::SwitchAsGpu => (1, 0),
            Defect::GpuAsSwitch => (0, 1),
            Defect::NoSwitch
            | Defect::GpuMissing
            | Defect::SwitchMissing
            | Defect::GpuElsewhere
            | Defect::SwitchElsewhere
            | Defect::SwitchUnlocked
            | Defect::PcieOff => (8, 4),
            _ => (1, 0),
        };
        match defect {
            Defect::SwitchAsGpu | Defect::GpuAsSwitch => (self.gpus, self.switches) = (gpus, switches),
            _ => {
                self.gpus = self.gpus.max(gpus);
                self.switches = self.switches.max(switches);
            }
        }
        if defect == Defect::Fsp {
            self.chip = LabChip::Gb100;
        }
        self.defect = Some(defect);
        self
    }

    /// The mode that so many devices are in.
    fn mode(&self) -> LabMode {
        let usual = match (self.gpus, self.switches) {
            (_, 1..) => LabMode::Ppcie,
            (2.., _) => LabMode::Mpt,
            _ => LabMode::Spt,
        };
        self.mode.unwrap_or(usual)
    }

    pub(super) fn gpu_pdis(&self) -> Vec<[u8; 8]> {
        (1..=self.gpus).map(|number| pdi(b'G', self.machine, number)).collect()
    }

    fn switch_pdis(&self) -> Vec<[u8; 8]> {
        (1..=self.switches).map(|number| pdi(b'S', self.machine, number)).collect()
    }

    fn usual_gpus(&self) -> Vec<DeviceOrder> {
        let mode = self.mode();
        let driver = self.driver.as_deref().unwrap_or(DRIVER);
        let (_, usual_vbios) = if self.chip == LabChip::Gb100 { BLACKWELL_VBIOS } else { HOPPER_VBIOS };
        let gpu = |pdi| DeviceOrder {
            chip: self.chip,
            pdi,
            nonce: self.nonce,
            driver: driver.to_owned(),
            vbios: self.vbios.unwrap_or(usual_vbios),
            mode: Some(mode.flag()),
            protected_pcie: mode == LabMode::Ppcie,
            neighbours: self.switch_pdis(),
            nvdaod: driver != OLDER_DRIVER,
            issued_at: self.issued_at,
            ..DeviceOrder::default()
        };
        self.gpu_pdis().into_iter().map(gpu).collect()
    }

    fn usual_switches(&self) -> Vec<DeviceOrder> {
        let switch = |pdi| DeviceOrder {
            chip: LabChip::Ls10,
            pdi,
            nonce: self.nonce,
            driver: String::new(),
            neighbours: self.gpu_pdis(),
            issued_at: self.issued_at,
            ..DeviceOrder::default()
        };
        self.switch_pdis().into_iter().map(switch).collect()
    }

    /// GPUs and switches with the defects that they were ordered with.
    fn devices(&self) -> (Vec<DeviceOrder>, Vec<DeviceOrder>) {
        let (mut gpus, mut switches) = (self.usual_gpus(), self.usual_switches());
        if let Some(defect) = self.defect {
            spoil_all(defect, &mut gpus, &mut switches);
            spoil_first(defect, &mut gpus, &mut switches);
        }
        if let Some(device) = gpus.first_mut().or(switches.first_mut()) {
            device.defect = self.first;
        }
        (gpus, switches)
    }
}

/// Identity of a device of a machine: `G` a GPU, `S` a switch.
pub(super) const fn pdi(kind: u8, machine: u32, number: u8) -> [u8; 8] {
    let [a, b, c, d] = machine.to_be_bytes();
    [b'L', kind, a, b, c, d, 0, number]
}

/// What concerns all, or who is there.
fn spoil_all(defect: DevicesDefect, gpus: &mut Vec<DeviceOrder>, switches: &mut Vec<DeviceOrder>) {
    match defect {
        DevicesDefect::OtherNonce => {
            for device in gpus.iter_mut().chain(switches) {
                device.nonce = device.nonce.map(|byte| !byte);
            }
        }
        DevicesDefect::ModeForOne => {
            gpus.iter_mut().for_each(|gpu| gpu.mode = Some(LabMode::Spt.flag()));
        }
        DevicesDefect::NoManifest => {
            gpus.iter_mut().for_each(|gpu| gpu.driver = "1.0".to_owned());
        }
        DevicesDefect::NoVersion => gpus.iter_mut().for_each(|gpu| gpu.driver.clear()),
        DevicesDefect::NoSwitch => switches.clear(),
        DevicesDefect::GpuMissing => drop(gpus.pop()),
        DevicesDefect::SwitchMissing => drop(switches.pop()),
        DevicesDefect::SwitchAsGpu => {
            gpus.iter_mut().for_each(|gpu| {
                gpu.chip = LabChip::Ls10;
                gpu.driver.clear();
            });
        }
        DevicesDefect::GpuAsSwitch => {
            switches.iter_mut().for_each(|switch| {
                let (_, vbios) = HOPPER_VBIOS;
                switch.chip = LabChip::Gh100;
                (switch.driver, switch.vbios) = (DRIVER.to_owned(), vbios);
                switch.nvdaod = true;
            });
        }
        _ => {}
    }
}

/// What concerns the first GPU or the first switch.
fn spoil_first(defect: DevicesDefect, gpus: &mut [DeviceOrder], switches: &mut [DeviceOrder]) {
    let elsewhere = |device: &mut DeviceOrder| {
        if let Some(first) = device.neighbours.first_mut() {
            *first = *b"stranger";
        }
    };
    if let Some(switch) = switches.first_mut() {
        match defect {
            DevicesDefect::SwitchElsewhere => elsewhere(switch),
            DevicesDefect::SwitchUnlocked => switch.locked = false,
            _ => {}
        }
    }
    let Some(gpu) = gpus.first_mut() else { return };
    match defect {
        DevicesDefect::NoFwid => gpu.fwid = false,
        DevicesDefect::ModesMixed => gpu.mode = Some(LabMode::Spt.flag()),
        DevicesDefect::GpuElsewhere => elsewhere(gpu),
        DevicesDefect::PcieOff => gpu.protected_pcie = false,
        DevicesDefect::Fsp => gpu.fsp = true,
        DevicesDefect::NoncesDiffer => gpu.nonce = gpu.nonce.map(|byte| !byte),
        DevicesDefect::DriversDiffer => {
            gpu.driver = OLDER_DRIVER.to_owned();
            gpu.nvdaod = false;
        }
        DevicesDefect::OtherProduct => gpu.vbios = VBIOS_OF_SWITCH,
        DevicesDefect::Measurement => gpu.altered = Some(ALTERED),
        DevicesDefect::Nvdec => gpu.nvdec0 = 0,
        DevicesDefect::SecurityVersion => gpu.security_version = 2,
        _ => {}
    }
}

impl NvidiaVendor {
    /// The devices of a machine, signed.
    pub(crate) fn devices(&self, order: &DevicesOrder) -> Result<Devices, LabError> {
        let (gpus, switches) = order.devices();
        let copies = order.defect == Some(DevicesDefect::Copies);
        let mut devices = Devices::default();
        // The defect of an answer is of the first item.
        let mut ocsp = order.ocsp;
        for (kind, orders) in [("nvidia-gpu", gpus), ("nvidia-switch", switches)] {
            if orders.is_empty() {
                continue;
            }
            let mut signed: Vec<LabDevice> = Vec::new();
            for order in &orders {
                let copy = signed.first().filter(|_| copies && kind == "nvidia-gpu").cloned();
                signed.push(copy.map_or_else(|| self.of(order.chip).device(order), Ok)?);
            }
            let answers = match ocsp {
                None => Vec::new(),
                Some(staple) => self.answers(&orders, &signed, staple)?,
            };
            ocsp = ocsp.map(|staple| OcspStaple { defect: None, ..staple });
            devices.digests.extend(signed.iter().map(LabDevice::digests));
            devices.items.push(NvidiaLab::item(kind, &signed, &answers));
        }
        Ok(devices)
    }
}
