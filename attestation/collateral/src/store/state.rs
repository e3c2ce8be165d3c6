//! `store.json`: the one file whose replacement is the switch.

use crate::bundle::Kind;
use hanzo_attestation_evidence::json::{self, JsonError};
use hanzo_attestation_evidence::{Broken, Hex, Rule, UnixTime};
use serde::{Deserialize, Serialize};

/// Most keys whose newest document is remembered. They outlive the documents, so that there can be more of
/// them than a bundle has entries.
pub const MAX_MARKS: usize = 8192;
/// Largest `store.json` in bytes: a mark with the longest key has under 400.
pub(super) const MAX_STATE: usize = 4 << 20;

/// What a store remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// 1.
    format: u32,
    /// Digest of the manifest that counts.
    pub generation: Option<Hex<32>>,
    /// That of the one before, kept for audit.
    pub previous: Option<Hex<32>>,
    /// The last imported bundle's sequence; 0 before the first (COL-13).
    pub sequence: u64,
    /// The newest date of issue that was ever accepted: no clock may be before it (COL-07).
    pub newest_issue: Option<UnixTime>,
    /// The newest document of each key that was ever accepted (COL-11).
    pub marks: Vec<Mark>,
}

/// The newest document of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Its kind.
    pub kind: Kind,
    /// Its key.
    pub key: String,
    /// Its evaluation number; 0 for lists.
    pub evaluation: u32,
    /// When it was issued: `issueDate`, thisUpdate. Intel's lists all have the number 1, so that the date
    /// orders them.
    pub issued: UnixTime,
}

/// A `store.json` that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// COL-03: not what this build writes.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// COL-26: of another format.
    #[error("format {found}; this build reads 1")]
    Format {
        /// The format found.
        found: u32,
    },
    /// COL-01: more marks than can be remembered.
    #[error("more than {MAX_MARKS} keys: none can be forgotten, or an older document would pass")]
    TooManyMarks,
}

impl Broken for StateError {
    fn rule(&self) -> Rule {
        match self {
            Self::Json(error) => error.rule(),
            Self::Format { .. } => Rule::new("COL-26", "PolicyMalformed"),
            Self::TooManyMarks => Rule::new("COL-01", "EvidenceTooLarge"),
        }
    }
}

impl State {
    /// That of a store into which nothing was imported.
    pub(super) fn empty() -> Self {
        Self { format: 1, ..Self::default() }
    }

    /// Reads `store.json`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, StateError> {
        let state: Self = json::from_slice(bytes)?;
        if state.format != 1 {
            return Err(StateError::Format { found: state.format });
        }
        if state.marks.len() > MAX_MARKS {
            return Err(StateError::TooManyMarks);
        }
        Ok(state)
    }

    /// The newest document of this key so far.
    #[must_use]
    pub fn mark(&self, kind: Kind, key: &str) -> Option<&Mark> {
        self.marks.iter().find(|mark| mark.kind == kind && mark.key == key)
    }

    /// Remembers a document that was accepted.
    pub(super) fn remember(&mut self, new: Mark) -> Result<(), StateError> {
        self.newest_issue = self.newest_issue.max(Some(new.issued));
        let is_of_it = |mark: &&mut Mark| mark.kind == new.kind && mark.key == new.key;
        if let Some(mark) = self.marks.iter_mut().find(is_of_it) {
            *mark = new;
            return Ok(());
        }
        if self.marks.len() >= MAX_MARKS {
            return Err(StateError::TooManyMarks);
        }
        self.marks.push(new);
        Ok(())
    }
}
