//! The history of one policy or reference set: every version that was ever put, with the decision that put it.

use crate::backend::{Backend, DecisionRows, RuleRows};
use crate::error::RulesError;
use crate::rows::{RuleKind, RuleRow};
use crate::vault::Vault;
use hanzo_kbs_protocol::RuleVersion;

/// Most versions in one answer: each is read and authenticated whole.
pub const MAX_VERSIONS: u64 = 100;

impl<B: Backend> Vault<B> {
    /// The versions of a rule below `before`, newest first, at most [`MAX_VERSIONS`]; without `before` from the
    /// current one. Empty if there is no such rule.
    ///
    /// # Errors
    /// [`RulesError`]; [`RulesError::RolledBack`] for a version or a decision that is gone.
    pub async fn rule_history(
        &self,
        kind: RuleKind,
        name: &str,
        before: Option<u64>,
    ) -> Result<Vec<RuleVersion>, RulesError> {
        let mut tx = self.backend().read().await?;
        let Some(current) = tx.rule(kind, name, None).await?.map(|row| row.version) else {
            return Ok(Vec::new());
        };
        let end = before.map_or(current, |before| before.saturating_sub(1).min(current));
        let mut versions = Vec::new();
        for version in (1..=end).rev().take(usize::try_from(MAX_VERSIONS).unwrap_or(usize::MAX)) {
            let gone = |recorded, found| {
                let (kind, name) = (kind.name(), name.to_owned());
                RulesError::RolledBack { kind, name, recorded, found }
            };
            let row = tx.rule(kind, name, Some(version)).await?.ok_or_else(|| gone(version, 0))?;
            let digest = self.digest_of(&row)?;
            let RuleRow { created_at, decision, .. } = row;
            let recorded = tx.decisions(decision.saturating_sub(1), 1).await?;
            let recorded = recorded.into_iter().find(|row| row.seq == decision);
            let recorded = recorded.ok_or_else(|| gone(decision, 0))?;
            let (hash, actor) = (recorded.hash, recorded.entry.actor);
            versions.push(RuleVersion { version, digest, created_at, decision, hash, actor });
        }
        Ok(versions)
    }
}
