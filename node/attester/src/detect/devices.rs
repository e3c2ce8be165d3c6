//! Devices and kernel interfaces that give evidence.

use crate::configfs::TREE;
use crate::files::read_line;
use crate::seen::Seen;
use rustix::fs::{Access, access};
use serde::Serialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The report interface of configfs-tsm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TsmReports {
    /// Providers named by the entries that exist now. An entry must be made to ask for a provider, and
    /// detection makes none, so an empty list says nothing.
    pub providers: Vec<String>,
}

/// One TPM of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tpm {
    /// The kernel's name, e.g. `tpm0`.
    pub name: String,
    /// `tpm_version_major`: 1 or 2.
    pub version_major: Seen<String>,
}

/// A display controller or accelerator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gpu {
    /// PCI address, e.g. `0000:01:00.0`.
    pub address: String,
    /// PCI vendor id, e.g. `0x10de`.
    pub vendor: String,
    /// PCI device id.
    pub device: Seen<String>,
    /// PCI class code, e.g. `0x030200`.
    pub class: String,
    /// Whether it is NVIDIA's.
    pub nvidia: bool,
}

/// PCI vendor id of NVIDIA.
const NVIDIA: &str = "0x10de";
/// PCI class codes of display controllers (03) and processing accelerators (12), PCI Code and ID
/// Assignment Specification 1.11, D.
const CLASSES: [&str; 2] = ["0x03", "0x12"];
/// A PCI domain has at most 65536 functions; sixteen domains are more than any machine of one node has
/// devices in. Beyond, the scan says that it is unreadable.
const MAX_ENTRIES: usize = 1 << 16;

pub(super) fn tsm_reports(root: &Path) -> Seen<TsmReports> {
    let path = root.join(TREE);
    Seen::from_io(&path, children(&path)).map(|entries| {
        let mut providers: Vec<String> =
            entries.iter().filter_map(|entry| read_line(&entry.join("provider")).ok()).collect();
        providers.sort();
        providers.dedup();
        TsmReports { providers }
    })
}

/// A device node that this process may read and write. It is not opened: opening some has effects.
pub(super) fn device(root: &Path, path: &str) -> Seen<()> {
    let path = root.join(path);
    Seen::from_io(&path, access(&path, Access::READ_OK | Access::WRITE_OK).map_err(io::Error::from))
}

pub(super) fn tpms(root: &Path) -> Seen<Vec<Tpm>> {
    let path = root.join("sys/class/tpm");
    match Seen::from_io(&path, children(&path)) {
        Seen::Present(entries) if entries.is_empty() => Seen::Absent,
        seen => seen.map(|entries| {
            entries
                .into_iter()
                .map(|entry| {
                    let version = entry.join("tpm_version_major");
                    Tpm { name: name(&entry), version_major: Seen::from_io(&version, read_line(&version)) }
                })
                .collect()
        }),
    }
}

pub(super) fn gpus(root: &Path) -> Seen<Vec<Gpu>> {
    let path = root.join("sys/bus/pci/devices");
    let entries = match Seen::from_io(&path, children(&path)) {
        Seen::Present(entries) => entries,
        Seen::Absent => return Seen::Absent,
        Seen::Unreadable { path, reason } => return Seen::Unreadable { path, reason },
    };
    let mut gpus = Vec::new();
    for entry in entries {
        // A device whose class cannot be read might be a GPU: the scan must not call it absent.
        let class = match Seen::from_io(&entry.join("class"), read_line(&entry.join("class"))) {
            Seen::Present(class) => class,
            Seen::Absent => continue,
            Seen::Unreadable { path, reason } => return Seen::Unreadable { path, reason },
        };
        if !CLASSES.iter().any(|wanted| class.starts_with(wanted)) {
            continue;
        }
        let vendor = match read_line(&entry.join("vendor")) {
            Ok(vendor) => vendor,
            Err(error) => return Seen::unreadable(&entry.join("vendor"), &error),
        };
        let device = entry.join("device");
        gpus.push(Gpu {
            address: name(&entry),
            nvidia: vendor == NVIDIA,
            vendor,
            device: Seen::from_io(&device, read_line(&device)),
            class,
        });
    }
    if gpus.is_empty() { Seen::Absent } else { Seen::Present(gpus) }
}

pub(super) fn count_nvidia(gpus: &[Gpu]) -> usize {
    gpus.iter().filter(|gpu| gpu.nvidia).count()
}

/// The entries of a directory, sorted.
fn children(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)? {
        if entries.len() == MAX_ENTRIES {
            return Err(io::Error::other(format!("more than {MAX_ENTRIES} entries")));
        }
        entries.push(entry?.path());
    }
    entries.sort();
    Ok(entries)
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
