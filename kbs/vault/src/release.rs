//! The one way out: keys leave against permits, sealed, recorded, in one transaction.

mod entitled;
mod error;
mod live;

pub use error::ReleaseError;
#[cfg(test)]
pub(crate) use live::Reads;
pub use live::{Again, Asker};

use crate::backend::{Backend, KeyRows, SessionRows, Transaction};
use crate::inventory::DeviceRules;
use crate::ledger::Ledger;
use crate::rng;
use crate::rows::{GrantRow, SessionRow};
use crate::sessions::{NonceProblem, UsedNonce, use_nonce};
use crate::vault::Vault;
pub(crate) use entitled::{Entitled, Party};
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_kbs_log::{Head, NewDecision, Outcome};
use hanzo_kbs_protocol::{
    Aad, AuthorizeResponse, Checkpoint, GrantedKey, Receipt, SessionState, VersionState, seal,
};
use hanzo_policy::Permit;

/// Which session a release belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionPlan {
    /// A new one.
    Open,
    /// One that lives, with fresh evidence from the same recipient.
    Renew(String),
}

/// A release to be made. It consumes its permits.
#[derive(Debug)]
pub struct Release {
    /// One a key, all from one decision about one document of evidence.
    pub permits: Vec<Permit>,
    /// The session.
    pub session: SessionPlan,
    /// The challenge in the evidence. `None` only when a bearer token stands for evidence whose challenge was
    /// used up when the token was made.
    pub nonce: Option<UsedNonce>,
    /// When the evidence was accepted: now, or when the token was made that stands for it.
    pub attested_at: UnixTime,
    /// The epoch of the rules under which the permits were given ([`Rules::epoch`](crate::Rules::epoch)).
    pub rules_epoch: u64,
    /// What is asked of the devices that the evidence is of.
    pub devices: DeviceRules,
    /// What the rows have in common: `at` (the time of the release), door, action, actor, request id, claims.
    /// Everything about key, tier, digests, recipient, session and challenge is filled in from the permits.
    pub decision: NewDecision,
}

/// A release that was made: committed, and recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// The session.
    pub session_id: String,
    /// The tier that was proved.
    pub tier: u8,
    /// The session's deadline: the earliest end of its permits.
    pub expires_at: UnixTime,
    /// The keys, in the order of the permits.
    pub keys: Vec<GrantedKey>,
    /// One receipt a key, in the same order.
    pub receipts: Vec<Receipt>,
    /// The record's head after this release.
    pub checkpoint: Checkpoint,
}

impl From<Released> for AuthorizeResponse {
    fn from(released: Released) -> Self {
        let Released { session_id, tier, expires_at, keys, receipts, checkpoint } = released;
        Self { session_id, tier, expires_at, keys, receipts, checkpoint }
    }
}

/// A release whose permits were read.
pub(crate) struct Order {
    pub(crate) party: Party,
    pub(crate) keys: Vec<Entitled>,
    pub(crate) session: SessionPlan,
    pub(crate) nonce: Option<UsedNonce>,
    pub(crate) attested_at: UnixTime,
    pub(crate) rules_epoch: u64,
    pub(crate) devices: DeviceRules,
    pub(crate) decision: NewDecision,
}

impl<B: Backend> Vault<B> {
    /// Releases the keys of all permits, or none.
    ///
    /// In one transaction: the challenge is used up; the stored demands are compared with the permits'; the
    /// devices of the evidence are compared with the inventory and with what other sessions hold; the live grants
    /// of each key are counted, and what was decided by another number is decided `again`; the session is
    /// opened or renewed, and holds them; each key is opened, recorded, sealed to the permit's recipient, granted
    /// and counted. Only then is it committed, and only then is anything returned.
    ///
    /// # Errors
    /// [`ReleaseError`]; nothing was stored then, the challenge not used up either: record the refusal with
    /// [`Vault::refuse`], which does.
    pub async fn release(&self, release: Release, again: &Again<'_>) -> Result<Released, ReleaseError> {
        let Release { permits, session, nonce, attested_at, rules_epoch, devices, decision } = release;
        let (party, keys) = entitled::read(permits)?;
        let order = Order { party, keys, session, nonce, attested_at, rules_epoch, devices, decision };
        let again = |key: &str, live| again(key, live).map(|permit| entitled::read_one(&permit));
        self.execute(order, &again).await
    }

