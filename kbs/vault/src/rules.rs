//! Policies and reference sets: every version is kept, a change names the version that it replaces, and what
//! is read back is compared with the record, so that an old version put back in the database is noticed.

use crate::backend::{Backend, DecisionRows, MetaRows, RuleRows, Transaction};
use crate::changes::{Cleared, change_kind};
use crate::error::{ChangeError, RulesError, StoreError};
use crate::ledger::{Ledger, expect_outcome};
use crate::quorum::Target;
use crate::rows::{RuleKind, RuleRow};
use crate::vault::Vault;
use aws_lc_rs::{digest, hmac};
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_kbs_log::{NewDecision, Outcome};
use hanzo_kbs_protocol::{PolicyInfo, ReferenceInfo, ReferenceValue};
use std::collections::BTreeMap;

/// Largest policy or reference set in bytes: a policy of ten thousand lines, or two thousand digests.
pub const MAX_RULE: usize = 256 * 1024;
/// Longest name in bytes.
const MAX_NAME: usize = 63;

/// A policy version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// 1 and up.
    pub version: u64,
    /// SHA-256 of the text.
    pub digest: Hex<32>,
    /// Number of the decision that put it.
    pub decision: u64,
    /// Cedar text.
    pub text: String,
    /// When this version was put.
    pub created_at: UnixTime,
}

/// A version of a reference set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceSet {
    /// Its name.
    pub name: String,
    /// 1 and up.
    pub version: u64,
    /// SHA-256 of the set's RFC 8785 form.
    pub digest: Hex<32>,
    /// The values.
    pub values: Vec<ReferenceValue>,
    /// When this version was put.
    pub created_at: UnixTime,
}

/// All that decides, from one consistent state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Number of the newest decision that changed any of it; a release names the epoch that it rests on.
    pub epoch: u64,
    /// The newest version of each policy, by name.
    pub policies: Vec<Policy>,
    /// The newest version of each reference set, by name.
    pub references: Vec<ReferenceSet>,
}

/// The next version of a rule.
pub(crate) struct NewRule {
    pub(crate) kind: RuleKind,
    pub(crate) name: String,
    pub(crate) body: String,
    /// The version that it follows.
    pub(crate) current: Option<u64>,
    pub(crate) decision: NewDecision,
    /// That nobody else's agreement is missing.
    pub(crate) cleared: Cleared,
}

impl From<Policy> for PolicyInfo {
    fn from(policy: Policy) -> Self {
        let Policy { name, version, digest, decision, text, created_at } = policy;
        Self { name, version, digest, decision, text: Some(text), created_at, held_against: None }
    }
}

impl From<ReferenceSet> for ReferenceInfo {
    fn from(set: ReferenceSet) -> Self {
        let ReferenceSet { name, version, values, created_at, .. } = set;
        Self { name, version, values, created_at }
    }
}

