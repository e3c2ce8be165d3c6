//! What can be wrong with an interface's objects before any signature is looked at.

use crate::nvidia::FormatError;
use crate::rule::{Broken, Rule};
use crate::x509::X509Error;

/// An object that breaks a rule of its own format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TdiError {
    /// TDI-01: a report that is not whole, or says what this build does not understand.
    #[error("the interface report: {0}")]
    Report(&'static str),
    /// TDI-02: a range that cannot be.
    #[error("MMIO range {position} of the interface report: {problem}")]
    Range {
        /// Position in the report, from 0.
        position: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// TDI-03: not the six messages of the negotiation.
    #[error("the negotiation (VCA): {0}")]
    Vca(&'static str),
    /// TDI-04: other algorithms than the one pair that is verified.
    #[error("the negotiated algorithms: {0}")]
    Algorithms(&'static str),
    /// TDI-05: not one whole GET_MEASUREMENTS exchange.
    #[error("the measurements: {0}")]
    Measurements(&'static str),
    /// TDI-05: its record.
    #[error("the measurements: {0}")]
    Blocks(FormatError),
    /// TDI-06: not a certificate chain in SPDM's form.
    #[error("the certificate chain: {0}")]
    Certificates(&'static str),
    /// TDI-27: an event that says less than it must, or more than is known.
    #[error("the content of the event: {0}")]
    Accept(&'static str),
    /// COL-06, COL-22: a certificate that cannot be read.
    #[error(transparent)]
    Certificate(#[from] X509Error),
}

impl Broken for TdiError {
    fn rule(&self) -> Rule {
        let (id, code) = match self {
            Self::Certificate(error) => return error.rule(),
            Self::Report(_) => ("TDI-01", "TdiReportMalformed"),
            Self::Range { .. } => ("TDI-02", "TdiRange"),
            Self::Vca(_) => ("TDI-03", "TdiVcaMalformed"),
            Self::Algorithms(_) => ("TDI-04", "TdiAlgorithms"),
            Self::Measurements(_) | Self::Blocks(_) => ("TDI-05", "TdiMeasurementsMalformed"),
            Self::Certificates(_) => ("TDI-06", "TdiCertificates"),
            Self::Accept(_) => ("TDI-27", "TdiEventMalformed"),
        };
        Rule::new(id, code)
    }
}

/// The same, of one interface of an item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interface {device}: {error}")]
pub struct ItemError {
    /// Position in the item, from 0.
    pub device: usize,
    /// What is wrong.
    pub error: TdiError,
}

impl Broken for ItemError {
    fn rule(&self) -> Rule {
        self.error.rule()
    }
}
