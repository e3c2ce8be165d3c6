//! What can go wrong in the lab itself.

use std::path::PathBuf;

/// The lab could not make, read or write something. Evidence that is wrong on purpose is not an error here.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The random source or the key generator failed.
    #[error("a key could not be generated")]
    KeyGeneration,
    /// A private key file does not hold a key of the expected kind in PKCS#8.
    #[error("a private key was rejected: {0}")]
    KeyRejected(String),
    /// A signature could not be made.
    #[error("a signature could not be made")]
    Signing,
    /// A file of the lab directory cannot be read.
    #[error("`{}` cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the lab directory is larger than any that the lab writes.
    #[error("`{}` is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound in bytes.
        limit: u64,
    },
    /// A file of the lab directory cannot be written.
    #[error("`{}` cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The lab's dates cannot be read.
    #[error("the lab's validity is malformed: {0}")]
    Validity(String),
    /// `lab.json` is no JSON.
    #[error("`lab.json` is malformed: {0}")]
    Index(String),
    /// The lab's directory was written by a program that made no NVIDIA side.
    #[error("this lab has no GPUs: an older program wrote it, and `hanzo-lab init` makes a new one")]
    NoNvidia,
    /// A signature of the lab's TCB signer has another length than 64 bytes.
    #[error("`{}` is not a signature of 64 bytes", .0.display())]
    Signature(PathBuf),
    /// The directory exists and is not empty: keys are never overwritten.
    #[error("`{}` exists and is not empty", .0.display())]
    NotEmpty(PathBuf),
}
