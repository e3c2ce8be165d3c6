//! What can be wrong with the proof that comes with well-formed objects. The rules are in
//! `docs/tee-io-rules.md`.

use crate::nvidia::NvidiaError;
use hanzo_attestation_evidence::{Broken, Rule};

/// An interface whose proof does not hold: one variant a broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TdiError {
    /// NV-10 to NV-28: the device's certificates, which are NVIDIA's as those of its report are.
    #[error(transparent)]
    Device(#[from] NvidiaError),
    /// TDI-07: the chain names another root than the one that it leads to.
    #[error("the certificate chain states the digest of another root than the one that issued it")]
    RootHash,
    /// TDI-08: the leaf's key did not sign the exchange.
    #[error("the measurements {0} are not signed by the leaf certificate's key")]
    Signature(&'static str),
    /// TDI-09: the device measures something else than when the interface was locked.
    #[error("the device measures something else than when the interface was locked")]
    Changed,
    /// TDI-10: the exchange answers another challenge.
    #[error("the nonce of the measurements is not the expected one")]
    Nonce,
}

impl Broken for TdiError {
    fn rule(&self) -> Rule {
        let (id, code) = match self {
            Self::Device(error) => return error.rule(),
            Self::RootHash => ("TDI-07", "TdiRootHash"),
            Self::Signature(_) => ("TDI-08", "TdiSignature"),
            Self::Changed => ("TDI-09", "TdiMeasurementsChanged"),
            Self::Nonce => ("TDI-10", "TdiNonce"),
        };
        Rule::new(id, code)
    }
}

/// The same, of one interface of an item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interface {device}: {error}")]
pub struct DeviceError {
    /// Position in the item, from 0.
    pub device: usize,
    /// What is wrong.
    pub error: TdiError,
}

impl Broken for DeviceError {
    fn rule(&self) -> Rule {
        self.error.rule()
    }
}
