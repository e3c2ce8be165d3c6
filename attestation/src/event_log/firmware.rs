//! Facts that only firmware may state: what lies before the separator that ends its part of a register.

use super::authenticity::is_authenticated;
use super::facts::{SecureBoot, SecureBootState};
use super::measured::Measured;
use super::{EventProblem, Register};
use hanzo_attestation_evidence::Digest;
use hanzo_attestation_evidence::event_log::{EventKind, PcrBank, Variable};

/// The data of a separator that ends firmware's part without an error (PC Client Platform Firmware Profile
/// 1.06, section 10.4.1).
const ENDS: [&[u8]; 2] = [&[0; 4], &[0xFF; 4]];

/// Whether an event is a separator that ends firmware's part in good order.
pub(super) fn is_separator(bank: PcrBank, event: &Measured<'_>) -> bool {
    event.kind == EventKind::SEPARATOR && ENDS.contains(&event.data) && is_authenticated(bank, event)
}

/// LOG-16: exactly one separator in each register that firmware fills, and no other kind of one.
pub(super) fn separators(bank: PcrBank, events: &[&Measured<'_>]) -> Vec<EventProblem> {
    let mut registers: Vec<Register> =
        events.iter().map(|event| event.register).filter(|register| register.has_separator()).collect();
    registers.sort_unstable();
    registers.dedup();
    let problem = |register: Register| {
        let separators: Vec<_> = events
            .iter()
            .filter(|event| event.register == register && event.kind == EventKind::SEPARATOR)
            .collect();
        let problem = match separators.as_slice() {
            [] => "no separator ends firmware's part",
            [one] if is_separator(bank, one) => return None,
            [_] => "its separator says that an error ended firmware's part, or is not what was measured",
            _ => "more than one separator",
        };
        Some(EventProblem::Separator { register, problem })
    };
    registers.into_iter().filter_map(problem).collect()
}

/// The secure boot variables, in the order in which firmware measures them (PC Client Platform Firmware
/// Profile 1.06, section 3.3.4.8).
const VARIABLES: [(&str, &str); 5] = [
    ("SecureBoot", "the variable SecureBoot"),
    ("PK", "the variable PK"),
    ("KEK", "the variable KEK"),
    ("db", "the variable db"),
    ("dbx", "the variable dbx"),
];

/// LOG-18: secure boot from authenticated variables before the separator. Anything that does not fit leaves
/// the state unknown, and a reason among the problems where one of LOG-15 to LOG-17 is why.
pub(super) fn secure_boot(
    bank: PcrBank,
    events: &[&Measured<'_>],
    problems: &mut Vec<EventProblem>,
) -> SecureBoot {
    let mut unknown =
        SecureBoot { state: SecureBootState::Unknown, pk: None, kek: None, db: None, dbx: None };
    let own: Vec<&Measured<'_>> =
        events.iter().copied().filter(|event| event.register.has_secure_boot()).collect();
    let Some(end) = own.iter().position(|event| is_separator(bank, event)) else { return unknown };
    let (firmware, later) = own.split_at(end);
    if let Some(event) = later.iter().find(|event| variable(event).is_some()) {
        let problem = "a secure boot variable after the separator";
        problems.push(EventProblem::Separator { register: event.register, problem });
        return unknown;
    }
    let Some(variables) = variables(bank, firmware, problems) else { return unknown };
    let digest = |position: usize| {
        variables
            .iter()
            .find(|(found, ..)| *found == position)
            .and_then(|(_, event, _)| Digest::try_from(event.digest).ok())
    };
    unknown.pk = digest(1);
    unknown.kek = digest(2);
    unknown.db = digest(3);
    unknown.dbx = digest(4);
    let in_order = variables.iter().map(|(position, ..)| *position).eq(0..VARIABLES.len());
    let state = match variables.first() {
        Some((0, _, [1])) if in_order => SecureBootState::Enabled,
        Some((0, _, [0])) => SecureBootState::Disabled,
        _ => SecureBootState::Unknown,
    };
    SecureBoot { state, ..unknown }
}

/// The variables found, as position in [`VARIABLES`], event, and value; each once. `None` when one is not
/// authenticated, or one is stated twice differently.
fn variables<'l, 'a>(
    bank: PcrBank,
    events: &[&'l Measured<'a>],
    problems: &mut Vec<EventProblem>,
) -> Option<Vec<(usize, &'l Measured<'a>, &'a [u8])>> {
    let mut found: Vec<(usize, &Measured<'_>, &[u8])> = Vec::new();
    for event in events {
        let Some((position, value)) = variable(event) else { continue };
        if !is_authenticated(bank, event) {
            problems.push(EventProblem::DataDigest { register: event.register, kind: event.kind });
            return None;
        }
        match found.iter().find(|(earlier, ..)| *earlier == position) {
            Some((.., earlier)) if *earlier == value => {}
            Some(_) => {
                let fact = VARIABLES.get(position).map_or("a variable", |(_, fact)| fact);
                problems.push(EventProblem::Ambiguous { fact });
                return None;
            }
            None => found.push((position, event, value)),
        }
    }
    Some(found)
}

/// Position in [`VARIABLES`] and value of a secure boot variable that a driver configuration event states.
fn variable<'a>(event: &Measured<'a>) -> Option<(usize, &'a [u8])> {
    if event.kind != EventKind::EFI_VARIABLE_DRIVER_CONFIG {
        return None;
    }
    let variable = Variable::parse(event.data)?;
    let position = VARIABLES.iter().position(|(name, _)| match *name {
        "db" | "dbx" => variable.is_database(name),
        _ => variable.is_global(name),
    })?;
    Some((position, variable.value))
}
