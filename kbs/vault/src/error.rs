//! Refusals: one variant for each broken rule. The broker chooses what a caller sees of them.

use crate::changes::QuorumError;
use crate::envelope::EnvelopeError;
use crate::place::PlaceError;
use crate::rng::RngError;
use hanzo_attestation_evidence::{DeviceId, MachineId, UnixTime};
use hanzo_kbs_log::{BrokenChain, ChainError};
use std::path::PathBuf;

/// The database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or made.
    #[error("cannot open the store at {}: {reason}", path.display())]
    Open {
        /// Where.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The store was written by another version of the schema.
    #[error("the store's schema does not fit this program: {0}")]
    Schema(String),
    /// There is no root key in it yet.
    #[error("the store is not initialised")]
    NotInitialised,
    /// There is one already.
    #[error("the store is already initialised")]
    AlreadyInitialised,
    /// It did not answer in time.
    #[error("the store is busy")]
    Busy,
    /// It refused, or failed.
    #[error("the store failed: {0}")]
    Query(String),
    /// A row that this program cannot have written.
    #[error("the store holds a malformed {table} row: {reason}")]
    Malformed {
        /// The table.
        table: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The database's own check found damage.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

/// The record, or the numbers kept beside it, are not what they were.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogDamage {
    /// The chain is broken.
    #[error(transparent)]
    Chain(#[from] BrokenChain),
    /// The head kept beside the record was not written by a holder of the root key.
    #[error("the head of the record is not authentic")]
    HeadForged,
    /// The table of held devices is not what the vault wrote: a row was edited, added, removed or put back.
    #[error("the table of held devices is not authentic")]
    HoldsForged,
}

/// What every write can fail with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record is damaged: nothing is released or changed until an operator has looked.
    #[error("the record is damaged: {0}")]
    LogDamaged(#[from] LogDamage),
    /// The clock is behind what was already recorded.
    #[error("the clock went back: it is {now}, and a decision was recorded at {newest}")]
    ClockWentBack {
        /// The time given.
        now: UnixTime,
        /// The newest time recorded.
        newest: UnixTime,
    },
    /// The decision cannot be chained.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The decision is larger than a row may be.
    #[error("a decision of {size} bytes; at most {limit} are recorded")]
    DecisionTooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The decision says something else than what happens.
    #[error("the decision says `{found}` where `{expected}` happens")]
    DecisionMismatch {
        /// What happens.
        expected: &'static str,
        /// What the decision says.
        found: &'static str,
    },
    /// A key inside the vault does not open.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// A record has no place.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// No randomness.
    #[error(transparent)]
    Rng(#[from] RngError),
}

/// Why an administrator's change was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The write itself.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// There is a key of this name.
    #[error("`{id}` already exists")]
    KeyExists {
        /// The key.
        id: String,
    },
    /// A generated key cannot be overwritten by an imported secret.
    #[error("`{id}` is a generated key: its versions are never imported")]
    NotASecret {
        /// The key.
        id: String,
    },
    /// The demands of a key are fixed when it is made.
    #[error(
        "`{id}` has minimum tier {minimum_tier} (CPU TEE demanded: {require_cpu_tee}); its demands are fixed"
    )]
    ScopeFixed {
        /// The key.
        id: String,
        /// Its minimum tier.
        minimum_tier: u8,
        /// Whether it demands a CPU TEE.
        require_cpu_tee: bool,
    },
    /// Empty, or too long.
    #[error("a secret of {size} bytes; 1 to {limit} are accepted")]
    SecretSize {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Not the name of a policy or reference set.
    #[error("`{name}` is no name: 1 to 63 of a-z, 0-9, `.`, `_`, `-`, starting with a letter or a digit")]
    Name {
        /// The text.
        name: String,
    },
    /// Too long.
    #[error("a rule of {size} bytes; at most {limit} are accepted")]
    RuleSize {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Somebody else was faster, or the caller has not seen the newest version.
    #[error("{}", conflict(name, *current, *expected))]
    VersionConflict {
        /// The rule.
        name: String,
        /// The version that the caller replaces; `None` is none.
        expected: Option<u64>,
        /// The newest version; `None` is none.
        current: Option<u64>,
    },
    /// The text of a change is not what its kind asks for.
    #[error("no change of a {kind}: {reason}")]
    BodyMalformed {
        /// What it should be.
        kind: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Not a machine and its devices.
    #[error("no pair: {reason}")]
    PairMalformed {
        /// What is wrong.
        reason: &'static str,
    },
    /// A device has one machine: it is taken from that first.
    #[error("the device {device} is paired with the machine {machine}: take it from there first")]
    DevicePaired {
        /// The device.
        device: DeviceId,
        /// The machine that it is paired with.
        machine: Box<MachineId>,
    },
    /// There is no such session.
    #[error("there is no session `{id}`")]
    SessionUnknown {
        /// The session.
        id: String,
    },
    /// The challenge was used before.
    #[error("the challenge was used before")]
    ChallengeReused,
    /// The challenge has ended.
    #[error("the challenge ended at {expires_at}, it is {now}")]
    ChallengeExpired {
        /// Its last moment.
        expires_at: UnixTime,
        /// The time given.
        now: UnixTime,
    },
    /// Too many tokens are alive.
    #[error("{limit} attestations are stored; tokens have to end first")]
    TooManyAttestations {
        /// The limit.
        limit: u64,
    },
    /// The evidence document is larger than any that is accepted.
    #[error("an evidence document of {size} bytes; at most {limit} are stored")]
    DocumentSize {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Rules were changed behind the vault's back.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// It needs several people, and they have not agreed.
    #[error(transparent)]
    Quorum(#[from] QuorumError),
}

/// The stored policies and references are not the ones that were put.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row was not written by a holder of the root key, or belongs elsewhere.
    #[error("{kind} `{name}` version {version} is not authentic")]
    Forged {
        /// `policy`, `reference`, `inventory` or `trust`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Its version.
        version: u64,
    },
    /// The record names a newer version than the store has.
    #[error("{kind} `{name}` was rolled back: the record names decision {recorded}, the store {found}")]
    RolledBack {
        /// `policy`, `reference` or `inventory`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Number of the newest decision that put it.
        recorded: u64,
        /// Number of the decision of the stored version, 0 when there is none.
        found: u64,
    },
    /// A reference set cannot be read back.
    #[error("reference set `{name}` is unreadable: {reason}")]
    Unreadable {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

impl RecordError {
    /// Stable code, for the record and for matching.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Store(_) => "StoreFailed",
            Self::LogDamaged(_) => "LogDamaged",
            Self::ClockWentBack { .. } => "ClockWentBack",
            Self::Chain(_) | Self::DecisionTooLarge { .. } | Self::DecisionMismatch { .. } => "NotRecordable",
            Self::Envelope(_) | Self::Place(_) => "KeyDamaged",
            Self::Rng(_) => "RandomnessFailed",
        }
    }
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Record(error.into())
    }
}

impl From<EnvelopeError> for ChangeError {
    fn from(error: EnvelopeError) -> Self {
        Self::Record(error.into())
    }
}

impl From<PlaceError> for ChangeError {
    fn from(error: PlaceError) -> Self {
        Self::Record(error.into())
    }
}

impl From<RngError> for ChangeError {
    fn from(error: RngError) -> Self {
        Self::Record(error.into())
    }
}

/// What two people who changed one rule need to know of each other.
fn conflict(name: &str, current: Option<u64>, expected: Option<u64>) -> String {
    match (current, expected) {
        (Some(current), None) => {
            format!("`{name}` exists, in version {current}: a change has to say that it replaces that one")
        }
        (None, Some(expected)) => {
            format!("there is no `{name}`, and the change is for its version {expected}")
        }
        (Some(current), Some(expected)) => {
            format!("the newest version of `{name}` is {current}, and the change is for version {expected}")
        }
        (None, None) => format!("`{name}` was changed meanwhile"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_says_what_to_do() {
        let said = |current, expected| {
            let name = "images".to_owned();
            ChangeError::VersionConflict { name, expected, current }.to_string()
        };
        assert_eq!(
            said(Some(3), None),
            "`images` exists, in version 3: a change has to say that it replaces that one"
        );
        assert_eq!(said(None, Some(2)), "there is no `images`, and the change is for its version 2");
        let other = "the newest version of `images` is 3, and the change is for version 2";
        assert_eq!(said(Some(3), Some(2)), other);
    }
}
