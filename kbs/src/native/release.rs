//! Decide and release: a permit for every key asked for, then one transaction.

use super::attempt::{Attempt, unrecorded};
use crate::problem::{Code, Problem};
use hanzo_kbs_protocol::AuthorizeResponse;
use hanzo_kbs_vault::{Release, ReleaseError, SessionPlan};
use hanzo_policy::{Appraised, Denial, KeyId, KeyScope, Permit, Tier, authorize};

/// How often a decision is made again because an administrator changed the rules meanwhile.
const DECISIONS: usize = 3;

/// Reads the key ids of a request. A text that is no key id is the caller's mistake, and says nothing of
/// keys.
pub(super) fn key_ids(texts: &[String]) -> Result<Vec<KeyId>, Problem> {
    let malformed = || Problem::new(Code::MalformedRequest).detail("`keys` has a text that is no key id");
    texts.iter().map(|text| KeyId::parse(text).map_err(|_| malformed())).collect()
}

impl Attempt {
    /// Releases all the keys or none.
    pub(super) async fn release(
        &mut self,
        appraised: &Appraised,
        keys: &[KeyId],
        session: SessionPlan,
    ) -> Result<AuthorizeResponse, Problem> {
        self.keep_facts(appraised).await?;
        for _ in 0..DECISIONS {
            let (permits, rules_epoch) = self.decide(appraised, keys).await?;
            let release = Release {
                permits,
                session: session.clone(),
                nonce: self.used_nonce(),
                attested_at: self.attested_at,
                rules_epoch,
                devices: self.broker.devices(),
                decision: self.draft.clone(),
            };
            match self.open.vault.release(release).await {
                Ok(released) => return Ok(released.into()),
                Err(ReleaseError::RulesChanged { .. }) => {}
                Err(error) => return Err(self.not_released(&error).await),
            }
        }
        Err(Code::Unavailable.into())
    }

    /// One permit a key, and the epoch of the rules that gave them.
    async fn decide(&mut self, appraised: &Appraised, keys: &[KeyId]) -> Result<(Vec<Permit>, u64), Problem> {
        let rules = self.open.rules.current(&self.open.vault).await?;
        self.draft.rules_epoch = Some(rules.epoch);
        let lifetime = self.broker.limits().session;
        let mut permits = Vec::new();
        for key in keys {
            let stored = self.open.vault.key_scope(key).await.map_err(|e| unrecorded(&e))?;
            let absent = stored.is_none();
            let scope = stored.unwrap_or_else(|| stand_in(key));
            let decided =
                authorize(appraised, &scope, &rules.policies, &rules.references, self.now, lifetime);
            if !absent {
                let denied = decided.as_ref().err().map(|denial| denial.code);
                let id = &self.draft.request_id;
                self.open.shadow.watch(appraised, &scope, &rules, denied, self.now, id);
            }
            let denial = match decided {
                Ok(permit) if !absent => {
                    permits.push(permit);
                    continue;
                }
                Err(denial) if !absent => Some(denial),
                // An absent key is denied after the same work as a present one, and in the same words.
                _ => None,
            };
            self.draft.policy_digest = Some(rules.policies.digest());
            self.draft.reference_digest = Some(rules.references.digest());
            return Err(self.deny(&scope, denial).await);
        }
        Ok((permits, rules.epoch))
    }

    /// Records why a key is not granted. `None`: there is no such key.
    async fn deny(&mut self, scope: &KeyScope, denial: Option<Denial>) -> Problem {
        self.draft.tenant = Some(scope.key.tenant().to_owned());
        self.draft.key_id = Some(scope.key.as_str().to_owned());
        let Some(denial) = denial else {
            return self.refuse(Code::KeyNotGranted, "KeyAbsent", "there is no such key").await;
        };
        self.draft.minimum_tier = Some(scope.minimum.number());
        let mut reason = denial.message;
        if !denial.reasons.is_empty() {
            reason = format!("{reason} ({})", denial.reasons.join("; "));
        }
        self.refuse(Code::KeyNotGranted, denial.code, reason).await
    }

    /// What the vault found in the transaction itself: the world had changed since the decision.
    async fn not_released(&mut self, error: &ReleaseError) -> Problem {
        let public = match error {
            ReleaseError::Record(error) => return unrecorded(error),
            ReleaseError::Inventory(error) => return unrecorded(error),
            ReleaseError::ChallengeReused => return self.reused().await,
            ReleaseError::ChallengeExpired { .. } => Code::ChallengeRefused,
            ReleaseError::SessionUnknown { .. }
            | ReleaseError::SessionExpired { .. }
            | ReleaseError::SessionRevoked { .. }
            | ReleaseError::RecipientChanged { .. } => Code::SessionUnknown,
            // The recipient's public key has the right length, and is no key.
            ReleaseError::Seal(_) => Code::EvidenceMalformed,
            _ => Code::KeyNotGranted,
        };
        self.refuse(public, error.code(), error.to_string()).await
    }
}

/// The scope that stands in for a key that does not exist, so that the answer takes the same work.
fn stand_in(key: &KeyId) -> KeyScope {
    KeyScope { key: key.clone(), minimum: Tier::Open, require_cpu_tee: false }
}
