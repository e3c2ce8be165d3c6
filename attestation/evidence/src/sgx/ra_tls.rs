//! Certificates that carry a quote: remote attestation in a TLS handshake (SGX-17).
//!
//! The certificate signs itself; what makes its key an enclave's is that the quote's report data is the key's
//! hash. Two carriages are read: Open Enclave's, whose quote stands behind a header of sixteen bytes and
//! whose key is hashed as PEM text; and that of Intel and Gramine, whose extension is the quote and whose key
//! is hashed as SubjectPublicKeyInfo.

use crate::encoding::base64_encode;
use crate::rule::{Broken, Rule};
use crate::x509::{Certificate, ObjectIdentifier, X509Error};

/// Open Enclave, `oe_report` in a certificate.
const OPEN_ENCLAVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113556.10.1.1");
/// Open Enclave, evidence with claims: another structure.
const OPEN_ENCLAVE_EVIDENCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113556.10.1.2");
/// Intel's RA-TLS library and Gramine: the quote itself.
const INTEL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1337.6");
/// TCG DICE, `TaggedEvidence`: the quote in CBOR, with a claims buffer that is hashed in the key's place.
const DICE_TAGGED_EVIDENCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.5.4.9");

/// Open Enclave's header: version 1, type 2 (remote), both little-endian; the quote's length follows.
const REMOTE_REPORT: [u8; 8] = [1, 0, 0, 0, 2, 0, 0, 0];

/// How a certificate carries its quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carriage {
    /// Open Enclave's `oe_report`.
    OpenEnclave,
    /// Intel's RA-TLS library, and Gramine.
    Intel,
}

/// A certificate that carried a quote. It is no evidence by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Courier {
    certificate: Vec<u8>,
    carriage: Carriage,
}

/// A certificate that carries no quote in a form that is read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RaTlsError {
    /// COL-22, COL-21, COL-06: the certificate itself.
    #[error(transparent)]
    Certificate(#[from] X509Error),
    /// SGX-17: no extension that could hold a quote.
    #[error("the certificate has no extension with a quote")]
    NoQuote,
    /// SGX-17: several extensions with a quote, of which each reader would choose its own.
    #[error("the certificate has more than one extension with evidence")]
    SeveralQuotes,
    /// SGX-17: evidence in a form that this build does not read.
    #[error("the certificate carries its evidence as {0}, which is not read")]
    Carriage(&'static str),
    /// SGX-17: Open Enclave's header is not that of a remote report.
    #[error("the header before the quote is not that of a remote report of this length")]
    Header,
}

impl Broken for RaTlsError {
    fn rule(&self) -> Rule {
        match self {
            Self::Certificate(error) => error.rule(),
            Self::NoQuote | Self::SeveralQuotes | Self::Carriage(_) | Self::Header => {
                Rule::new("SGX-17", "SgxRaTlsBinding")
            }
        }
    }
}

impl Courier {
    /// Finds the quote in a certificate.
    pub(super) fn parse(der: &[u8]) -> Result<(Self, &[u8]), RaTlsError> {
        let certificate = Certificate::parse(der)?;
        let known = |oid| [OPEN_ENCLAVE, OPEN_ENCLAVE_EVIDENCE, INTEL, DICE_TAGGED_EVIDENCE].contains(&oid);
        certificate.refuse_unknown_critical(&[OPEN_ENCLAVE, INTEL])?;
        let mut found = certificate.extensions().iter().filter(|extension| known(extension.oid));
        let extension = found.next().ok_or(RaTlsError::NoQuote)?;
        if found.next().is_some() {
            return Err(RaTlsError::SeveralQuotes);
        }
        let (carriage, quote) = match extension.oid {
            OPEN_ENCLAVE => (Carriage::OpenEnclave, behind_header(extension.value)?),
            INTEL => (Carriage::Intel, extension.value),
            OPEN_ENCLAVE_EVIDENCE => return Err(RaTlsError::Carriage("Open Enclave evidence with claims")),
            _ => return Err(RaTlsError::Carriage("DICE TaggedEvidence")),
        };
        Ok((Self { certificate: der.to_vec(), carriage }, quote))
    }

    /// The certificate, DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// How the quote came.
    #[must_use]
    pub const fn carriage(&self) -> Carriage {
        self.carriage
    }
}

impl Carriage {
    /// The form of the certificate's key whose SHA-256 is the first half of the report data, from its
    /// SubjectPublicKeyInfo.
    #[must_use]
    pub fn hashed_key(self, spki: &[u8]) -> Vec<u8> {
        match self {
            Self::Intel => spki.to_vec(),
            Self::OpenEnclave => open_enclave_pem(spki),
        }
    }
}

/// The report behind Open Enclave's header, whose length field must reach the end.
fn behind_header(value: &[u8]) -> Result<&[u8], RaTlsError> {
    let (header, rest) = value.split_first_chunk::<8>().ok_or(RaTlsError::Header)?;
    let (length, quote) = rest.split_first_chunk::<8>().ok_or(RaTlsError::Header)?;
    let fits = usize::try_from(u64::from_le_bytes(*length)) == Ok(quote.len());
    if *header == REMOTE_REPORT && fits { Ok(quote) } else { Err(RaTlsError::Header) }
}

/// A public key as Open Enclave hashes it: PEM with lines of 64 characters, and the NUL that ends a string in
/// C.
fn open_enclave_pem(spki: &[u8]) -> Vec<u8> {
    let base64 = base64_encode(spki);
    let mut text = b"-----BEGIN PUBLIC KEY-----\n".to_vec();
    for line in base64.as_bytes().chunks(64) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.extend_from_slice(b"-----END PUBLIC KEY-----\n\0");
    text
}
