//! What a database has to offer, named by need. The vault's rules live above these traits; a backend stores
//! rows and gives one guarantee: what happens between [`Backend::begin`] and [`Transaction::commit`] happens
//! as a whole, durably, and alone.
//!
//! A new backend
//! - implements the traits below and passes [`conformance::check`](crate::conformance::check);
//! - serialises writers, so that two transactions never both read the same head;
//! - returns from `commit` only when the data survives a power cut;
//! - makes decisions and rule versions impossible to update or delete with the broker's own credentials.

use crate::envelope::Record;
use crate::error::StoreError;
use crate::rows::{
    AttestationRow, ChangeRow, GrantRow, HoldRow, KeptKind, KeptRow, KeyRow, LedgerRow, MetaRow,
    PastDecision, RuleKind, RuleRow, SessionRow, ShadowRow, VersionRow, VoteRow,
};
use hanzo_attestation_evidence::{DeviceId, Hex, UnixTime};
use hanzo_kbs_log::{Action, Decision};
use hanzo_kbs_protocol::ChangeKind;
use std::future::Future;

/// Result of a backend call.
pub type StoreResult<T> = Result<T, StoreError>;

/// A database.
pub trait Backend: Send + Sync + 'static {
    /// A transaction of this backend.
    type Tx: Transaction;

    /// Starts a transaction that may write; waits until no other one does. Dropping it undoes everything.
    fn begin(&self) -> impl Future<Output = StoreResult<Self::Tx>> + Send;

    /// Starts a transaction that only reads, from one consistent state.
    fn read(&self) -> impl Future<Output = StoreResult<Self::Tx>> + Send;

    /// Whether the database is sound by its own means, e.g. SQLite's `integrity_check`.
    fn integrity(&self) -> impl Future<Output = StoreResult<()>> + Send;
}

/// An open transaction.
pub trait Transaction:
    MetaRows
    + DecisionRows
    + KeyRows
    + NonceRows
    + SessionRows
    + HoldRows
    + RuleRows
    + AttestationRows
    + KeptRows
    + ChangeRows
    + ShadowRows
    + Send
{
    /// Makes everything durable, or fails and leaves nothing.
    fn commit(self) -> impl Future<Output = StoreResult<()>> + Send;
}

/// The row about the store.
pub trait MetaRows {
    /// The row, or `None` before the store was initialised.
    fn meta(&mut self) -> impl Future<Output = StoreResult<Option<MetaRow>>> + Send;
    /// Writes the row; [`StoreError::AlreadyInitialised`] when there is one.
    fn insert_meta(&mut self, meta: &MetaRow) -> impl Future<Output = StoreResult<()>> + Send;
    /// Replaces the part that changes with every decision.
    fn set_ledger(&mut self, ledger: &LedgerRow) -> impl Future<Output = StoreResult<()>> + Send;
    /// The record of a key of the broker itself.
    fn broker_key(&mut self, purpose: &str) -> impl Future<Output = StoreResult<Option<Record>>> + Send;
    /// Adds one.
    fn insert_broker_key(
        &mut self,
        purpose: &str,
        record: &Record,
    ) -> impl Future<Output = StoreResult<()>> + Send;
}

/// The record of decisions.
pub trait DecisionRows {
    /// Appends; fails unless the number is the next one.
    fn append_decision(&mut self, decision: &Decision) -> impl Future<Output = StoreResult<()>> + Send;
    /// Number of the newest row, 0 when there is none.
    fn newest_decision(&mut self) -> impl Future<Output = StoreResult<u64>> + Send;
    /// At most `limit` rows after number `after`, in order.
    fn decisions(
        &mut self,
        after: u64,
        limit: u32,
    ) -> impl Future<Output = StoreResult<Vec<Decision>>> + Send;
    /// Number of the newest granted decision of this action about this subject.
    fn newest_decision_about(
        &mut self,
        action: Action,
        subject: &str,
    ) -> impl Future<Output = StoreResult<Option<u64>>> + Send;
    /// For each rule that was ever put: kind, name, and number of the newest decision that put it.
    fn newest_rule_decisions(
        &mut self,
    ) -> impl Future<Output = StoreResult<Vec<(RuleKind, String, u64)>>> + Send;
    /// At most `limit` decisions after number `after` that name a key, its demands and facts, in order.
    fn past_decisions(
        &mut self,
        after: u64,
        limit: u32,
    ) -> impl Future<Output = StoreResult<Vec<PastDecision>>> + Send;
}

