//! Interfaces beside the GPUs and the event log of one document.

use super::Thresholds;
use hanzo_attestation::event_log::{Register, RuntimeEvent};
use hanzo_attestation::nvidia::tdi::{self, accepted};
use hanzo_attestation::{Claims, nvidia};
use hanzo_attestation_evidence::encoding::hex_decode;
use hanzo_attestation_evidence::nvidia::{Architecture, Class};
use hanzo_attestation_evidence::tdi::{ACCEPT, Accepted, TdiState, is_ours};
use hanzo_attestation_evidence::{Finding, Hex, Rule, Severity, Tee};
use std::collections::BTreeSet;

const DUPLICATE: Rule = Rule::new("TDI-20", "TdiDuplicate");
const UNKNOWN_DEVICE: Rule = Rule::new("TDI-21", "TdiUnknownDevice");
const ARCHITECTURE: Rule = Rule::new("TDI-22", "TdiArchitecture");
const NOT_LOCKED: Rule = Rule::new("TDI-23", "TdiNotLocked");
const DIGEST: Rule = Rule::new("TDI-24", "TdiDigestMismatch");
const OTHER_DEVICE: Rule = Rule::new("TDI-25", "TdiLogOtherDevice");
const TWICE: Rule = Rule::new("TDI-26", "TdiEventTwice");
const EVENT: Rule = Rule::new("TDI-27", "TdiEventMalformed");
const NOT_PROVEN: Rule = Rule::new("TDI-30", "TeeIoNotProven");

/// What of a document TEE-I/O concerns.
#[derive(Clone, Copy, Default)]
pub(crate) struct Parts<'a> {
    cpu: Option<(Tee, &'a Claims)>,
    gpus: &'a [nvidia::DeviceClaims],
    interfaces: &'a [tdi::DeviceClaims],
}

/// What was found.
#[derive(Default)]
struct Judged {
    refusals: Vec<(Rule, String)>,
    /// What tier 4 lacks.
    missing: Vec<String>,
}

impl<'a> Parts<'a> {
    /// A document has at most one item of each kind.
    pub(crate) fn of(claims: impl Iterator<Item = &'a Claims>) -> Self {
        let mut parts = Self::default();
        for claims in claims {
            match claims {
                Claims::Nvidia(item) if item.class == Class::Gpu => parts.gpus = &item.devices,
                Claims::Tdi(item) => parts.interfaces = &item.devices,
                Claims::SevSnp(_) => parts.cpu = Some((Tee::SevSnp, claims)),
                Claims::Tdx(_) => parts.cpu = Some((Tee::Tdx, claims)),
                Claims::Sgx(_) => parts.cpu = Some((Tee::Sgx, claims)),
                Claims::AzSnpVtpm(_) => parts.cpu = Some((Tee::AzSnpVtpm, claims)),
                Claims::AzTdxVtpm(_) => parts.cpu = Some((Tee::AzTdxVtpm, claims)),
                Claims::Nvidia(_) | Claims::Tpm(_) | Claims::RegisteredKey(_) => {}
            }
        }
        parts
    }
}

/// Whether every GPU's interface is proved to serve this guest. That the GPUs themselves are acceptable, and
/// that the CPU proves anything, is not asked here.
pub(crate) fn is_proven(parts: Parts<'_>, limits: &Thresholds) -> bool {
    let Judged { refusals, missing } = judge(parts, limits);
    !parts.gpus.is_empty() && refusals.is_empty() && missing.is_empty()
}

/// Whether an event is one that these rules judge, in every document (TDI-24 to TDI-27).
pub(crate) fn is_judged(event: &RuntimeEvent) -> bool {
    is_ours(&event.name)
}

/// What tier 4 lacks, one sentence each.
pub(crate) fn missing(parts: Parts<'_>, limits: &Thresholds) -> Vec<String> {
    judge(parts, limits).missing
}

