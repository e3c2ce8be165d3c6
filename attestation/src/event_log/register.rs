//! Names of registers.

use super::{BOOT_PCRS, FIRMWARE_PCRS};
use hanzo_attestation_evidence::Digest;
use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};
use std::fmt;

/// A register that events extend, written `pcr0` … `pcr23` or `rtmr0` … `rtmr3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Register {
    /// A register of a TPM.
    Pcr(u8),
    /// A run-time register of a TD.
    Rtmr(u8),
}

impl Register {
    /// Whether a value is the one that the register has after a reset (PC Client Platform TPM Profile 1.05,
    /// section 4.6.2: PCR 17 to 22 are all ones until a dynamic launch).
    #[must_use]
    pub fn is_reset(self, value: &Digest) -> bool {
        let reset = if matches!(self, Self::Pcr(17..=22)) { 0xFF } else { 0 };
        value.as_bytes().iter().all(|byte| *byte == reset)
    }

    /// Whether firmware and boot loader fill it, so that a boot log must explain it (LOG-13).
    pub(super) fn is_boot(self) -> bool {
        match self {
            Self::Pcr(number) => BOOT_PCRS.contains(&number),
            Self::Rtmr(number) => number < 3,
        }
    }

    /// Whether firmware ends its part with a separator (LOG-16): PCR 0 to 7, and on a TD, where firmware maps
    /// those onto two registers, RTMR0 and RTMR1.
    pub(super) fn has_separator(self) -> bool {
        match self {
            Self::Pcr(number) => FIRMWARE_PCRS.contains(&number),
            Self::Rtmr(number) => number < 2,
        }
    }

    /// Whether the secure boot variables are measured into it: PCR 7, which a TD maps onto RTMR0.
    pub(super) fn has_secure_boot(self) -> bool {
        matches!(self, Self::Pcr(7) | Self::Rtmr(0))
    }

    /// Whether GRUB measures its commands and the kernel's command line into it: PCR 8, a TD's RTMR2.
    pub(super) fn has_command_line(self) -> bool {
        matches!(self, Self::Pcr(8) | Self::Rtmr(2))
    }
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pcr(number) => write!(f, "pcr{number}"),
            Self::Rtmr(number) => write!(f, "rtmr{number}"),
        }
    }
}

impl Serialize for Register {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A name in its one spelling.
impl<'de> Deserialize<'de> for Register {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let all = (0..24).map(Self::Pcr).chain((0..4).map(Self::Rtmr));
        all.into_iter().find(|register| register.to_string() == text).ok_or_else(|| {
            de::Error::custom(format_args!("`{text}` is none of pcr0 to pcr23, rtmr0 to rtmr3"))
        })
    }
}
