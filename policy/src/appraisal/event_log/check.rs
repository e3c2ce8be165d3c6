//! The checks, in the order of the rule book.

use super::{Thresholds, ima};
use crate::appraisal::checks::Checks;
use hanzo_attestation::event_log::{EventFacts, EventProblem, Register, SecureBootState};
use hanzo_attestation_evidence::{Broken, Digest, Rule};

const LOG_13: Rule = Rule::new("LOG-13", "EventLogIncomplete");
const LOG_18: Rule = Rule::new("LOG-18", "SecureBootNotProven");
const LOG_19: Rule = Rule::new("LOG-19", "BootComponentUnknown");
const LOG_20: Rule = Rule::new("LOG-20", "RuntimeEventDigest");
const TDX_27: Rule = Rule::new("TDX-27", "TdEventLogMissing");

/// Judges a log, or that there is none.
pub(in crate::appraisal) fn check(log: Option<&EventFacts>, limits: &Thresholds, checks: &mut Checks) {
    let Some(facts) = log else {
        let missing = || "no event log was given, and policy asks what it says".to_owned();
        checks.refuse(limits.uses_events(), TDX_27, missing);
        ima::check(None, &limits.ima, checks);
        return;
    };
    completeness(facts, limits, checks);
    problems(&facts.problems, limits, checks);
    secure_boot(facts, limits, checks);
    components(facts, limits, checks);
    runtime_events(facts, limits, checks);
    ima::check(facts.ima.as_ref(), &limits.ima, checks);
}

/// LOG-13: what policy asks about must be explained to the last event.
fn completeness(facts: &EventFacts, limits: &Thresholds, checks: &mut Checks) {
    let unexplained = facts.unexplained.iter().find(|register| {
        let asked = limits.boot_components.contains_key(register);
        let agents = **register == Register::Rtmr(3) && !limits.runtime_events.is_empty();
        limits.require_log || asked || agents
    });
    checks.refuse(unexplained.is_some(), LOG_13, || {
        let register = unexplained.map(ToString::to_string).unwrap_or_default();
        format!("{register} is not at its reset value, and the log has no event for it")
    });
}

/// LOG-15 to LOG-17.
fn problems(problems: &[EventProblem], limits: &Thresholds, checks: &mut Checks) {
    for problem in problems {
        let allowed = match problem {
            EventProblem::DataDigest { .. } => limits.allow_unmeasured_data,
            EventProblem::Separator { .. } => limits.allow_missing_separators,
            EventProblem::Ambiguous { .. } => limits.allow_ambiguous_facts,
        };
        checks.refuse(!allowed, problem.rule(), || problem.to_string());
    }
}

/// LOG-18.
fn secure_boot(facts: &EventFacts, limits: &Thresholds, checks: &mut Checks) {
    let boot = &facts.secure_boot;
    let not_on = boot.state != SecureBootState::Enabled;
    checks.refuse(limits.require_secure_boot && not_on, LOG_18, || {
        "secure boot is not proven to be on".to_owned()
    });
    for (name, list, found) in
        [("db", &limits.secure_boot_db, boot.db), ("dbx", &limits.secure_boot_dbx, boot.dbx)]
    {
        let Some(list) = list else { continue };
        checks.refuse(!found.is_some_and(|digest| list.contains(&digest)), LOG_18, || match found {
            Some(digest) => format!("the signature database {name} {digest} is not in the list"),
            None => format!("the signature database {name} is not proven"),
        });
    }
}

/// LOG-19.
fn components(facts: &EventFacts, limits: &Thresholds, checks: &mut Checks) {
    for (register, list) in &limits.boot_components {
        let own = facts.boot_components.iter().filter(|component| component.register == *register);
        let unknown: Option<Digest> =
            own.map(|component| component.digest).find(|digest| !list.contains(digest));
        checks.refuse(unknown.is_some(), LOG_19, || {
            let digest = unknown.map(|digest| digest.to_string()).unwrap_or_default();
            format!("{register} holds {digest}, which is not in the list of its components")
        });
    }
    let Some(lines) = &limits.kernel_cmdlines else { return };
    let found = facts.kernel_cmdline.as_ref();
    checks.refuse(!found.is_some_and(|line| lines.contains(line)), LOG_19, || match found {
        Some(_) => "the kernel's command line is not in the list".to_owned(),
        None => "the kernel's command line is not proven".to_owned(),
    });
}

/// TDX-22 for RTMR3, and LOG-20: each listed name is there, and always with a listed payload.
fn runtime_events(facts: &EventFacts, limits: &Thresholds, checks: &mut Checks) {
    for (name, payloads) in &limits.runtime_events {
        let own = || facts.runtime_events.iter().filter(|event| event.name == *name);
        checks.refuse(own().next().is_none(), LOG_20, || format!("there is no event `{name}`"));
        let unknown = own().any(|event| !payloads.contains(&event.payload));
        checks.refuse(unknown, LOG_20, || format!("the payload of the event `{name}` is not in the list"));
    }
}