/// What is to be said, by the kind of item that it concerns.
pub(in crate::appraisal) fn findings(parts: Parts<'_>, limits: &Thresholds) -> Vec<(Tee, Finding)> {
    let Judged { refusals, missing } = judge(parts, limits);
    let cpu = parts.cpu.map_or(Tee::Tdi, |(tee, _)| tee);
    let refused = if parts.interfaces.is_empty() { cpu } else { Tee::Tdi };
    let mut findings: Vec<(Tee, Finding)> = refusals
        .into_iter()
        .map(|(rule, message)| (refused, Finding::new(rule, Severity::Refuse, message)))
        .collect();
    if !missing.is_empty() {
        let concerned = if parts.gpus.is_empty() { Tee::Tdi } else { Tee::NvidiaGpu };
        let severity = if parts.interfaces.is_empty() { Severity::Info } else { Severity::Warn };
        let message = format!("tier 4 is not proved: {}", missing.join("; "));
        findings.push((concerned, Finding::new(NOT_PROVEN, severity, message)));
    }
    findings
}

fn judge(parts: Parts<'_>, limits: &Thresholds) -> Judged {
    let mut judged = Judged::default();
    for interface in parts.interfaces {
        judged.refusals.extend(of_interface(interface, parts.gpus));
    }
    judged.refusals.extend(duplicate(parts.interfaces));
    let events = events(parts.cpu, &mut judged);
    compare(parts.interfaces, &events, &mut judged);
    if parts.interfaces.is_empty() {
        judged.missing.clear();
        if !parts.gpus.is_empty() {
            judged.missing.push("no TEE device interface is shown (there is no `tdi` item)".to_owned());
        }
        return judged;
    }
    judged.missing.extend(parts.gpus.iter().filter_map(|gpu| without(gpu, parts.interfaces)));
    judged.missing.extend(unnamed_guest(parts.cpu, limits));
    judged
}

/// TDI-20: one device twice would stand for one that is absent.
fn duplicate(interfaces: &[tdi::DeviceClaims]) -> Option<(Rule, String)> {
    let mut seen: BTreeSet<Hex<8>> = BTreeSet::new();
    let twice = interfaces.iter().find(|interface| !seen.insert(interface.pdi))?;
    Some((DUPLICATE, format!("the device {} has two interfaces", twice.pdi)))
}

/// TDI-21 to TDI-23, of what the device reports.
fn of_interface(interface: &tdi::DeviceClaims, gpus: &[nvidia::DeviceClaims]) -> Option<(Rule, String)> {
    let (pdi, family) = (interface.pdi, interface.architecture);
    if matches!(family, Architecture::Hopper | Architecture::Ls10) {
        return Some((
            ARCHITECTURE,
            format!("the device {pdi} is a {}, which has no TEE-I/O", family.name()),
        ));
    }
    if !gpus.iter().any(|gpu| gpu.pdi == pdi && gpu.architecture == family) {
        return Some((UNKNOWN_DEVICE, format!("the interface is of {pdi}, which is none of the GPUs")));
    }
    if !interface.interface.info.no_firmware_update {
        let message = format!("{pdi} lets its firmware be updated while the interface is locked");
        return Some((NOT_LOCKED, message));
    }
    let protected = interface.interface.mmio_ranges.iter().any(|range| !range.non_tee);
    (!protected).then(|| (NOT_LOCKED, format!("{pdi} keeps no range of its memory for the TEE alone")))
}

/// The events with which the guest accepted interfaces, read; TDI-27 for one that cannot be.
fn events(cpu: Option<(Tee, &Claims)>, judged: &mut Judged) -> Vec<Accepted> {
    let Some((log, found)) = cpu.and_then(|(_, claims)| accepted(claims)) else {
        judged.missing.push("there is no event log that the CPU measured".to_owned());
        return Vec::new();
    };
    if let Some(register) = log.unexplained.first() {
        judged.missing.push(format!("the event log does not explain {register}"));
    }
    let mut events = Vec::new();
    for event in found {
        match read(event) {
            Ok(accepted) => events.push(accepted),
            Err(problem) => judged.refusals.push((EVENT, format!("`{}`: {problem}", event.name))),
        }
    }
    events
}

