//! TPM 2.0 quotes (TPM 2.0 Library Specification, parts 1 and 2; all integers big-endian).
//!
//! A [`Quote`] is a TPMS_ATTEST, the signature over it, and the values of the registers that it speaks of. It
//! is the same structure in a TPM's own evidence and inside Azure's, where the signature is a bare RSASSA
//! one. [`Evidence`] adds the attestation key, and what may make it trusted.

mod algorithm;
mod attest;
mod der;
mod error;
mod key;
mod pcrs;
mod public;
mod reader;
mod selection;
mod signature;

pub use algorithm::{Hash, Scheme, SigningHash};
pub use attest::{Attest, Clock, MAX_ATTEST};
pub use der::rsa_spki;
pub use error::FormatError;
pub use key::{AttestationKey, MAX_PEM, MAX_PUBLIC};
pub use pcrs::{MAX_BANKS, PcrValues};
pub use public::{Attributes, Curve, Hierarchy, Name, NameError, Parameters, Public};
pub use selection::{PCRS, Selection};
pub use signature::{MAX_SIGNATURE, Signature, SignatureValue};

use crate::bytes::Digest;

/// A quote: what a TPM signed, the signature, and the registers' values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// What was signed.
    pub attest: Attest,
    /// The signature over [`Attest::bytes`].
    pub signature: Signature,
    /// The values of exactly the registers that the quote selects, if they came with it.
    pub pcrs: Option<PcrValues>,
}

impl Quote {
    /// Puts a quote together. `pcrs` are values as received: they must be exactly the selected ones.
    ///
    /// # Errors
    /// [`FormatError::PcrSet`] (TPM-19) and [`FormatError::PcrLength`] (TPM-20).
    pub fn new(
        attest: Attest,
        signature: Signature,
        pcrs: Option<Vec<(Hash, u8, Vec<u8>)>>,
    ) -> Result<Self, FormatError> {
        let pcrs = pcrs.map(|pcrs| PcrValues::read(pcrs, &attest.selection)).transpose()?;
        Ok(Self { attest, signature, pcrs })
    }
}

/// One TPM item: a quote, its key, and what may make that key trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The quote.
    pub quote: Quote,
    /// The attestation key. It comes from the evidence: that it fits proves nothing (TPM-11).
    pub key: AttestationKey,
    /// DER certificates of the attestation key, the leaf first, as received and not yet parsed; their number
    /// and sizes are within the budget of [`crate::x509`].
    pub certs: Vec<Vec<u8>>,
    /// A broker's record that this key was activated (credential activation), as received.
    pub activation: Option<Vec<u8>>,
    /// The boot's event log, as received.
    pub event_log: Option<Vec<u8>>,
    /// The kernel's list of the files that it measured (IMA, binary form), as received; only with the boot's
    /// log.
    pub ima_log: Option<Vec<u8>>,
    /// Digest of initialisation data that register 8 is said to hold (TPM-36).
    pub init_data: Option<Digest>,
}

/// The byte strings of a TPM item, decoded and within their budgets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) attest: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) pcrs: Option<Vec<(Hash, u8, Vec<u8>)>>,
    pub(crate) ak_public: String,
    pub(crate) ak_tpmt: Option<Vec<u8>>,
    pub(crate) ak_certs: Vec<Vec<u8>>,
    pub(crate) activation: Option<Vec<u8>>,
    pub(crate) event_log: Option<Vec<u8>>,
    pub(crate) ima_log: Option<Vec<u8>>,
    pub(crate) init_data: Option<Digest>,
}

impl Evidence {
    /// Reads the vendor's formats of an item: TPM-01 to 10, and TPM-16 to 20.
    pub(crate) fn parse(parts: &Parts) -> Result<Self, FormatError> {
        let attest = Attest::parse(&parts.attest)?;
        let signature = Signature::parse(&parts.signature)?;
        let key = AttestationKey::parse(&parts.ak_public, parts.ak_tpmt.as_deref())?;
        key.check_signature(&signature)?;
        Ok(Self {
            quote: Quote::new(attest, signature, parts.pcrs.clone())?,
            key,
            certs: parts.ak_certs.clone(),
            activation: parts.activation.clone(),
            event_log: parts.event_log.clone(),
            ima_log: parts.ima_log.clone(),
            init_data: parts.init_data,
        })
    }
}

#[cfg(test)]
mod tests;
