//! From documents to a signed bundle.

use super::container::{Container, MANIFEST, SIGNATURE, blob_path};
use super::key::{BundleSigner, KeyError};
use super::manifest::{Deny, EdnFloors, Entry, FORMAT, Manifest, ManifestError, ReferenceTimes};
use super::signature::Signatures;
use crate::document::Document;
use hanzo_attestation::RULESET;
use hanzo_attestation_evidence::{Hex, UnixTime};
use sha2::{Digest as _, Sha256};

/// What a bundle shall say.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its name, for people.
    pub bundle_id: String,
    /// Greater than that of the last one.
    pub sequence: u64,
    /// When it is made.
    pub created: UnixTime,
    /// From when it counts.
    pub not_before: UnixTime,
    /// Until when.
    pub not_after: UnixTime,
    /// Lowest evaluation numbers.
    pub edn_floors: EdnFloors,
    /// Deny lists.
    pub deny: Deny,
    /// Its documents.
    pub documents: Vec<Document>,
}

/// A bundle that was not made.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// What it shall say breaks the manifest's rules.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A key does not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The manifest cannot be written.
    #[error("the manifest cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// Makes a bundle, signed by each key; by none, it is an unsigned draft that nobody imports.
///
/// # Errors
/// [`SealError`].
pub fn seal(draft: Draft, signers: &[BundleSigner]) -> Result<Container, SealError> {
    let mut files = Container::default();
    let mut entries: Vec<Entry> = draft.documents.iter().map(entry).collect();
    entries.sort_by(|a, b| (a.kind, &a.key).cmp(&(b.kind, &b.key)));
    let newest = entries.iter().map(|entry| entry.issued.seconds()).max().unwrap_or(0);
    let manifest = Manifest {
        format: FORMAT,
        bundle_id: draft.bundle_id,
        sequence: draft.sequence,
        created: draft.created,
        not_before: draft.not_before,
        not_after: draft.not_after,
        min_verifier_ruleset: RULESET,
        entries,
        edn_floors: draft.edn_floors,
        deny: draft.deny,
        reference_times: ReferenceTimes { newest_issue: u64::try_from(newest).unwrap_or(0) },
    };
    manifest.check()?;
    let bytes = serde_json::to_vec_pretty(&manifest)?;
    // What is written must be readable: the size is bounded, too.
    Manifest::parse(&bytes)?;
    if !signers.is_empty() {
        files.files.insert(SIGNATURE.to_owned(), Signatures::make(&bytes, signers)?.to_bytes()?);
    }
    files.files.insert(MANIFEST.to_owned(), bytes);
    for document in draft.documents {
        files.files.insert(blob_path(&digest(&document.bytes)), document.bytes);
    }
    Ok(files)
}

fn entry(document: &Document) -> Entry {
    let sha256 = digest(&document.bytes);
    Entry {
        path: blob_path(&sha256),
        kind: document.kind,
        key: document.key.clone(),
        sha256,
        size: u64::try_from(document.bytes.len()).unwrap_or(u64::MAX),
        issued: document.issued,
        expires: document.expires,
    }
}

fn digest(bytes: &[u8]) -> Hex<32> {
    Hex(Sha256::digest(bytes).into())
}
