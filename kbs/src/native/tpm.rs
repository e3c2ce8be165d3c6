//! `POST /kbs/v1/tpm/credential` and `POST /kbs/v1/tpm/activate`: a TPM's attestation key, activated.

use super::attempt::{Attempt, unrecorded};
use crate::body::Message;
use crate::broker::Broker;
use crate::judge::{Grounds, NotProved};
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use crate::tpm::Pair;
use axum::extract::State;
use axum::{Extension, Json};
use hanzo_attestation::tpm::activation::{Credential, Ek, Record, ak_public, make_credential};
use hanzo_attestation_evidence::tpm::Name;
use hanzo_attestation_evidence::{Broken, UnixTime};
use hanzo_kbs_log::{Action, Claims};
use hanzo_kbs_protocol::{ActivateRequest, ActivateResponse, CredentialRequest, CredentialResponse};
use hanzo_kbs_vault::ChangeError;
use serde_json::json;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Makes a credential that only one TPM can open, if its endorsement key is known. Nothing is stored; what it
/// costs, some signatures, counts among the verifications that run at once.
pub(crate) async fn tpm_credential(
    State(broker): State<Arc<Broker>>,
    Extension(id): Extension<RequestId>,
    Message(request): Message<CredentialRequest>,
) -> Result<Json<CredentialResponse>, Problem> {
    let attempt = Attempt::start(broker, Action::TpmActivate, &id).await?;
    let now = attempt.now;
    let checked = attempt.broker.judge().run(move |grounds| keys(&request, grounds, now)).await?;
    let (ek, ak_name) = match checked {
        Ok(known) => known,
        Err(refused) => return Err(attempt.refuse(refused.public, refused.code, refused.reason).await),
    };
    let pair = Pair { ek_sha256: ek.sha256(), not_after: ek.not_after(), ak_name, lab: ek.is_lab() };
    let rng = attempt.broker.rng().as_ref();
    let no_randomness = |error| {
        tracing::error!(%error, "no randomness for a credential");
        Problem::from(Code::Unavailable)
    };
    let issued = attempt.open.tpm_challenges.issue(&pair, now, rng).map_err(no_randomness)?;
    let mut seed = Zeroizing::new([0; 32]);
    rng.fill(seed.as_mut_slice()).map_err(no_randomness)?;
    match make_credential(&ek, &pair.ak_name, issued.secret.as_slice(), &seed) {
        Ok(Credential { id_object, encrypted_secret }) => Ok(Json(CredentialResponse {
            challenge_id: issued.challenge_id,
            credential_blob: id_object,
            encrypted_secret,
            expires_at: issued.expires_at,
        })),
        Err(error) => Err(attempt.refuse(Code::EvidenceRefused, "TpmEkUnsupported", error.to_string()).await),
    }
}

/// The endorsement key, known by name or by its manufacturer, and the Name of a restricted signing key.
fn keys(request: &CredentialRequest, grounds: &Grounds, now: UnixTime) -> Result<(Ek, Name), NotProved> {
    grounds.check(now)?;
    let refused = |error: &dyn Broken| NotProved {
        public: Code::EvidenceRefused,
        code: error.rule().code,
        reason: format!("{}: {error}", error.rule().id),
        evidence_digest: None,
        alert: false,
    };
    let ak = ak_public(&request.ak_public).map_err(|error| refused(&error))?;
    let denied = &grounds.appraisal.tpm.denied_eks;
    let ek = Ek::verify(&request.ek_public, &request.ek_certs, &grounds.roots, denied, now)
        .map_err(|error| refused(&error))?;
    Ok((ek, ak.name()))
}

/// Takes the secret back, once and in time, and writes the record that the node sends with its quotes.
pub(crate) async fn tpm_activate(
    State(broker): State<Arc<Broker>>,
    Extension(id): Extension<RequestId>,
    Message(request): Message<ActivateRequest>,
) -> Result<Json<ActivateResponse>, Problem> {
    let mut attempt = Attempt::start(broker, Action::TpmActivate, &id).await?;
    let challenges = &attempt.open.tpm_challenges;
    let fresh = match challenges.check(&request.challenge_id, attempt.now) {
        Ok(fresh) => fresh,
        Err(error) => {
            return Err(attempt.refuse(Code::ChallengeRefused, error.code(), error.to_string()).await);
        }
    };
    if attempt.open.vault.nonce_used(&fresh.used.digest).await.map_err(|e| unrecorded(&e))? {
        return Err(attempt.reused().await);
    }
    let answered = challenges.is_answer(&fresh, request.secret.expose());
    let Pair { ek_sha256, not_after, ak_name, lab } = fresh.pair;
    attempt.draft.lab = lab;
    attempt.draft.claims =
        Some(Claims::new(json!({"ek_sha256": ek_sha256, "ak_name": hex::encode(ak_name.as_bytes())})));
    if !answered {
        // A wrong answer uses the challenge up: nobody tries a second one.
        attempt.consumes(fresh.used);
        let reason = "TPM-33: the secret is not the one in the credential";
        return Err(attempt.refuse(Code::ChallengeRefused, "TpmSecretWrong", reason).await);
    }
    if attempt.broker.judge().grounds().appraisal.tpm.denied_eks.contains(&ek_sha256) {
        attempt.consumes(fresh.used);
        let reason = "TPM-29: the endorsement key was denied since the credential was made";
        return Err(attempt.refuse(Code::EvidenceRefused, "TpmEkRevoked", reason).await);
    }
    let expires_at = attempt.now.after(attempt.broker.limits().activation).min(not_after);
    match attempt.open.vault.use_challenge(attempt.draft.clone(), fresh.used).await {
        Ok(_) => {
            let record = Record { ek_sha256, ak_name, issued: attempt.now, expires: expires_at, lab };
            let activation = attempt.open.activation.seal(&record);
            Ok(Json(ActivateResponse { activation, expires_at }))
        }
        Err(ChangeError::ChallengeReused) => Err(attempt.reused().await),
        Err(error @ ChangeError::ChallengeExpired { .. }) => {
            Err(attempt.refuse(Code::ChallengeRefused, "ChallengeExpired", error.to_string()).await)
        }
        Err(error) => Err(unrecorded(&error)),
    }
}
