//! The knobs of GPUs and switches.

use super::clock;
use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use hanzo_attestation_evidence::nvidia::MAX_DEVICES;
use hanzo_attestation_evidence::{UnixTime, encoding};
use hanzo_attestation_lab::{
    Devices, DevicesDefect, DevicesOrder, Lab, LabChip, LabInterface, LabMode, NvidiaDefect, OcspDefect,
    OcspStaple, TdiDefect,
};

/// Knobs of devices, alone or beside a CPU.
#[derive(Clone, Default, clap::Args)]
pub(super) struct DeviceKnobs {
    /// How many GPUs are there, at most 16. [default: 0; of nvidia-gpu 1]
    #[arg(long)]
    gpus: Option<u8>,
    /// How many NVSwitches are there, at most 16; then GPUs are in protected PCIe mode, and all name each
    /// other. [default: 0; of nvidia-switch 1]
    #[arg(long)]
    switches: Option<u8>,
    /// The GPUs' architecture. [default: hopper]
    #[arg(long)]
    gpu_architecture: Option<ArchitectureName>,
    /// The GPUs' mode. [default: spt for one, mpt for several, ppcie with switches]
    #[arg(long)]
    gpu_mode: Option<ModeName>,
    /// The GPUs' driver; the lab has a manifest of 580.95.05 as well (hopper), and of no other. [default:
    /// 590.44.01]
    #[arg(long, value_name = "VERSION")]
    driver: Option<String>,
    /// The GPUs' VBIOS. [default: 96.00.D9.00.02, of blackwell 97.00.88.00.0F]
    #[arg(long, value_name = "VERSION")]
    vbios: Option<String>,
    /// Leave out the OCSP answers about the devices' and the manifests' certificates.
    #[arg(long, conflicts_with_all = ["ocsp_at", "ocsp_defect"])]
    no_ocsp: bool,
    /// When the OCSP answers are made, RFC 3339; each counts for a day. [default: now]
    #[arg(long, value_parser = UnixTime::parse)]
    ocsp_at: Option<UnixTime>,
    /// One defect of the devices by name: `hanzo-lab defects` lists those of a device (nvidia-device), which the
    /// first has, and of all together (nvidia-devices).
    #[arg(long, value_name = "NAME")]
    device_defect: Option<String>,
    /// One defect of the first OCSP answer by name (nvidia-ocsp).
    #[arg(long, value_name = "NAME")]
    ocsp_defect: Option<String>,
    /// Lock a TEE device interface of each GPU for the guest, which accepts it in its event log (tdx): the
    /// `tdi` item of tier 4. GPUs are of Blackwell then, and one if not said.
    #[arg(long, conflicts_with = "switches")]
    tee_io: bool,
    /// One defect of the first GPU's interface by name (tdi).
    #[arg(long, value_name = "NAME", requires = "tee_io")]
    tee_io_defect: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ArchitectureName {
    Hopper,
    Blackwell,
}

#[derive(Clone, Copy, ValueEnum)]
enum ModeName {
    Spt,
    Mpt,
    Ppcie,
}

/// The devices to make for every nonce that is asked for.
pub(super) struct Machine {
    order: DevicesOrder,
    ocsp: Option<Staple>,
    tee_io: Option<TeeIo>,
}

/// The interfaces that the guest has accepted: those of its boot, whatever is asked later.
struct TeeIo {
    defect: Option<TdiDefect>,
    locked: Vec<LabInterface>,
}

/// What is known of OCSP answers before they are asked for.
struct Staple {
    at: Option<UnixTime>,
    defect: Option<OcspDefect>,
}

impl DeviceKnobs {
    /// Whether any knob is given: then there must be devices.
    pub(super) const fn is_given(&self) -> bool {
        self.gpus.is_some()
            || self.switches.is_some()
            || self.gpu_architecture.is_some()
            || self.gpu_mode.is_some()
            || self.driver.is_some()
            || self.vbios.is_some()
            || self.no_ocsp
            || self.ocsp_at.is_some()
            || self.device_defect.is_some()
            || self.ocsp_defect.is_some()
            || self.tee_io
    }

    /// Whether the GPUs have interfaces.
    pub(super) const fn has_tee_io(&self) -> bool {
        self.tee_io
    }

