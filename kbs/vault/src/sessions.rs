//! Sessions, what they hold, and the challenges that opened them.

use crate::backend::{Backend, NonceRows, SessionRows, StoreResult, Transaction};
use crate::error::{ChangeError, StoreError};
use crate::ledger::{Ledger, expect_outcome};
use crate::rows::{GrantRow, SessionRow};
use crate::vault::Vault;
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_kbs_log::{NewDecision, Outcome};
use hanzo_kbs_protocol::{GrantInfo, GrantStatus, SessionState, SessionStatus};

/// Challenges forgotten with each one used: twice as many as come, so that the table shrinks after a flood,
/// and few enough to cost nothing.
const PRUNE: u32 = 2;
/// Most grants in one list.
const MAX_GRANTS: u32 = 1000;

/// A challenge that a decision uses up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedNonce {
    /// SHA-256 of the challenge.
    pub digest: Hex<32>,
    /// Its last moment.
    pub expires_at: UnixTime,
}

/// A session and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The session.
    pub session: SessionRow,
    /// Its grants, by key.
    pub grants: Vec<GrantRow>,
}

impl SessionRow {
    /// Whether it lives at `now`. A deadline is the first moment at which it does not.
    #[must_use]
    pub fn state(&self, now: UnixTime) -> SessionState {
        if self.revoked_at.is_some() {
            if self.superseded { SessionState::Superseded } else { SessionState::Revoked }
        } else if now >= self.expires_at {
            SessionState::Expired
        } else {
            SessionState::Live
        }
    }
}

impl Session {
    /// The answer to a status request at `now`.
    #[must_use]
    pub fn status(&self, now: UnixTime) -> SessionStatus {
        let grants = self
            .grants
            .iter()
            .map(|grant| GrantStatus {
                key_id: grant.key_id.clone(),
                version: grant.version,
                expires_at: grant.expires_at,
            })
            .collect();
        SessionStatus {
            session_id: self.session.id.clone(),
            state: self.session.state(now),
            tier: self.session.tier,
            expires_at: self.session.expires_at,
            devices: self.session.devices.clone(),
            grants,
        }
    }
}

impl<B: Backend> Vault<B> {
    /// Whether a challenge was used. A quick look before expensive work: what counts is the transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn nonce_used(&self, digest: &Hex<32>) -> Result<bool, StoreError> {
        self.backend().read().await?.nonce_used(digest).await
    }

    /// Records a decision that rests on a challenge alone, and uses the challenge up, in one transaction.
    /// Returns the number of the row.
    ///
    /// # Errors
    /// [`ChangeError::ChallengeReused`], [`ChangeError::ChallengeExpired`], [`ChangeError::Record`].
    pub async fn use_challenge(&self, decision: NewDecision, nonce: UsedNonce) -> Result<u64, ChangeError> {
        expect_outcome(&decision, Outcome::Granted)?;
        let now = decision.at;
        let (mut tx, mut ledger) = self.write(now).await?;
        use_nonce(&mut tx, &ledger, &nonce, now).await.map_err(|problem| match problem {
            NonceProblem::Store(error) => error.into(),
            NonceProblem::Reused => ChangeError::ChallengeReused,
            NonceProblem::Expired { expires_at } => ChangeError::ChallengeExpired { expires_at, now },
        })?;
        let decision = NewDecision { nonce_digest: Some(nonce.digest), ..decision };
        let decision = ledger.append(&mut tx, decision).await?;
        ledger.close(&mut tx).await?;
        tx.commit().await?;
        Ok(decision.seq)
    }

    /// A session, alive or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn session(&self, id: &str) -> Result<Option<Session>, StoreError> {
        let mut tx = self.backend().read().await?;
        let Some(session) = tx.session(id).await? else { return Ok(None) };
        let grants = tx.grants_of(id).await?;
        Ok(Some(Session { session, grants }))
    }

    /// Ends a session, and frees its devices. Ending it again changes nothing and is recorded too. Returns the number of the row.
    ///
    /// # Errors
    /// [`ChangeError::SessionUnknown`], [`ChangeError::Record`].
    pub async fn revoke_session(&self, id: &str, decision: NewDecision) -> Result<u64, ChangeError> {
        expect_outcome(&decision, Outcome::Granted)?;
        let (mut tx, mut ledger) = self.write(decision.at).await?;
        let Some(session) = tx.session(id).await? else {
            return Err(ChangeError::SessionUnknown { id: id.chars().take(64).collect() });
        };
        tx.revoke_session(id, decision.at).await?;
        self.free_devices(&mut tx, &mut ledger, id).await?;
        let decision = NewDecision {
            session_id: Some(session.id),
            recipient_digest: Some(session.recipient_digest),
            machine: session.machine,
            devices: session.devices,
            ..decision
        };
        let decision = ledger.append(&mut tx, decision).await?;
        ledger.close(&mut tx).await?;
        tx.commit().await?;
        Ok(decision.seq)
    }

    /// The newest grants, at most 1000, newest decision first: all, or those that rest on the device of this
    /// identifier, below whatever root.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn grants(&self, pdi: Option<Hex<8>>) -> Result<Vec<GrantInfo>, StoreError> {
        let grants = self.backend().read().await?.grants(pdi, MAX_GRANTS).await?;
        Ok(grants
            .into_iter()
            .map(|(grant, session)| GrantInfo {
                session_id: grant.session_id,
                key_id: grant.key_id,
                version: grant.version,
                tier: grant.tier,
                granted_at: grant.granted_at,
                expires_at: grant.expires_at,
                releases: grant.releases,
                decision: grant.decision,
                revoked: session.revoked_at.is_some(),
                superseded: session.superseded,
                machine: session.machine,
                devices: session.devices,
            })
            .collect())
    }
}

/// How using up a challenge can fail.
pub(crate) enum NonceProblem {
    Store(StoreError),
    Reused,
    Expired { expires_at: UnixTime },
}

/// Uses up a challenge, or says why it is not accepted, and forgets a few that nobody accepts any more.
pub(crate) async fn use_nonce(
    tx: &mut impl Transaction,
    ledger: &Ledger<'_>,
    nonce: &UsedNonce,
    now: UnixTime,
) -> Result<(), NonceProblem> {
    if now > nonce.expires_at {
        return Err(NonceProblem::Expired { expires_at: nonce.expires_at });
    }
    prune(tx, ledger).await.map_err(NonceProblem::Store)?;
    match tx.use_nonce(&nonce.digest, nonce.expires_at).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(NonceProblem::Reused),
        Err(error) => Err(NonceProblem::Store(error)),
    }
}

/// INVARIANT: a challenge is forgotten only when no `now` that the ledger still accepts is within its life.
pub(crate) async fn prune(tx: &mut impl Transaction, ledger: &Ledger<'_>) -> StoreResult<()> {
    tx.prune_nonces(ledger.oldest_possible_now(), PRUNE).await
}
