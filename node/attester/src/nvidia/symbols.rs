//! The questions to NVML that its wrapper does not ask: settings of version 2, and the PDI of a GPU.
//!
//! Each function is looked up by name when it is asked for, so that a library without it gives an answer that
//! says so. Layouts and numbers: `nvml.h` of CUDA 13.5 (PyPI `nvidia-nvml-dev` 13.5.37).
#![expect(unsafe_code, reason = "these functions of NVML have no interface but pointers")]

use libloading::{Library, Symbol};
use nvml_wrapper::error::{NvmlError, nvml_try};
use std::ffi::{OsStr, c_uint, c_ulonglong, c_void};

/// `nvmlReturn_t`.
type Return = c_uint;
/// `nvmlDevice_t`.
type Handle = *mut c_void;

/// `NVML_STRUCT_VERSION(SystemConfComputeSettings, 1)`: the version over the size in bytes.
const SETTINGS_V1: c_uint = 1 << 24 | 20;
/// `NVML_STRUCT_VERSION(SystemConfComputeSettings, 2)`.
const SETTINGS_V2: c_uint = 2 << 24 | 24;
/// `NVML_STRUCT_VERSION(Pdi, 1)`.
const PDI_V1: c_uint = 1 << 24 | 16;

/// `nvmlSystemConfComputeSettings_v2_t`. Version 1 is the same without its last field, and the library
/// writes as many bytes as the version in the first field says.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct RawSettings {
    version: c_uint,
    environment: c_uint,
    feature: c_uint,
    dev_tools: c_uint,
    multi_gpu: c_uint,
    tdisp: c_uint,
}

/// `nvmlPdi_v1_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct RawPdi {
    version: c_uint,
    value: c_ulonglong,
}

// A library that writes more than a structure has would write over something else.
const _: () = assert!(size_of::<RawSettings>() == 24 && size_of::<RawPdi>() == 16);

/// NVML's settings of confidential computing, in its own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// `NVML_CC_SYSTEM_ENVIRONMENT_*`.
    pub(super) environment: u32,
    /// `NVML_CC_SYSTEM_MULTIGPU_*`.
    pub(super) multi_gpu: u32,
}

/// NVML once more, by its own names.
pub(super) struct Symbols(Library);

impl Symbols {
    /// Opens the library that the wrapper has initialised: the loader gives the same one.
    pub(super) fn open(path: &OsStr) -> Result<Self, NvmlError> {
        // SAFETY: the wrapper has loaded this library already; its initialisers do not run again.
        unsafe { Library::new(path) }.map(Self).map_err(NvmlError::from)
    }

    /// `nvmlSystemGetConfComputeSettings`.
    pub(super) fn settings(&self) -> Result<Settings, NvmlError> {
        let raw = self.raw_settings(c"nvmlSystemGetConfComputeSettings".to_bytes_with_nul(), SETTINGS_V1)?;
        Ok(Settings { environment: raw.environment, multi_gpu: raw.multi_gpu })
    }

    /// `tdispState` of `nvmlSystemGetConfComputeSettings_v2`: `NVML_CC_SYSTEM_TDISP_STATE_*`.
    pub(super) fn tdisp_state(&self) -> Result<u32, NvmlError> {
        let name = c"nvmlSystemGetConfComputeSettings_v2".to_bytes_with_nul();
        self.raw_settings(name, SETTINGS_V2).map(|raw| raw.tdisp)
    }

    fn raw_settings(&self, name: &[u8], version: c_uint) -> Result<RawSettings, NvmlError> {
        let mut settings = RawSettings { version, ..RawSettings::default() };
        // SAFETY: both versions of the function have this type, and the symbol lives as long as `self`.
        let ask: Symbol<'_, unsafe extern "C" fn(*mut RawSettings) -> Return> =
            unsafe { self.0.get(name) }.map_err(NvmlError::from)?;
        // SAFETY: the pointer is to a live, exclusively borrowed structure, which is at least as large as
        // the version in its first field says.
        nvml_try(unsafe { ask(&raw mut settings) })?;
        Ok(settings)
    }

    /// `nvmlDeviceGetPdi` of the GPU with this index.
    pub(super) fn pdi(&self, index: u32) -> Result<u64, NvmlError> {
        let device = self.handle(index)?;
        let mut pdi = RawPdi { version: PDI_V1, ..RawPdi::default() };
        // SAFETY: the function has this type, and the symbol lives as long as `self`.
        let ask: Symbol<'_, unsafe extern "C" fn(Handle, *mut RawPdi) -> Return> =
            unsafe { self.0.get(c"nvmlDeviceGetPdi".to_bytes_with_nul()) }.map_err(NvmlError::from)?;
        // SAFETY: the handle is NVML's own; the pointer is to a live, exclusively borrowed structure of the
        // version that its first field says.
        nvml_try(unsafe { ask(device, &raw mut pdi) })?;
        Ok(pdi.value)
    }

    fn handle(&self, index: u32) -> Result<Handle, NvmlError> {
        let mut device = std::ptr::null_mut();
        // SAFETY: the function has this type, and the symbol lives as long as `self`.
        let ask: Symbol<'_, unsafe extern "C" fn(c_uint, *mut Handle) -> Return> =
            unsafe { self.0.get(c"nvmlDeviceGetHandleByIndex_v2".to_bytes_with_nul()) }
                .map_err(NvmlError::from)?;
        // SAFETY: the pointer is to a live, exclusively borrowed handle.
        nvml_try(unsafe { ask(index, &raw mut device) })?;
        Ok(device)
    }
}
