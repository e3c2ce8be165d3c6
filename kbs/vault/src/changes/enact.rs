//! What a change becomes when it is applied: the next version of a rule, a new key, or leave to import a secret.

use super::{Cleared, QuorumError, about, state};
use crate::backend::{Backend, ChangeRows, KeyRows, RuleRows};
use crate::error::ChangeError;
use crate::inventory::check_pair;
use crate::ledger::Ledger;
use crate::quorum::Target;
use crate::rows::{ChangeRow, RuleKind};
use crate::rules::{NewRule, check_name};
use crate::trust;
use crate::vault::Vault;
use hanzo_kbs_log::{Action, ChangeRecord, NewDecision};
use hanzo_kbs_protocol::changes::{BodyError, KeyDemands, PairBody, TRUST, body_digest, read_body};
use hanzo_kbs_protocol::{Algorithm, ChangeKind, ChangeState, KeyKind};
use hanzo_policy::{KeyId, KeyScope, Tier};

/// What a change of this text is about, once the text is what its kind asks for. Policies and reference values are
/// compiled by the caller.
pub(super) fn target<'a>(kind: ChangeKind, name: &'a str, body: &str) -> Result<Target<'a>, ChangeError> {
    match kind {
        ChangeKind::Key => {
            KeyId::parse(name).map_err(|error| malformed(kind, &error))?;
            return Ok(Target::key(name, demands(body)?.minimum_tier));
        }
        ChangeKind::Inventory => {
            check_name(name)?;
            check_pair(name, &pair(body)?)?;
        }
        ChangeKind::Trust => {
            if name != TRUST {
                return Err(malformed(kind, &format_args!("there is one document, `{TRUST}`")));
            }
            trust::check(body).map_err(|reason| malformed(kind, &reason))?;
        }
        ChangeKind::Policy | ChangeKind::Reference => check_name(name)?,
    }
    Ok(Target::rule(kind, name))
}

fn malformed(kind: ChangeKind, reason: &dyn std::fmt::Display) -> ChangeError {
    ChangeError::BodyMalformed { kind: kind.name(), reason: reason.to_string() }
}

fn demands(body: &str) -> Result<KeyDemands, ChangeError> {
    read_body(body).map_err(|error: BodyError| malformed(ChangeKind::Key, &error))
}

fn pair(body: &str) -> Result<PairBody, ChangeError> {
    read_body(body).map_err(|error: BodyError| malformed(ChangeKind::Inventory, &error))
}

impl<B: Backend> Vault<B> {
    /// The version that a change replaces now; `None` for what is not there.
    pub(super) async fn replaced(
        &self,
        tx: &mut B::Tx,
        kind: ChangeKind,
        name: &str,
    ) -> Result<Option<u64>, ChangeError> {
        let kind = match kind {
            ChangeKind::Key if tx.key(name).await?.is_some() => {
                return Err(ChangeError::KeyExists { id: name.to_owned() });
            }
            ChangeKind::Key => return Ok(None),
            ChangeKind::Policy => RuleKind::Policy,
            ChangeKind::Reference => RuleKind::Reference,
            ChangeKind::Trust => RuleKind::Trust,
            ChangeKind::Inventory => {
                let pair = tx.rule(RuleKind::Inventory, name, None).await?;
                let pair = pair.map(|row| self.pair_of(row)).transpose()?;
                return Ok(pair.filter(|pair| !pair.devices.is_empty()).map(|pair| pair.version));
            }
        };
        Ok(tx.rule(kind, name, None).await?.map(|row| row.version))
    }

