//! What NVML says, as data, and whether evidence can be asked for.

use super::GpuError;
use crate::Seen;
use serde::Serialize;

/// Most GPUs of one machine: the largest single system has sixteen, and one evidence item takes as many.
pub(super) const MAX_GPUS: usize = 16;

/// What NVML says of the GPUs of this machine. What it could not answer is `Unreadable`, with its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gpus {
    /// Version of the driver, e.g. `580.95.05`.
    pub driver_version: Seen<String>,
    /// Whether confidential computing is on (`ccFeature`). It reads off while protected PCIe is on.
    pub confidential_computing: Seen<bool>,
    /// Whether several GPUs and their switches share one machine in protected PCIe mode.
    pub protected_pcie: Seen<bool>,
    /// Whether developer tools can look in.
    pub dev_tools: Seen<bool>,
    /// Whether this is a production system. Developer tools make it a simulation.
    pub environment: Seen<Environment>,
    /// How several GPUs are one machine's.
    pub multi_gpu: Seen<MultiGpu>,
    /// Whether the GPUs are assigned by TDISP. It is what the driver says, and proves no TEE-I/O.
    pub tdisp: Seen<Tdisp>,
    /// Whether the driver lets work run on the GPUs (the ready state, set after attestation).
    pub accepting_work: Seen<bool>,
    /// The switches behind protected PCIe, as NSCQ tells them; absent where it was not asked.
    pub switches: Seen<Vec<Switch>>,
    /// The GPUs, in NVML's order.
    pub devices: Vec<GpuDevice>,
}

/// One GPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GpuDevice {
    /// NVML's index.
    pub index: u32,
    /// PCI address, e.g. `00000000:41:00.0`.
    pub address: Seen<String>,
    /// Product name.
    pub name: Seen<String>,
    /// Architecture, e.g. `Hopper`.
    pub architecture: Seen<String>,
    /// Version of the VBIOS.
    pub vbios_version: Seen<String>,
    /// Per-Device Identifier, 16 hex digits, as NVML prints the number.
    pub pdi: Seen<String>,
}

/// One NVSwitch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Switch {
    /// NSCQ's label of it.
    pub label: String,
    /// How it stands to confidential computing.
    pub mode: Seen<SwitchMode>,
}

