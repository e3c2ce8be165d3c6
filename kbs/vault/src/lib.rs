//! Sealing, keys and their versions, sessions and grants; the store behind one transaction.
//!
//! ```text
//! key file ──unseal──▶ root key ─▶ tenant key ─▶ key version ──release(Permit)──▶ Sealed
//! ```
//!
//! A [`Store`] is the database, closed. [`Store::unseal`] opens the seal and yields a [`Vault`], which holds
//! the root key; when its last clone is dropped the vault is sealed again. Keys leave it in one way: through
//! [`Vault::release`], against [`Permit`](hanzo_policy::Permit)s, as envelopes for the recipient that the
//! evidence binds. Everything that happens is one transaction with its row in the record: what cannot be
//! recorded does not happen.
//!
//! Time is an argument: each call takes it as its decision's `at`. Randomness is an argument of
//! [`Store::open`].

mod attestations;
pub mod backend;
mod changes;
pub mod conformance;
mod envelope;
mod error;
mod history;
mod holds;
mod inventory;
mod kept;
mod key_file;
mod keys;
mod ledger;
mod place;
mod purpose;
mod quorum;
mod record;
mod release;
mod rng;
mod root;
pub mod rows;
mod rules;
mod seal;
mod sessions;
mod shadow;
pub mod sqlite;
mod store;
mod trust;
mod vault;

pub use attestations::{MAX_ATTESTATIONS, MAX_DOCUMENT, StoredAttestation};
pub use changes::QuorumError;
pub use envelope::{EnvelopeError, Record};
pub use error::{ChangeError, LogDamage, RecordError, RulesError, StoreError};
pub use history::MAX_VERSIONS;
pub use holds::{DeviceSessions, Machine};
pub use inventory::{DeviceRules, Devices, GpuInventory, MAX_PAIR_DEVICES, Pair};
pub use kept::{MAX_KEPT, MAX_PAST, Retention};
pub use key_file::{KeyFileError, KeyFileSeal};
pub use keys::MAX_SECRET;
pub use ledger::{CLOCK_TOLERANCE, MAX_DECISION};
pub use place::PlaceError;
pub use purpose::Purpose;
pub use quorum::{Demand, MAX_PEOPLE, MAX_WAIT, NamePattern, Quorum, QuorumMistake, Scope, Target, is_name};
pub use record::{Audit, MAX_PAGE};
pub use release::{Again, Asker, Release, ReleaseError, Released, SessionPlan};
pub use rng::{Rng, RngError, SystemRng};
pub use root::RootKey;
pub use rows::{KeptKind, KeptRow, PastDecision};
pub use rules::{MAX_RULE, Policy, ReferenceSet, Rules};
pub use seal::{Seal, SealContext, SealError};
pub use sessions::{Session, UsedNonce};
pub use shadow::StoredShadow;
pub use sqlite::Sqlite;
pub use store::Store;
pub use trust::ApprovedTrust;
pub use vault::Vault;

#[cfg(test)]
mod tests;
