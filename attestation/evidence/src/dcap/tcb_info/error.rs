//! What can be wrong with a TCB info before its signature is looked at.

use crate::rule::{Broken, Rule};

/// A TCB info that is not well formed: one variant a broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TcbInfoError {
    /// COL-01: larger than its budget.
    #[error("a TCB info of {actual} bytes; at most {limit} are read")]
    TooLarge {
        /// Bytes found.
        actual: usize,
        /// The budget.
        limit: usize,
    },
    /// DCAP-35: another document, or a version that this build does not read.
    #[error("not a TCB info that this build reads: {0}")]
    Identity(&'static str),
    /// DCAP-39: a member that is missing, of another type, size or range, or there twice.
    #[error("malformed TCB info: {0}")]
    Malformed(String),
    /// DCAP-40: two levels with the same security versions have different statuses.
    #[error("two levels of {0} with the same security versions have different statuses")]
    LevelsAmbiguous(&'static str),
}

impl Broken for TcbInfoError {
    fn rule(&self) -> Rule {
        match self {
            Self::TooLarge { .. } => Rule::new("COL-01", "EvidenceTooLarge"),
            Self::Identity(_) => Rule::new("DCAP-35", "TcbInfoIdentity"),
            Self::Malformed(_) => Rule::new("DCAP-39", "TcbInfoMalformed"),
            Self::LevelsAmbiguous(_) => Rule::new("DCAP-40", "TcbLevelsAmbiguous"),
        }
    }
}
