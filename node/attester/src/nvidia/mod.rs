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

pub use error::GpuError;
pub use observed::{GpuDevice, Gpus};
pub use source::{Wanted, WithGpus};

/// What NVML says of this machine now.
///
/// # Errors
/// [`GpuError::Library`] if there is no NVML, or no driver under it.
pub fn observe() -> Result<Gpus, GpuError> {
    nvml::Library::load()?.observe()
}
