//! Thresholds for TPM quotes, class P of rule book B.6.

mod check;

pub(super) use check::check;

use super::{Allowed, event_log};
use hanzo_attestation::tpm::TpmKind;
use hanzo_attestation_evidence::Hex;
use hanzo_attestation_evidence::tpm::{Hash, PCRS};
use serde::Deserialize;

/// Least bytes of a challenge (COL-15, TPM-15).
const MINIMUM_NONCE: usize = 16;
/// Registers of firmware and boot (TCG PC Client Platform Firmware Profile, 3.3.4).
const BOOT: std::ops::RangeInclusive<u8> = 0..=7;

/// What a quote must show. [`Default`] is [`Thresholds::strict`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// TPM-15: least bytes of the quote's extra data.
    pub minimum_nonce: usize,
    /// TPM-18: registers that the quote must cover in the bank on which facts rest, with their values.
    pub required_pcrs: Vec<Pcr>,
    /// TPM-22: banks on which facts may rest; a quote of none of them is refused. SHA-1 cannot be named.
    pub banks: Vec<Bank>,
    /// TPM-24: refuse a clock that may have gone back.
    pub require_safe_clock: bool,
    /// TPM-25: the only boot that is accepted, by reset and restart count.
    pub boot: Option<Boot>,
    /// TPM-26: least clock, in milliseconds: what was last seen of this attestation key.
    pub minimum_clock_ms: Option<u64>,
    /// TPM-27: the only firmware versions that are accepted.
    pub firmware: Option<Vec<Hex<8>>>,
    /// TPM-29: endorsement keys that are refused, by SHA-256 of SubjectPublicKeyInfo.
    pub denied_eks: Vec<Hex<32>>,
    /// TPM-32: the only virtual machines that are accepted; unstated fields match all.
    pub instances: Option<Vec<Instance>>,
    /// TPM-34: accept facts from registers 17 to 22, which a dynamic launch resets.
    pub dynamic_launch: bool,
    /// TPM-35: accept required registers that nothing was measured into.
    pub allow_unextended: bool,
    /// TPM-37: kinds of TPM that are accepted; `"any"` accepts all, the unstated kind among them.
    pub kinds: Allowed<TpmKind>,
    /// What the boot's event log must say.
    pub log: event_log::Thresholds,
}

/// A register that a boot can be judged by: not 16 and 23, which whoever runs the machine can reset (TPM-34).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "u8")]
pub struct Pcr(u8);

/// A number that is no register, or one that can be reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "register {0}: registers are 0 to 23, and 16 and 23 can be reset by whoever runs the machine (TPM-34)"
)]
pub struct PcrError(u8);

impl TryFrom<u8> for Pcr {
    type Error = PcrError;

    fn try_from(index: u8) -> Result<Self, PcrError> {
        if index < PCRS && index != 16 && index != 23 { Ok(Self(index)) } else { Err(PcrError(index)) }
    }
}

/// A bank of SHA-256 or stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bank {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl From<Bank> for Hash {
    fn from(bank: Bank) -> Self {
        match bank {
            Bank::Sha256 => Self::Sha256,
            Bank::Sha384 => Self::Sha384,
            Bank::Sha512 => Self::Sha512,
        }
    }
}

/// One boot. The counts may be obfuscated, so that only equality means anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boot {
    /// TPM resets.
    pub reset_count: u32,
    /// Restarts and resumes since.
    pub restart_count: u32,
}

/// Virtual machines of Google Compute Engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Instance {
    /// Project id.
    pub project_id: Option<String>,
    /// Zone.
    pub zone: Option<String>,
    /// Instance id, in decimal.
    pub instance_id: Option<String>,
}

impl Thresholds {
    /// The rule book's defaults: a challenge of 16 bytes, registers 0 to 7 measured in a strong bank.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            minimum_nonce: MINIMUM_NONCE,
            required_pcrs: BOOT.map(Pcr).collect(),
            banks: vec![Bank::Sha256, Bank::Sha384, Bank::Sha512],
            require_safe_clock: false,
            boot: None,
            minimum_clock_ms: None,
            firmware: None,
            denied_eks: Vec::new(),
            instances: None,
            dynamic_launch: false,
            allow_unextended: false,
            kinds: Allowed::Any,
            log: event_log::Thresholds::strict(),
        }
    }

    /// No rule on the challenge's length, nor on which registers are quoted and whether anything was
    /// measured.
    #[must_use]
    pub fn corpus() -> Self {
        Self {
            minimum_nonce: 0,
            required_pcrs: Vec::new(),
            allow_unextended: true,
            log: event_log::Thresholds::corpus(),
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
