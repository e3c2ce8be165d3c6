//! What the broker trusts, and who decides together: a document of its configuration, approved like a rule.
//!
//! The broker computes the document from its configuration at each start. The one that was approved last is kept
//! here, versioned, authenticated and compared with the record. Whether another one may take its place without
//! people is decided by the scopes inside the approved one: a configuration that leaves them out changes nothing
//! about that.

use crate::backend::{Backend, DecisionRows, RuleRows, Transaction};
use crate::changes::{Cleared, QuorumError};
use crate::error::{ChangeError, RulesError};
use crate::quorum::{MAX_PEOPLE, NamePattern, Scope, is_name};
use crate::rows::{RuleKind, RuleRow};
use crate::rules::{MAX_RULE, NewRule, compare, sha256};
use crate::vault::Vault;
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_kbs_log::{Action, NewDecision};
use hanzo_kbs_protocol::changes::{TRUST, TrustDocument, TrustScope, differences, read_body};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// Most differences that a refusal names: a screen of them.
const MAX_NAMED: usize = 24;

/// The document that was approved last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedTrust {
    /// 1 and up.
    pub version: u64,
    /// SHA-256 of its text.
    pub digest: Hex<32>,
    /// The number of the decision that put it.
    pub decision: u64,
    /// When it was put.
    pub created_at: UnixTime,
    /// Its RFC 8785 form.
    pub document: String,
}

impl ApprovedTrust {
    /// Whether another document takes its place only by agreement of several people. A document that cannot be
    /// read asks for it as well: nobody knows what it says.
    #[must_use]
    pub fn governs_itself(&self) -> bool {
        let read = serde_json::from_str::<TrustDocument>(&self.document);
        read.map_or(true, |document| document.governs_itself())
    }

    /// Whether this is the document of a configuration.
    ///
    /// # Errors
    /// [`QuorumError::TrustNotApproved`] if it is not, and people have to agree first.
    pub fn is_adopted(&self, document: &str) -> Result<bool, QuorumError> {
        if self.document == document {
            return Ok(true);
        }
        if !self.governs_itself() {
            return Ok(false);
        }
        let (version, difference) = (self.version, self.difference(document));
        Err(QuorumError::TrustNotApproved { version, difference })
    }

    /// What another document says otherwise, in one text.
    #[must_use]
    pub fn difference(&self, other: &str) -> String {
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let all = differences(&value(&self.document), &value(other));
        let more = all.len().saturating_sub(MAX_NAMED);
        let named: Vec<String> = all.into_iter().take(MAX_NAMED).collect();
        let more = if more == 0 { String::new() } else { format!("; and {more} more") };
        format!("{}{more}", named.join("; "))
    }
}

/// Checks that a text is a document about trust whose people and scopes can be meant: with any other, nobody could
/// change anything ever after.
pub(crate) fn check(document: &str) -> Result<(), String> {
    let size = document.len();
    if size > MAX_RULE {
        return Err(format!("it has {size} bytes, and {MAX_RULE} are accepted"));
    }
    let value: Value = read_body(document).map_err(|error| error.to_string())?;
    let read: TrustDocument = serde_json::from_value(value).map_err(|error| error.to_string())?;
    if read.format != TrustDocument::FORMAT {
        return Err(format!("its format is not `{}`", TrustDocument::FORMAT));
    }
    let (people, scopes) = (&read.quorum.people, &read.quorum.scopes);
    if people.len() > MAX_PEOPLE || scopes.len() > MAX_PEOPLE {
        return Err(format!("more than {MAX_PEOPLE} people or scopes"));
    }
    let names: BTreeSet<&str> = people.iter().map(|person| person.name.as_str()).collect();
    let keys: BTreeSet<Hex<32>> = people.iter().map(|person| person.key_sha256).collect();
    if names.len() != people.len() || keys.len() != people.len() || !names.iter().all(|name| is_name(name)) {
        return Err("two people have one name or one key, or a name is none".to_owned());
    }
    let others = people.len().saturating_sub(1);
    let named: BTreeSet<&str> = scopes.iter().map(|scope| scope.name.as_str()).collect();
    if named.len() != scopes.len() {
        return Err("two scopes have one name".to_owned());
    }
    scopes.iter().try_for_each(|scope| check_scope(scope, others))
}

