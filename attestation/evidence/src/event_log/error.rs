//! What can be wrong with an event log before anything is replayed.

use super::tcg::{LogFormat, MAX_ALGORITHMS};
use crate::rule::{Broken, Rule};

/// A log that is refused by its form: one variant a broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventLogError {
    /// LOG-01: the log, the number of its events, or one event's data is over its budget.
    #[error("{what}: {actual}; at most {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The budget.
        limit: usize,
        /// The size found.
        actual: usize,
    },
    /// LOG-02: the first record is no specification id event of the crypto-agile format.
    #[error("the log's first record: {0}")]
    Header(&'static str),
    /// LOG-03: no algorithm, too many, one twice, or one with another digest size than it has.
    #[error("the log's table of algorithms: {0}; 1 to {MAX_ALGORITHMS} known ones, each once, with its size")]
    AlgorithmTable(&'static str),
    /// LOG-04: a record that does not have exactly the digests of the table, in its order.
    #[error("record {record}: its digests are not those of the log's table, in order")]
    DigestList {
        /// Number of the record; the first is 0.
        record: usize,
    },
    /// LOG-05: a length that points past the end.
    #[error("record {record} crosses the end of the log")]
    Truncated {
        /// Number of the record; the first is 0.
        record: usize,
    },
    /// LOG-06: something after the fill that follows the last record.
    #[error("bytes after the last record that are no fill")]
    Tail,
    /// LOG-07: a register that the format does not have.
    #[error("record {record}: index {index} in a {format} log")]
    IndexRange {
        /// Number of the record; the first is 0.
        record: usize,
        /// The index found.
        index: u32,
        /// The format.
        format: LogFormat,
    },
    /// LOG-08: index 0 of a CCEL is MRTD, which no log extends.
    #[error("record {record}: index 0 of a CCEL is MRTD, which nothing extends")]
    RegisterMap {
        /// Number of the record; the first is 0.
        record: usize,
    },
    /// LOG-09: an ACPI table that does not describe this log of a TD.
    #[error("the ACPI CCEL table: {0}")]
    CcelTable(&'static str),
    /// LOG-20: a JSON log of dstack that is not of its published form.
    #[error("the dstack log: {0}")]
    Dstack(String),
    /// LOG-21: an IMA entry whose template or fields are not known.
    #[error("IMA entry {entry}: {problem}")]
    ImaTemplate {
        /// Number of the entry; the first is 0.
        entry: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl Broken for EventLogError {
    fn rule(&self) -> Rule {
        match self {
            Self::TooLarge { .. } => Rule::new("LOG-01", "EventLogTooLarge"),
            Self::Header(_) => Rule::new("LOG-02", "EventLogHeader"),
            Self::AlgorithmTable(_) => Rule::new("LOG-03", "EventLogAlgorithmTable"),
            Self::DigestList { .. } => Rule::new("LOG-04", "EventLogDigestList"),
            Self::Truncated { .. } => Rule::new("LOG-05", "EventLogTruncated"),
            Self::Tail => Rule::new("LOG-06", "EventLogTail"),
            Self::IndexRange { .. } => Rule::new("LOG-07", "EventLogIndexRange"),
            Self::RegisterMap { .. } => Rule::new("LOG-08", "CcelRegisterMap"),
            Self::CcelTable(_) => Rule::new("LOG-09", "CcelTableMalformed"),
            Self::Dstack(_) => Rule::new("LOG-20", "RuntimeEventDigest"),
            Self::ImaTemplate { .. } => Rule::new("LOG-21", "ImaTemplateUnknown"),
        }
    }
}