    /// The order of these devices, or of so many GPUs and switches where the knobs do not say.
    pub(super) fn order(
        &self,
        (gpus, switches): (u8, u8),
        machine: u32,
        issued_at: Option<UnixTime>,
    ) -> anyhow::Result<Machine> {
        let gpus = if self.tee_io { gpus.max(1) } else { gpus };
        let (gpus, switches) = (self.gpus.unwrap_or(gpus), self.switches.unwrap_or(switches));
        for (name, count) in [("--gpus", gpus), ("--switches", switches)] {
            ensure!(usize::from(count) <= MAX_DEVICES, "`{name}` is at most {MAX_DEVICES}, not {count}");
        }
        let mut order = DevicesOrder {
            chip: match self.gpu_architecture {
                Some(ArchitectureName::Hopper) if self.tee_io => {
                    bail!("Hopper has no TEE device interfaces: `--tee-io` is for blackwell")
                }
                None if self.tee_io => LabChip::Gb100,
                None | Some(ArchitectureName::Hopper) => LabChip::Gh100,
                Some(ArchitectureName::Blackwell) => LabChip::Gb100,
            },
            gpus,
            switches,
            machine,
            issued_at,
            mode: self.gpu_mode.map(|mode| match mode {
                ModeName::Spt => LabMode::Spt,
                ModeName::Mpt => LabMode::Mpt,
                ModeName::Ppcie => LabMode::Ppcie,
            }),
            driver: self.driver.clone(),
            vbios: self.vbios.as_deref().map(vbios).transpose()?,
            ..DevicesOrder::default()
        };
        if let Some(name) = &self.device_defect {
            match name.parse::<DevicesDefect>() {
                Ok(defect) => order = order.with_defect(defect),
                Err(_) => order.first = Some(name.parse::<NvidiaDefect>()?),
            }
        }
        ensure!(order.gpus > 0 || order.switches > 0, "knobs of devices take `--gpus` or `--switches`");
        let defect = self.ocsp_defect.as_deref().map(str::parse).transpose()?;
        let ocsp = (!self.no_ocsp).then_some(Staple { at: self.ocsp_at, defect });
        let defect = self.tee_io_defect.as_deref().map(str::parse).transpose()?;
        let tee_io = self.tee_io.then_some(TeeIo { defect, locked: Vec::new() });
        Ok(Machine { order, ocsp, tee_io })
    }
}

impl Machine {
    /// The same devices over the nonce of another challenge.
    pub(super) fn of_another_challenge(mut self) -> Self {
        self.order = self.order.with_defect(DevicesDefect::OtherNonce);
        self
    }

    /// Locks the interfaces, if there are any: data of the events with which the guest accepts them.
    pub(super) fn lock(&mut self, lab: &Lab) -> anyhow::Result<Vec<Vec<u8>>> {
        let Some(tee_io) = &mut self.tee_io else { return Ok(Vec::new()) };
        tee_io.locked = lab.interfaces(&self.order, tee_io.defect)?;
        Ok(tee_io.locked.iter().map(LabInterface::accept_event).collect())
    }

    /// Their items over this nonce.
    pub(super) fn devices(&self, lab: &Lab, nonce: [u8; 32]) -> anyhow::Result<Devices> {
        let ocsp = match &self.ocsp {
            None => None,
            Some(Staple { at, defect }) => {
                Some(OcspStaple { now: at.map_or_else(clock::now, Ok)?, defect: *defect })
            }
        };
        let mut devices = lab.devices(&DevicesOrder { nonce, ocsp, ..self.order.clone() })?;
        if let Some(tee_io) = &self.tee_io {
            let Devices { items, digests } = lab.interface_item(&tee_io.locked, nonce, ocsp)?;
            devices.items.extend(items);
            devices.digests.extend(digests);
        }
        Ok(devices)
    }
}

/// VBIOS_VERSION as a report has it: the first four bytes backwards, then the fifth.
fn vbios(text: &str) -> anyhow::Result<[u8; 8]> {
    let bytes = text.replace('.', "").to_ascii_lowercase();
    let [a, b, c, d, e]: [u8; 5] =
        encoding::hex_array(&bytes).context("`--vbios` is five bytes, e.g. 96.00.D9.00.02")?;
    Ok([d, c, b, a, e, 0, 0, 0])
}
