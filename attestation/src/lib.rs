//! Is this evidence genuine, fresh, and from what?
//!
//! Two arrows of the line of types live here:
//!
//! ```text
//! Evidence ──verify(collateral, roots, now)──▶ Verified ──bind(challenge, recipient key)──▶ Attested
//! ```
//!
//! Pure: time, trust roots and collateral are arguments.

#![cfg_attr(not(test), deny(clippy::as_conversions))]

pub mod admission;
pub mod azure;
mod binding;
pub mod cache;
pub mod claims;
pub mod collateral;
mod crl;
pub mod crypto;
pub mod dcap;
pub mod event_log;
pub mod identity;
pub mod nvidia;
pub mod roots;
pub mod sgx;
pub mod snp;
pub mod tdx;
pub mod tpm;
pub mod verify;
mod x509;

pub use cache::Cache;
pub use claims::{Claims, CollateralUse, Debug, Facts, Measurement, Product, RULESET, TcbStatus, Trace};
pub use collateral::{Collateral, IntelCollateralError, IntelDocument, IntelGrace, Revocation, RimHold};
pub use roots::{ExtraAmdRoot, ExtraRoots, Roots};
pub use verify::{Attested, Context, Refused, Verified, VerifiedItem, precheck, verify};
