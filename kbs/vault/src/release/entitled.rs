//! What permits say, taken over, and the checks that need no database.

use super::{GRANTED, Order, ReleaseError};
use crate::rows::KeyRow;
use hanzo_attestation_evidence::{DeviceId, Hex, MachineId, Recipient, UnixTime};
use hanzo_kbs_log::NewDecision;
use hanzo_kbs_protocol::messages::MAX_KEYS;
use hanzo_policy::{Limit, Permit};
use std::collections::BTreeSet;

/// What all permits of one release share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Party {
    pub(crate) recipient: Recipient,
    pub(crate) recipient_digest: Hex<32>,
    pub(crate) evidence_digest: Hex<32>,
    pub(crate) tier: u8,
    pub(crate) machine: Option<MachineId>,
    /// Each once.
    pub(crate) devices: Vec<DeviceId>,
    pub(crate) lab: bool,
}

/// What one permit says of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entitled {
    pub(crate) key_id: String,
    pub(crate) tenant: String,
    pub(crate) minimum_tier: u8,
    pub(crate) expires_at: UnixTime,
    pub(crate) policy_digest: Hex<32>,
    pub(crate) reference_digest: Hex<32>,
    pub(crate) policies: Vec<String>,
    /// What ends it before its lifetime and its evidence do, in words.
    pub(crate) ended_by: Option<String>,
    /// The number of live grants that it was decided by; `None` if no policy asks.
    pub(crate) decided_by: Option<u32>,
    /// The number in the transaction, once it is counted.
    pub(crate) live_grants: Option<u32>,
}

/// Reads and consumes permits. Here and in [`read_one`] an [`Entitled`] is made, and nowhere else outside of
/// tests.
pub(super) fn read(permits: Vec<Permit>) -> Result<(Party, Vec<Entitled>), ReleaseError> {
    let party = party(permits.first().ok_or(ReleaseError::NothingToRelease)?);
    for permit in &permits {
        if self::party(permit) != party {
            return Err(ReleaseError::PermitsDiffer { key: permit.key().to_string() });
        }
    }
    Ok((party, permits.into_iter().map(|permit| entitled(&permit)).collect()))
}

fn party(permit: &Permit) -> Party {
    Party {
        recipient: permit.recipient().clone(),
        recipient_digest: permit.recipient().digest(),
        evidence_digest: permit.evidence_digest(),
        tier: permit.tier().number(),
        machine: permit.hardware().machine,
        devices: permit.hardware().devices.clone(),
        lab: permit.lab(),
    }
}

/// Reads a permit that was given anew.
pub(super) fn read_one(permit: &Permit) -> (Party, Entitled) {
    (party(permit), entitled(permit))
}

fn entitled(permit: &Permit) -> Entitled {
    let ended_by = match permit.limit() {
        Limit::References(why) => Some(why.clone()),
        Limit::Lifetime | Limit::Evidence => None,
    };
    Entitled {
        key_id: permit.key().to_string(),
        tenant: permit.key().tenant().to_owned(),
        minimum_tier: permit.minimum().number(),
        expires_at: permit.expires_at(),
        policy_digest: permit.policy_digest(),
        reference_digest: permit.reference_digest(),
        policies: permit.policies().to_vec(),
        ended_by,
        decided_by: permit.live_grants(),
        live_grants: None,
    }
}

/// Checks the order in itself, and returns the session's deadline: the earliest end of its permits.
pub(super) fn check(order: &Order, now: UnixTime) -> Result<UnixTime, ReleaseError> {
    let count = order.keys.len();
    if count > MAX_KEYS {
        return Err(ReleaseError::TooManyKeys { count, limit: MAX_KEYS });
    }
    let mut seen = BTreeSet::new();
    for entitled in &order.keys {
        if !seen.insert(&entitled.key_id) {
            return Err(ReleaseError::KeyTwice { key: entitled.key_id.clone() });
        }
        if entitled.expires_at <= now {
            let (key, expires_at) = (entitled.key_id.clone(), entitled.expires_at);
            return Err(ReleaseError::PermitExpired { key, expires_at, now });
        }
    }
    order.keys.iter().map(|entitled| entitled.expires_at).min().ok_or(ReleaseError::NothingToRelease)
}

/// Compares a permit with the demands that are stored now.
pub(super) fn admit(key: &KeyRow, entitled: &Entitled, tier: u8) -> Result<(), ReleaseError> {
    if key.minimum_tier != entitled.minimum_tier {
        return Err(ReleaseError::MinimumChanged {
            key: key.id.clone(),
            permitted: entitled.minimum_tier,
            stored: key.minimum_tier,
        });
    }
    if tier < key.minimum_tier {
        return Err(ReleaseError::TierTooLow { key: key.id.clone(), tier, minimum: key.minimum_tier });
    }
    Ok(())
}

/// The row of one released key: the template, and everything that the permit and the store say.
pub(super) fn decision(order: &Order, entitled: &Entitled, version: u64, session_id: &str) -> NewDecision {
    let (outcome, code) = GRANTED;
    let permitted = format!("permitted by {}", entitled.policies.join(", "));
    let reason = match &entitled.ended_by {
        Some(why) => format!("{permitted}, until {}: {why}", entitled.expires_at),
        None => permitted,
    };
    NewDecision {
        outcome,
        code: code.to_owned(),
        reason,
        lab: order.party.lab,
        tenant: Some(entitled.tenant.clone()),
        key_id: Some(entitled.key_id.clone()),
        key_version: Some(version),
        tier: Some(order.party.tier),
        minimum_tier: Some(entitled.minimum_tier),
        evidence_digest: Some(order.party.evidence_digest),
        machine: order.party.machine,
        devices: order.party.devices.clone(),
        policy_digest: Some(entitled.policy_digest),
        reference_digest: Some(entitled.reference_digest),
        live_grants: entitled.live_grants,
        recipient_digest: Some(order.party.recipient_digest),
        session_id: Some(session_id.to_owned()),
        nonce_digest: order.nonce.map(|nonce| nonce.digest),
        ..order.decision.clone()
    }
}
