//! The certificate chain as SPDM transports it (DSP0274 1.2, 10.6.1, table 33).

use super::error::TdiError;
use crate::bytes::Hex;
use crate::dcap::reader::Reader;
use crate::nvidia;
use crate::x509::der::Cursor;
use crate::x509::{MAX_CERTIFICATE, X509Error};
use ::der::Tag;

/// Largest chain in bytes that is read: NVIDIA's five certificates have less than 5 KiB.
pub const MAX_CERTIFICATE_CHAIN: usize = 20 << 10;

/// A length, a reserved field, a digest of the root, and certificates from the root down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateChain {
    /// SHA-384 of the root's certificate, as the device states it.
    pub root_hash: Hex<48>,
    /// DER, leaf first: the order of every other chain in this project.
    pub certificates: Vec<Vec<u8>>,
}

impl CertificateChain {
    /// Reads a chain to its last byte.
    ///
    /// # Errors
    /// [`TdiError::Certificates`] (TDI-06), and COL-06 for a certificate that is too large.
    pub fn parse(bytes: &[u8]) -> Result<Self, TdiError> {
        if bytes.len() > MAX_CERTIFICATE_CHAIN {
            return Err(TdiError::Certificates("more bytes than any chain has"));
        }
        let mut reader = Reader::new(bytes);
        let ends = TdiError::Certificates("it ends within its header");
        let length = reader.u16().ok_or(ends.clone())?;
        let reserved = reader.u16().ok_or(ends.clone())?;
        let root_hash = reader.array().map(Hex).ok_or(ends)?;
        if usize::from(length) != bytes.len() {
            return Err(TdiError::Certificates("its length field is not its length"));
        }
        if reserved != 0 {
            return Err(TdiError::Certificates("its reserved field is set"));
        }
        let mut certificates = certificates(reader.rest())?;
        certificates.reverse();
        Ok(Self { root_hash, certificates })
    }
}

fn certificates(bytes: &[u8]) -> Result<Vec<Vec<u8>>, TdiError> {
    const WHAT: &str = "certificate";
    let mut cursor = Cursor::new(bytes, WHAT)?;
    let mut certificates = Vec::new();
    while cursor.peek()?.is_some() {
        if certificates.len() == nvidia::MAX_CERTIFICATES {
            return Err(TdiError::Certificates("more certificates than any chain has"));
        }
        let der = cursor.take(Tag::Sequence)?.raw;
        if der.len() > MAX_CERTIFICATE {
            let actual = der.len();
            return Err(X509Error::TooLarge { what: WHAT, limit: MAX_CERTIFICATE, actual }.into());
        }
        certificates.push(der.to_vec());
    }
    Ok(certificates)
}
