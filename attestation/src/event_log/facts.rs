//! What a log that replays says.

use super::authenticity::{is_authenticated, kernel_cmdline};
use super::measured::Measured;
use super::{EventProblem, ImaFacts, Register, ReplayError, firmware, runtime};
use hanzo_attestation_evidence::Digest;
use hanzo_attestation_evidence::event_log::{EventKind, PcrBank, Variable};
use serde::Serialize;

/// Most characters of a description: it is for people, and what policies compare is the digest.
const MAX_DESCRIPTION: usize = 200;

/// The events of a log that replays to the quoted registers.
///
/// There is no value of this type for a log that was not replayed (LOG-14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventFacts {
    /// The bank of every digest here.
    pub bank: PcrBank,
    /// Number of events in quoted registers.
    pub events: usize,
    /// Whether every quoted register that is not at its reset value has events.
    pub complete: bool,
    /// Registers for which that does not hold: what was loaded through them nobody knows (LOG-13).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unexplained: Vec<Register>,
    /// Secure boot, from firmware's own measurements (LOG-18).
    pub secure_boot: SecureBoot,
    /// The kernel's command line as GRUB measured it, when exactly one is there and authenticated. GRUB
    /// hashes commands of its own in the same way, so who can run commands at its prompt can imitate one: a
    /// list of the digests of that register (LOG-19) has no such gap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_cmdline: Option<String>,
    /// Every event but separators and agents' own, in order. The digest is proven; the type and the
    /// description are only when `data_authenticated` is set.
    pub boot_components: Vec<BootComponent>,
    /// Events of agents in the TD's or the VM's own software (LOG-20), authenticated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runtime_events: Vec<RuntimeEvent>,
    /// What weakens these facts; appraisal refuses it by default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<EventProblem>,
    /// The files that the kernel measured, where a list was given and replays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ima: Option<ImaFacts>,
}

/// Whether firmware lets only signed code start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecureBootState {
    /// Proven on: `SecureBoot` is 1, and PK, KEK, db and dbx were measured after it, in order.
    Enabled,
    /// Proven off.
    Disabled,
    /// Neither is proven.
    Unknown,
}

/// Secure boot and its four databases, by the digests of their measurements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecureBoot {
    /// On, off, or not proven.
    pub state: SecureBootState,
    /// Platform key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pk: Option<Digest>,
    /// Key exchange keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kek: Option<Digest>,
    /// Allowed signers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db: Option<Digest>,
    /// Revoked signers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dbx: Option<Digest>,
}

/// One measured thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BootComponent {
    /// The register.
    pub register: Register,
    /// The type, as the log says.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// For people: a text, a variable's name or a file's path from the data, escaped and cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The digest that was extended.
    pub digest: Digest,
    /// Whether the data, and with it the description, is what was hashed.
    pub data_authenticated: bool,
}

/// How an agent's event is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuntimeFormat {
    /// dstack, version 1.
    DstackV1,
    /// dstack, version 2.
    DstackV2,
    /// Confidential Containers' attestation agent: a tagged event `AAEL`.
    Aael,
}

/// An event of an agent, with a digest that covers its name and its payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuntimeEvent {
    /// The register.
    pub register: Register,
    /// How it is hashed.
    pub format: RuntimeFormat,
    /// The name: dstack's, or domain and operation of an `AAEL` event with a blank between.
    pub name: String,
    /// The payload, in lower-case hex.
    pub payload: String,
}

/// Reads the facts of events that replayed.
pub(super) fn read(
    bank: PcrBank,
    events: &[&Measured<'_>],
    unexplained: Vec<Register>,
) -> Result<EventFacts, ReplayError> {
    let mut runtime_events = Vec::new();
    let mut boot = Vec::new();
    for event in events {
        match runtime::read(bank, event)? {
            Some(event) => runtime_events.push(event),
            None => boot.push(*event),
        }
    }
    let mut problems = firmware::separators(bank, &boot);
    let secure_boot = firmware::secure_boot(bank, &boot, &mut problems);
    let kernel_cmdline = command_line(bank, &boot, &mut problems);
    let components = boot.iter().filter(|event| !firmware::is_separator(bank, event));
    Ok(EventFacts {
        bank,
        events: events.len(),
        complete: unexplained.is_empty(),
        unexplained,
        secure_boot,
        kernel_cmdline,
        boot_components: components.filter_map(|event| component(bank, event)).collect(),
        runtime_events,
        problems,
        ima: None,
    })
}

fn component(bank: PcrBank, event: &Measured<'_>) -> Option<BootComponent> {
    Some(BootComponent {
        register: event.register,
        kind: event.kind,
        description: describe(event),
        digest: Digest::try_from(event.digest).ok()?,
        data_authenticated: is_authenticated(bank, event),
    })
}

fn describe(event: &Measured<'_>) -> Option<String> {
    let text = match event.kind {
        EventKind::ACTION | EventKind::EFI_ACTION | EventKind::IPL | EventKind::PLATFORM_CONFIG_FLAGS => {
            String::from_utf8_lossy(event.data.strip_suffix(&[0]).unwrap_or(event.data)).into_owned()
        }
        EventKind::EFI_VARIABLE_DRIVER_CONFIG
        | EventKind::EFI_VARIABLE_BOOT
        | EventKind::EFI_VARIABLE_AUTHORITY => Variable::parse(event.data)?.name,
        // A tag and a length stand before the text.
        EventKind::EVENT_TAG => {
            String::from_utf8_lossy(event.data.get(8..)?).trim_end_matches('\0').to_owned()
        }
        _ => return None,
    };
    Some(text.chars().take(MAX_DESCRIPTION).flat_map(char::escape_debug).collect())
}

/// The kernel's command line: authenticated, and only one (LOG-15, LOG-17).
fn command_line(bank: PcrBank, events: &[&Measured<'_>], problems: &mut Vec<EventProblem>) -> Option<String> {
    let mut found: Option<&[u8]> = None;
    for event in events.iter().filter(|event| event.register.has_command_line()) {
        let Some(line) = kernel_cmdline(event.data) else { continue };
        if !is_authenticated(bank, event) {
            problems.push(EventProblem::DataDigest { register: event.register, kind: event.kind });
            return None;
        }
        if found.is_some_and(|earlier| earlier != line) {
            problems.push(EventProblem::Ambiguous { fact: "the kernel's command line" });
            return None;
        }
        found = Some(line);
    }
    String::from_utf8(found?.to_vec()).ok()
}
