//! X.509 certificates and revocation lists, strictly (RFC 5280; rule book COL-06, COL-21, COL-22).
//!
//! Two readers that see two certificates in the same bytes are an attack, so there is one reading: DER
//! alone, version 3 alone, one certificate and nothing after it, the same algorithm inside and outside
//! the signature, no extension twice. What the vendors' own certificates do not need is not accepted.
//!
//! Nothing here verifies a signature. Parsed values borrow the bytes that a signature covers, so that
//! nothing is ever encoded again.

mod certificate;
mod crl;
pub(crate) mod der;
mod key;
mod name;

pub(crate) use self::certificate::extensions;
pub use self::certificate::{BasicConstraints, Certificate, Extension, KeyUsage};
pub use self::crl::Crl;
pub use self::key::PublicKey;
pub use self::name::Name;
pub use ::der::asn1::ObjectIdentifier;

use crate::rule::{Broken, Rule};

/// Largest certificate in bytes (rule book B.0: "certificate 8 KiB × 5").
pub const MAX_CERTIFICATE: usize = 8 << 10;
/// Most certificates in one item of evidence (rule book B.0).
pub const MAX_CERTIFICATES: usize = 5;
/// Largest revocation list in bytes (rule book B.0: "CRL 1 MiB × 3").
pub const MAX_CRL: usize = 1 << 20;
/// Most revocation lists used for one item of evidence (rule book B.0).
pub const MAX_CRLS: usize = 3;

/// Bytes that are no certificate or revocation list in the one accepted form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum X509Error {
    /// Larger than its budget.
    #[error("a {what} of {actual} bytes; at most {limit} are read")]
    TooLarge {
        /// `certificate` or `revocation list`.
        what: &'static str,
        /// The budget in bytes.
        limit: usize,
        /// The size found.
        actual: usize,
    },
    /// More certificates than one item may carry.
    #[error("{actual} certificates; at most {limit} are read")]
    TooMany {
        /// The budget.
        limit: usize,
        /// The number found.
        actual: usize,
    },
    /// Not DER of the expected structure.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// Bytes follow the outer structure.
    #[error("bytes follow the {0}")]
    TrailingBytes(&'static str),
    /// A certificate that is not version 3, or a list that is not version 2.
    #[error("a {what} of another version than {expected}")]
    Version {
        /// `certificate` or `revocation list`.
        what: &'static str,
        /// The one accepted version.
        expected: u8,
    },
    /// The signed algorithm and the algorithm beside the signature differ.
    #[error("the signature algorithms inside and outside the signed part differ")]
    AlgorithmsDiffer,
    /// A serial number that is negative or longer than 20 octets.
    #[error("a serial number that is negative or longer than 20 octets")]
    SerialNumber,
    /// An extension occurs twice.
    #[error("extension {0} occurs twice")]
    DuplicateExtension(ObjectIdentifier),
    /// A critical extension that the caller does not process.
    #[error("unknown critical extension {0}")]
    UnknownCritical(ObjectIdentifier),
    /// A public key in a form that is not accepted.
    #[error("public key: {0}")]
    PublicKey(&'static str),
    /// A PEM text that is not made of certificates alone.
    #[error("PEM: {0}")]
    Pem(&'static str),
}

impl Broken for X509Error {
    fn rule(&self) -> Rule {
        match self {
            Self::TooLarge { .. } | Self::TooMany { .. } | Self::Pem(_) => {
                Rule::new("COL-06", "CertificateBudgetExceeded")
            }
            Self::PublicKey(_) => Rule::new("COL-21", "PublicKeyInvalid"),
            Self::Malformed(_)
            | Self::TrailingBytes(_)
            | Self::Version { .. }
            | Self::AlgorithmsDiffer
            | Self::SerialNumber
            | Self::DuplicateExtension(_)
            | Self::UnknownCritical(_) => Rule::new("COL-22", "CertificateMalformed"),
        }
    }
}

/// Checks the number and sizes of certificates before any is read.
///
/// # Errors
/// [`X509Error::TooMany`] and [`X509Error::TooLarge`].
pub fn check_budget(certificates: &[Vec<u8>]) -> Result<(), X509Error> {
    let actual = certificates.len();
    if actual > MAX_CERTIFICATES {
        return Err(X509Error::TooMany { limit: MAX_CERTIFICATES, actual });
    }
    certificates.iter().try_for_each(|der| check_size("certificate", der, MAX_CERTIFICATE))
}

fn check_size(what: &'static str, der: &[u8], limit: usize) -> Result<(), X509Error> {
    let actual = der.len();
    if actual > limit {
        return Err(X509Error::TooLarge { what, limit, actual });
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
