//! What can be wrong with a store, or with what shall go into it.

use super::admit::AdmitError;
use super::state::StateError;
use crate::FileError;
use crate::bundle::{BundleError, SignatureProblem};
use hanzo_attestation_evidence::{Broken, Rule};
use std::io;
use std::path::PathBuf;

/// A store that was not read or not changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// COL-10: nothing was imported yet.
    #[error("the store is empty: nothing was imported into it")]
    Empty,
    /// Somebody else is importing.
    #[error("`{}` is held by another import", path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A step on the disk failed.
    #[error("{step} `{}`: {source}", path.display())]
    Disk {
        /// Which step.
        step: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `store.json` cannot be used.
    #[error("`{}`: {source}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: StateError,
    },
    /// The generation that counts is not the one that was imported.
    #[error("the generation on disk: {0}")]
    Damaged(BundleError),
    /// The bundle is refused as a whole.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The bundle is refused for one of its documents.
    #[error(transparent)]
    Admit(#[from] AdmitError),
    /// A manifest cannot be written.
    #[error("{0}")]
    Written(String),
}

impl StoreError {
    /// The rule that was broken; `None` where the disk failed.
    #[must_use]
    pub fn rule(&self) -> Option<Rule> {
        match self {
            Self::Empty => Some(Rule::new("COL-10", "CollateralMissing")),
            Self::State { source, .. } => Some(source.rule()),
            Self::Damaged(error) | Self::Bundle(error) => Some(error.rule()),
            Self::Admit(error) => Some(error.rule()),
            Self::Busy { .. } | Self::File(_) | Self::Disk { .. } | Self::Written(_) => None,
        }
    }
}

impl From<SignatureProblem> for StoreError {
    fn from(error: SignatureProblem) -> Self {
        Self::Bundle(error.into())
    }
}
