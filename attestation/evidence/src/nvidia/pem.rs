//! A device's certificates as NVML gives them: PEM, leaf first.

use super::error::FormatError;
use crate::dcap::QuoteError;
use crate::dcap::pem::block;
use crate::x509::{MAX_CERTIFICATE, X509Error};

/// Most certificates of one device. A chain has five; one more is read, so that its refusal can say so.
pub const MAX_CERTIFICATES: usize = 6;

/// Reads every certificate. Between them and after the last only line ends may stand, and one NUL at the end.
pub(super) fn certificates(text: &str) -> Result<Vec<Vec<u8>>, FormatError> {
    let mut rest = text.strip_suffix('\0').unwrap_or(text);
    let mut certificates = Vec::new();
    loop {
        rest = rest.trim_start_matches(['\n', '\r']);
        if rest.is_empty() {
            return Ok(certificates);
        }
        if certificates.len() == MAX_CERTIFICATES {
            return Err(FormatError::Pem("more of them than any chain has"));
        }
        certificates.push(block(&mut rest, certificates.len()).map_err(refused)?);
    }
}

fn refused(error: QuoteError) -> FormatError {
    match error {
        QuoteError::Pem(problem) => FormatError::Pem(problem),
        QuoteError::CertificateTooLarge { actual, .. } => {
            X509Error::TooLarge { what: "certificate", limit: MAX_CERTIFICATE, actual }.into()
        }
        _ => FormatError::Pem("a certificate that cannot be read"),
    }
}
