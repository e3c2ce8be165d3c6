//! The processor, and what its virtualisation can do.

use crate::files::{read_line, read_start};
use crate::seen::Seen;
use serde::Serialize;
use std::path::Path;

/// The first processor of `/proc/cpuinfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cpu {
    /// `vendor_id`, e.g. `AuthenticAMD`; empty where the kernel gives none.
    pub vendor: String,
    /// `model name`.
    pub model: String,
    /// The flags that matter here, in the kernel's order.
    pub flags: Vec<String>,
}

impl Cpu {
    /// Whether the kernel lists a flag.
    #[must_use]
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|f| f == flag)
    }
}

/// A module's switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Parameter {
    /// `Y` or `1`.
    On,
    /// Anything else.
    Off,
}

/// Flags about virtualisation and confidential computing.
const FLAGS: [&str; 9] =
    ["hypervisor", "svm", "vmx", "sme", "sev", "sev_es", "sev_snp", "tdx_guest", "tdx_host_platform"];

/// One processor's block has some 2 KiB; a machine with 1024 of them has megabytes, of which the first
/// block is enough.
const MAX_CPUINFO: usize = 64 * 1024;

pub(super) fn cpu(root: &Path) -> Seen<Cpu> {
    let path = root.join("proc/cpuinfo");
    Seen::from_io(&path, read_start(&path, MAX_CPUINFO))
        .map(|(bytes, _)| first_block(&String::from_utf8_lossy(&bytes)))
}

fn first_block(text: &str) -> Cpu {
    let mut cpu = Cpu { vendor: String::new(), model: String::new(), flags: Vec::new() };
    for line in text.lines().take_while(|line| !line.trim().is_empty()) {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match name.trim() {
            "vendor_id" => value.clone_into(&mut cpu.vendor),
            "model name" => value.clone_into(&mut cpu.model),
            "flags" => {
                cpu.flags =
                    value.split_ascii_whitespace().filter(|f| FLAGS.contains(f)).map(str::to_owned).collect();
            }
            _ => {}
        }
    }
    cpu
}

pub(super) fn parameter(root: &Path, path: &str) -> Seen<Parameter> {
    let path = root.join(path);
    Seen::from_io(&path, read_line(&path)).map(|text| match text.as_str() {
        "Y" | "1" => Parameter::On,
        _ => Parameter::Off,
    })
}
