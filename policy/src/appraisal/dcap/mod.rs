//! Thresholds for what all Intel quotes have in common, class P of rule book B.3: the platform, and what
//! Intel's collateral says of its security version.
//!
//! Nothing switches off that a platform below every level (DCAP-56, TDX-05) and one that Intel withdrew
//! (DCAP-57) are refused.

mod check;

pub(super) use check::check;

use super::Allowed;
use hanzo_attestation::TcbStatus;
use hanzo_attestation_evidence::{Hex, UnixTime, encoding};
use serde::Deserialize;

/// Longest serial number in octets (RFC 5280, 4.1.2.2).
const MAX_SERIAL: usize = 20;

/// What the platform under a quote must show. [`Default`] is [`Thresholds::strict`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// DCAP-58: statuses that are accepted. TDX-06: the TDX module's own status must be one of them as well.
    pub statuses: Vec<Status>,
    /// DCAP-62: advisories that are accepted when the status is not `UpToDate`; `"any"` accepts all.
    pub advisories: Allowed<String>,
    /// DCAP-59: floor of the evaluation data number of the TCB info.
    pub tcb_evaluation_floor: Option<u32>,
    /// DCAP-60: floor of the evaluation data number of the QE identity.
    pub qe_evaluation_floor: Option<u32>,
    /// DCAP-63: the oldest date of a level, RFC 3339, that is accepted.
    pub tcb_date_floor: Option<UnixTime>,
    /// DCAP-63: accept `OutOfDate` for so many days after Intel published the level that replaced it.
    pub out_of_date_grace_days: Option<u64>,
    /// DCAP-64: SGX types that are accepted: 0 standard, 1 scalable, 2 scalable with integrity.
    pub sgx_types: Vec<u8>,
    /// DCAP-65: refuse a platform to which packages may be added later, or that does not say.
    pub require_static_platform: bool,
    /// DCAP-66: refuse a platform whose keys Intel's registration service holds, or that does not say.
    pub require_uncached_keys: bool,
    /// DCAP-67: refuse a platform with SMT, or that does not say.
    pub require_smt_off: bool,
    /// DCAP-68: the only platforms that are accepted, by PPID.
    pub ppids: Option<Vec<Hex<16>>>,
    /// DCAP-68: the only platforms that are accepted, by platform instance id. With both lists, both must
    /// hold: a list of one kind is never satisfied by the other.
    pub platform_instances: Option<Vec<Hex<16>>>,
    /// DCAP-69: the only FMSPCs that are accepted.
    pub fmspcs: Option<Vec<Hex<6>>>,
    /// DCAP-31: PCK certificates that are refused whatever Intel's lists say, by serial number.
    pub denied_pck_serials: Vec<PckSerial>,
}

/// Serial number of a PCK certificate: lower-case hex of 1 to 20 octets (RFC 5280, 4.1.2.2), with or without
/// leading zeros.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PckSerial(String);

/// A text that is no serial number: as a list's entry it would deny nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no serial number: lower-case hex of 1 to 20 octets")]
pub struct PckSerialError(String);

impl TryFrom<String> for PckSerial {
    type Error = PckSerialError;

    fn try_from(text: String) -> Result<Self, PckSerialError> {
        Self::parse(&text)
    }
}

impl PckSerial {
    /// Reads a serial number.
    ///
    /// # Errors
    /// [`PckSerialError`].
    pub fn parse(text: &str) -> Result<Self, PckSerialError> {
        let octets = encoding::hex_decode(text).map_err(|_| PckSerialError(text.to_owned()))?;
        // A number that no certificate has is a mistake, not an entry.
        if octets.len() > MAX_SERIAL || octets.iter().all(|octet| *octet == 0) {
            return Err(PckSerialError(text.to_owned()));
        }
        Ok(Self(digits(text).to_owned()))
    }

    fn is(&self, serial: &str) -> bool {
        self.0 == digits(serial)
    }
}

/// The digits that count, so that two writings of one number are equal.
fn digits(serial: &str) -> &str {
    serial.trim_start_matches('0')
}

/// A status that an owner can accept, in Intel's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Status {
    /// No known weakness.
    UpToDate,
    /// A weakness that software in the TEE must mitigate.
    #[serde(rename = "SWHardeningNeeded")]
    SwHardeningNeeded,
    /// A weakness that the platform's configuration decides.
    ConfigurationNeeded,
    /// Both of the above.
    #[serde(rename = "ConfigurationAndSWHardeningNeeded")]
    ConfigurationAndSwHardeningNeeded,
    /// Below Intel's current security version.
    OutOfDate,
    /// Below it, and the configuration matters as well.
    OutOfDateConfigurationNeeded,
    /// TDX-07: the TDX module is current, but the TD was launched on an older one.
    #[serde(rename = "TDRelaunchAdvised")]
    TdRelaunchAdvised,
    /// TDX-07: the same, and the configuration matters as well.
    #[serde(rename = "TDRelaunchAdvisedConfigurationNeeded")]
    TdRelaunchAdvisedConfigurationNeeded,
}

impl Status {
    const fn rated(self) -> TcbStatus {
        match self {
            Self::UpToDate => TcbStatus::UpToDate,
            Self::SwHardeningNeeded => TcbStatus::SwHardeningNeeded,
            Self::ConfigurationNeeded => TcbStatus::ConfigurationNeeded,
            Self::ConfigurationAndSwHardeningNeeded => TcbStatus::ConfigurationAndSwHardeningNeeded,
            Self::OutOfDate => TcbStatus::OutOfDate,
            Self::OutOfDateConfigurationNeeded => TcbStatus::OutOfDateConfigurationNeeded,
            Self::TdRelaunchAdvised => TcbStatus::TdRelaunchAdvised,
            Self::TdRelaunchAdvisedConfigurationNeeded => TcbStatus::TdRelaunchAdvisedConfigurationNeeded,
        }
    }
}

impl Thresholds {
    /// The rule book's defaults: no weakness, or one that software mitigates and whose advisories are
    /// accepted by name.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            statuses: vec![Status::UpToDate, Status::SwHardeningNeeded],
            advisories: Allowed::none(),
            tcb_evaluation_floor: None,
            qe_evaluation_floor: None,
            tcb_date_floor: None,
            out_of_date_grace_days: None,
            sgx_types: vec![0, 1, 2],
            require_static_platform: false,
            require_uncached_keys: false,
            require_smt_off: false,
            ppids: None,
            platform_instances: None,
            fmspcs: None,
            denied_pck_serials: Vec::new(),
        }
    }

    /// Weaknesses that configuration decides as well, and no rule on advisories.
    #[must_use]
    pub fn corpus() -> Self {
        Self {
            statuses: vec![
                Status::UpToDate,
                Status::SwHardeningNeeded,
                Status::ConfigurationNeeded,
                Status::ConfigurationAndSwHardeningNeeded,
            ],
            advisories: Allowed::Any,
            ..Self::strict()
        }
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::strict()
    }
}

#[cfg(test)]
mod tests;
