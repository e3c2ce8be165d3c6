//! Why a document was not fetched.

use crate::hosts::HostError;
use crate::wanted::Vendor;
use hanzo_attestation_collateral::DocumentError;
use hanzo_attestation_evidence::UnixTime;

/// A document that was not fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The address is not one that may be asked.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The client cannot be set up.
    #[error("the client cannot be set up: {0}")]
    Setup(String),
    /// The vendor has failed before, and is left alone.
    #[error("{vendor} has failed: it is not asked again before {until}")]
    CircuitOpen {
        /// Which vendor.
        vendor: Vendor,
        /// From when on it is asked again.
        until: UnixTime,
    },
    /// No connection, or none that is trusted.
    #[error("{host}: {reason}")]
    Unreachable {
        /// Who was asked.
        host: String,
        /// Why.
        reason: String,
    },
    /// No answer in time.
    #[error("{host}: no answer in time")]
    Timeout {
        /// Who was asked.
        host: String,
    },
    /// The answer leads elsewhere, and is not followed.
    #[error("{host}: a redirect (status {status}) is not followed")]
    Redirected {
        /// Who was asked.
        host: String,
        /// The status.
        status: u16,
    },
    /// The vendor has no such document.
    #[error("{host}: there is no such document (status 404)")]
    NotFound {
        /// Who was asked.
        host: String,
    },
    /// The vendor refused or failed.
    #[error("{host}: status {status}")]
    Status {
        /// Who was asked.
        host: String,
        /// The status.
        status: u16,
    },
    /// The answer is larger than such a document can be.
    #[error("{host}: the answer is larger than {limit} bytes")]
    TooLarge {
        /// Who was asked.
        host: String,
        /// The bound in bytes.
        limit: usize,
    },
    /// The header with the issuer chain is missing or not readable.
    #[error("{host}: the header `{header}` has no issuer chain")]
    ChainHeader {
        /// Who was asked.
        host: String,
        /// The header.
        header: &'static str,
    },
    /// The answer of NVIDIA's service is not what was asked for, or not in its form.
    #[error("{host}: {problem}")]
    Envelope {
        /// Who was asked.
        host: String,
        /// What is wrong.
        problem: String,
    },
    /// What came is not what was asked for, or its vendor does not vouch for it.
    #[error("{host}: {error}")]
    Refused {
        /// Who was asked.
        host: String,
        /// What is wrong with it.
        error: DocumentError,
    },
}

impl FetchError {
    /// Whether it says something about the vendor's health. That a document does not exist does not.
    pub(crate) const fn counts_as_outage(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Timeout { .. }
                | Self::Redirected { .. }
                | Self::Status { .. }
                | Self::TooLarge { .. }
                | Self::ChainHeader { .. }
                | Self::Envelope { .. }
                | Self::Refused { .. }
        )
    }
}
