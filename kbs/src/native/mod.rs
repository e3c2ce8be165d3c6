//! The native door, `/kbs/v1`: challenge, attest, authorize, renew, revoke, status, tier.

mod attempt;
mod attest;
mod authorize;
mod challenge;
mod release;
mod renew;
mod session;
mod tier;
mod tpm;

pub(crate) use attest::attest;
pub(crate) use authorize::authorize;
pub(crate) use challenge::challenge;
pub(crate) use renew::renew;
pub(crate) use session::{revoke, session_status};
pub(crate) use tier::tier_policy;
pub(crate) use tpm::{tpm_activate, tpm_credential};
