//! Vendor data and extra trust roots, read from files into memory for the verifier.
//!
//! Verification itself never reads a file and never opens a socket: what it rests on is put before it. This
//! crate is where files become that. Reading decides nothing about trust: a root from here is one that
//! configuration named.
//!
//! [`bundle`] is the signed offline bundle; [`Store`] is the directory into which bundles are imported and
//! from which a verifier loads them.

mod amd;
pub mod bundle;
mod document;
mod file;
mod folder;
mod lab;
mod nvidia;
mod store;
mod tpm;

pub use amd::{AmdCrlError, read_amd_crl};
pub use document::{Document, DocumentError};
pub use file::FileError;
pub use folder::{BundleFileError, read_bundle, write_bundle};
pub use lab::{LabDirError, read_lab};
pub use nvidia::{NvidiaRimError, read_nvidia_rim};
pub use store::{
    AdmitError, Change, MAX_MARKS, Mark, State, StateError, Store, StoreError, Stored, StoredDocument,
    Unusable,
};
pub use tpm::{TpmTrustError, read_tpm_cas, read_trusted_ak};
