//! Event logs against the registers that hardware signed: replay first, and only then anything that a log
//! says.
//!
//! A register starts at its reset value and becomes `H(register || digest)` with each event, so a log that
//! replays to a quoted value has exactly the digests that were extended, in their order (LOG-12). That is all
//! that replay proves. Types, texts and data beside a digest are the writer's words, except where the data is
//! what was hashed (LOG-15): [`EventFacts`] says for each event which of the two it is, and facts for
//! policies come from authenticated data alone.
//!
//! What refuses here is class H of rule book B.7. What only weakens the facts is listed among
//! [`EventFacts::problems`], for appraisal to judge.

mod authenticity;
mod error;
mod facts;
mod firmware;
mod ima;
mod measured;
mod register;
mod replay;
mod runtime;

pub use error::{EventProblem, ReplayError};
pub use facts::{BootComponent, EventFacts, RuntimeEvent, RuntimeFormat, SecureBoot, SecureBootState};
pub use ima::{BootAggregate, ImaFacts, ImaFile, ima};
pub use register::Register;

use hanzo_attestation_evidence::event_log::{EventLogError, Log, PcrBank, dstack};
use hanzo_attestation_evidence::{Digest, Hex};
use measured::Measured;
use std::collections::BTreeMap;

/// Registers of a TPM as a quote proves them: by bank and number.
pub type Quoted = BTreeMap<(PcrBank, u8), Digest>;

/// Registers that firmware fills, and ends with a separator (LOG-16).
const FIRMWARE_PCRS: std::ops::RangeInclusive<u8> = 0..=7;
/// Registers that firmware and boot loader fill, and that a boot log therefore must explain (LOG-13). Kernels
/// take the same for the hash that ties their list to a boot.
const BOOT_PCRS: std::ops::RangeInclusive<u8> = 0..=9;

/// Replays the log of a TD, a CCEL or dstack's JSON form of one, to its four registers.
///
/// # Errors
/// [`ReplayError`]: a log that is malformed, does not replay (LOG-12), leaves a boot register unexplained
/// (LOG-13), or has an event in RTMR3 that is of no known format (LOG-20).
pub fn ccel(bytes: &[u8], rtmrs: &[Hex<48>; 4]) -> Result<EventFacts, ReplayError> {
    let quoted: BTreeMap<Register, Digest> =
        (0..).zip(rtmrs).map(|(number, value)| (Register::Rtmr(number), (*value).into())).collect();
    if dstack::is_dstack(bytes) {
        let log = dstack::parse(bytes)?;
        let events: Vec<Measured<'_>> = log.iter().map(Measured::from_dstack).collect();
        return judge(PcrBank::Sha384, &events, None, &quoted);
    }
    let log = Log::ccel(bytes)?;
    replay::check_no_action(&log)?;
    judge(PcrBank::Sha384, &measured::of_td(&log), None, &quoted)
}

/// Replays the log of a TPM to the registers of a quote, in every bank that is quoted. Facts come from the
/// strongest of them; registers that are not quoted in it give none.
///
/// # Errors
/// [`ReplayError`]: a log that is malformed, lacks a quoted bank (LOG-04), does not replay in one (LOG-12),
/// or leaves a boot register unexplained (LOG-13).
pub fn tcg2(bytes: &[u8], quoted: &Quoted) -> Result<EventFacts, ReplayError> {
    let log = Log::tcg2(bytes)?;
    replay::check_no_action(&log)?;
    let locality = replay::startup_locality(&log)?;
    let mut banks: Vec<PcrBank> = quoted.keys().map(|(bank, _)| *bank).collect();
    banks.dedup();
    // SHA-512 is the last of the map's order that can be replayed, SHA-1 the first.
    let mut facts = None;
    for bank in banks {
        if !log.banks().contains(&bank) {
            return Err(ReplayError::BankMissing { bank });
        }
        let registers = quoted
            .iter()
            .filter(|((found, _), _)| *found == bank)
            .map(|((_, number), value)| (Register::Pcr(*number), *value))
            .collect();
        facts = Some(judge(bank, &measured::of_tpm(&log, bank), locality, &registers)?);
    }
    facts.ok_or(ReplayError::NothingQuoted)
}

/// Replays, and reads the facts of what replayed (LOG-14): nothing is read before.
fn judge(
    bank: PcrBank,
    events: &[Measured<'_>],
    locality: Option<u8>,
    quoted: &BTreeMap<Register, Digest>,
) -> Result<EventFacts, ReplayError> {
    replay::check(bank, events, locality, quoted)?;
    let logged = |register: &Register| events.iter().any(|event| event.register == *register);
    let unexplained: Vec<Register> = quoted
        .iter()
        .filter(|(register, value)| !register.is_reset(value) && !logged(register))
        .map(|(register, _)| *register)
        .collect();
    if let Some(register) = unexplained.iter().find(|register| register.is_boot()) {
        return Err(ReplayError::Incomplete { register: *register });
    }
    let proven: Vec<&Measured<'_>> =
        events.iter().filter(|event| quoted.contains_key(&event.register)).collect();
    facts::read(bank, &proven, unexplained)
}

impl From<EventLogError> for ReplayError {
    fn from(error: EventLogError) -> Self {
        Self::Log(error)
    }
}
