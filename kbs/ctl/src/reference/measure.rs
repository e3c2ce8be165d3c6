//! `reference measure`: the launch measurement of images, as a value for `reference put`.

use super::grid_of_values;
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::{Sheet, Show};
use crate::run::Context;
use aws_lc_rs::digest;
use clap::{Args, Subcommand, ValueEnum};
use hanzo_attestation_evidence::Hex;
use hanzo_attestation_measure::snp::{self, CPU_TYPES, Kernel, Launch, MAX_FIRMWARE, Monitor};
use hanzo_attestation_measure::tdx::{self, PageOrder};
use hanzo_kbs_protocol::{PutReference, ReferenceValue};
use serde::Serialize;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum MeasureVerb {
    /// MEASUREMENT of a SEV-SNP guest that starts from OVMF
    Snp(SnpArgs),
    /// MRTD of a TDX guest that starts from OVMF or td-shim; RTMRs are not computed
    Tdx(TdxArgs),
}

/// The machine monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Vmm {
    /// QEMU on KVM
    Qemu,
    /// Amazon EC2
    Ec2,
    /// Google Compute Engine
    Gce,
}

#[derive(Args, Debug)]
pub(super) struct SnpArgs {
    /// OVMF image
    #[arg(long, value_name = "FILE")]
    ovmf: PathBuf,
    /// Kernel that the firmware is given to check and start (`kernel-hashes=on`)
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// Initial disk beside it
    #[arg(long, value_name = "FILE", requires = "kernel")]
    initrd: Option<PathBuf>,
    /// Command line of the kernel
    #[arg(long, value_name = "TEXT", requires = "kernel")]
    append: Option<String>,
    /// Number of vCPUs: each is measured
    #[arg(long, value_name = "N")]
    vcpus: u32,
    /// QEMU's type of the vCPUs, e.g. EPYC-Milan; needed for QEMU, and of no effect elsewhere
    #[arg(long, value_name = "TYPE", value_parser = parse_type)]
    vcpu_type: Option<u32>,
    /// SEV_FEATURES of the guest in hex. QEMU and KVM set 1; with DebugSwap (Linux 6.7 to 6.9), 21
    #[arg(long, value_name = "HEX", default_value = "1", value_parser = parse_hex)]
    guest_features: u64,
    /// The machine monitor
    #[arg(long, value_enum, default_value_t = Vmm::Qemu)]
    vmm: Vmm,
    /// Note of the value [default: what was measured]
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// In which order pages are added and measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    /// Each page is added, then measured: Linux 6.16 and later (QEMU 9 and later), Google Compute Engine
    Page,
    /// All pages of a section are added, then measured: kernels with Intel's earlier patches (QEMU 8)
    Section,
}

#[derive(Args, Debug)]
pub(super) struct TdxArgs {
    /// Firmware image with TDX metadata: the whole image (OVMF.fd), not its code alone
    #[arg(long, value_name = "FILE")]
    ovmf: PathBuf,
    /// Order in which the host adds and measures pages
    #[arg(long, value_enum, default_value_t = Order::Page)]
    page_order: Order,
    /// Note of the value [default: what was measured]
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

fn parse_type(text: &str) -> Result<u32, String> {
    let names = || CPU_TYPES.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
    snp::cpu_signature(text).ok_or_else(|| format!("expected one of {}", names()))
}

fn parse_hex(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16).map_err(|error| error.to_string())
}

/// A set of one value, as `reference put --file` reads it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Measurement(PutReference);

impl MeasureVerb {
    pub(super) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        match self {
            Self::Snp(args) => args.run(context),
            Self::Tdx(args) => args.run(context),
        }
    }
}

impl SnpArgs {
    fn run(self, context: &Context) -> Result<Outcome, Failure> {
        if self.vmm == Vmm::Qemu && self.vcpu_type.is_none() {
            let reason = "what QEMU's guests measure depends on it".to_owned();
            return Err(Failure::Input { path: "--vcpu-type".to_owned(), reason });
        }
        let firmware = input::read(&self.ovmf, MAX_FIRMWARE)?;
        let nothing = sha256_of(&[]);
        let kernel = match &self.kernel {
            None => None,
            Some(path) => Some(Kernel {
                kernel: sha256(path)?,
                initial_disk: self.initrd.as_deref().map_or(Ok(nothing), sha256)?,
                command_line: self.append.as_deref().unwrap_or_default(),
            }),
        };
        let launch = Launch {
            firmware: &firmware,
            kernel,
            vcpus: self.vcpus,
            cpu_signature: self.vcpu_type.unwrap_or_default(),
            guest_features: self.guest_features,
            monitor: match self.vmm {
                Vmm::Qemu => Monitor::Qemu,
                Vmm::Ec2 => Monitor::Ec2,
                Vmm::Gce => Monitor::Gce,
            },
        };
        let digest = snp::measure(&launch).map_err(|error| Failure::file(&self.ovmf, error))?;
        let value = ReferenceValue {
            note: Some(self.note.clone().unwrap_or_else(|| self.summary())),
            ..ReferenceValue::new("sev-snp", "measurement", digest.into())
        };
        show(value, &firmware, context)
    }

    /// What was measured, in a line.
    fn summary(&self) -> String {
        let mut parts = vec![name(&self.ovmf)];
        parts.extend(self.kernel.as_deref().map(name));
        parts.extend(self.initrd.as_deref().map(name));
        format!("{}, {} vCPUs", parts.join(" + "), self.vcpus)
    }
}

impl TdxArgs {
    fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let firmware = input::read(&self.ovmf, tdx::MAX_FIRMWARE)?;
        let order = match self.page_order {
            Order::Page => PageOrder::ByPage,
            Order::Section => PageOrder::BySection,
        };
        let digest = tdx::measure(&firmware, order).map_err(|error| Failure::file(&self.ovmf, error))?;
        let by = if order == PageOrder::ByPage { "page" } else { "section" };
        let value = ReferenceValue {
            note: Some(self.note.unwrap_or_else(|| format!("{}, measured by {by}", name(&self.ovmf)))),
            ..ReferenceValue::new("tdx", "mr_td", digest.into())
        };
        show(value, &firmware, context)
    }
}

/// Prints a set with the value, which says from what it was computed.
fn show(value: ReferenceValue, firmware: &[u8], context: &Context) -> Result<Outcome, Failure> {
    let source = Some(format!("computed:sha256:{}", Hex(sha256_of(firmware))));
    let values = vec![ReferenceValue { source, ..value }];
    context.output.show(&Measurement(PutReference { values, expected_version: None }))?;
    Ok(Outcome::Yes)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn sha256_of(bytes: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(bytes);
    finish(context)
}

/// SHA-256 of a file of any length, read piece by piece: an initial disk can have gigabytes.
fn sha256(path: &Path) -> Result<[u8; 32], Failure> {
    let unreadable = |source| Failure::Unreadable { path: path.display().to_string(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece).map_err(unreadable)? {
            0 => return Ok(finish(context)),
            read => context.update(piece.get(..read).unwrap_or_default()),
        }
    }
}

fn finish(context: digest::Context) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

impl Show for Measurement {
    fn sheet(&self) -> Sheet {
        grid_of_values(Sheet::new(), &self.0.values)
    }
}
