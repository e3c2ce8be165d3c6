//! What can be wrong with the form of a manifest.

use super::xml::{MAX_ATTRIBUTES, MAX_DEPTH, MAX_NAMESPACES, MAX_NODES, MAX_RIM};
use crate::rule::{Broken, Rule};

/// A file that is no manifest of the one profile. The rules are in `docs/nvidia-rules.md`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RimError {
    /// NVR-01: larger than any manifest.
    #[error(
        "{0}: at most {MAX_RIM} bytes, {MAX_NODES} nodes, {MAX_ATTRIBUTES} attributes, {MAX_NAMESPACES} namespace declarations and {MAX_DEPTH} levels are read"
    )]
    TooLarge(&'static str),
    /// NVR-02: not well-formed XML in UTF-8.
    #[error("not well-formed XML in UTF-8: {0}")]
    Malformed(String),
    /// NVR-03: a construct of XML that no manifest has.
    #[error("{0}, which no manifest has")]
    Construct(&'static str),
    /// NVR-04: not a SWID tag.
    #[error("the root is not a SoftwareIdentity of ISO/IEC 19770-2")]
    Root,
    /// NVR-05: an element where it must not be, or twice.
    #[error("{0}")]
    Structure(&'static str),
    /// NVR-06: the root or Meta lacks an attribute, or has an impossible one.
    #[error("the attribute {0} is absent or not of its form")]
    Meta(&'static str),
    /// NVR-07: a record that is not of its form.
    #[error("record {index}: {problem}")]
    Record {
        /// Its index, as written.
        index: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// NVR-08: two records of one index, or of one name of a security version.
    #[error("two records for {0}")]
    DuplicateIndex(String),
    /// NVR-09: not exactly one signature, as the last child of the root.
    #[error("{0}")]
    SignaturePlace(&'static str),
    /// NVR-10: a signature of another structure.
    #[error("the signature: {0}")]
    SignatureForm(&'static str),
    /// NVR-11: another algorithm.
    #[error("{place} is not {expected}")]
    Algorithm {
        /// The element.
        place: &'static str,
        /// The one accepted algorithm.
        expected: &'static str,
    },
    /// NVR-12: the signature does not cover exactly the whole document.
    #[error("the signature must have one reference, to the whole document: {0}")]
    Reference(&'static str),
    /// NVR-13: something other than certificates beside the signature.
    #[error("KeyInfo: {0}")]
    KeyInfo(&'static str),
    /// NVR-14: base64 or hex that is none, or of another length.
    #[error("{0} is not base64 of its length")]
    Encoding(&'static str),
}

impl Broken for RimError {
    fn rule(&self) -> Rule {
        match self {
            Self::TooLarge(_) => Rule::new("NVR-01", "RimTooLarge"),
            Self::Malformed(_) => Rule::new("NVR-02", "RimMalformed"),
            Self::Construct(_) => Rule::new("NVR-03", "RimXmlConstruct"),
            Self::Root => Rule::new("NVR-04", "RimRootElement"),
            Self::Structure(_) => Rule::new("NVR-05", "RimStructure"),
            Self::Meta(_) => Rule::new("NVR-06", "RimMeta"),
            Self::Record { .. } => Rule::new("NVR-07", "RimRecord"),
            Self::DuplicateIndex(_) => Rule::new("NVR-08", "RimDuplicateIndex"),
            Self::SignaturePlace(_) => Rule::new("NVR-09", "RimSignaturePlace"),
            Self::SignatureForm(_) => Rule::new("NVR-10", "RimSignatureForm"),
            Self::Algorithm { .. } => Rule::new("NVR-11", "RimAlgorithm"),
            Self::Reference(_) => Rule::new("NVR-12", "RimReference"),
            Self::KeyInfo(_) => Rule::new("NVR-13", "RimKeyInfo"),
            Self::Encoding(_) => Rule::new("NVR-14", "RimEncoding"),
        }
    }
}
