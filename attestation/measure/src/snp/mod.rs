//! The launch MEASUREMENT of a SEV-SNP guest that starts from OVMF.
//!
//! ```text
//! firmware pages ─▶ pages that the firmware's metadata names ─▶ one save area (VMSA) for each vCPU ─▶ digest
//! ```
//!
//! Sources: SEV-SNP Firmware ABI (56860) 1.58, 8.17 (the digest); AMD APM volume 2, tables B-4 and 14-4 (save
//! areas, state at reset); OvmfPkg `ResetVector` of EDK II (the firmware's tables); KVM and QEMU `target/i386/sev.c`
//! (which pages, in which order). Held against `sev-snp-measure`, which is others' work, in the tests.

mod cpu;
mod digest;
mod firmware;
mod hashes;
mod vmsa;

pub use cpu::{CPU_TYPES, cpu_signature};
pub use hashes::Kernel;

use crate::table::TableError;
use digest::{LaunchDigest, PAGE, PageType};
use firmware::{Firmware, SectionKind};
use hanzo_attestation_evidence::Hex;

/// Largest firmware in bytes: QEMU maps 8 MiB of flash below 4 GiB, and other builds have up to 16.
pub const MAX_FIRMWARE: usize = 16 << 20;
/// Most vCPUs: what KVM can give a guest (`KVM_MAX_VCPUS`).
pub const MAX_VCPUS: u32 = 4096;
/// Most pages that the firmware's metadata may name: 256 MiB.
const MAX_PAGES: u64 = 1 << 16;

/// The machine monitor, as far as it decides what is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Monitor {
    /// QEMU on KVM.
    Qemu,
    /// Amazon EC2.
    Ec2,
    /// Google Compute Engine.
    Gce,
}

/// What is launched.
#[derive(Clone, Copy, Debug)]
pub struct Launch<'a> {
    /// The OVMF image, as the monitor maps it below 4 GiB.
    pub firmware: &'a [u8],
    /// Kernel, initial disk and command line, where the monitor has the firmware check them.
    pub kernel: Option<Kernel<'a>>,
    /// Number of vCPUs.
    pub vcpus: u32,
    /// CPUID signature of the vCPUs, see [`cpu_signature`]. Only QEMU's depends on it.
    pub cpu_signature: u32,
    /// SEV_FEATURES of the save areas: bit 0 is SNP (APM volume 2, table B-4).
    pub guest_features: u64,
    /// The machine monitor.
    pub monitor: Monitor,
}

/// Why no measurement can be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MeasureError {
    /// Empty, larger than [`MAX_FIRMWARE`], or not whole pages.
    #[error("a firmware has whole pages of 4096 bytes, at most {MAX_FIRMWARE} bytes; this one has {0}")]
    FirmwareSize(usize),
    /// No table of GUIDs at its end: no OVMF.
    #[error("the firmware has no OVMF table at its end")]
    NoTable,
    /// A table that is not what it should be.
    #[error("the firmware's table: {0}")]
    Table(&'static str),
    /// No such entry in the table.
    #[error("the firmware's table has no entry for {0}")]
    NoEntry(&'static str),
    /// Metadata that is not what it should be.
    #[error("the firmware's SEV metadata: {0}")]
    Metadata(&'static str),
    /// A kind of section that is not known.
    #[error("the firmware's SEV metadata has a section of the unknown kind {0}")]
    SectionKind(u32),
    /// A kernel, and no place where the firmware would check it.
    #[error("the firmware has no section for the digests of a kernel: it would start it unchecked")]
    NoKernelHashes,
    /// No vCPU, or more than [`MAX_VCPUS`].
    #[error("{0} vCPUs; a guest has 1 to {MAX_VCPUS}")]
    Vcpus(u32),
    /// SEV_FEATURES without its lowest bit: a guest of another kind.
    #[error("guest features {0:#x} are not those of a SEV-SNP guest: bit 0 is missing")]
    GuestFeatures(u64),
}

impl From<TableError> for MeasureError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::None => Self::NoTable,
            TableError::Form(problem) => Self::Table(problem),
        }
    }
}

/// Computes MEASUREMENT.
///
/// # Errors
/// [`MeasureError`] with the first thing that is in the way.
pub fn measure(launch: &Launch<'_>) -> Result<Hex<48>, MeasureError> {
    if !(1..=MAX_VCPUS).contains(&launch.vcpus) {
        return Err(MeasureError::Vcpus(launch.vcpus));
    }
    if launch.guest_features & 1 == 0 {
        return Err(MeasureError::GuestFeatures(launch.guest_features));
    }
    let firmware = Firmware::parse(launch.firmware)?;
    let mut digest = LaunchDigest::new();
    digest.pages(PageType::Normal, firmware.address(), launch.firmware);
    sections(&mut digest, &firmware, launch)?;
    let reset = firmware.ap_reset_vector()?;
    for vcpu in 0..launch.vcpus {
        let entry = if vcpu == 0 { vmsa::BOOT_ENTRY } else { reset };
        let area = vmsa::save_area(entry, launch.cpu_signature, launch.guest_features, launch.monitor);
        digest.vmsa(&area);
    }
    Ok(digest.finish())
}

/// The pages that the metadata names, in its order; on EC2, CPUID pages come last.
fn sections(
    digest: &mut LaunchDigest,
    firmware: &Firmware<'_>,
    launch: &Launch<'_>,
) -> Result<(), MeasureError> {
    let (monitor, mut kernel_checked) = (launch.monitor, false);
    for section in firmware.sections() {
        let (at, size) = (section.address, section.size);
        match section.kind {
            SectionKind::Memory if monitor == Monitor::Gce => digest.blank(PageType::Unmeasured, at, size),
            SectionKind::Memory | SectionKind::SvsmArea => digest.blank(PageType::Zero, at, size),
            SectionKind::Secrets => digest.blank(PageType::Secrets, at, PAGE),
            SectionKind::Cpuid if monitor == Monitor::Ec2 => {}
            SectionKind::Cpuid => digest.blank(PageType::Cpuid, at, PAGE),
            SectionKind::KernelHashes => match &launch.kernel {
                None => digest.blank(PageType::Zero, at, size),
                Some(kernel) => {
                    let page = kernel.page(firmware.hash_table()?)?;
                    kernel_checked = true;
                    digest.pages(PageType::Normal, at, &page);
                }
            },
        }
    }
    if monitor == Monitor::Ec2 {
        let last = firmware.sections().iter().filter(|section| section.kind == SectionKind::Cpuid);
        last.for_each(|section| digest.blank(PageType::Cpuid, section.address, PAGE));
    }
    if launch.kernel.is_some() && !kernel_checked {
        return Err(MeasureError::NoKernelHashes);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
