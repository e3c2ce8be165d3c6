//! Kinds of documents, by the names in the rule book.

use hanzo_attestation_evidence::nvidia::MAX_OCSP;
use hanzo_attestation_evidence::nvidia::rim::MAX_RIM;
use hanzo_attestation_evidence::x509::{MAX_CERTIFICATE, MAX_CERTIFICATES, MAX_CRL};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Largest TCB info, QE identity, reference values or policy (rule book B.0: "TCB info / QE identity 1 MiB").
const MAX_JSON: usize = 1 << 20;

/// What an entry of a bundle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// AMD revocation list, DER. Key: `milan/vcek`.
    AmdCrl,
    /// Certificate of one chip's endorsement key, DER. Key: `milan/HWID/TCB`.
    AmdVek,
    /// AMD's intermediate and root, PEM, as its service sends them. Key: `milan/vcek`.
    AmdChain,
    /// TCB info with its signature, JSON, as Intel's service sends it. Key: `tdx/FMSPC`.
    IntelTcbInfo,
    /// Identity of the quoting enclave, JSON, likewise. Key: `tdx` or `sgx`.
    IntelQeIdentity,
    /// Revocation list of a PCK CA, DER. Key: `platform` or `processor`.
    IntelPckCrl,
    /// Revocation list of Intel's root, DER. Key: `root`.
    IntelRootCrl,
    /// PCK certificate of one platform, PEM chain. Key: `QEID/PCEID/CPUSVN/PCESVN`.
    IntelPck,
    /// Issuer chain from a response's header, PEM. Key: what it is for: `tcb-info`, `qe-identity`,
    /// `pck-crl/platform`; or more exactly, `tcb-info/tdx/FMSPC`.
    IntelChain,
    /// Reference integrity manifest of an NVIDIA device, XML. Key: product, version and SHA-256, so that
    /// issues of one id are kept apart: `GH100/550.144.03/SHA256`.
    NvidiaRim,
    /// OCSP response about certificates of NVIDIA devices or manifests, DER. Key: its SHA-256.
    NvidiaOcsp,
    /// Revocation list of an authority over NVIDIA devices or manifests, DER. Key: the identifier of the key
    /// that signed it, hex.
    NvidiaCrl,
    /// Root of a manufacturer's or a cloud's TPM keys, DER. Key: its SHA-256.
    TpmRoot,
    /// Reference values of an Azure paravisor, JSON. Key: product and release.
    AzParavisorRef,
    /// Reference values, JSON, as `kbsctl reference put --file` reads them. Key: the set's name.
    ReferenceValues,
    /// A policy, Cedar. Key: its name.
    Policy,
    /// Further deny lists, JSON. Key: a name.
    DenyList,
    /// Further floors, JSON. Key: a name.
    EdnFloors,
}

impl Kind {
    /// The name in a manifest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AmdCrl => "amd-crl",
            Self::AmdVek => "amd-vek",
            Self::AmdChain => "amd-chain",
            Self::IntelTcbInfo => "intel-tcb-info",
            Self::IntelQeIdentity => "intel-qe-identity",
            Self::IntelPckCrl => "intel-pck-crl",
            Self::IntelRootCrl => "intel-root-crl",
            Self::IntelPck => "intel-pck",
            Self::IntelChain => "intel-chain",
            Self::NvidiaRim => "nvidia-rim",
            Self::NvidiaOcsp => "nvidia-ocsp",
            Self::NvidiaCrl => "nvidia-crl",
            Self::TpmRoot => "tpm-root",
            Self::AzParavisorRef => "az-paravisor-ref",
            Self::ReferenceValues => "reference-values",
            Self::Policy => "policy",
            Self::DenyList => "deny-list",
            Self::EdnFloors => "edn-floors",
        }
    }

    /// Largest document of this kind in bytes (rule book B.0).
    #[must_use]
    pub const fn limit(self) -> usize {
        match self {
            Self::AmdCrl | Self::IntelPckCrl | Self::IntelRootCrl | Self::NvidiaCrl => MAX_CRL,
            Self::AmdVek | Self::TpmRoot => MAX_CERTIFICATE,
            Self::NvidiaRim => MAX_RIM,
            Self::NvidiaOcsp => MAX_OCSP,
            // PEM needs four characters for three bytes, and line ends: twice the size is enough.
            Self::AmdChain | Self::IntelPck | Self::IntelChain => 2 * MAX_CERTIFICATE * MAX_CERTIFICATES,
            Self::IntelTcbInfo
            | Self::IntelQeIdentity
            | Self::AzParavisorRef
            | Self::ReferenceValues
            | Self::Policy
            | Self::DenyList
            | Self::EdnFloors => MAX_JSON,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
