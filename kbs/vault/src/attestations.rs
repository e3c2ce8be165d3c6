//! Evidence behind bearer tokens. The document is kept as it was sent, and verified again whenever the token
//! is used: no verdict is ever read back from the store.

use crate::backend::{AttestationRows, Backend, Transaction};
use crate::error::{ChangeError, StoreError};
use crate::ledger::expect_outcome;
use crate::rows::AttestationRow;
use crate::sessions::{NonceProblem, UsedNonce, use_nonce};
use crate::vault::Vault;
use hanzo_attestation_evidence::{Recipient, UnixTime};
use hanzo_kbs_log::{NewDecision, Outcome};
use serde_json::Value;

/// Most attestations that are kept at once. A token lives for minutes; at a megabyte each they stay below
/// the disk of a small machine.
pub const MAX_ATTESTATIONS: u64 = 4096;
/// Largest document in bytes: the largest request.
pub const MAX_DOCUMENT: usize = 1 << 20;
/// How many ended ones are forgotten with each new one.
const PRUNE: u32 = 4;

/// What a bearer token rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAttestation {
    /// The token's id (`jti`), 1 to 64 bytes.
    pub token_id: String,
    /// The evidence document, as sent.
    pub document: Vec<u8>,
    /// The challenge.
    pub nonce: String,
    /// The recipient key.
    pub recipient: Recipient,
    /// The caller's own data.
    pub runtime_data: Option<Value>,
    /// When the evidence was accepted: the time at which its dates were judged.
    pub attested_at: UnixTime,
    /// When the token ends.
    pub expires_at: UnixTime,
}

impl<B: Backend> Vault<B> {
    /// Records an accepted attestation, uses up its challenge, and keeps the evidence for the token's life,
    /// in one transaction. Returns the number of the row.
    ///
    /// # Errors
    /// [`ChangeError::ChallengeReused`], [`ChangeError::ChallengeExpired`],
    /// [`ChangeError::TooManyAttestations`], [`ChangeError::DocumentSize`], [`ChangeError::Record`].
    pub async fn attest(
        &self,
        decision: NewDecision,
        nonce: UsedNonce,
        attestation: StoredAttestation,
    ) -> Result<u64, ChangeError> {
        expect_outcome(&decision, Outcome::Granted)?;
        let size = attestation.document.len();
        if size > MAX_DOCUMENT {
            return Err(ChangeError::DocumentSize { size, limit: MAX_DOCUMENT });
        }
        let now = decision.at;
        let (mut tx, mut ledger) = self.write(now).await?;
        use_nonce(&mut tx, &ledger, &nonce, now).await.map_err(|problem| match problem {
            NonceProblem::Store(error) => error.into(),
            NonceProblem::Reused => ChangeError::ChallengeReused,
            NonceProblem::Expired { expires_at } => ChangeError::ChallengeExpired { expires_at, now },
        })?;
        tx.prune_attestations(now, PRUNE).await?;
        if tx.count_attestations().await? >= MAX_ATTESTATIONS {
            return Err(ChangeError::TooManyAttestations { limit: MAX_ATTESTATIONS });
        }
        let decision = NewDecision {
            recipient_digest: Some(attestation.recipient.digest()),
            nonce_digest: Some(nonce.digest),
            ..decision
        };
        let decision = ledger.append(&mut tx, decision).await?;
        tx.insert_attestation(&row(attestation, decision.seq)?).await?;
        ledger.close(&mut tx).await?;
        tx.commit().await?;
        Ok(decision.seq)
    }

    /// What a token rests on, while the token lives at `now`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attestation(
        &self,
        token_id: &str,
        now: UnixTime,
    ) -> Result<Option<StoredAttestation>, StoreError> {
        let row = self.backend().read().await?.attestation(token_id).await?;
        row.filter(|row| now < row.expires_at).map(stored).transpose()
    }
}

fn row(attestation: StoredAttestation, decision: u64) -> Result<AttestationRow, StoreError> {
    let StoredAttestation { token_id, document, nonce, recipient, runtime_data, attested_at, expires_at } =
        attestation;
    let recipient = serde_json::to_string(&recipient).map_err(|error| malformed(&error))?;
    let runtime_data = runtime_data
        .map(|data| serde_json::to_string(&data))
        .transpose()
        .map_err(|error| malformed(&error))?;
    Ok(AttestationRow {
        token_id,
        document,
        nonce,
        recipient,
        runtime_data,
        attested_at,
        expires_at,
        decision,
    })
}

fn stored(row: AttestationRow) -> Result<StoredAttestation, StoreError> {
    let AttestationRow {
        token_id, document, nonce, recipient, runtime_data, attested_at, expires_at, ..
    } = row;
    let recipient = serde_json::from_str(&recipient).map_err(|error| malformed(&error))?;
    let runtime_data = runtime_data
        .map(|data| serde_json::from_str(&data))
        .transpose()
        .map_err(|error| malformed(&error))?;
    Ok(StoredAttestation { token_id, document, nonce, recipient, runtime_data, attested_at, expires_at })
}

fn malformed(error: &serde_json::Error) -> StoreError {
    StoreError::Malformed { table: "attestations", reason: error.to_string() }
}