    pub(crate) async fn execute(
        &self,
        mut order: Order,
        again: &live::Reads<'_>,
    ) -> Result<Released, ReleaseError> {
        let now = order.decision.at;
        entitled::check(&order, now)?;
        let (mut tx, mut ledger) = self.write(now).await?;
        if let Some(nonce) = &order.nonce {
            use_nonce(&mut tx, &ledger, nonce, now).await.map_err(|problem| match problem {
                NonceProblem::Store(error) => error.into(),
                NonceProblem::Reused => ReleaseError::ChallengeReused,
                NonceProblem::Expired { expires_at } => ReleaseError::ChallengeExpired { expires_at, now },
            })?;
        }
        let current = ledger.rules_epoch();
        if current != order.rules_epoch {
            return Err(ReleaseError::RulesChanged { decided: order.rules_epoch, current });
        }
        self.pair_devices(&mut tx, &mut ledger, &order).await?;
        let superseded = self.claim_devices(&mut tx, &ledger, &Asker::of(&order), now).await?;
        live::decide_by_count(&mut tx, &mut order, &superseded, again).await?;
        // What was decided anew may end earlier.
        let expires_at = entitled::check(&order, now)?;
        let session = self.session_for(&mut tx, &order, expires_at, now).await?;
        self.hold_devices(&mut tx, &mut ledger, &session, superseded, &order).await?;
        let (mut keys, mut receipts) = (Vec::new(), Vec::new());
        for entitled in &order.keys {
            let (key, receipt) = self.release_one(&mut tx, &mut ledger, &order, entitled, &session).await?;
            keys.push(key);
            receipts.push(receipt);
        }
        let head = ledger.close(&mut tx).await?;
        tx.commit().await?;
        let tier = order.party.tier;
        Ok(Released {
            session_id: session.id,
            tier,
            expires_at,
            keys,
            receipts,
            checkpoint: checkpoint(head),
        })
    }

    async fn session_for(
        &self,
        tx: &mut B::Tx,
        order: &Order,
        expires_at: UnixTime,
        now: UnixTime,
    ) -> Result<SessionRow, ReleaseError> {
        let party = &order.party;
        let fresh = |id: String, opened_at| SessionRow {
            id,
            recipient_digest: party.recipient_digest,
            evidence_digest: party.evidence_digest,
            tier: party.tier,
            lab: party.lab,
            opened_at,
            renewed_at: now,
            expires_at,
            revoked_at: None,
            superseded: false,
            machine: party.machine,
            devices: party.devices.clone(),
        };
        match &order.session {
            SessionPlan::Open => {
                // 128 random bits: nobody guesses the id of another's session.
                let id = Hex(rng::random::<16>(self.rng())?).to_string();
                let session = fresh(id, now);
                tx.insert_session(&session).await?;
                Ok(session)
            }
            SessionPlan::Renew(id) => {
                if order.nonce.is_none() {
                    return Err(ReleaseError::RenewalNeedsChallenge);
                }
                let unknown = || ReleaseError::SessionUnknown { id: id.chars().take(64).collect() };
                let stored = tx.session(id).await?.ok_or_else(unknown)?;
                match stored.state(now) {
                    SessionState::Live => {}
                    SessionState::Expired => {
                        let expires_at = stored.expires_at;
                        return Err(ReleaseError::SessionExpired { id: stored.id, expires_at, now });
                    }
                    SessionState::Revoked | SessionState::Superseded => {
                        return Err(ReleaseError::SessionRevoked { id: stored.id });
                    }
                }
                if stored.recipient_digest != party.recipient_digest {
                    return Err(ReleaseError::RecipientChanged {
                        id: stored.id,
                        expected: stored.recipient_digest,
                        found: party.recipient_digest,
                    });
                }
                let session = fresh(stored.id, stored.opened_at);
                tx.renew_session(&session).await?;
                Ok(session)
            }
        }
    }

    async fn release_one(
        &self,
        tx: &mut B::Tx,
        ledger: &mut Ledger<'_>,
        order: &Order,
        entitled: &Entitled,
        session: &SessionRow,
    ) -> Result<(GrantedKey, Receipt), ReleaseError> {
        let id = &entitled.key_id;
        let key = tx.key(id).await?.ok_or_else(|| ReleaseError::KeyUnknown { key: id.clone() })?;
        entitled::admit(&key, entitled, order.party.tier)?;
        let version = tx
            .version(id, key.current_version)
            .await?
            .ok_or_else(|| ReleaseError::KeyDamaged { key: id.clone() })?;
        if version.state != VersionState::Enabled {
            return Err(ReleaseError::VersionNotEnabled { key: id.clone(), version: version.version });
        }
        let material =
            self.open_version(tx, &key, &version).await.map_err(|error| error::opening(id, error))?;

        let Head { hash: prev, .. } = ledger.head();
        let row =
            ledger.append(tx, entitled::decision(order, entitled, version.version, &session.id)).await?;
        let aad = Aad {
            key_id: id.clone(),
            version: version.version,
            tier: order.party.tier,
            session_id: session.id.clone(),
            receipt: row.hash,
        };
        let sealed = seal(&order.party.recipient, &aad, &material)?;
        tx.count_release(id, version.version).await?;
        tx.put_grant(&GrantRow {
            session_id: session.id.clone(),
            key_id: id.clone(),
            version: version.version,
            tier: order.party.tier,
            granted_at: row.entry.at,
            expires_at: entitled.expires_at,
            releases: 1,
            decision: row.seq,
        })
        .await?;
        let receipt = Receipt {
            seq: row.seq,
            at: row.entry.at,
            key_id: id.clone(),
            version: version.version,
            prev,
            hash: row.hash,
            break_glass: row.entry.break_glass,
        };
        let expires_at = entitled.expires_at;
        Ok((GrantedKey { key_id: id.clone(), version: version.version, sealed, expires_at }, receipt))
    }
}

/// The head as clients see it.
pub(crate) const fn checkpoint(head: Head) -> Checkpoint {
    Checkpoint { seq: head.seq, hash: head.hash }
}

/// A release is granted, whatever the template says.
pub(crate) const GRANTED: (Outcome, &str) = (Outcome::Granted, "Granted");
