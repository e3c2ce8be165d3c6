//! AMD certificate revocation lists, as AMD's key distribution service sends them: DER.

use crate::FileError;
use crate::file;
use hanzo_attestation_evidence::x509::{Crl, MAX_CRL, X509Error};
use std::path::{Path, PathBuf};

/// A file that is no revocation list.
#[derive(Debug, thiserror::Error)]
pub enum AmdCrlError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not a DER revocation list.
    #[error("`{}` is not a DER revocation list: {source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: X509Error,
    },
}

/// Reads one list, at most 1 MiB (rule book B.0). Its form is checked here, so that a wrong file is found
/// when it is configured; its signature and dates are checked whenever it is used.
///
/// # Errors
/// [`AmdCrlError`] naming the file.
pub fn read_amd_crl(path: &Path) -> Result<Vec<u8>, AmdCrlError> {
    let bytes = file::read(path, MAX_CRL)?;
    match Crl::parse(&bytes) {
        Ok(_) => Ok(bytes),
        Err(source) => Err(AmdCrlError::Malformed { path: path.to_owned(), source }),
    }
}
