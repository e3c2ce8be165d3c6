//! The signed offline bundle (rule book, section D).
//!
//! ```text
//! manifest.json     what is in it, from when to when it counts, floors and deny lists
//! manifest.sig      detached signatures over the exact bytes of the manifest
//! blobs/SHA256      vendor documents, exactly as received
//! ```
//!
//! The same three, in that order and the blobs in the order of their names, make the single file: a tar
//! archive with one spelling.
//!
//! A bundle's key can withhold and delay; it cannot make vendor data, whose own signatures stay decisive.
//! Floors, deny lists and reference values are what the key is trusted for.
//!
//! Nothing in this module reads a file or a clock: bytes become a [`Bundle`] through [`open`], in one order.
//!
//! ```text
//! Container ──signatures──▶ manifest read ──dates, sequence──▶ digests, sizes, names ──▶ Bundle
//! ```

mod container;
mod key;
mod kind;
mod manifest;
mod open;
mod seal;
mod signature;
pub mod tar;

pub use container::{Container, MANIFEST, SIGNATURE, blob_path};
pub use hanzo_attestation::RULESET;
pub use key::{Algorithm, BundleKey, BundleSigner, KeyError};
pub use kind::Kind;
pub use manifest::{
    Deny, EdnFloors, Entry, FORMAT, MAX_ENTRIES, MAX_MANIFEST, Manifest, ManifestError, ReferenceTimes,
};
pub(crate) use open::check_files;
pub use open::{Bundle, BundleError, Expected, open};
pub use seal::{Draft, SealError, seal};
pub use signature::{MAX_SIGNATURES, SignatureProblem, Signatures, Trust, TrustError};
