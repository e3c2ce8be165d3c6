//! What can be wrong with a device's report or certificates before any signature is looked at.

use super::report::{MAX_REPORT, MAX_TRAILING};
use crate::rule::{Broken, Rule};
use crate::x509::X509Error;

/// A report or a chain that breaks a rule of its own format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// NV-01: larger than the driver's own buffer.
    #[error("a report of {actual} bytes; at most {MAX_REPORT} are read")]
    Length {
        /// Bytes found.
        actual: usize,
    },
    /// NV-01: the report ends before what it announces.
    #[error("the report ends within {0}")]
    Truncated(&'static str),
    /// NV-02: not the one request that the vendor's driver sends.
    #[error("the request: {0}")]
    Request(&'static str),
    /// NV-03: something other than a few zeros after the signature.
    #[error("{0} bytes follow the signature; at most {MAX_TRAILING} zeros may")]
    Trailing(usize),
    /// NV-04: not the answer to that request.
    #[error("the response: {0}")]
    Response(&'static str),
    /// NV-05: measurement blocks that do not fill the record exactly, or are not DMTF's.
    #[error("measurement block {position}: {problem}")]
    Block {
        /// Position in the record, from 0.
        position: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// NV-06: two blocks of one index: a reader would choose.
    #[error("measurement index {0} occurs twice")]
    DuplicateIndex(u8),
    /// NV-07: opaque data that is not made of whole entries.
    #[error("opaque data: {0}")]
    Opaque(&'static str),
    /// NV-08: opaque data of a version that is not known.
    #[error("opaque data of version {0}; versions up to 2 are known")]
    OpaqueVersion(u16),
    /// NV-09: two entries of one type.
    #[error("opaque data has type {0} twice")]
    DuplicateEntry(u16),
    /// NV-11: a text that is not made of PEM certificates alone.
    #[error("certificates: {0}")]
    Pem(&'static str),
    /// NV-16: an extension of the device's certificate that is not in its one form.
    #[error("the certificate's {0}")]
    Extension(&'static str),
    /// NV-22: not an OCSP response in its one form.
    #[error("an OCSP response that cannot be read")]
    Ocsp,
    /// NV-23: the responder did not answer (OCSPResponseStatus).
    #[error("an OCSP responder answered with the status {0}")]
    OcspUnsuccessful(u8),
    /// COL-06, COL-22: a certificate that cannot be read.
    #[error(transparent)]
    Certificate(#[from] X509Error),
}

impl Broken for FormatError {
    fn rule(&self) -> Rule {
        let (id, code) = match self {
            Self::Certificate(error) => return error.rule(),
            Self::Length { .. } | Self::Truncated(_) => ("NV-01", "ReportLength"),
            Self::Request(_) => ("NV-02", "ReportRequest"),
            Self::Trailing(_) => ("NV-03", "ReportTrailing"),
            Self::Response(_) => ("NV-04", "ReportResponse"),
            Self::Block { .. } => ("NV-05", "ReportBlock"),
            Self::DuplicateIndex(_) => ("NV-06", "ReportDuplicateIndex"),
            Self::Opaque(_) => ("NV-07", "OpaqueMalformed"),
            Self::OpaqueVersion(_) => ("NV-08", "OpaqueVersion"),
            Self::DuplicateEntry(_) => ("NV-09", "OpaqueDuplicate"),
            Self::Pem(_) => ("NV-11", "ChainText"),
            Self::Extension(_) => ("NV-16", "ChainExtension"),
            Self::Ocsp => ("NV-22", "OcspMalformed"),
            Self::OcspUnsuccessful(_) => ("NV-23", "OcspUnsuccessful"),
        };
        Rule::new(id, code)
    }
}

/// The same, of one device of an item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("device {device}: {error}")]
pub struct ItemError {
    /// Position in the item, from 0.
    pub device: usize,
    /// What is wrong.
    pub error: FormatError,
}

impl Broken for ItemError {
    fn rule(&self) -> Rule {
        self.error.rule()
    }
}
