//! May this Appraised have this key?
//!
//! The arrows of the line of types that live here:
//!
//! ```text
//! Attested ──appraise(thresholds)──▶ Appraised { tier, claims } ──authorize(key, policies, circumstances)──▶ Permit
//! ```
//!
//! [`appraise`] asks whether genuine evidence is acceptable, and what tier it proves. [`authorize`] asks, for
//! one key: is the tier at least the key's minimum, is there a CPU TEE where the key demands one, and do the
//! policies permit it? The first two cannot be overridden: they come before the policies, and the
//! [`Permit`]'s constructor repeats them.
//!
//! Pure: time, policies and reference values are arguments.
//!
//! # Policies
//!
//! Policies are [Cedar](https://docs.cedarpolicy.com). The principal is the node as its evidence proves it,
//! the one action is `release`, the resource is a key in its tenant. [`Policies::schema_text`] is the schema:
//! it is generated from the typed claims, and every policy is checked against it, so that a misspelt claim is
//! an error with its line and not a silent no.
//!
//! ```
//! use hanzo_policy::{Policies, PolicySource};
//!
//! let source = |text: &str| [PolicySource { name: "images".into(), version: 1, text: text.into() }];
//! assert!(Policies::compile(&source(r#"
//!     permit (principal, action == Action::"release", resource in Tenant::"acme")
//!     when { principal.measurement in ReferenceSet::"images" };
//! "#)).is_ok());
//!
//! let problems = Policies::compile(&source(r#"
//!     permit (principal, action == Action::"release", resource in Tenant::"acme")
//!     when { principal.measurment in ReferenceSet::"images" };
//! "#)).unwrap_err();
//! assert_eq!((problems[0].line, problems[0].column), (3, 12));
//! assert!(problems[0].message.contains("did you mean `measurement`"));
//! ```
//!
//! - Deny by default: without a `permit` that applies the answer is no.
//! - `forbid` beats `permit`.
//! - A policy that fails while it is evaluated (e.g. an integer overflow) denies. It is never skipped.
//! - A policy that can never apply is an error: a `forbid` with a slip in it would protect nothing.
//! - Reference values are entities: a new image is one more value in a [`ReferenceSet`], not a new policy.
//!
//! The folder `examples` has policies for the usual cases. Policies are tested without evidence by
//! [`case::TestCase`]s.
//!
//! # Denials
//!
//! A [`Denial`] carries a stable code and its causes. Causes are exact: they are found by asking the policies
//! again with one thing changed, e.g. with the node's measurement in a set that a policy names.
#![cfg_attr(not(test), deny(clippy::as_conversions))]

pub mod appraisal;
mod appraised;
mod authorize;
pub mod case;
mod circumstances;
mod decide;
mod decision;
mod devices;
mod digest;
pub mod explain;
mod hardware;
mod key_id;
#[cfg(test)]
mod lattice;
mod next_tier;
mod node;
mod permit;
mod policies;
mod problem;
pub mod prove;
mod references;
pub mod replay;
#[cfg(test)]
mod sample;
mod schema;
pub mod template;
mod tier;
mod waived;

pub use appraisal::{Appraisal, appraise_devices, appraise_item};
pub use appraised::{Appraised, appraise, tier_of, tier_of_claims};
pub use authorize::authorize;
pub use case::{CaseError, CaseReport, TestCase};
pub use circumstances::Circumstances;
pub use decision::{Denial, DenialCode};
pub use explain::{Explanation, FactsError, NodeFacts, Situation};
pub use hardware::Hardware;
pub use key_id::{KeyId, KeyIdError};
pub use next_tier::{NextTier, next_tier};
pub use permit::{KeyScope, Limit, Permit};
pub use policies::{MAX_POLICIES, MAX_POLICY_TEXT, Policies, PolicySource};
pub use problem::PolicyProblem;
pub use references::{
    MAX_VALUES, REGISTERS, ReferenceError, ReferenceSet, ReferenceValue, References, Validity,
};
pub use schema::AttributeInfo;
pub use tier::{Tier, TierError};
