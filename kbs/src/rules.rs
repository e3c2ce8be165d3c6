//! The policies and reference values of the moment, compiled once an epoch.
//!
//! Every decision asks the vault which epoch it is; reading and compiling again happens only when that
//! changed. The release names the epoch of its permits, so that a change in between is noticed in its
//! transaction.

use crate::problem::{Code, Problem};
use hanzo_kbs_vault::{Policy, ReferenceSet as StoredSet, Vault};
use hanzo_policy::{
    Policies, PolicySource, ReferenceError, ReferenceSet, ReferenceValue, References, Validity,
};
use std::sync::{Arc, Mutex, PoisonError};

/// Policies and reference values that decide.
pub(crate) struct Rules {
    pub(crate) epoch: u64,
    pub(crate) policies: Policies,
    pub(crate) references: References,
}

/// The rules last compiled.
#[derive(Default)]
pub(crate) struct RuleCache(Mutex<Option<Arc<Rules>>>);

impl RuleCache {
    /// The rules that the vault holds now.
    ///
    /// # Errors
    /// `Unavailable` if the vault does not answer, or if what it holds cannot be compiled: nothing is decided
    /// by a part of the rules.
    pub(crate) async fn current(&self, vault: &Vault) -> Result<Arc<Rules>, Problem> {
        let unavailable = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "the rules cannot be used");
            Problem::from(Code::Unavailable)
        };
        let epoch = vault.rules_epoch().await.map_err(|e| unavailable(&e))?;
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(rules) = last.filter(|rules| rules.epoch == epoch) {
            return Ok(rules);
        }
        let stored = vault.rules().await.map_err(|e| unavailable(&e))?;
        let sources: Vec<_> = stored.policies.into_iter().map(source).collect();
        let policies = Policies::compile(&sources).map_err(|problems| {
            for problem in &problems {
                tracing::error!(policy = problem.policy, line = problem.line, "{}", problem.message);
            }
            Problem::from(Code::Unavailable)
        })?;
        let references = index(stored.references).map_err(|e| unavailable(&e))?;
        let rules = Arc::new(Rules { epoch: stored.epoch, policies, references });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&rules));
        Ok(rules)
    }
}

/// A stored policy as the compiler takes it.
pub(crate) fn source(policy: Policy) -> PolicySource {
    PolicySource { name: policy.name, version: policy.version, text: policy.text }
}

/// Indexes stored reference sets as a whole.
pub(crate) fn index(sets: Vec<StoredSet>) -> Result<References, ReferenceError> {
    References::new(sets.into_iter().map(|set| reference_set(set.name, set.values)).collect())
}

/// A reference set as the index takes it.
pub(crate) fn reference_set(name: String, values: Vec<hanzo_kbs_protocol::ReferenceValue>) -> ReferenceSet {
    let values = values.into_iter().map(|value| {
        let hanzo_kbs_protocol::ReferenceValue { tee, register, digest, entry, note, .. } = value;
        let validity = Validity { not_before: value.not_before, expires_at: value.expires_at };
        ReferenceValue { tee, register, digest, entry, note, validity }
    });
    ReferenceSet { name, values: values.collect() }
}
