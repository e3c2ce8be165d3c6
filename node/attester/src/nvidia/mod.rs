//! NVIDIA GPUs: what the driver's library (NVML) says of them, and their SPDM measurement reports.
//!
//! NVML is loaded when it is asked for, so that a node without a GPU needs nothing of NVIDIA's. What it says
//! of modes is an observation, good for choosing what to ask and for telling an operator what is amiss; what
//! a broker believes is in the reports, which the devices sign. NVSwitches have a library of their own (NSCQ),
//! which is asked where protected PCIe is on: there a document without them proves nothing.

#[cfg(test)]
mod built;
mod error;
mod evidence;
mod nscq;
mod nvml;
mod observed;
mod source;
mod symbols;

pub use error::GpuError;
pub(crate) use evidence::DeviceItems;
pub use observed::{Environment, GpuDevice, Gpus, MultiGpu, Switch, SwitchMode, Tdisp};
pub use source::{Wanted, WithGpus};

use crate::{Detected, Seen};
use std::ffi::OsStr;

/// What NVML says of this machine now: absent where neither NVML nor a GPU of NVIDIA's is there.
#[must_use]
pub fn observe(machine: &Detected) -> Seen<Gpus> {
    match nvml::Library::load().and_then(|library| library.observe()) {
        Ok(gpus) if gpus.has_switches() => Seen::Present(Gpus { switches: switches(), ..gpus }),
        Ok(gpus) => Seen::Present(gpus),
        Err(GpuError::Library { .. }) if machine.nvidia_on_bus() == 0 => Seen::Absent,
        Err(error) => Seen::Unreadable { path: "libnvidia-ml.so.1".to_owned(), reason: error.to_string() },
    }
}

/// What NSCQ says of the switches.
fn switches() -> Seen<Vec<Switch>> {
    let unreadable =
        |error: &GpuError| Seen::Unreadable { path: nscq::LIBRARY.to_owned(), reason: error.to_string() };
    let asked = nscq::Nscq::open(OsStr::new(nscq::LIBRARY)).and_then(|nscq| Ok((nscq.switches()?, nscq)));
    let (labels, nscq) = match asked {
        Ok(asked) => asked,
        Err(error) => return unreadable(&error),
    };
    let switch = |label: String| {
        let mode = match nscq.mode(&label) {
            Ok(mode) => Seen::Present(SwitchMode::from(mode)),
            Err(error) => Seen::Unreadable { path: label.clone(), reason: error.to_string() },
        };
        Switch { label, mode }
    };
    Seen::Present(labels.into_iter().map(switch).collect())
}
