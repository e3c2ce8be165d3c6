//! Typed claims of each platform, and the facts that all platforms share.

mod trace;
mod trustee;

pub use trace::{RULESET, Trace};
pub use trustee::trustee_claims;

use crate::{azure, identity, nvidia, sgx, snp, tdx, tpm};
use hanzo_attestation_evidence::{Digest, Hex, Tee, UnixTime};
use serde::{Serialize, Serializer};

/// The verified claims of one item, in the field's own names.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Claims {
    /// AMD SEV-SNP.
    SevSnp(Box<snp::Claims>),
    /// Intel TDX.
    Tdx(Box<tdx::Claims>),
    /// Intel SGX.
    Sgx(Box<sgx::Claims>),
    /// A TPM 2.0.
    Tpm(Box<tpm::Claims>),
    /// SEV-SNP behind Azure's paravisor.
    AzSnpVtpm(Box<azure::SnpClaims>),
    /// TDX behind Azure's paravisor.
    AzTdxVtpm(Box<azure::TdxClaims>),
    /// NVIDIA devices of one class.
    Nvidia(Box<nvidia::Claims>),
    /// TEE device interfaces of GPUs.
    Tdi(Box<nvidia::tdi::Claims>),
    /// A registered key.
    RegisteredKey(identity::Claims),
}

/// A processor product, as signed data states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Product {
    /// AMD EPYC 7003.
    Milan,
    /// AMD EPYC 9004 and 8004.
    Genoa,
    /// AMD EPYC 9005.
    Turin,
    /// Any Intel processor with TDX: the quote names an FMSPC instead.
    IntelTdx,
    /// Any Intel processor with SGX.
    IntelSgx,
}

impl From<hanzo_attestation_evidence::snp::Product> for Product {
    fn from(product: hanzo_attestation_evidence::snp::Product) -> Self {
        match product {
            hanzo_attestation_evidence::snp::Product::Milan => Self::Milan,
            hanzo_attestation_evidence::snp::Product::Genoa => Self::Genoa,
            hanzo_attestation_evidence::snp::Product::Turin => Self::Turin,
        }
    }
}

/// Whether the guest can be debugged (EAT `dbgstat`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Debug {
    /// The platform says no.
    Disabled,
    /// The platform says yes: its memory is readable from outside.
    Enabled,
}

/// What the vendor's collateral says of the platform's security version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TcbStatus {
    /// The vendor publishes no status for this kind; policy compares the TCB with its floors (SEV-SNP).
    NotRated,
    /// No collateral was given, so that the status is unknown: never acceptable.
    Unknown,
    /// No known weakness.
    UpToDate,
    /// A weakness that software in the TEE must mitigate.
    SwHardeningNeeded,
    /// A weakness that the platform's configuration decides.
    ConfigurationNeeded,
    /// Both of the above.
    ConfigurationAndSwHardeningNeeded,
    /// Below the vendor's current security version.
    OutOfDate,
    /// Below it, and the configuration matters as well.
    OutOfDateConfigurationNeeded,
    /// The TDX module is current, but the TD was launched on an older one.
    TdRelaunchAdvised,
    /// The same, and the configuration matters as well.
    TdRelaunchAdvisedConfigurationNeeded,
    /// Withdrawn by the vendor: no policy accepts it (DCAP-57).
    Revoked,
    /// Below every level that the vendor published: no policy accepts it (DCAP-56, TDX-05).
    NotRecognized,
}

impl TcbStatus {
    /// The word in claims: the vendor's own for what the vendor says.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotRated => "NotRated",
            Self::Unknown => "Unknown",
            Self::UpToDate => "UpToDate",
            Self::SwHardeningNeeded => "SWHardeningNeeded",
            Self::ConfigurationNeeded => "ConfigurationNeeded",
            Self::ConfigurationAndSwHardeningNeeded => "ConfigurationAndSWHardeningNeeded",
            Self::OutOfDate => "OutOfDate",
            Self::OutOfDateConfigurationNeeded => "OutOfDateConfigurationNeeded",
            Self::TdRelaunchAdvised => "TDRelaunchAdvised",
            Self::TdRelaunchAdvisedConfigurationNeeded => "TDRelaunchAdvisedConfigurationNeeded",
            Self::Revoked => "Revoked",
            Self::NotRecognized => "NotRecognized",
        }
    }
}

impl Serialize for TcbStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One document of collateral that a verdict rests on (COL-24).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CollateralUse {
    /// What it is: `amd-crl`, `amd-vek`, `intel-tcb-info`, `intel-qe-identity`, `intel-pck-crl`,
    /// `intel-root-crl` …
    pub kind: &'static str,
    /// SHA-256 of the document as the vendor signed it.
    pub sha256: Hex<32>,
    /// When the vendor issued it.
    pub issued: UnixTime,
    /// When it goes out of date.
    pub expires: UnixTime,
    /// Whether it was used beyond that, within the configured grace (COL-09).
    pub grace_used: bool,
}

/// A digest of what was launched or loaded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Measurement {
    /// What was measured, in the platform's own name: `measurement` (SNP), `mr_td`, `rtmr0` … (TDX),
    /// `mr_enclave` (SGX), `pcr0` … (TPM).
    pub register: &'static str,
    /// The digest: SHA-384 for SNP and TDX, SHA-256 for SGX, the bank's for a TPM.
    pub digest: Digest,
}

/// Facts that every platform states, under one name each. An absent fact is `None`, never a default.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// The kind of evidence.
    pub tee: Tee,
    /// The product, from signed data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<Product>,
    /// Whether the guest can be debugged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug: Option<Debug>,
    /// The launch measurement first, then run-time registers.
    pub measurements: Vec<Measurement>,
    /// Data fixed by the host at launch, hex (SNP HOST_DATA 32 bytes, TDX MRCONFIGID 48 bytes).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_data: Option<String>,
    /// Which chip: SNP chip id, TDX PPID, hex. `None` when the platform hides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chip: Option<String>,
    /// The vendor's word on the security version.
    pub tcb_status: TcbStatus,
    /// Date of the security version, where the vendor rates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcb_date: Option<UnixTime>,
    /// Advisories that the vendor lists for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advisories: Vec<String>,
    /// SHA-256 of the root's certificate (DER) in which the chain ends; `None` where no certificate vouches
    /// for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Hex<32>>,
    /// Documents of collateral that the verdict rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub collateral: Vec<CollateralUse>,
    /// Earliest end of validity of what this verdict rests on: certificates and revocation lists.
    pub not_after: UnixTime,
    /// Whether the chain ends in a lab root.
    pub lab: bool,
}
