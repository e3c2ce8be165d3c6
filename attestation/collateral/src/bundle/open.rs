//! From bytes to a [`Bundle`], in one order: signatures before anything is read (COL-12), then the manifest,
//! its dates (COL-08, COL-09), its sequence, and each document's digest (COL-13).

use super::container::{Container, MANIFEST, SIGNATURE};
use super::manifest::{Entry, Manifest, ManifestError};
use super::signature::{SignatureProblem, Signatures, Trust};
use hanzo_attestation::admission::SKEW;
use hanzo_attestation_evidence::{Broken, Hex, Rule, UnixTime};
use sha2::{Digest as _, Sha256};

/// What a bundle is held against.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Whose signatures count.
    pub trust: &'a Trust,
    /// The instant at which its dates are judged.
    pub now: UnixTime,
    /// The sequence of the last bundle that was imported; 0 before the first.
    pub last_sequence: u64,
}

/// A bundle that is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// COL-13: there is no manifest.
    #[error("there is no {MANIFEST}")]
    ManifestMissing,
    /// COL-12.
    #[error(transparent)]
    Signature(#[from] SignatureProblem),
    /// COL-01, COL-03, COL-13, COL-26: the manifest breaks its own rules.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// COL-08: it does not count yet.
    #[error("the bundle counts from {not_before}; it is {now}")]
    NotYetValid {
        /// From when it counts.
        not_before: UnixTime,
        /// The instant of judgement.
        now: UnixTime,
    },
    /// COL-09: it does not count any more.
    #[error("the bundle counted until {not_after}; it is {now}")]
    Expired {
        /// Until when it counted.
        not_after: UnixTime,
        /// The instant of judgement.
        now: UnixTime,
    },
    /// COL-13: not newer than what was imported before.
    #[error("sequence {found} is not greater than {last}, which was imported before")]
    SequenceNotNewer {
        /// Its sequence.
        found: u64,
        /// That of the last bundle.
        last: u64,
    },
    /// COL-13: a document that the manifest lists is not there.
    #[error("`{path}` is listed and not there")]
    EntryMissing {
        /// Where it should be.
        path: String,
    },
    /// COL-13: a document of another length than the manifest says.
    #[error("`{path}` has {actual} bytes where the manifest says {listed}")]
    Size {
        /// Where it is.
        path: String,
        /// The length in the manifest.
        listed: u64,
        /// Its length.
        actual: usize,
    },
    /// COL-13: a document of another content than the manifest says.
    #[error("`{path}` has the digest {actual}")]
    Digest {
        /// Where it is.
        path: String,
        /// Its SHA-256.
        actual: Hex<32>,
    },
    /// COL-13: a file that the manifest does not list.
    #[error("`{path}` is there and not listed")]
    Unlisted {
        /// Where it is.
        path: String,
    },
}

impl Broken for BundleError {
    fn rule(&self) -> Rule {
        match self {
            Self::Signature(error) => error.rule(),
            Self::Manifest(error) => error.rule(),
            Self::NotYetValid { .. } => Rule::new("COL-08", "CollateralNotYetValid"),
            Self::Expired { .. } => Rule::new("COL-09", "CollateralExpired"),
            Self::ManifestMissing
            | Self::SequenceNotNewer { .. }
            | Self::EntryMissing { .. }
            | Self::Size { .. }
            | Self::Digest { .. }
            | Self::Unlisted { .. } => Rule::new("COL-13", "BundleEntryDigestMismatch"),
        }
    }
}

/// A bundle that enough trusted keys signed, that counts now, is newer than the last, and is whole. Private
/// fields: only [`open`] makes one.
///
/// ```compile_fail,E0451
/// # fn f(files: hanzo_attestation_collateral::bundle::Container) {
/// let bundle = hanzo_attestation_collateral::bundle::Bundle { files, ..unimplemented!() };
/// # }
/// ```
#[derive(Debug)]
pub struct Bundle {
    manifest: Manifest,
    files: Container,
    signers: Vec<Hex<32>>,
}

impl Bundle {
    /// What it says of itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Which trusted keys signed it.
    #[must_use]
    pub fn signers(&self) -> &[Hex<32>] {
        &self.signers
    }

    /// Its files, as received.
    #[must_use]
    pub const fn files(&self) -> &Container {
        &self.files
    }
}

/// Opens a bundle.
///
/// # Errors
/// [`BundleError`] with the first broken rule. Nothing but the signatures is read before they hold.
pub fn open(files: Container, expected: &Expected<'_>) -> Result<Bundle, BundleError> {
    let (manifest, signers) = {
        let bytes = files.file(MANIFEST).ok_or(BundleError::ManifestMissing)?;
        let signatures = files.file(SIGNATURE).ok_or(SignatureProblem::Missing)?;
        let signers = Signatures::parse(signatures)?.verify(bytes, expected.trust)?;
        (Manifest::parse(bytes)?, signers)
    };
    check_dates(&manifest, expected.now)?;
    let (found, last) = (manifest.sequence, expected.last_sequence);
    if found <= last {
        return Err(BundleError::SequenceNotNewer { found, last });
    }
    check_files(&manifest, &files)?;
    Ok(Bundle { manifest, files, signers })
}

/// COL-08, COL-09: of the bundle itself, without grace.
fn check_dates(manifest: &Manifest, now: UnixTime) -> Result<(), BundleError> {
    let (not_before, not_after) = (manifest.not_before, manifest.not_after);
    if not_before > now.after(SKEW) {
        return Err(BundleError::NotYetValid { not_before, now });
    }
    if now > not_after {
        return Err(BundleError::Expired { not_after, now });
    }
    Ok(())
}

/// COL-13: what is listed is there, to the byte, and nothing else is.
pub(crate) fn check_files(manifest: &Manifest, files: &Container) -> Result<(), BundleError> {
    for entry in &manifest.entries {
        check_file(entry, files)?;
    }
    let is_listed = |path: &str| {
        path == MANIFEST || path == SIGNATURE || manifest.entries.iter().any(|entry| entry.path == path)
    };
    match files.files.keys().find(|path| !is_listed(path)) {
        Some(path) => Err(BundleError::Unlisted { path: path.clone() }),
        None => Ok(()),
    }
}

fn check_file(entry: &Entry, files: &Container) -> Result<(), BundleError> {
    let path = || entry.path.clone();
    let bytes = files.file(&entry.path).ok_or_else(|| BundleError::EntryMissing { path: path() })?;
    let actual = bytes.len();
    if u64::try_from(actual).ok() != Some(entry.size) {
        return Err(BundleError::Size { path: path(), listed: entry.size, actual });
    }
    let actual: Hex<32> = Hex(Sha256::digest(bytes).into());
    if actual != entry.sha256 {
        return Err(BundleError::Digest { path: path(), actual });
    }
    Ok(())
}
