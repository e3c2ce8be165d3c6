//! Event logs: real ones outside this repository, and a lab's, each rule of rule book B.7 accepted once and
//! refused.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside a #[test] function")]

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod form;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod ima;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod runtime;

use hanzo_attestation::event_log::{self, EventFacts, Quoted};
use hanzo_attestation_evidence::event_log::PcrBank;
use hanzo_attestation_evidence::{Broken, Hex};
use hanzo_attestation_lab::event_log::LabLog;

/// Id and code of the rule that refused; the facts otherwise.
type Answer = Result<EventFacts, (&'static str, &'static str)>;

fn ccel(bytes: &[u8], rtmrs: [[u8; 48]; 4]) -> Answer {
    event_log::ccel(bytes, &rtmrs.map(Hex)).map_err(|error| (error.rule().id, error.rule().code))
}

fn tcg2(bytes: &[u8], quoted: &Quoted) -> Answer {
    event_log::tcg2(bytes, quoted).map_err(|error| (error.rule().id, error.rule().code))
}

/// A TD's log against the registers to which it replays.
fn td(log: &LabLog) -> Answer {
    ccel(&log.bytes(), log.rtmrs())
}

/// A TPM's log against the registers to which it replays.
fn tpm(log: &LabLog) -> Answer {
    tcg2(&log.bytes(), &log.pcrs())
}

const SHA256: &[PcrBank] = &[PcrBank::Sha256];

/// Ids of the rules by which a log's facts are weak.
fn problems(answer: Answer) -> Vec<&'static str> {
    answer.unwrap().problems.iter().map(|problem| problem.rule().id).collect()
}