impl<B: Backend> Vault<B> {
    /// Number of the newest decision that changed a rule: a cheap look whether [`Vault::rules`] has anything
    /// new.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rules_epoch(&self) -> Result<u64, StoreError> {
        let meta = self.backend().read().await?.meta().await?;
        Ok(meta.ok_or(StoreError::NotInitialised)?.ledger.rules_epoch)
    }

    /// Everything that decides, authenticated, and compared with the record.
    ///
    /// # Errors
    /// [`RulesError`].
    pub async fn rules(&self) -> Result<Rules, RulesError> {
        let mut tx = self.backend().read().await?;
        let epoch = tx.meta().await?.ok_or(StoreError::NotInitialised)?.ledger.rules_epoch;
        let policies = tx.current_rules(RuleKind::Policy).await?;
        let references = tx.current_rules(RuleKind::Reference).await?;
        let mut others = tx.current_rules(RuleKind::Inventory).await?;
        others.extend(tx.current_rules(RuleKind::Trust).await?);
        let recorded = tx.newest_rule_decisions().await?;
        compare(policies.iter().chain(&references).chain(&others), recorded)?;
        others.iter().try_for_each(|row| self.authenticate(row))?;
        Ok(Rules {
            epoch,
            policies: policies.into_iter().map(|row| self.policy_of(row)).collect::<Result<_, _>>()?,
            references: references.into_iter().map(|row| self.reference_of(row)).collect::<Result<_, _>>()?,
        })
    }

    /// The newest version of each policy, by name.
    ///
    /// # Errors
    /// [`RulesError`].
    pub async fn policies(&self) -> Result<Vec<Policy>, RulesError> {
        Ok(self.rules().await?.policies)
    }

    /// One version of a policy; the newest when `version` is `None`.
    ///
    /// # Errors
    /// [`RulesError`].
    pub async fn policy(&self, name: &str, version: Option<u64>) -> Result<Option<Policy>, RulesError> {
        let row = self.backend().read().await?.rule(RuleKind::Policy, name, version).await?;
        row.map(|row| self.policy_of(row)).transpose()
    }

    /// The newest version of each reference set, by name.
    ///
    /// # Errors
    /// [`RulesError`].
    pub async fn references(&self) -> Result<Vec<ReferenceSet>, RulesError> {
        Ok(self.rules().await?.references)
    }

    /// One version of a reference set; the newest when `version` is `None`.
    ///
    /// # Errors
    /// [`RulesError`].
    pub async fn reference(
        &self,
        name: &str,
        version: Option<u64>,
    ) -> Result<Option<ReferenceSet>, RulesError> {
        let row = self.backend().read().await?.rule(RuleKind::Reference, name, version).await?;
        row.map(|row| self.reference_of(row)).transpose()
    }

    /// Adds a policy version. The text is not looked into: compile it first.
    ///
    /// # Errors
    /// [`ChangeError::Name`], [`ChangeError::RuleSize`], [`ChangeError::VersionConflict`],
    /// [`ChangeError::Quorum`] if it is in a scope, [`ChangeError::Record`].
    pub async fn put_policy(
        &self,
        name: &str,
        text: &str,
        expected_version: Option<u64>,
        decision: NewDecision,
    ) -> Result<Policy, ChangeError> {
        let digest = sha256(text.as_bytes());
        let decision = NewDecision { policy_digest: Some(digest), ..decision };
        let body = text.to_owned();
        let row = self.put_rule(RuleKind::Policy, name, body, expected_version, decision).await?;
        Ok(self.policy_of(row)?)
    }

    /// Adds a version of a reference set.
    ///
    /// # Errors
    /// As [`Vault::put_policy`].
    pub async fn put_reference(
        &self,
        name: &str,
        values: &[ReferenceValue],
        expected_version: Option<u64>,
        decision: NewDecision,
    ) -> Result<ReferenceSet, ChangeError> {
        let body = serde_json_canonicalizer::to_string(&values).map_err(|error| RulesError::Unreadable {
            name: name.chars().take(MAX_NAME).collect(),
            reason: error.to_string(),
        })?;
        let decision = NewDecision { reference_digest: Some(sha256(body.as_bytes())), ..decision };
        let row = self.put_rule(RuleKind::Reference, name, body, expected_version, decision).await?;
        Ok(self.reference_of(row)?)
    }

    async fn put_rule(
        &self,
        kind: RuleKind,
        name: &str,
        body: String,
        expected: Option<u64>,
        decision: NewDecision,
    ) -> Result<RuleRow, ChangeError> {
        expect_outcome(&decision, Outcome::Granted)?;
        check_name(name)?;
        let size = body.len();
        if size > MAX_RULE {
            return Err(ChangeError::RuleSize { size, limit: MAX_RULE });
        }
        let cleared = Cleared::direct(self.quorum(), Target::rule(change_kind(kind), name))?;
        let (mut tx, mut ledger) = self.write(decision.at).await?;
        let current = tx.rule(kind, name, None).await?.map(|row| row.version);
        if current != expected {
            return Err(ChangeError::VersionConflict { name: name.to_owned(), expected, current });
        }
        let rule = NewRule { kind, name: name.to_owned(), body, current, decision, cleared };
        let row = self.put_rule_in(&mut tx, &mut ledger, rule).await?;
        ledger.close(&mut tx).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Writes the next version of a rule, and its decision. The transaction is still to be closed and
    /// committed.
    pub(crate) async fn put_rule_in(
        &self,
        tx: &mut B::Tx,
        ledger: &mut Ledger<'_>,
        rule: NewRule,
    ) -> Result<RuleRow, ChangeError> {
        let NewRule { kind, name, body, current, decision, cleared: Cleared { .. } } = rule;
        let (version, created_at) = (current.unwrap_or(0).saturating_add(1), decision.at);
        let decision =
            NewDecision { subject: Some(name.clone()), subject_version: Some(version), ..decision };
        let decision = ledger.append(tx, decision).await?.seq;
        ledger.rules_changed();
        let unsigned = RuleRow { kind, name, version, body, created_at, decision, mac: [0; 32] };
        let row = RuleRow { mac: self.rule_mac(&unsigned), ..unsigned };
        tx.insert_rule(&row).await?;
        Ok(row)
    }

    pub(crate) fn policy_of(&self, row: RuleRow) -> Result<Policy, RulesError> {
        self.authenticate(&row)?;
        let digest = sha256(row.body.as_bytes());
        let RuleRow { name, version, body, created_at, decision, .. } = row;
        Ok(Policy { name, version, digest, decision, text: body, created_at })
    }

    pub(crate) fn reference_of(&self, row: RuleRow) -> Result<ReferenceSet, RulesError> {
        self.authenticate(&row)?;
        let digest = sha256(row.body.as_bytes());
        let RuleRow { name, version, body, created_at, .. } = row;
        let values = serde_json::from_str(&body)
            .map_err(|error| RulesError::Unreadable { name: name.clone(), reason: error.to_string() })?;
        Ok(ReferenceSet { name, version, digest, values, created_at })
    }

    /// SHA-256 of what an authentic row says.
    pub(crate) fn digest_of(&self, row: &RuleRow) -> Result<Hex<32>, RulesError> {
        self.authenticate(row)?;
        Ok(sha256(row.body.as_bytes()))
    }

    pub(crate) fn authenticate(&self, row: &RuleRow) -> Result<(), RulesError> {
        hmac::verify(self.rules_key(), &message(row), &row.mac).map_err(|_| RulesError::Forged {
            kind: row.kind.name(),
            name: row.name.clone(),
            version: row.version,
        })
    }

    fn rule_mac(&self, row: &RuleRow) -> [u8; 32] {
        let mut mac = [0; 32];
        mac.copy_from_slice(hmac::sign(self.rules_key(), &message(row)).as_ref());
        mac
    }
}

