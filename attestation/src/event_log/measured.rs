//! One shape for the extended events of every format.

use super::Register;
use hanzo_attestation_evidence::event_log::dstack::{DstackEvent, DstackVersion};
use hanzo_attestation_evidence::event_log::{Event, EventKind, Log, PcrBank};

/// An event that extends a register, seen in one bank.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured<'a> {
    pub(super) register: Register,
    pub(super) kind: EventKind,
    pub(super) digest: &'a [u8],
    pub(super) data: &'a [u8],
    /// Name and way of hashing of an event that dstack's JSON log states apart from its payload.
    pub(super) named: Option<(&'a str, DstackVersion)>,
}

impl<'a> Measured<'a> {
    pub(super) fn from_dstack(event: &'a DstackEvent) -> Self {
        Self {
            register: Register::Rtmr(event.rtmr),
            kind: event.kind,
            digest: &event.digest.0,
            data: &event.payload,
            named: (event.kind == EventKind::DSTACK_RUNTIME).then_some((&event.name, event.version)),
        }
    }

    fn from_record(register: Register, event: &Event<'a>, bank: PcrBank) -> Option<Self> {
        let digest = event.digest(bank)?;
        Some(Self { register, kind: event.kind, digest, data: event.data, named: None })
    }
}

/// The extended events of a TD's log: index 1 to 4 is RTMR0 to RTMR3 (LOG-08).
pub(super) fn of_td<'a>(log: &Log<'a>) -> Vec<Measured<'a>> {
    extended(log)
        .filter_map(|event| {
            let number = u8::try_from(event.index.checked_sub(1)?).ok()?;
            Measured::from_record(Register::Rtmr(number), event, PcrBank::Sha384)
        })
        .collect()
}

/// The extended events of a TPM's log, in one bank.
pub(super) fn of_tpm<'a>(log: &Log<'a>, bank: PcrBank) -> Vec<Measured<'a>> {
    extended(log)
        .filter_map(|event| {
            let number = u8::try_from(event.index).ok()?;
            Measured::from_record(Register::Pcr(number), event, bank)
        })
        .collect()
}

fn extended<'l, 'a>(log: &'l Log<'a>) -> impl Iterator<Item = &'l Event<'a>> {
    log.events().iter().filter(|event| event.kind != EventKind::NO_ACTION)
}
