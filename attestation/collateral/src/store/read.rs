//! From the disk to what a verifier rests on. What was judged at the import is held to its digests here;
//! signatures and dates of vendors' documents are judged whenever they are used.

use super::admit::documents;
use super::disk;
use super::error::StoreError;
use super::state::State;
use crate::bundle::{
    Container, Deny, EdnFloors, Kind, MANIFEST, Manifest, SIGNATURE, SignatureProblem, Signatures, Trust,
    check_files,
};
use crate::document::Document;
use crate::folder::read_folder;
use hanzo_attestation::Collateral;
use hanzo_attestation::admission::SKEW;
use hanzo_attestation_evidence::{Broken, Hex, Rule, UnixTime, json};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::time::Duration;

/// What a store has.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The bundle's name.
    pub bundle_id: String,
    /// Digest of its manifest.
    pub generation: Hex<32>,
    /// Sequence of the last bundle that was imported.
    pub sequence: u64,
    /// The last instant at which the bundle counts.
    pub not_after: UnixTime,
    /// The newest date of issue that was ever accepted (COL-07).
    pub newest_issue: Option<UnixTime>,
    /// Whether it has a bundle key's signature.
    pub signed: bool,
    /// Lowest evaluation numbers, of the manifest and its documents together.
    pub edn_floors: EdnFloors,
    /// Deny lists, likewise.
    pub deny: Deny,
    /// Roots of TPM keys, DER: of attestation keys or of endorsement keys, as the certificates below them
    /// say. Nothing but a bundle key's signature vouches for them.
    pub tpm_roots: Vec<Vec<u8>>,
    /// Every document.
    pub documents: Vec<StoredDocument>,
}

/// A store by which nothing can be judged at this instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// COL-09: the bundle is out of date, and its floors and deny lists with it.
    #[error("the bundle counted until {not_after}; it is {now}")]
    Expired {
        /// The last instant at which it counted.
        not_after: UnixTime,
        /// The instant of judgement.
        now: UnixTime,
    },
    /// COL-07: the clock is before something that has happened.
    #[error("the clock says {now}, and a document that was accepted is of {newest}")]
    Clock {
        /// What the clock says.
        now: UnixTime,
        /// The newest date of issue.
        newest: UnixTime,
    },
}

impl Broken for Unusable {
    fn rule(&self) -> Rule {
        match self {
            Self::Expired { .. } => Rule::new("COL-09", "CollateralExpired"),
            Self::Clock { .. } => Rule::new("COL-07", "ClockUntrusted"),
        }
    }
}

/// A document of a store, with its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDocument {
    /// The document.
    pub document: Document,
    /// Its SHA-256.
    pub sha256: Hex<32>,
}

/// A generation whose files are what its manifest says, and whose manifest is the one that was imported.
pub(super) struct Generation {
    digest: Hex<32>,
    manifest: Manifest,
    files: Container,
}

impl Generation {
    pub(super) fn into_documents(self) -> (Manifest, Vec<Document>) {
        let documents = documents(&self.manifest, &self.files);
        (self.manifest, documents)
    }
}

/// Reads the generation that counts, if any does.
pub(super) fn read_generation(store: &Path, state: &State) -> Result<Option<Generation>, StoreError> {
    let Some(digest) = state.generation else { return Ok(None) };
    let files = read_folder(&disk::generation(store, &digest))?;
    let bytes = files.file(MANIFEST).unwrap_or_default();
    let actual: Hex<32> = Hex(Sha256::digest(bytes).into());
    if actual != digest {
        let path = MANIFEST.to_owned();
        return Err(StoreError::Damaged(crate::bundle::BundleError::Digest { path, actual }));
    }
    let manifest = Manifest::parse(bytes).map_err(|error| StoreError::Damaged(error.into()))?;
    check_files(&manifest, &files).map_err(StoreError::Damaged)?;
    Ok(Some(Generation { digest, manifest, files }))
}

