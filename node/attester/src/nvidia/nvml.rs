//! The questions to NVML. It is the one module that knows the library.

use super::GpuError;
use super::evidence::Device;
use super::observed::{Environment, GpuDevice, Gpus, MultiGpu, Tdisp};
use super::symbols::{Settings, Symbols};
use crate::Seen;
use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;
use std::ffi::OsStr;

/// The library's name, which its ABI fixes.
const LIBRARY: &str = "libnvidia-ml.so.1";

/// Why no system-wide question can be asked: the library asks each through a device.
const NO_DEVICE: &str = "NVML has no device to ask through";

/// NVML, loaded: what its wrapper asks, and what it does not.
pub(super) struct Library(Nvml, Symbols);

impl Library {
    /// Loads the library and lets it find the driver.
    pub(super) fn load() -> Result<Self, GpuError> {
        Self::load_from(OsStr::new(LIBRARY))
    }

    fn load_from(path: &OsStr) -> Result<Self, GpuError> {
        let unavailable = |error: NvmlError| GpuError::Library { reason: error.to_string() };
        let nvml = Nvml::builder().lib_path(path).init().map_err(unavailable)?;
        Ok(Self(nvml, Symbols::open(path).map_err(unavailable)?))
    }

    /// Everything that it says.
    pub(super) fn observe(&self) -> Result<Gpus, GpuError> {
        let count = self.0.device_count().map_err(|error| failed("nvmlDeviceGetCount_v2", &error))?;
        let first = || self.0.device_by_index(0);
        let settings = "nvmlSystemGetConfComputeSettings";
        let ask = |function, answer: &dyn Fn(nvml_wrapper::Device<'_>) -> Result<bool, NvmlError>| {
            if count == 0 {
                return unreadable(function, &NO_DEVICE);
            }
            seen(function, first().and_then(answer))
        };
        let state = self.1.settings();
        let stated = |of: &dyn Fn(&Settings) -> u32| match &state {
            Ok(state) => Seen::Present(of(state)),
            Err(error) => unreadable(settings, error),
        };
        Ok(Gpus {
            driver_version: seen("nvmlSystemGetDriverVersion", self.0.sys_driver_version()),
            confidential_computing: ask(settings, &|device| device.is_cc_enabled()),
            protected_pcie: ask(settings, &|device| device.is_multi_gpu_protected_pcie_enabled()),
            dev_tools: ask(settings, &|device| device.is_cc_dev_mode_enabled()),
            environment: stated(&|state| state.environment).map(Environment::from),
            multi_gpu: stated(&|state| state.multi_gpu).map(MultiGpu::from),
            tdisp: seen("nvmlSystemGetConfComputeSettings_v2", self.1.tdisp_state()).map(Tdisp::from),
            switches: Seen::Absent,
            accepting_work: ask("nvmlSystemGetConfComputeGpusReadyState", &|device| {
                device.get_confidential_compute_state()
            }),
            devices: (0..count).map(|index| self.device(index)).collect(),
        })
    }

    fn device(&self, index: u32) -> GpuDevice {
        let ask = |function, answer: &dyn Fn(nvml_wrapper::Device<'_>) -> Result<String, NvmlError>| {
            seen(function, self.0.device_by_index(index).and_then(answer))
        };
        GpuDevice {
            index,
            address: ask("nvmlDeviceGetPciInfo_v3", &|device| Ok(device.pci_info()?.bus_id)),
            name: ask("nvmlDeviceGetName", &|device| device.name()),
            architecture: ask("nvmlDeviceGetArchitecture", &|device| Ok(device.architecture()?.to_string())),
            vbios_version: ask("nvmlDeviceGetVbiosVersion", &|device| device.vbios_version()),
            pdi: seen("nvmlDeviceGetPdi", self.1.pdi(index)).map(|pdi| format!("{pdi:016x}")),
        }
    }

    /// The report of one GPU over `nonce`, and its attestation certificates.
    pub(super) fn evidence(&self, index: u32, nonce: &[u8; 32]) -> Result<Device, GpuError> {
        let device =
            self.0.device_by_index(index).map_err(|error| failed("nvmlDeviceGetHandleByIndex_v2", &error))?;
        let report = device
            .confidential_compute_gpu_attestation_report(*nonce)
            .map_err(|error| failed("nvmlDeviceGetConfComputeGpuAttestationReport", &error))?;
        let certificate = device
            .confidential_compute_gpu_certificate()
            .map_err(|error| failed("nvmlDeviceGetConfComputeGpuCertificate", &error))?;
        Device::new(
            &format!("GPU {index}"),
            report.attestation_report,
            certificate.attestation_cert_chain,
            nonce,
        )
    }
}

fn seen<T>(function: &'static str, answer: Result<T, NvmlError>) -> Seen<T> {
    match answer {
        Ok(value) => Seen::Present(value),
        Err(error) => unreadable(function, &error),
    }
}

fn unreadable<T>(function: &str, reason: &impl ToString) -> Seen<T> {
    Seen::Unreadable { path: function.to_owned(), reason: reason.to_string() }
}

fn failed(function: &'static str, error: &NvmlError) -> GpuError {
    GpuError::Nvml { function, reason: error.to_string() }
}

#[cfg(test)]
mod tests;