/// Keys, their versions, and the tenants' keys.
pub trait KeyRows {
    /// The record of a tenant's key.
    fn tenant_key(&mut self, tenant: &str) -> impl Future<Output = StoreResult<Option<Record>>> + Send;
    /// Adds a tenant.
    fn insert_tenant(
        &mut self,
        tenant: &str,
        record: &Record,
        at: UnixTime,
    ) -> impl Future<Output = StoreResult<()>> + Send;
    /// A key.
    fn key(&mut self, id: &str) -> impl Future<Output = StoreResult<Option<KeyRow>>> + Send;
    /// All keys, by id.
    fn keys(&mut self) -> impl Future<Output = StoreResult<Vec<KeyRow>>> + Send;
    /// Adds a key.
    fn insert_key(&mut self, key: &KeyRow) -> impl Future<Output = StoreResult<()>> + Send;
    /// Points a key to another version.
    fn set_current_version(
        &mut self,
        key_id: &str,
        version: u64,
    ) -> impl Future<Output = StoreResult<()>> + Send;
    /// One version.
    fn version(
        &mut self,
        key_id: &str,
        version: u64,
    ) -> impl Future<Output = StoreResult<Option<VersionRow>>> + Send;
    /// All versions of a key, oldest first.
    fn versions(&mut self, key_id: &str) -> impl Future<Output = StoreResult<Vec<VersionRow>>> + Send;
    /// Adds a version.
    fn insert_version(&mut self, version: &VersionRow) -> impl Future<Output = StoreResult<()>> + Send;
    /// Counts one release.
    fn count_release(&mut self, key_id: &str, version: u64) -> impl Future<Output = StoreResult<()>> + Send;
}

/// Used challenges.
pub trait NonceRows {
    /// Marks a challenge as used; `false` when it already was.
    fn use_nonce(
        &mut self,
        digest: &Hex<32>,
        expires_at: UnixTime,
    ) -> impl Future<Output = StoreResult<bool>> + Send;
    /// Whether it was used.
    fn nonce_used(&mut self, digest: &Hex<32>) -> impl Future<Output = StoreResult<bool>> + Send;
    /// Forgets at most `limit` challenges that ended before `before`.
    fn prune_nonces(&mut self, before: UnixTime, limit: u32) -> impl Future<Output = StoreResult<()>> + Send;
}

/// Sessions and what they hold.
pub trait SessionRows {
    /// A session.
    fn session(&mut self, id: &str) -> impl Future<Output = StoreResult<Option<SessionRow>>> + Send;
    /// Adds a session.
    fn insert_session(&mut self, session: &SessionRow) -> impl Future<Output = StoreResult<()>> + Send;
    /// Writes what a renewal changes: evidence, tier, lab, `renewed_at`, `expires_at`, machine and devices.
    fn renew_session(&mut self, session: &SessionRow) -> impl Future<Output = StoreResult<()>> + Send;
    /// Ends a session; keeps the first time when it was ended before.
    fn revoke_session(&mut self, id: &str, at: UnixTime) -> impl Future<Output = StoreResult<()>> + Send;
    /// Ends a session because its machine opened another one; one that was ended before stays as it is.
    fn supersede_session(&mut self, id: &str, at: UnixTime) -> impl Future<Output = StoreResult<()>> + Send;
    /// Adds a grant, or renews it and counts one release more.
    fn put_grant(&mut self, grant: &GrantRow) -> impl Future<Output = StoreResult<()>> + Send;
    /// The grants of a session, by key.
    fn grants_of(&mut self, session_id: &str) -> impl Future<Output = StoreResult<Vec<GrantRow>>> + Send;
    /// How many recipients but one have a grant of a key that has not ended at `now`, in a session that was not
    /// revoked and is none of these; [`u32::MAX`] for more.
    fn live_grants(
        &mut self,
        key_id: &str,
        now: UnixTime,
        but: &Hex<32>,
        without: &[&str],
    ) -> impl Future<Output = StoreResult<u32>> + Send;
    /// At most `limit` grants with their session, newest decision first; of sessions that rest on the device
    /// of this identifier, below whatever root, if one is named.
    fn grants(
        &mut self,
        pdi: Option<Hex<8>>,
        limit: u32,
    ) -> impl Future<Output = StoreResult<Vec<(GrantRow, SessionRow)>>> + Send;
}

/// Which session holds which device.
pub trait HoldRows {
    /// Who holds a device, by session.
    fn holds_of(&mut self, device: &DeviceId) -> impl Future<Output = StoreResult<Vec<HoldRow>>> + Send;
    /// What a session holds, by device.
    fn holds_in(&mut self, session_id: &str) -> impl Future<Output = StoreResult<Vec<HoldRow>>> + Send;
    /// At most `limit` rows that ended before `before`.
    fn ended_holds(
        &mut self,
        before: UnixTime,
        limit: u32,
    ) -> impl Future<Output = StoreResult<Vec<HoldRow>>> + Send;
    /// All of them.
    fn holds(&mut self) -> impl Future<Output = StoreResult<Vec<HoldRow>>> + Send;
    /// How many there are.
    fn count_holds(&mut self) -> impl Future<Output = StoreResult<u64>> + Send;
    /// Adds one; fails when the session holds the device already.
    fn insert_hold(&mut self, hold: &HoldRow) -> impl Future<Output = StoreResult<()>> + Send;
    /// Removes one; fails when there is none.
    fn remove_hold(
        &mut self,
        device: &DeviceId,
        session_id: &str,
    ) -> impl Future<Output = StoreResult<()>> + Send;
}