/// A number that has names, and that may be one which this program does not know.
macro_rules! numbers {
    ($(#[$about:meta])* $name:ident: $width:ty { $($(#[$doc:meta])* $variant:ident = $number:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name {
            $($(#[$doc])* $variant,)*
            /// A number that no published header names.
            Other($width),
        }

        impl From<$width> for $name {
            fn from(number: $width) -> Self {
                match number {
                    $($number => Self::$variant,)*
                    other => Self::Other(other),
                }
            }
        }
    };
}

numbers! {
    /// `NVML_CC_SYSTEM_ENVIRONMENT_*`.
    Environment: u32 {
        /// NVML does not say.
        Unavailable = 0,
        /// A simulation: nothing in it is protected.
        Simulation = 1,
        /// Production.
        Production = 2,
    }
}

numbers! {
    /// `NVML_CC_SYSTEM_MULTIGPU_*`.
    MultiGpu: u32 {
        /// Each GPU for itself.
        None = 0,
        /// Eight GPUs and four switches in one guest (protected PCIe).
        ProtectedPcie = 1,
        /// NVLink traffic is encrypted.
        NvlinkEncryption = 2,
    }
}

numbers! {
    /// `NVML_CC_SYSTEM_TDISP_STATE_*`.
    Tdisp: u32 {
        /// The GPUs are not assigned by TDISP: they speak to the guest through bounce buffers.
        Disabled = 0,
        /// Their interfaces are unlocked.
        NotReady = 1,
        /// Their interfaces reached RUN.
        Ready = 2,
    }
}

numbers! {
    /// `nscq_tnvl_status_t`.
    SwitchMode: i8 {
        /// NSCQ does not know.
        Unknown = -1,
        /// Off.
        Disabled = 0,
        /// On, and not locked yet.
        Enabled = 1,
        /// It failed.
        Failure = 2,
        /// On, and locked until the next reset: what a broker accepts.
        Locked = 3,
    }
}

impl Gpus {
    /// Whether switches are a part of this machine's evidence.
    pub(super) fn has_switches(&self) -> bool {
        self.protected_pcie.present() == Some(&true)
    }

    /// Whether NVML says that the GPUs can give evidence: confidential computing or protected PCIe is on.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        [&self.confidential_computing, &self.protected_pcie].iter().any(|on| on.present() == Some(&true))
    }

    /// Whether evidence of every GPU on the bus can be asked for.
    ///
    /// # Errors
    /// [`GpuError`]: what is in the way, the graver first.
    pub(super) fn check(&self, on_bus: usize) -> Result<(), GpuError> {
        if self.dev_tools.present() == Some(&true) {
            return Err(GpuError::DevTools);
        }
        if self.environment.present() == Some(&Environment::Simulation) {
            return Err(GpuError::Simulation);
        }
        if !self.is_confidential() {
            return Err(GpuError::NotConfidential { reason: self.why_not() });
        }
        let answering = self.devices.len();
        if answering != on_bus {
            return Err(GpuError::Incomplete { on_bus, answering });
        }
        if answering > MAX_GPUS {
            return Err(GpuError::TooMany { found: answering, limit: MAX_GPUS });
        }
        Ok(())
    }

    /// What is in the way of evidence of every GPU on the bus, in words; `None` if nothing is.
    pub(crate) fn obstacle(&self, on_bus: usize) -> Option<String> {
        self.check(on_bus).err().map(|error| error.to_string())
    }

    fn why_not(&self) -> String {
        match &self.confidential_computing {
            Seen::Unreadable { path, reason } => format!("{path}: {reason}"),
            Seen::Present(_) | Seen::Absent => "it is switched off".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpus(confidential: bool, protected: bool, dev_tools: bool, count: u32) -> Gpus {
        let device = |index| GpuDevice {
            index,
            address: Seen::Present(format!("00000000:0{index}:00.0")),
            name: Seen::Present("NVIDIA H100".to_owned()),
            architecture: Seen::Present("Hopper".to_owned()),
            vbios_version: Seen::Present("96.00.9F.00.01".to_owned()),
            pdi: Seen::Present("0123456789abcdef".to_owned()),
        };
        Gpus {
            driver_version: Seen::Present("580.95.05".to_owned()),
            confidential_computing: Seen::Present(confidential),
            protected_pcie: Seen::Present(protected),
            dev_tools: Seen::Present(dev_tools),
            environment: Seen::Present(Environment::Production),
            multi_gpu: Seen::Present(MultiGpu::None),
            tdisp: Seen::Absent,
            switches: Seen::Absent,
            accepting_work: Seen::Present(true),
            devices: (0..count).map(device).collect(),
        }
    }

    #[test]
    fn confidential_gpus_can_give_evidence_and_so_can_those_behind_protected_pcie() {
        assert_eq!(gpus(true, false, false, 1).check(1), Ok(()));
        assert_eq!(gpus(false, true, false, 8).check(8), Ok(()));
    }

    #[test]
    fn devtools_mode_is_refused_before_all_else() {
        assert_eq!(gpus(true, false, true, 1).check(1), Err(GpuError::DevTools));
        assert_eq!(gpus(false, false, true, 0).check(3), Err(GpuError::DevTools));
    }

    #[test]
    fn a_simulation_is_refused_whatever_else_it_says() {
        let mut seen = gpus(true, false, false, 1);
        seen.environment = Seen::Present(Environment::Simulation);
        assert_eq!(seen.check(1), Err(GpuError::Simulation));
        // A library that does not say refuses nothing: the report is what a broker believes.
        for silent in [Seen::Absent, Seen::Present(Environment::Unavailable)] {
            seen.environment = silent;
            assert_eq!(seen.check(1), Ok(()));
        }
    }

    #[test]
    fn numbers_that_nobody_published_stay_numbers() {
        assert_eq!(
            (Environment::from(2), Environment::from(3)),
            (Environment::Production, Environment::Other(3))
        );
        assert_eq!((MultiGpu::from(2), MultiGpu::from(9)), (MultiGpu::NvlinkEncryption, MultiGpu::Other(9)));
        assert_eq!(
            [0, 1, 2, 3].map(Tdisp::from),
            [Tdisp::Disabled, Tdisp::NotReady, Tdisp::Ready, Tdisp::Other(3)]
        );
        assert_eq!(
            serde_json::to_value([Tdisp::NotReady, Tdisp::Other(7)]).unwrap().to_string(),
            r#"["not-ready",{"other":7}]"#
        );
    }

    #[test]
    fn a_gpu_without_confidential_computing_gives_none_and_the_reason_is_nvmls() {
        let mut seen = gpus(false, false, false, 1);
        let refused = seen.check(1);
        assert_eq!(refused, Err(GpuError::NotConfidential { reason: "it is switched off".to_owned() }));
        let (path, reason) = ("nvmlSystemGetConfComputeSettings".to_owned(), "not supported".to_owned());
        seen.confidential_computing = Seen::Unreadable { path, reason };
        let words = "nvmlSystemGetConfComputeSettings: not supported".to_owned();
        assert_eq!(seen.check(1), Err(GpuError::NotConfidential { reason: words }));
    }

    #[test]
    fn every_gpu_on_the_bus_must_answer() {
        let refused = gpus(true, false, false, 3).check(4);
        assert_eq!(refused, Err(GpuError::Incomplete { on_bus: 4, answering: 3 }));
        let refused = gpus(true, false, false, 1).check(0);
        assert_eq!(refused, Err(GpuError::Incomplete { on_bus: 0, answering: 1 }));
    }

    #[test]
    fn no_document_takes_more_than_sixteen() {
        assert_eq!(gpus(true, false, false, 16).check(16), Ok(()));
        let refused = gpus(true, false, false, 17).check(17);
        assert_eq!(refused, Err(GpuError::TooMany { found: 17, limit: 16 }));
    }
}
