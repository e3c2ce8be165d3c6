//! TPM 2.0 quotes: what was quoted, by which key, and why that key is trusted.
//!
//! A quote whose signature holds is authentic. It proves something only when its attestation key is trusted
//! from one named source ([`AkTrust`], TPM-11): the owner's allow list, a certificate under a configured
//! authority, a record of credential activation ([`activation`]), or a hardware report that binds the key. A
//! key from the evidence alone is [`AkTrust::Untrusted`], which appraisal always refuses.

pub mod activation;
mod chain;
mod claims;
mod error;
mod instance;
mod trust;
mod verify;

pub use chain::CertificateError;
pub use claims::*;
pub use error::TpmError;
pub use instance::GceInstance;

pub(crate) use verify::{
    check_consistency, check_pcr_digest, check_qualifying_data, check_signature, verify,
};
