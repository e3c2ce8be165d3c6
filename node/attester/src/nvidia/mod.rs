//! NVIDIA GPUs: what the driver's library (NVML) says of them, and their SPDM measurement reports.
//!
//! NVML is loaded when it is asked for, so that a node without a GPU needs nothing of NVIDIA's. What it says
//! of modes is an observation, good for choosing what to ask and for telling an operator what is amiss; what
//! a broker believes is in the reports, which the GPUs sign. NVSwitches have an interface of their own
//! (NSCQ), and this version collects none of their evidence.

mod error;
mod evidence;
mod nvml;
mod observed;
mod source;
mod symbols;

pub use error::GpuError;
pub use observed::{Environment, GpuDevice, Gpus, MultiGpu, Tdisp};
pub use source::{Wanted, WithGpus};

use crate::{Detected, Seen};

/// What NVML says of this machine now: absent where neither NVML nor a GPU of NVIDIA's is there.
#[must_use]
pub fn observe(machine: &Detected) -> Seen<Gpus> {
    match nvml::Library::load().and_then(|library| library.observe()) {
        Ok(gpus) => Seen::Present(gpus),
        Err(GpuError::Library { .. }) if machine.nvidia_on_bus() == 0 => Seen::Absent,
        Err(error) => Seen::Unreadable { path: "libnvidia-ml.so.1".to_owned(), reason: error.to_string() },
    }
}
