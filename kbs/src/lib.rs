//! The key broker service.
//!
//! A key leaves only as `Sealed`; `Sealed` needs a `Permit`; a `Permit` needs an `Appraised`; and so on down
//! to a signature chain at a given time. This crate speaks HTTP around that line of types: it reads requests
//! strictly, asks [`judge`] for a verdict, `hanzo-policy` for a permit and `hanzo-kbs-vault` for the release,
//! and records every decision in the transaction of its effect.
//!
//! The program `hanzo-kbs` wires it; everything it needs from outside (clock, randomness, files) enters at
//! [`serve`].

pub mod admin;
pub mod body;
pub mod broker;
pub mod challenge;
pub mod clock;
pub mod config;
mod explain;
pub mod harden;
mod health;
pub mod judge;
mod kept;
mod native;
pub mod problem;
mod replay;
pub mod request_id;
pub mod router;
mod rules;
pub mod serve;
mod shadow;
pub mod tls;
pub mod token;
pub mod tpm;
pub mod trust;
pub mod verbs;
mod wellknown;

#[cfg(test)]
mod tests;
