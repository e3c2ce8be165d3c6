//! Replay: `R = H(R || digest)`, from the reset value on (TPM 2.0 Part 1, section 17.2).

use super::measured::Measured;
use super::{Register, ReplayError};
use aws_lc_rs::digest;
use hanzo_attestation_evidence::Digest;
use hanzo_attestation_evidence::event_log::{EventKind, Log, PcrBank};
use std::collections::BTreeMap;

/// Signature of the event that says at which locality the TPM was started (PC Client Platform Firmware
/// Profile 1.06, section 10.4.5.3).
const STARTUP_LOCALITY: &[u8; 16] = b"StartupLocality\0";

/// A register while it is replayed.
#[derive(Clone)]
pub(super) struct Value {
    algorithm: &'static digest::Algorithm,
    bytes: [u8; Digest::MAX],
    size: usize,
}

impl Value {
    /// Zeros; `None` for a bank that is not replayed.
    pub(super) fn zero(bank: PcrBank) -> Option<Self> {
        Some(Self { algorithm: algorithm(bank)?, bytes: [0; Digest::MAX], size: bank.size() })
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.size).unwrap_or_default()
    }

    /// Sets the last byte: how a locality shows.
    fn set_last(&mut self, byte: u8) {
        if let Some(last) = self.bytes.get_mut(..self.size).and_then(<[u8]>::last_mut) {
            *last = byte;
        }
    }

    pub(super) fn extend(&mut self, digest: &[u8]) {
        let mut hash = digest::Context::new(self.algorithm);
        hash.update(self.as_bytes());
        hash.update(digest);
        let hash = hash.finish();
        self.bytes.iter_mut().zip(hash.as_ref()).for_each(|(byte, hashed)| *byte = *hashed);
    }
}

/// The hash of a bank; `None` for SM3.
pub(super) fn algorithm(bank: PcrBank) -> Option<&'static digest::Algorithm> {
    match bank {
        PcrBank::Sha1 => Some(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        PcrBank::Sha256 => Some(&digest::SHA256),
        PcrBank::Sha384 => Some(&digest::SHA384),
        PcrBank::Sha512 => Some(&digest::SHA512),
        PcrBank::Sm3 => None,
    }
}

/// Whether the hash of these bytes, one after the other, is the digest.
pub(super) fn is_hash<'a>(bank: PcrBank, parts: impl IntoIterator<Item = &'a [u8]>, digest: &[u8]) -> bool {
    let Some(algorithm) = algorithm(bank) else { return false };
    let mut hash = digest::Context::new(algorithm);
    parts.into_iter().for_each(|part| hash.update(part));
    hash.finish().as_ref() == digest
}

/// LOG-12: every quoted register that has an event has the value to which its events lead.
pub(super) fn check(
    bank: PcrBank,
    events: &[Measured<'_>],
    locality: Option<u8>,
    quoted: &BTreeMap<Register, Digest>,
) -> Result<(), ReplayError> {
    let mut values: BTreeMap<Register, Value> = BTreeMap::new();
    for event in events.iter().filter(|event| quoted.contains_key(&event.register)) {
        let register = event.register;
        let start = || start(bank, register, locality).ok_or(ReplayError::Mismatch { register, bank });
        let value = match values.entry(register) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert(start()?),
        };
        value.extend(event.digest);
    }
    for (register, value) in values {
        let expected = quoted.get(&register).map(Digest::as_bytes);
        if expected != Some(value.as_bytes()) {
            return Err(ReplayError::Mismatch { register, bank });
        }
    }
    Ok(())
}

/// The value with which a register starts. Registers that start with ones do so only until a dynamic launch,
/// whose events no firmware log has: they are replayed from ones.
fn start(bank: PcrBank, register: Register, locality: Option<u8>) -> Option<Value> {
    let mut value = Value::zero(bank)?;
    match (register, locality) {
        (Register::Pcr(0), Some(locality)) => value.set_last(locality),
        (Register::Pcr(17..=22), _) => value.bytes = [0xFF; Digest::MAX],
        _ => {}
    }
    Some(value)
}

/// LOG-10: what is never extended has digests of zeros.
pub(super) fn check_no_action(log: &Log<'_>) -> Result<(), ReplayError> {
    let lies = |event: &&hanzo_attestation_evidence::event_log::Event<'_>| {
        event.kind == EventKind::NO_ACTION
            && event.digests().any(|(_, digest)| digest.iter().any(|byte| *byte != 0))
    };
    match log.events().iter().position(|event| lies(&event)) {
        // The header is record 0.
        Some(position) => Err(ReplayError::NoActionExtended { record: position + 1 }),
        None => Ok(()),
    }
}

/// LOG-11: the locality at which the TPM was started, which is the last byte of PCR 0's first value.
pub(super) fn startup_locality(log: &Log<'_>) -> Result<Option<u8>, ReplayError> {
    let mut found = None;
    let mut extended = false;
    for event in log.events() {
        if event.kind != EventKind::NO_ACTION {
            extended |= event.index == 0;
            continue;
        }
        let Some(rest) = event.data.strip_prefix(STARTUP_LOCALITY) else { continue };
        if event.index != 0 {
            return Err(ReplayError::StartupLocality("it is stated for another register than PCR 0"));
        }
        if extended {
            return Err(ReplayError::StartupLocality("it is stated after PCR 0 was extended"));
        }
        if found.is_some() {
            return Err(ReplayError::StartupLocality("it is stated twice"));
        }
        match rest {
            [locality @ (0 | 3 | 4)] => found = Some(*locality),
            _ => return Err(ReplayError::StartupLocality("it is not 0, 3 or 4")),
        }
    }
    Ok(found)
}
