//! What refuses a log, and what only weakens what it says.

use super::Register;
use hanzo_attestation_evidence::event_log::{EventKind, EventLogError, PcrBank};
use hanzo_attestation_evidence::{Broken, Rule};
use serde::{Serialize, Serializer};

/// A log that is refused: one variant a broken rule of class H.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// LOG-01 to LOG-09, LOG-21: the log's form.
    #[error(transparent)]
    Log(EventLogError),
    /// LOG-04: no event was extended in a bank that is quoted.
    #[error("the log has no digests of the quoted bank {bank}")]
    BankMissing {
        /// The bank.
        bank: PcrBank,
    },
    /// LOG-10: an event that is never extended has a digest.
    #[error("record {record}: EV_NO_ACTION with a digest")]
    NoActionExtended {
        /// Number of the record; the first is 0.
        record: usize,
    },
    /// LOG-11: the locality at which the TPM was started is stated wrongly.
    #[error("StartupLocality: {0}")]
    StartupLocality(&'static str),
    /// LOG-12: the events do not lead to the quoted value.
    #[error("the log's events do not lead to the quoted value of {register} ({bank})")]
    Mismatch {
        /// The register.
        register: Register,
        /// The bank.
        bank: PcrBank,
    },
    /// LOG-13: a register that firmware fills is set, and no event says how.
    #[error("{register} is not at its reset value, and the log has no event for it")]
    Incomplete {
        /// The register.
        register: Register,
    },
    /// LOG-14: no register is quoted, so that nothing in the log is proven.
    #[error("no register is quoted that could prove the log")]
    NothingQuoted,
    /// LOG-20: an event of an agent whose digest is not that of what it says, or whose format is not known.
    #[error("an event in {register}: {problem}")]
    RuntimeEvent {
        /// The register.
        register: Register,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// LOG-22: an IMA entry whose digest is not that of what it says.
    #[error("IMA entry {entry}: its template digest is not the hash of its data")]
    ImaTemplateHash {
        /// Number of the entry; the first is 0.
        entry: usize,
    },
    /// LOG-24: no first part of the list leads to the quoted value.
    #[error("no first part of the IMA list leads to the quoted value of pcr10 ({bank})")]
    ImaReplay {
        /// The bank.
        bank: PcrBank,
    },
}

impl Broken for ReplayError {
    fn rule(&self) -> Rule {
        match self {
            Self::Log(error) => error.rule(),
            Self::BankMissing { .. } => Rule::new("LOG-04", "EventLogDigestList"),
            Self::NoActionExtended { .. } => Rule::new("LOG-10", "EventLogNoActionExtended"),
            Self::StartupLocality(_) => Rule::new("LOG-11", "EventLogStartupLocality"),
            Self::Mismatch { .. } => Rule::new("LOG-12", "EventLogReplayMismatch"),
            Self::Incomplete { .. } => Rule::new("LOG-13", "EventLogIncomplete"),
            Self::NothingQuoted => Rule::new("LOG-14", "EventClaimUnauthenticated"),
            Self::RuntimeEvent { .. } => Rule::new("LOG-20", "RuntimeEventDigest"),
            Self::ImaTemplateHash { .. } => Rule::new("LOG-22", "ImaTemplateHash"),
            Self::ImaReplay { .. } => Rule::new("LOG-24", "ImaReplayMismatch"),
        }
    }
}

/// What weakens the facts of a log that replays: class P, judged by appraisal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventProblem {
    /// LOG-15: data from which a fact would come is not what was hashed.
    #[error("{register}: the data of an {kind} event is not what was measured")]
    DataDigest {
        /// The register.
        register: Register,
        /// The event's type, as the log says.
        kind: EventKind,
    },
    /// LOG-16: firmware's part of a register does not end, ends twice, or ends with an error.
    #[error("{register}: {problem}")]
    Separator {
        /// The register.
        register: Register,
        /// What is wrong.
        problem: &'static str,
    },
    /// LOG-17: a fact that is stated twice, differently.
    #[error("{fact} is stated twice, with different content")]
    Ambiguous {
        /// The fact.
        fact: &'static str,
    },
}

impl Broken for EventProblem {
    fn rule(&self) -> Rule {
        match self {
            Self::DataDigest { .. } => Rule::new("LOG-15", "EventDataDigestMismatch"),
            Self::Separator { .. } => Rule::new("LOG-16", "EventLogSeparatorMissing"),
            Self::Ambiguous { .. } => Rule::new("LOG-17", "EventLogAmbiguous"),
        }
    }
}

impl Serialize for EventProblem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields {
            rule: &'static str,
            code: &'static str,
            message: String,
        }
        let Rule { id, code } = self.rule();
        Fields { rule: id, code, message: self.to_string() }.serialize(serializer)
    }
}