fn read(event: &RuntimeEvent) -> Result<Accepted, String> {
    if event.name != ACCEPT {
        return Err("an event of a version that is not known".to_owned());
    }
    // TPM 2.0 PC Client Platform 1.06, table 4: the guest itself can reset these two.
    if matches!(event.register, Register::Pcr(16 | 23)) {
        return Err(format!("it is in {}, which the guest can reset", event.register));
    }
    let content = hex_decode(&event.payload).map_err(|error| error.to_string())?;
    Accepted::parse(&content).map_err(|error| error.to_string())
}

/// TDI-23 to TDI-26: one event for each interface, with the digests of what is shown, and none for another.
fn compare(interfaces: &[tdi::DeviceClaims], events: &[Accepted], judged: &mut Judged) {
    let shown = |event: &Accepted| interfaces.iter().any(|interface| interface.tsm.certs == event.tsm.certs);
    if let Some(event) = events.iter().find(|event| !shown(event)) {
        let certs = event.tsm.certs;
        let message = format!("the event log has a device with the certificates {certs}, which is not shown");
        judged.refusals.push((OTHER_DEVICE, message));
    }
    for interface in interfaces {
        let pdi = interface.pdi;
        let own: Vec<&Accepted> =
            events.iter().filter(|event| event.tsm.certs == interface.tsm.certs).collect();
        match own.as_slice() {
            [] => judged.missing.push(format!("the event log does not say that the guest accepted {pdi}")),
            [event] => judged.refusals.extend(of_event(interface, event)),
            [..] => {
                let message = format!("the event log says {} times that the guest accepted {pdi}", own.len());
                judged.refusals.push((TWICE, message));
            }
        }
    }
}

/// TDI-23 and TDI-24, of what the TSM told.
fn of_event(interface: &tdi::DeviceClaims, event: &Accepted) -> Option<(Rule, String)> {
    let pdi = interface.pdi;
    if event.tsm.interface_report != interface.tsm.interface_report {
        return Some((DIGEST, format!("{pdi}: the TSM told of another interface report")));
    }
    if event.tsm.measurements != interface.tsm.measurements {
        return Some((DIGEST, format!("{pdi}: the TSM told of other measurements")));
    }
    if event.state != TdiState::Run {
        return Some((NOT_LOCKED, format!("{pdi}: the interface did not run when it was accepted")));
    }
    let locked = event.lock.no_firmware_update;
    (!locked).then(|| (NOT_LOCKED, format!("{pdi}: it was locked without a ban on firmware updates")))
}

/// What a GPU lacks.
fn without(gpu: &nvidia::DeviceClaims, interfaces: &[tdi::DeviceClaims]) -> Option<String> {
    if interfaces.iter().any(|interface| interface.pdi == gpu.pdi) {
        return None;
    }
    Some(match gpu.architecture {
        Architecture::Hopper => format!("the GPU {} is a HOPPER, which has no TEE-I/O", gpu.pdi),
        _ => format!("the GPU {} shows no TEE device interface", gpu.pdi),
    })
}

/// Whose word about interfaces counts.
fn unnamed_guest(cpu: Option<(Tee, &Claims)>, limits: &Thresholds) -> Option<String> {
    if limits.guests.is_empty() {
        return Some("no guest is named whose word about interfaces counts (`tee_io.guests`)".to_owned());
    }
    let named = cpu.is_some_and(|(_, claims)| limits.guests.iter().any(|guest| guest.is(claims)));
    (!named).then(|| "the guest that accepted the interfaces is none of `tee_io.guests`".to_owned())
}
