//! From an opened bundle to what the store will remember: each document judged, none older than before.

use super::state::{Mark, State, StateError};
use crate::bundle::{Container, Entry, Kind, MANIFEST, Manifest};
use crate::document::{Document, DocumentError};
use hanzo_attestation::Roots;
use hanzo_attestation::admission::Judged;
use hanzo_attestation_evidence::{Broken, Hex, Rule, UnixTime};
use sha2::{Digest as _, Sha256};

/// A bundle that was refused for one of its documents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdmitError {
    /// One document is not taken.
    #[error("{kind} `{key}`: {error}")]
    Document {
        /// Its kind.
        kind: Kind,
        /// Its key.
        key: String,
        /// What is wrong with it.
        error: DocumentError,
    },
    /// There is no room to remember another key.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Broken for AdmitError {
    fn rule(&self) -> Rule {
        match self {
            Self::Document { error, .. } => error.rule(),
            Self::State(error) => error.rule(),
        }
    }
}

/// The state after the switch to these files. One document that is not taken refuses them all.
pub(super) fn admit(
    manifest: &Manifest,
    files: &Container,
    state: &State,
    roots: &Roots,
    now: UnixTime,
) -> Result<State, AdmitError> {
    let documents = documents(manifest, files);
    let mut next = state.clone();
    for document in &documents {
        let refused = |error| AdmitError::Document { kind: document.kind, key: document.key.clone(), error };
        let judged = document.admit(&documents, roots, now).map_err(refused)?;
        if is_dated(document.kind) {
            check_rollback(state, document, &judged).map_err(refused)?;
            let Judged { evaluation, issued, .. } = judged;
            next.remember(Mark { kind: document.kind, key: document.key.clone(), evaluation, issued })?;
        }
    }
    let vouched = i64::try_from(manifest.reference_times.newest_issue).unwrap_or(i64::MAX);
    next.newest_issue = next.newest_issue.max(UnixTime::from_seconds(vouched).ok());
    next.sequence = manifest.sequence;
    let generation = files.file(MANIFEST).map(|bytes| Hex(Sha256::digest(bytes).into()));
    if generation != state.generation {
        next.previous = state.generation;
    }
    next.generation = generation;
    Ok(next)
}

/// The documents of a manifest with their bytes; what is missing was refused before.
pub(super) fn documents(manifest: &Manifest, files: &Container) -> Vec<Document> {
    let document = |entry: &Entry| {
        Some(Document {
            kind: entry.kind,
            key: entry.key.clone(),
            bytes: files.file(&entry.path)?.to_vec(),
            issued: entry.issued,
            expires: entry.expires,
        })
    };
    manifest.entries.iter().filter_map(document).collect()
}

/// Which kinds are issued again and again, so that an older one is an attack (COL-11).
const fn is_dated(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::AmdCrl
            | Kind::IntelTcbInfo
            | Kind::IntelQeIdentity
            | Kind::IntelPckCrl
            | Kind::IntelRootCrl
            | Kind::NvidiaCrl
    )
}

/// COL-11: by (evaluation number, date of issue). The same document again is no rollback.
fn check_rollback(state: &State, document: &Document, judged: &Judged) -> Result<(), DocumentError> {
    let Some(mark) = state.mark(document.kind, &document.key) else { return Ok(()) };
    if (judged.evaluation, judged.issued) >= (mark.evaluation, mark.issued) {
        return Ok(());
    }
    Err(DocumentError::Rollback {
        issued: judged.issued,
        evaluation: judged.evaluation,
        newest_issued: mark.issued,
        newest: mark.evaluation,
    })
}
