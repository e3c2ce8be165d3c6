//! How many grants of a key are live, and that every permit was decided by that number.
//!
//! A policy may ask it. The number outside the transaction is only a forecast: between the decision and the
//! release another recipient may be granted the key, or a grant may end. So the transaction counts for itself,
//! and a permit that was decided by another number is decided again there, where nobody else can change it. Of
//! two releases at once the second sees the grant of the first.
//!
//! A recipient's own grants do not count: what is sealed to one key, one holder opens, however often. A renewal
//! is therefore never refused by its own grant. Nor do sessions count that the release itself ends, because
//! their machine opens another one (NV-90). A machine that starts anew with another recipient key and without
//! devices counts as another until its earlier grant ends or is revoked: who it is cannot be told for certain.
//!
//! What counts is the end of the grant itself: within a session, one key's may be later than another's.

use super::entitled::{Entitled, Party};
use super::{Order, ReleaseError};
use crate::backend::{Backend, SessionRows};
use crate::error::StoreError;
use crate::holds::Superseded;
use crate::inventory::DeviceRules;
use crate::ledger::Ledger;
use crate::vault::Vault;
use hanzo_attestation_evidence::{DeviceId, Hex, MachineId, UnixTime};
use hanzo_policy::{Denial, Permit};

/// Decides again about a key (by its id) with so many live grants: the same evidence, rules and instant as for
/// the permit that it replaces.
pub type Again<'a> = dyn Fn(&str, u32) -> Result<Permit, Denial> + Send + Sync + 'a;

/// The same, with the permit read.
pub(crate) type Reads<'a> = dyn Fn(&str, u32) -> Result<(Party, Entitled), Denial> + Send + Sync + 'a;

/// Who asks, as far as it matters which sessions are its own.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// Digest of the recipient key.
    pub recipient_digest: Hex<32>,
    /// The machine, where it can be told.
    pub machine: Option<MachineId>,
    /// The devices that its evidence is of.
    pub devices: &'a [DeviceId],
    /// When its evidence was accepted.
    pub attested_at: UnixTime,
    /// What is asked of devices.
    pub rules: DeviceRules,
}

impl<'a> Asker<'a> {
    pub(crate) fn of(order: &'a Order) -> Self {
        Self {
            recipient_digest: order.party.recipient_digest,
            machine: order.party.machine,
            devices: &order.party.devices,
            attested_at: order.attested_at,
            rules: order.devices,
        }
    }
}

impl<B: Backend> Vault<B> {
    /// How many other recipients have a live grant of a key: the number to decide by before a release. The
    /// transaction counts again.
    ///
    /// # Errors
    /// [`ReleaseError::Record`].
    pub async fn live_grants(
        &self,
        key: &str,
        asker: &Asker<'_>,
        now: UnixTime,
    ) -> Result<u32, ReleaseError> {
        let mut tx = self.backend().read().await?;
        let ended = match asker.devices {
            [] => Superseded::new(),
            _ => {
                let ledger = Ledger::open(&mut tx, self.ledger_key(), now).await?;
                match self.claim_devices(&mut tx, &ledger, asker, now).await {
                    // The release will refuse it by name; until then it ends no session.
                    Err(ReleaseError::DeviceInAnotherSession { .. }) => Superseded::new(),
                    claimed => claimed?,
                }
            }
        };
        Ok(count(&mut tx, key, asker.recipient_digest, &ended, now).await?)
    }
}

/// Counts for every key of the order, and has decided again what was decided by another number.
pub(super) async fn decide_by_count(
    tx: &mut impl SessionRows,
    order: &mut Order,
    ended: &Superseded,
    again: &Reads<'_>,
) -> Result<(), ReleaseError> {
    let Order { party, keys, decision, .. } = order;
    for entitled in keys {
        let key = entitled.key_id.clone();
        let live = count(tx, &key, party.recipient_digest, ended, decision.at).await?;
        if entitled.decided_by.is_some_and(|decided_by| decided_by != live) {
            let (other, anew) = again(&key, live).map_err(|denial| ReleaseError::Denied {
                key: key.clone(),
                live_grants: live,
                denial: Box::new(denial),
            })?;
            // INVARIANT: what leaves the vault was decided by the number counted here.
            if other != *party || anew.key_id != key || anew.decided_by != Some(live) {
                return Err(ReleaseError::DecidedOtherwise { key });
            }
            *entitled = anew;
        }
        entitled.live_grants = Some(live);
    }
    Ok(())
}

async fn count(
    tx: &mut impl SessionRows,
    key: &str,
    but: Hex<32>,
    ended: &Superseded,
    now: UnixTime,
) -> Result<u32, StoreError> {
    let without: Vec<&str> = ended.keys().map(String::as_str).collect();
    tx.live_grants(key, now, &but, &without).await
}
