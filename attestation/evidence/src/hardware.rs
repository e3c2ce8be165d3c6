//! Names of hardware, as certificates state them. A name proves nothing by itself: what was verified carries
//! it.

use crate::bytes::{Digest, Hex};
use crate::document::Tee;
use crate::encoding;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest text of a name: a kind, 64 bytes and a root as hex, and two marks between them.
pub const MAX_HARDWARE_NAME: usize = 256;

/// One NVIDIA device, GPU or switch: its Per-Device Identifier, and the root below which that is certified.
/// As a text `PDI@ROOT`, lower-case hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceId {
    /// SHA-256 of the root's certificate, DER.
    pub root: Hex<32>,
    /// The identifier, from the serial number of the device's own authority.
    pub pdi: Hex<8>,
}

/// One machine, by its processor or its TPM. As a text `KIND:ID@ROOT`, or `KIND:ID` where no root certifies
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineId {
    /// What names it: `sev-snp`, `tdx`, `sgx` or `tpm`.
    pub tee: Tee,
    /// SHA-256 of the root's certificate, DER; `None` for a TPM's endorsement key, which names itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Hex<32>>,
    /// CHIP_ID, platform instance id or PPID, or SHA-256 of the endorsement key.
    pub id: Digest,
}

/// A text that names no hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HardwareNameError {
    /// Longer than any name.
    #[error("at most {MAX_HARDWARE_NAME} bytes name hardware")]
    TooLong,
    /// Not `PDI@ROOT`.
    #[error("a device is named PDI@ROOT: 16 and 64 lower-case hex digits")]
    Device,
    /// Not `KIND:ID@ROOT`.
    #[error("a machine is named KIND:ID@ROOT, e.g. sev-snp:0123…@9f056c…, in lower-case hex")]
    Machine,
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.pdi, self.root)
    }
}

impl FromStr for DeviceId {
    type Err = HardwareNameError;

    fn from_str(text: &str) -> Result<Self, HardwareNameError> {
        let text = bounded(text)?;
        let (pdi, root) = text.split_once('@').ok_or(HardwareNameError::Device)?;
        let pdi = encoding::hex_array(pdi).map_err(|_| HardwareNameError::Device)?;
        let root = encoding::hex_array(root).map_err(|_| HardwareNameError::Device)?;
        Ok(Self { root: Hex(root), pdi: Hex(pdi) })
    }
}

impl fmt::Display for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.tee, self.id)?;
        self.root.map_or(Ok(()), |root| write!(f, "@{root}"))
    }
}

impl FromStr for MachineId {
    type Err = HardwareNameError;

    fn from_str(text: &str) -> Result<Self, HardwareNameError> {
        let wrong = HardwareNameError::Machine;
        let (kind, rest) = bounded(text)?.split_once(':').ok_or(wrong)?;
        let kinds = [Tee::SevSnp, Tee::Tdx, Tee::Sgx, Tee::Tpm];
        let tee = kinds.into_iter().find(|tee| tee.name() == kind).ok_or(wrong)?;
        let (id, root) = match rest.split_once('@') {
            Some((id, root)) => (id, Some(Hex(encoding::hex_array(root).map_err(|_| wrong)?))),
            None => (rest, None),
        };
        let id = encoding::hex_decode(id).map_err(|_| wrong)?;
        Ok(Self { tee, root, id: Digest::try_from(id.as_slice()).map_err(|_| wrong)? })
    }
}

fn bounded(text: &str) -> Result<&str, HardwareNameError> {
    if text.len() > MAX_HARDWARE_NAME { Err(HardwareNameError::TooLong) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let device = DeviceId { root: Hex([0x9f; 32]), pdi: Hex(*b"lab-gpu0") };
        assert_eq!(device.to_string().parse(), Ok(device));
        for root in [Some(Hex([7; 32])), None] {
            let machine = MachineId { tee: Tee::SevSnp, root, id: Hex([5; 64]).into() };
            assert_eq!(machine.to_string().parse(), Ok(machine));
            assert!(machine.to_string().len() <= MAX_HARDWARE_NAME);
            let json = serde_json::to_string(&machine).unwrap();
            assert_eq!(serde_json::from_str::<MachineId>(&json).unwrap(), machine);
        }
    }

    #[test]
    fn what_names_no_hardware_is_refused() {
        let (pdi, root) = ("41".repeat(8), "9f".repeat(32));
        for text in ["", "@", &pdi, &root, &format!("{root}@{pdi}"), &format!("{pdi}@{root}@"), "4A@00"] {
            assert_eq!(text.parse::<DeviceId>(), Err(HardwareNameError::Device), "{text}");
        }
        for text in ["", ":", "sev-snp:", "sev-snp:@", "gpu:00", "sev-snp:0", "sev-snp:00@00", "SEV-SNP:00"] {
            assert_eq!(text.parse::<MachineId>(), Err(HardwareNameError::Machine), "{text}");
        }
        let long = "0".repeat(MAX_HARDWARE_NAME + 1);
        assert_eq!(long.parse::<DeviceId>(), Err(HardwareNameError::TooLong));
        assert_eq!(long.parse::<MachineId>(), Err(HardwareNameError::TooLong));
    }
}