fn check_scope(scope: &TrustScope, others: usize) -> Result<(), String> {
    let names = scope.names.iter().map(|name| NamePattern::parse(name));
    let scope = Scope {
        name: scope.name.clone(),
        changes: scope.changes.clone(),
        names: names.collect::<Result<_, _>>().map_err(str::to_owned)?,
        minimum_tier: scope.minimum_tier,
        approvals: scope.approvals,
        wait: Duration::from_secs(scope.wait_seconds),
        break_glass: scope.break_glass_approvals,
    };
    scope.check(others).map_err(|mistake| mistake.to_string())
}

/// The decision that puts a document; the record has its digest.
pub(crate) fn recorded(decision: NewDecision, document: &str) -> NewDecision {
    let reason = format!("document {}: {}", sha256(document.as_bytes()), decision.reason);
    NewDecision { action: Action::TrustPut, reason, ..decision }
}

impl<B: Backend> Vault<B> {
    /// The document that was approved last; `None` before the first start.
    ///
    /// # Errors
    /// [`RulesError`].
    pub async fn trust(&self) -> Result<Option<ApprovedTrust>, RulesError> {
        let mut tx = self.backend().read().await?;
        self.trust_in(&mut tx).await
    }

    /// Compares the document of a configuration with the approved one. The first one is adopted, and so is another
    /// where the approved one has no scope over itself; each is recorded. A vault whose record is damaged adopts
    /// nothing.
    ///
    /// # Errors
    /// [`QuorumError::TrustNotApproved`]; [`ChangeError::BodyMalformed`] for a text that is no such document;
    /// [`ChangeError`].
    pub async fn adopt_trust(&self, document: &str, decision: NewDecision) -> Result<(), ChangeError> {
        check(document).map_err(|reason| ChangeError::BodyMalformed { kind: TRUST, reason })?;
        let approved = self.trust().await?;
        let known = |approved: &Option<ApprovedTrust>| {
            approved.as_ref().map_or(Ok(false), |approved| approved.is_adopted(document))
        };
        if known(&approved)? || self.damage().is_some() {
            return Ok(());
        }
        let (mut tx, mut ledger) = self.write(decision.at).await?;
        // Another broker may have been first.
        let approved = self.trust_in(&mut tx).await?;
        if known(&approved)? {
            return Ok(());
        }
        let current = approved.map(|approved| approved.version);
        let reason = match current {
            None => "adopted at the first start",
            Some(_) => "adopted at a start: no scope covers it",
        };
        let decision = recorded(NewDecision { reason: reason.to_owned(), ..decision }, document);
        let (kind, name, body) = (RuleKind::Trust, TRUST.to_owned(), document.to_owned());
        let rule = NewRule { kind, name, body, current, decision, cleared: Cleared::ungoverned() };
        self.put_rule_in(&mut tx, &mut ledger, rule).await?;
        ledger.close(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    async fn trust_in(&self, tx: &mut B::Tx) -> Result<Option<ApprovedTrust>, RulesError> {
        let rows = tx.current_rules(RuleKind::Trust).await?;
        let recorded = tx.newest_rule_decisions().await?;
        let recorded = recorded.into_iter().filter(|(kind, ..)| *kind == RuleKind::Trust).collect();
        compare(rows.iter(), recorded)?;
        let Some(row) = rows.into_iter().find(|row| row.name == TRUST) else { return Ok(None) };
        let digest = self.digest_of(&row)?;
        let RuleRow { version, body: document, created_at, decision, .. } = row;
        Ok(Some(ApprovedTrust { version, digest, decision, created_at, document }))
    }
}
