//! The store: a directory from which a verifier loads its collateral.
//!
//! ```text
//! store.json              which generation counts, the last sequence, and the newest document of each key
//! generations/SHA256/     a bundle, named by the digest of its manifest: the current one, and the one before it
//! lock                    held while something is imported
//! ```
//!
//! A new generation is written beside the old one, made durable, and then named by replacing `store.json`:
//! whoever reads finds all of the old or all of the new. The generation before is kept for audit; it is never
//! read back in.

mod admit;
mod disk;
mod error;
mod read;
mod state;

pub use admit::AdmitError;
pub use error::StoreError;
pub use read::{Stored, StoredDocument, Unusable};
pub use state::{MAX_MARKS, Mark, State, StateError};

use crate::bundle::{
    Container, Deny, Draft, EdnFloors, Expected, MANIFEST, Manifest, SealError, Trust, open, seal,
};
use crate::document::Document;
use disk::Disk;
use hanzo_attestation::Roots;
use hanzo_attestation_evidence::{Hex, UnixTime};
use std::io;
use std::path::{Path, PathBuf};

/// A store's directory.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
}

/// What an import changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Digest of the manifest that counts now.
    pub generation: Hex<32>,
    /// The bundle's name.
    pub bundle_id: String,
    /// The last bundle's sequence.
    pub sequence: u64,
    /// How many documents there are now.
    pub documents: usize,
    /// Which keys signed it; none where vendors' documents were fetched.
    pub signers: Vec<Hex<32>>,
}

impl Store {
    /// The store in this directory, which need not exist yet.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Imports a signed bundle. It becomes all that the store has.
    ///
    /// # Errors
    /// [`StoreError`]; the store is then as it was.
    pub fn import(
        &self,
        files: Container,
        trust: &Trust,
        roots: &Roots,
        now: UnixTime,
    ) -> Result<Change, StoreError> {
        self.import_with(files, trust, roots, now, &mut |_| Ok(()))
    }

    /// As [`Store::import`]; `before` is asked before each step on the disk, and its error ends the import
    /// there, as a crash would.
    fn import_with(
        &self,
        files: Container,
        trust: &Trust,
        roots: &Roots,
        now: UnixTime,
        before: &mut dyn FnMut(&'static str) -> io::Result<()>,
    ) -> Result<Change, StoreError> {
        let mut disk = Disk::lock(&self.path, before)?;
        let state = disk.state()?;
        let last_sequence = state.sequence;
        let bundle = open(files, &Expected { trust, now, last_sequence })?;
        let next = admit::admit(bundle.manifest(), bundle.files(), &state, roots, now)?;
        disk.switch(&state, &next, bundle.files())?;
        Ok(change(&next, bundle.manifest(), bundle.signers().to_vec()))
    }

    /// Adds vendors' documents, fetched one by one: each takes the place of the one with its key, and the
    /// rest stays, with the last bundle's floors and deny lists. What is added is judged as in an import, but
    /// no bundle key vouches for the whole: a reader that demands signatures refuses it.
    ///
    /// # Errors
    /// [`StoreError`]; the store is then as it was.
    pub fn add(&self, documents: Vec<Document>, roots: &Roots, now: UnixTime) -> Result<Change, StoreError> {
        let before: &mut dyn FnMut(&'static str) -> io::Result<()> = &mut |_| Ok(());
        let mut disk = Disk::lock(&self.path, before)?;
        let state = disk.state()?;
        let draft = match read::read_generation(&self.path, &state)? {
            Some(generation) => merged(generation, documents, now),
            None => fetched(documents, Deny::default(), EdnFloors::default(), now),
        };
        let files = seal(draft, &[]).map_err(|error| match error {
            SealError::Manifest(error) => StoreError::Bundle(error.into()),
            error => StoreError::Written(error.to_string()),
        })?;
        let manifest = files.file(MANIFEST).map(Manifest::parse);
        let manifest = manifest.ok_or(crate::bundle::BundleError::ManifestMissing)?;
        let manifest = manifest.map_err(crate::bundle::BundleError::from)?;
        let mut next = admit::admit(&manifest, &files, &state, roots, now)?;
        next.sequence = state.sequence;
        disk.switch(&state, &next, &files)?;
        Ok(change(&next, &manifest, Vec::new()))
    }

    /// Reads what counts now. With `trust`, the bundle's signatures are verified again, and an unsigned store
    /// is refused.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Empty`] before the first import.
    pub fn read(&self, trust: Option<&Trust>) -> Result<Stored, StoreError> {
        let state = disk::read_state(&self.path)?;
        let generation = read::read_generation(&self.path, &state)?.ok_or(StoreError::Empty)?;
        read::stored(generation, state, trust)
    }

    /// Which generation counts now, without reading it: it changes whenever anything does.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn generation(&self) -> Result<Option<Hex<32>>, StoreError> {
        Ok(disk::read_state(&self.path)?.generation)
    }
}

fn change(state: &State, manifest: &Manifest, signers: Vec<Hex<32>>) -> Change {
    Change {
        generation: state.generation.unwrap_or(Hex([0; 32])),
        bundle_id: manifest.bundle_id.clone(),
        sequence: state.sequence,
        documents: manifest.entries.len(),
        signers,
    }
}

/// What there is, with the new documents in the places of the old ones. What has expired is left out.
fn merged(generation: read::Generation, new: Vec<Document>, now: UnixTime) -> Draft {
    let (manifest, old) = generation.into_documents();
    let is_replaced = |old: &Document| new.iter().any(|new| (new.kind, &new.key) == (old.kind, &old.key));
    let mut documents: Vec<Document> =
        old.into_iter().filter(|old| !is_replaced(old) && old.expires >= now).collect();
    documents.extend(new);
    fetched(documents, manifest.deny, manifest.edn_floors, now)
}

fn fetched(documents: Vec<Document>, deny: Deny, edn_floors: EdnFloors, now: UnixTime) -> Draft {
    Draft {
        bundle_id: "fetched".to_owned(),
        // Only a signed bundle advances the sequence; a manifest starts at 1.
        sequence: 1,
        created: now,
        not_before: now,
        // Each document has its own end; the whole has none.
        not_after: UnixTime::MAX,
        edn_floors,
        deny,
        documents,
    }
}

#[cfg(test)]
mod tests;