pub(super) fn stored(
    generation: Generation,
    state: State,
    trust: Option<&Trust>,
) -> Result<Stored, StoreError> {
    let signatures = generation.files.file(SIGNATURE);
    if let Some(trust) = trust {
        let signatures = signatures.ok_or(SignatureProblem::Missing)?;
        let manifest = generation.files.file(MANIFEST).unwrap_or_default();
        Signatures::parse(signatures)?.verify(manifest, trust)?;
    }
    let signed = signatures.is_some();
    let digest = generation.digest;
    let (manifest, documents) = generation.into_documents();
    let mut stored = Stored {
        bundle_id: manifest.bundle_id,
        generation: digest,
        sequence: state.sequence,
        not_after: manifest.not_after,
        newest_issue: state.newest_issue,
        signed,
        edn_floors: manifest.edn_floors,
        deny: manifest.deny,
        tpm_roots: Vec::new(),
        documents: Vec::new(),
    };
    for document in &documents {
        stored.take(document);
    }
    let with_digest = |document: Document| {
        let sha256 = Hex(Sha256::digest(&document.bytes).into());
        StoredDocument { document, sha256 }
    };
    stored.documents = documents.into_iter().map(with_digest).collect();
    Ok(stored)
}

impl Stored {
    /// Adds the vendors' documents to what a verifier rests on.
    #[must_use]
    pub fn add_to(&self, collateral: Collateral) -> Collateral {
        let all: Vec<Document> = self.documents.iter().map(|stored| stored.document.clone()).collect();
        all.iter().fold(collateral, |collateral, document| {
            let bytes = || document.bytes.clone();
            match document.kind {
                // What has no chain or another form was refused at the import; left out, it is missing.
                Kind::IntelTcbInfo => match document.intel(&all) {
                    Ok(info) => collateral.with_intel_tcb_info(info),
                    Err(_) => collateral,
                },
                Kind::IntelQeIdentity => match document.intel(&all) {
                    Ok(identity) => collateral.with_intel_qe_identity(identity),
                    Err(_) => collateral,
                },
                Kind::AmdCrl => collateral.with_amd_crl(bytes()),
                Kind::AmdVek => collateral.with_amd_vek(bytes()),
                Kind::IntelPckCrl | Kind::IntelRootCrl => collateral.with_intel_crl(bytes()),
                Kind::NvidiaOcsp => collateral.with_nvidia_ocsp(bytes()),
                Kind::NvidiaCrl => collateral.with_nvidia_crl(&document.bytes),
                Kind::NvidiaRim => collateral.with_nvidia_rim(&document.bytes),
                Kind::IntelPck => collateral.with_intel_pck_chain(bytes()),
                _ => collateral,
            }
        })
    }

    /// COL-09: whether the bundle itself still counts, with a grace that the caller has bounded.
    ///
    /// # Errors
    /// [`Unusable::Expired`].
    pub fn check_bundle(&self, now: UnixTime, grace: Duration) -> Result<(), Unusable> {
        let not_after = self.not_after;
        if now > not_after.after(grace) { Err(Unusable::Expired { not_after, now }) } else { Ok(()) }
    }

    /// COL-07: whether the clock is after everything that was ever accepted, but for the skew that documents
    /// are granted.
    ///
    /// # Errors
    /// [`Unusable::Clock`].
    pub fn check_clock(&self, now: UnixTime) -> Result<(), Unusable> {
        match self.newest_issue {
            Some(newest) if now.after(SKEW) < newest => Err(Unusable::Clock { now, newest }),
            _ => Ok(()),
        }
    }

    /// Puts a document where it belongs. Its form was judged at the import.
    fn take(&mut self, document: &Document) {
        match document.kind {
            Kind::TpmRoot => self.tpm_roots.push(document.bytes.clone()),
            Kind::DenyList => {
                if let Ok(Deny { veks, pck_serials, eks }) = json::from_slice(&document.bytes) {
                    self.deny.veks.extend(veks);
                    self.deny.pck_serials.extend(pck_serials);
                    self.deny.eks.extend(eks);
                }
            }
            Kind::EdnFloors => {
                if let Ok(EdnFloors { sgx, tdx }) = json::from_slice(&document.bytes) {
                    self.edn_floors.sgx = self.edn_floors.sgx.max(sgx);
                    self.edn_floors.tdx = self.edn_floors.tdx.max(tdx);
                }
            }
            _ => {}
        }
    }
}