/// Kind and name hold no zero byte; everything after them has a fixed length.
fn message(row: &RuleRow) -> Vec<u8> {
    [
        row.kind.name().as_bytes(),
        &[0],
        row.name.as_bytes(),
        &[0],
        &row.version.to_be_bytes(),
        &row.created_at.seconds().to_be_bytes(),
        &row.decision.to_be_bytes(),
        sha256(row.body.as_bytes()).as_ref(),
    ]
    .concat()
}

/// Each rule's stored version must be the one that the record names last, and none may be missing.
pub(crate) fn compare<'a>(
    rows: impl Iterator<Item = &'a RuleRow>,
    recorded: Vec<(RuleKind, String, u64)>,
) -> Result<(), RulesError> {
    let mut stored: BTreeMap<(RuleKind, &str), u64> =
        rows.map(|row| ((row.kind, row.name.as_str()), row.decision)).collect();
    for (kind, name, recorded) in &recorded {
        let found = stored.remove(&(*kind, name.as_str())).unwrap_or(0);
        if found != *recorded {
            let (kind, name) = (kind.name(), name.clone());
            return Err(RulesError::RolledBack { kind, name, recorded: *recorded, found });
        }
    }
    match stored.into_iter().next() {
        None => Ok(()),
        Some(((kind, name), found)) => {
            let (kind, name) = (kind.name(), name.to_owned());
            Err(RulesError::RolledBack { kind, name, recorded: 0, found })
        }
    }
}

pub(crate) fn check_name(name: &str) -> Result<(), ChangeError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = (1..=MAX_NAME).contains(&name.len())
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'));
    if fits { Ok(()) } else { Err(ChangeError::Name { name: name.chars().take(MAX_NAME).collect() }) }
}

pub(crate) fn sha256(bytes: &[u8]) -> Hex<32> {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    Hex(hash)
}
