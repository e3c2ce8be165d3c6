//! What a bundle is made of, before anything in it is read.

use hanzo_attestation_evidence::Hex;
use std::collections::BTreeMap;

/// Name of the manifest.
pub const MANIFEST: &str = "manifest.json";
/// Name of the signatures.
pub const SIGNATURE: &str = "manifest.sig";

/// The files of a bundle, by their path in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// All files: the manifest, the signatures, the blobs, and whatever else lies there.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Container {
    /// A file's bytes, if it is there.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }
}

/// Where a document lies: `blobs/` and its SHA-256.
#[must_use]
pub fn blob_path(sha256: &Hex<32>) -> String {
    format!("blobs/{sha256}")
}
