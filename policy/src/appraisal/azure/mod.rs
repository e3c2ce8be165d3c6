//! Thresholds for Azure's confidential virtual machines, class P of rule book B.8. What is inside, the
//! processor's report or the TD's quote, is held to the thresholds of its own kind (AZ-16); the ones that the
//! paravisor settles are named at [`Thresholds::paravisors`].

mod check;

pub(super) use check::{check_snp, check_tdx};

use super::Allowed;
use hanzo_attestation_evidence::{Digest, Hex};
use serde::Deserialize;

/// Shortest challenge in bytes (TPM-15: "default 16").
const MINIMUM_NONCE: usize = 16;

/// What a virtual machine on Azure must show. [`Default`] is [`Thresholds::strict`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// AZ-18: the paravisors that are accepted; `"any"` asks none. A listed one settles SNP-63 for its ID
    /// key, and TDX-12: a TD of it may take #VE (AZ-31).
    pub paravisors: Allowed<Paravisor>,
    /// AZ-22, TPM-15: shortest challenge in the vTPM's quote, in bytes.
    pub minimum_nonce: usize,
    /// AZ-26: demand that the paravisor states secure boot.
    pub require_secure_boot: bool,
    /// AZ-27: demand that the paravisor states that no serial console reaches the guest.
    pub require_console_disabled: bool,
    /// AZ-28: demand that the paravisor states that the vTPM keeps its state.
    pub require_persistent_tpm: bool,
    /// AZ-29: the only machines that are accepted, by vmUniqueId, in the paravisor's spelling.
    pub vms: Option<Vec<String>>,
    /// AZ-30: digests of initialisation data, one of which register 8 must hold, and nothing else.
    pub init_data: Option<Vec<Digest>>,
}

/// One paravisor, by what the processor measured of it. All that an entry states must hold (COL-25).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "`measurement` or `id_key_digest` with `guest_svn_floor`, or `mr_td` and `mr_seam`"
)]
pub enum Paravisor {
    /// SEV-SNP, by MEASUREMENT.
    Measurement(SnpMeasurement),
    /// SEV-SNP, by the key that signed its ID block.
    IdKey(SnpIdKey),
    /// TDX.
    Td(Td),
}

/// A paravisor of SEV-SNP machines, by its measurement.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnpMeasurement {
    /// MEASUREMENT.
    pub measurement: Hex<48>,
    /// Lowest GUEST_SVN.
    pub guest_svn_floor: u32,
}

/// Paravisors of SEV-SNP machines, by the key that signed their ID blocks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnpIdKey {
    /// ID_KEY_DIGEST.
    pub id_key_digest: Hex<48>,
    /// Lowest GUEST_SVN.
    pub guest_svn_floor: u32,
}

/// A paravisor of TDX machines.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Td {
    /// MRTD.
    pub mr_td: Hex<48>,
    /// MRSEAM, where only that module is accepted below it.
    #[serde(default)]
    pub mr_seam: Option<Hex<48>>,
}

impl Thresholds {
    /// The rule book's defaults: no paravisor is known until it is listed.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            paravisors: Allowed::none(),
            minimum_nonce: MINIMUM_NONCE,
            require_secure_boot: false,
            require_console_disabled: false,
            require_persistent_tpm: false,
            vms: None,
            init_data: None,
        }
    }

    /// Any paravisor and any challenge.
    #[must_use]
    pub fn corpus() -> Self {
        Self { paravisors: Allowed::Any, minimum_nonce: 0, ..Self::strict() }
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::strict()
    }
}

#[cfg(test)]
mod tests;
