//! What makes a TPM's attestation key trusted, from files: public keys and authorities, PEM (authorities also
//! DER).

use crate::{FileError, file};
use hanzo_attestation::roots::{AkId, TpmCa, TrustedAk};
use hanzo_attestation_evidence::Hex;
use hanzo_attestation_evidence::dcap::{QuoteError, read_certificates};
use hanzo_attestation_evidence::tpm::{AttestationKey, FormatError, MAX_PEM};
use hanzo_attestation_evidence::x509::{Certificate, MAX_CERTIFICATE, MAX_CERTIFICATES, X509Error};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// Largest file of authorities in bytes: five certificates (rule book B.0), in PEM twice their size at most.
const MAX_AUTHORITIES: usize = 2 * MAX_CERTIFICATE * MAX_CERTIFICATES;
const END: &str = "-----END CERTIFICATE-----";

/// A file that makes no TPM's key trusted.
#[derive(Debug, thiserror::Error)]
pub enum TpmTrustError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no public key of the kinds that attest.
    #[error("`{}` is no attestation key in PEM: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: FormatError,
    },
    /// It is not text.
    #[error("`{}` is not a PEM text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// It has something else than certificates in PEM.
    #[error("`{}` is not certificates in PEM and nothing else: {source}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: QuoteError,
    },
    /// It has a certificate that does not parse: it would silently be the root of nothing.
    #[error("`{}` has a certificate that cannot be read: {source}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: X509Error,
    },
    /// It has no certificate, or more than are read.
    #[error("`{}` has {actual} certificates; 1 to {MAX_CERTIFICATES} are read", path.display())]
    Count {
        /// The file.
        path: PathBuf,
        /// The number found.
        actual: usize,
    },
}

/// Reads a public attestation key (PEM), to trust it by the SHA-256 of its SubjectPublicKeyInfo (TPM-11).
///
/// # Errors
/// [`TpmTrustError`].
pub fn read_trusted_ak(path: &Path) -> Result<TrustedAk, TpmTrustError> {
    let bytes = file::read(path, MAX_PEM)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| TpmTrustError::NotText { path: path.to_owned() })?;
    let key = AttestationKey::parse(text, None);
    let key = key.map_err(|source| TpmTrustError::Key { path: path.to_owned(), source })?;
    Ok(TrustedAk::new(AkId::Spki(Hex(Sha256::digest(key.spki()).into()))))
}

/// Reads authorities over TPM keys: one certificate in DER, or up to five in PEM.
///
/// # Errors
/// [`TpmTrustError`].
pub fn read_tpm_cas(path: &Path) -> Result<Vec<TpmCa>, TpmTrustError> {
    let bytes = file::read(path, MAX_AUTHORITIES)?;
    let certificates = if bytes.first() == Some(&0x30) { vec![bytes] } else { from_pem(path, &bytes)? };
    for der in &certificates {
        Certificate::parse(der)
            .map_err(|source| TpmTrustError::Certificate { path: path.to_owned(), source })?;
    }
    Ok(certificates.into_iter().map(TpmCa::new).collect())
}

fn from_pem(path: &Path, bytes: &[u8]) -> Result<Vec<Vec<u8>>, TpmTrustError> {
    let text = std::str::from_utf8(bytes).map_err(|_| TpmTrustError::NotText { path: path.to_owned() })?;
    let blocks: Vec<&str> =
        text.split_inclusive(END).map(str::trim).filter(|block| !block.is_empty()).collect();
    if blocks.is_empty() || blocks.len() > MAX_CERTIFICATES {
        return Err(TpmTrustError::Count { path: path.to_owned(), actual: blocks.len() });
    }
    let read = |block: &&str| {
        let [der] = read_certificates(block.as_bytes())
            .map_err(|source| TpmTrustError::Pem { path: path.to_owned(), source })?;
        Ok(der)
    };
    blocks.iter().map(read).collect()
}