    /// Closes the change in the record, and makes what it says true.
    pub(super) async fn enact(
        &self,
        tx: &mut B::Tx,
        ledger: &mut Ledger<'_>,
        change: ChangeRow,
        approvers: Vec<String>,
        reason: Option<String>,
        decision: NewDecision,
    ) -> Result<(), ChangeError> {
        let ChangeRow { id, kind, name, body, expected_version: expected, author, .. } = change;
        let current = self.replaced(tx, kind, &name).await?;
        if current != expected {
            return Err(ChangeError::VersionConflict { name, expected, current });
        }
        let by = approvers.join(", ");
        let put_reason = match &reason {
            Some(reason) => format!("change {id} of {author}, at once by {by}: {reason}"),
            None => format!("change {id} of {author}, approved by {by}"),
        };
        let record = Some(ChangeRecord { id, author: author.clone(), approvers, break_glass: reason });
        let (action, change) = (Action::ChangeApply, record.clone());
        let closing = about(decision.clone(), &id, &author, format!("{} `{name}`", kind.name()));
        ledger.append(tx, NewDecision { action, change, ..closing }).await?;
        let digest = Some(body_digest(&body));
        let put = NewDecision { subject: None, change: record, reason: put_reason, ..decision };
        let (kind, decision) = match kind {
            ChangeKind::Key => return self.enact_key(tx, ledger, &name, &body, put).await,
            ChangeKind::Inventory => {
                let pair = pair(&body)?;
                let removed = pair.devices.is_empty();
                let action = if removed { Action::InventoryRemove } else { Action::InventoryPut };
                let decision = NewDecision { action, ..put };
                self.put_pair_in(tx, ledger, &name, pair, expected, decision, Cleared(())).await?;
                return Ok(());
            }
            ChangeKind::Trust => (RuleKind::Trust, trust::recorded(put, &body)),
            ChangeKind::Reference => {
                let action = Action::ReferencePut;
                (RuleKind::Reference, NewDecision { action, reference_digest: digest, ..put })
            }
            ChangeKind::Policy => {
                (RuleKind::Policy, NewDecision { action: Action::PolicyPut, policy_digest: digest, ..put })
            }
        };
        let rule = NewRule { kind, name, body, current, decision, cleared: Cleared(()) };
        self.put_rule_in(tx, ledger, rule).await?;
        Ok(())
    }

    /// Makes a key that is generated. The value of a secret comes later: [`Vault::cleared_secret`] finds the change.
    async fn enact_key(
        &self,
        tx: &mut B::Tx,
        ledger: &mut Ledger<'_>,
        name: &str,
        body: &str,
        decision: NewDecision,
    ) -> Result<(), ChangeError> {
        let KeyDemands { kind, minimum_tier, require_cpu_tee } = demands(body)?;
        if kind == KeyKind::Secret {
            return Ok(());
        }
        let key = KeyId::parse(name).map_err(|error| malformed(ChangeKind::Key, &error))?;
        let minimum = Tier::from_number(minimum_tier).map_err(|error| malformed(ChangeKind::Key, &error))?;
        let scope = KeyScope { key, minimum, require_cpu_tee };
        let decision = NewDecision { action: Action::KeyCreate, ..decision };
        self.create_key_in(tx, ledger, &scope, Algorithm::Aes256, decision, &Cleared(())).await?;
        Ok(())
    }

    /// Whether a new secret with these demands may be made: it is in no scope, or people agreed to exactly this.
    pub(crate) async fn cleared_secret(
        &self,
        tx: &mut B::Tx,
        scope: &KeyScope,
    ) -> Result<Cleared, ChangeError> {
        let (name, minimum_tier) = (scope.key.as_str(), scope.minimum.number());
        let required = match Cleared::direct(self.quorum(), Target::key(name, minimum_tier)) {
            Ok(cleared) => return Ok(cleared),
            Err(required) => required,
        };
        let asked =
            KeyDemands { kind: KeyKind::Secret, minimum_tier, require_cpu_tee: scope.require_cpu_tee };
        for row in tx.changes_about(ChangeKind::Key, name).await? {
            let change = self.authentic_change(row)?;
            // When it was proposed says nothing about whether it was applied: that time plays no part.
            if state(tx, &change, change.proposed_at).await? != ChangeState::Applied {
                continue;
            }
            let agreed = demands(&change.body)?;
            if agreed == asked {
                return Ok(Cleared(()));
            }
            let (name, agreed) = (name.to_owned(), change.body);
            return Err(QuorumError::DemandsDiffer { name, id: change.id, agreed }.into());
        }
        Err(required.into())
    }
}
