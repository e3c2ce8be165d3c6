//! Why there is no evidence of the GPUs.

/// One reason. None of them carries evidence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    /// NVML cannot be loaded, or finds no driver.
    #[error("NVML is not there: {reason}")]
    Library {
        /// Its words.
        reason: String,
    },
    /// One question to NVML failed.
    #[error("{function}: {reason}")]
    Nvml {
        /// The function of NVML.
        function: &'static str,
        /// Its words.
        reason: String,
    },
    /// Confidential computing is off, or NVML does not say that it is on.
    #[error("the GPUs are not in confidential-computing mode: {reason}")]
    NotConfidential {
        /// What NVML said.
        reason: String,
    },
    /// Developer tools can look into the GPUs: no evidence of them is asked for.
    #[error("the GPUs are in devtools mode, which lets a debugger in: their evidence proves nothing")]
    DevTools,
    /// The driver says that nothing here is protected.
    #[error("the GPUs are in a simulated confidential environment: their evidence proves nothing")]
    Simulation,
    /// The PCI bus has other GPUs than NVML: evidence of some would look like evidence of all.
    #[error("the PCI bus has {on_bus} NVIDIA GPUs, and NVML answers for {answering}")]
    Incomplete {
        /// GPUs on the bus.
        on_bus: usize,
        /// GPUs that NVML counts.
        answering: usize,
    },
    /// There are more GPUs than one document may carry.
    #[error("{found} GPUs are more than the {limit} of one document")]
    TooMany {
        /// GPUs found.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// A report does not carry the nonce that was asked for.
    #[error("the report of {device} does not carry the nonce that was asked for")]
    Nonce {
        /// Which device: `GPU 0`, or `switch` and NSCQ's label.
        device: String,
    },
    /// A certificate chain is no text.
    #[error("the certificate chain of {device} is no PEM text")]
    CertificateText {
        /// Which device.
        device: String,
    },
    /// Protected PCIe is on, and NSCQ cannot be loaded, or opens no session with the switches.
    #[error("protected PCIe needs evidence of the NVSwitches, and NSCQ is not there: {reason}")]
    SwitchLibrary {
        /// Its words.
        reason: String,
    },
    /// One question to NSCQ failed.
    #[error("{function}: {reason}")]
    Nscq {
        /// The function of NSCQ.
        function: &'static str,
        /// Its words.
        reason: String,
    },
    /// Protected PCIe is on, and NSCQ knows no switch.
    #[error("protected PCIe is on, and NSCQ knows no NVSwitch")]
    NoSwitch,
}
