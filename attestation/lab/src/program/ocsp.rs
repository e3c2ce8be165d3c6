//! `hanzo-lab ocsp`.

use super::clock;
use clap::ValueEnum;
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_lab::{Lab, LabChip, OcspDefect, OcspStaple, OcspSubject};
use std::io::Write as _;
use std::path::PathBuf;

/// An OCSP answer.
#[derive(clap::Args)]
pub(super) struct OcspKnobs {
    /// The lab's directory, as `init` wrote it.
    #[arg(long)]
    dir: PathBuf,
    /// The family of devices.
    #[arg(long)]
    chip: ChipName,
    /// Whose certificate it is about.
    #[arg(long)]
    about: SubjectName,
    /// Which of the lab's machines the device is in.
    #[arg(long, default_value_t = 1)]
    machine: u32,
    /// Which of the machine's GPUs or switches the device is.
    #[arg(long, default_value_t = 1)]
    number: u8,
    /// When it is made, RFC 3339; it counts for a day. [default: now]
    #[arg(long, value_parser = UnixTime::parse)]
    at: Option<UnixTime>,
    /// One defect by name (nvidia-ocsp).
    #[arg(long, value_name = "NAME")]
    defect: Option<OcspDefect>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ChipName {
    Gh100,
    Gb100,
    Ls10,
}

#[derive(Clone, Copy, ValueEnum)]
enum SubjectName {
    Device,
    Provisioner,
    Product,
    RimSigner,
    RimLevel3,
    RimFamily,
}

pub(super) fn run(knobs: &OcspKnobs) -> anyhow::Result<()> {
    let chip = match knobs.chip {
        ChipName::Gh100 => LabChip::Gh100,
        ChipName::Gb100 => LabChip::Gb100,
        ChipName::Ls10 => LabChip::Ls10,
    };
    let subject = match knobs.about {
        SubjectName::Device => OcspSubject::Device { machine: knobs.machine, number: knobs.number },
        SubjectName::Provisioner => OcspSubject::Provisioner,
        SubjectName::Product => OcspSubject::Product,
        SubjectName::RimSigner => OcspSubject::RimSigner,
        SubjectName::RimLevel3 => OcspSubject::RimLevel3,
        SubjectName::RimFamily => OcspSubject::RimFamily,
    };
    let staple = OcspStaple { now: knobs.at.map_or_else(clock::now, Ok)?, defect: knobs.defect };
    let der = Lab::open(&knobs.dir)?.ocsp(chip, subject, staple)?;
    std::io::stdout().write_all(&der)?;
    Ok(())
}
