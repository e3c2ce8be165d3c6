//! What is kept about decisions, so that they can be explained and made again: facts where policies decided,
//! the proof itself where it was refused before.

use crate::config::Limits;
use crate::judge::Proof;
use hanzo_attestation_evidence::{Hex, Recipient, UnixTime, json};
use hanzo_kbs_vault::{KeptKind, Retention, StoreError, Vault};
use hanzo_policy::{Appraised, FactsError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// Most documents of facts: a fleet of ten thousand machines that reboot once a week, for four months.
const MOST_FACTS: u64 = 200_000;
/// Seconds of a day.
const DAY: u64 = 86_400;

/// What could not be kept. The decision is not made then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotKept {
    /// The facts cannot be written down.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// The proof cannot be written down.
    #[error("the proof cannot be written down: {0}")]
    Proof(#[from] serde_json::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps what policies decide by.
pub(crate) async fn facts(
    vault: &Vault,
    appraised: &Appraised,
    limits: &Limits,
    now: UnixTime,
) -> Result<Hex<32>, NotKept> {
    let body = appraised.facts()?.to_bytes()?;
    let retention = Retention { lifetime: lifetime(limits), most: MOST_FACTS };
    Ok(vault.keep(KeptKind::Facts, body, now, retention).await?)
}

/// Keeps a proof that was refused, unless none are to be kept.
pub(crate) async fn proof(
    vault: &Vault,
    proof: &Proof,
    limits: &Limits,
    now: UnixTime,
) -> Result<Option<Hex<32>>, NotKept> {
    if limits.refused_proofs == 0 {
        return Ok(None);
    }
    let retention = Retention { lifetime: lifetime(limits), most: limits.refused_proofs };
    Ok(Some(vault.keep(KeptKind::Proof, write(proof)?, now, retention).await?))
}

const fn lifetime(limits: &Limits) -> Duration {
    Duration::from_secs(limits.explain_days.saturating_mul(DAY))
}

/// A proof as it is kept. All of it is public: the challenge is used up, and the recipient is a public key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    document: String,
    nonce: String,
    recipient: Recipient,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    runtime_data: Option<Value>,
}

fn write(proof: &Proof) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Written {
        document: String::from_utf8_lossy(&proof.document).into_owned(),
        nonce: proof.nonce.clone(),
        recipient: proof.recipient.clone(),
        runtime_data: proof.runtime_data.clone(),
    })
}

/// Reads a proof that was kept.
pub(crate) fn read_proof(body: &[u8]) -> Result<Proof, json::JsonError> {
    let Written { document, nonce, recipient, runtime_data } = json::from_slice(body)?;
    Ok(Proof { document: document.into_bytes(), nonce, recipient, runtime_data })
}