/// Policies, reference sets, the inventory and the document about trust.
pub trait RuleRows {
    /// The newest version of each rule of a kind, by name.
    fn current_rules(&mut self, kind: RuleKind) -> impl Future<Output = StoreResult<Vec<RuleRow>>> + Send;
    /// One version of a rule; the newest when `version` is `None`.
    fn rule(
        &mut self,
        kind: RuleKind,
        name: &str,
        version: Option<u64>,
    ) -> impl Future<Output = StoreResult<Option<RuleRow>>> + Send;
    /// The newest version of each rule of a kind that a decision up to number `until` put, by name.
    fn rules_until(
        &mut self,
        kind: RuleKind,
        until: u64,
    ) -> impl Future<Output = StoreResult<Vec<RuleRow>>> + Send;
    /// Adds a version.
    fn insert_rule(&mut self, rule: &RuleRow) -> impl Future<Output = StoreResult<()>> + Send;
}

/// Changes that need several people, and what they say. Nothing of it is ever changed.
pub trait ChangeRows {
    /// Adds a change; fails when there is one of this id.
    fn insert_change(&mut self, change: &ChangeRow) -> impl Future<Output = StoreResult<()>> + Send;
    /// One change.
    fn change(&mut self, id: &Hex<32>) -> impl Future<Output = StoreResult<Option<ChangeRow>>> + Send;
    /// At most `limit` changes, newest first.
    fn changes(&mut self, limit: u32) -> impl Future<Output = StoreResult<Vec<ChangeRow>>> + Send;
    /// At most 100 changes of this kind about this name, newest first.
    fn changes_about(
        &mut self,
        kind: ChangeKind,
        name: &str,
    ) -> impl Future<Output = StoreResult<Vec<ChangeRow>>> + Send;
    /// Adds what a person said.
    fn insert_vote(&mut self, vote: &VoteRow) -> impl Future<Output = StoreResult<()>> + Send;
    /// What people said about a change, in order.
    fn votes(&mut self, change: &Hex<32>) -> impl Future<Output = StoreResult<Vec<VoteRow>>> + Send;
}

/// The candidate beside the rules in force: at most one.
pub trait ShadowRows {
    /// The candidate.
    fn shadow(&mut self) -> impl Future<Output = StoreResult<Option<ShadowRow>>> + Send;
    /// Writes it in place of the one that there is.
    fn put_shadow(&mut self, row: &ShadowRow) -> impl Future<Output = StoreResult<()>> + Send;
    /// Takes it away, if there is one.
    fn clear_shadow(&mut self) -> impl Future<Output = StoreResult<()>> + Send;
}

/// What bearer tokens rest on.
pub trait AttestationRows {
    /// One, whether or not it has ended.
    fn attestation(
        &mut self,
        token_id: &str,
    ) -> impl Future<Output = StoreResult<Option<AttestationRow>>> + Send;
    /// Adds one.
    fn insert_attestation(&mut self, row: &AttestationRow) -> impl Future<Output = StoreResult<()>> + Send;
    /// How many there are.
    fn count_attestations(&mut self) -> impl Future<Output = StoreResult<u64>> + Send;
    /// Forgets at most `limit` that ended before `before`.
    fn prune_attestations(
        &mut self,
        before: UnixTime,
        limit: u32,
    ) -> impl Future<Output = StoreResult<()>> + Send;
}

/// Documents that past decisions rested on.
pub trait KeptRows {
    /// Until when a document is kept.
    fn kept_until(&mut self, digest: &Hex<32>) -> impl Future<Output = StoreResult<Option<UnixTime>>> + Send;
    /// Those of the documents that there are, in no order.
    fn kept(&mut self, digests: &[Hex<32>]) -> impl Future<Output = StoreResult<Vec<KeptRow>>> + Send;
    /// Adds a document, or keeps the one that there is for longer.
    fn put_kept(&mut self, row: &KeptRow) -> impl Future<Output = StoreResult<()>> + Send;
    /// Forgets at most `limit` documents of a kind: those that ended before `now`, and those that are more
    /// than `most`; the ones that end first go first.
    fn prune_kept(
        &mut self,
        kind: KeptKind,
        now: UnixTime,
        most: u64,
        limit: u32,
    ) -> impl Future<Output = StoreResult<()>> + Send;
}
