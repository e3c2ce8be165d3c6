//! Decide and release: a permit for every key asked for, then one transaction.

use super::attempt::{Attempt, unrecorded};
use crate::problem::{Code, Problem};
use crate::rules::Rules;
use hanzo_kbs_protocol::AuthorizeResponse;
use hanzo_kbs_vault::{Asker, Release, ReleaseError, SessionPlan};
use hanzo_policy::{Appraised, Circumstances, Denial, KeyId, KeyScope, Permit, Tier, authorize};
use std::sync::Arc;

/// How often a decision is made again because an administrator changed the rules meanwhile.
const DECISIONS: usize = 3;

/// A yes about every key asked for, and what it rests on.
struct Decided {
    permits: Vec<Permit>,
    scopes: Vec<KeyScope>,
    rules: Arc<Rules>,
}

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
            let Decided { permits, scopes, rules } = self.decide(appraised, keys).await?;
            let release = Release {
                permits,
                session: session.clone(),
                nonce: self.used_nonce(),
                attested_at: self.attested_at,
                rules_epoch: rules.epoch,
                devices: self.broker.devices(),
                decision: self.draft.clone(),
            };
            let (now, lifetime) = (self.now, self.broker.limits().session);
            let again = |key: &str, live_grants| {
                let scope =
                    scopes.iter().find(|scope| scope.key.as_str() == key).ok_or_else(not_asked_for)?;
                let at = Circumstances { now, live_grants: Some(live_grants) };
                authorize(appraised, scope, &rules.policies, &rules.references, at, lifetime)
            };
            match self.open.vault.release(release, &again).await {
                Ok(released) => return Ok(released.into()),
                Err(ReleaseError::RulesChanged { .. }) => {}
                Err(ReleaseError::Denied { key, live_grants, denial }) => {
                    let scope = scopes.into_iter().find(|scope| scope.key.as_str() == key);
                    let scope = scope.ok_or(Code::Internal)?;
                    self.decided_by(&rules, live_grants);
                    return Err(self.deny(&scope, Some(*denial)).await);
                }
                Err(error) => return Err(self.not_released(&error).await),
            }
        }
        Err(Code::Unavailable.into())
    }

    /// One permit a key, and the rules that gave them.
    async fn decide(&mut self, appraised: &Appraised, keys: &[KeyId]) -> Result<Decided, Problem> {
        let rules = self.open.rules.current(&self.open.vault).await?;
        self.draft.rules_epoch = Some(rules.epoch);
        let lifetime = self.broker.limits().session;
        let (mut permits, mut scopes) = (Vec::new(), Vec::new());
        for key in keys {
            let stored = self.open.vault.key_scope(key).await.map_err(|e| unrecorded(&e))?;
            let absent = stored.is_none();
            let scope = stored.unwrap_or_else(|| stand_in(key));
            let live_grants = self.live_grants(appraised, key).await?;
            let at = Circumstances { now: self.now, live_grants: Some(live_grants) };
            let decided = authorize(appraised, &scope, &rules.policies, &rules.references, at, lifetime);
            if !absent {
                let denied = decided.as_ref().err().map(|denial| denial.code);
                self.open.shadow.watch(appraised, &scope, &rules, denied, at, &self.draft.request_id);
            }
            let denial = match decided {
                Ok(permit) if !absent => {
                    permits.push(permit);
                    scopes.push(scope);
                    continue;
                }
                Err(denial) if !absent => Some(denial),
                // An absent key is denied after the same work as a present one, and in the same words.
                _ => None,
            };
            self.decided_by(&rules, live_grants);
            return Err(self.deny(&scope, denial).await);
        }
        Ok(Decided { permits, scopes, rules })
    }

    /// How many others have a live grant of a key: what the vault counts again when it releases.
    async fn live_grants(&self, appraised: &Appraised, key: &KeyId) -> Result<u32, Problem> {
        let hardware = appraised.hardware();
        let asker = Asker {
            recipient_digest: appraised.recipient().digest(),
            machine: hardware.machine,
            devices: &hardware.devices,
            attested_at: self.attested_at,
            rules: self.broker.devices(),
        };
        self.open.vault.live_grants(key.as_str(), &asker, self.now).await.map_err(|e| unrecorded(&e))
    }

    /// Names what a denial rests on.
    fn decided_by(&mut self, rules: &Rules, live_grants: u32) {
        self.draft.policy_digest = Some(rules.policies.digest());
        self.draft.reference_digest = Some(rules.references.digest());
        self.draft.live_grants = Some(live_grants);
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

/// The vault asks about keys that it was given permits for, and about no others.
fn not_asked_for() -> Denial {
    Denial { code: "KeyAbsent", message: "the key was not asked for".to_owned(), reasons: Vec::new() }
}

/// The scope that stands in for a key that does not exist, so that the answer takes the same work.
fn stand_in(key: &KeyId) -> KeyScope {
    KeyScope { key: key.clone(), minimum: Tier::Open, require_cpu_tee: false }
}
