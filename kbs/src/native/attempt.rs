//! One attempt to be granted something: what every refusal and every grant of it has in common.

use crate::broker::{Broker, Unsealed};
use crate::challenge::nonce_digest;
use crate::judge::{NoVerdict, Proof, claims};
use crate::kept;
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use hanzo_attestation_evidence::UnixTime;
use hanzo_kbs_log::{Action, Claims, Door, NewDecision};
use hanzo_kbs_protocol::AttestRequest;
use hanzo_kbs_vault::{DeviceSessions, UsedNonce};
use hanzo_policy::{Appraised, Hardware};
use std::sync::Arc;

/// An attempt at one instant, and what is known of it so far. `draft` is the decision as it would be
/// recorded.
pub(super) struct Attempt {
    pub(super) broker: Arc<Broker>,
    pub(super) open: Arc<Unsealed>,
    pub(super) now: UnixTime,
    pub(super) draft: NewDecision,
    /// When the evidence was accepted: now, unless a token stands for it.
    pub(super) attested_at: UnixTime,
    used: Option<UsedNonce>,
}

impl Attempt {
    pub(super) async fn start(broker: Arc<Broker>, action: Action, id: &RequestId) -> Result<Self, Problem> {
        let open = broker.open().await?;
        let now = broker.now()?;
        let draft = NewDecision::granted(now, Door::Native, action, "anonymous", id.as_str());
        Ok(Self { broker, open, now, draft, attested_at: now, used: None })
    }

    /// The challenge to consume in the transaction of the decision.
    pub(super) const fn used_nonce(&self) -> Option<UsedNonce> {
        self.used
    }

    /// Names the challenge that the decision uses up, whichever way it goes.
    pub(super) const fn consumes(&mut self, challenge: UsedNonce) {
        self.used = Some(challenge);
    }

    /// Records the refusal and consumes the challenge, as one; what cannot be recorded is not answered.
    pub(super) async fn refuse(&self, public: Code, code: &str, reason: impl Into<String>) -> Problem {
        let decision = self.draft.clone().refused(code, reason);
        match self.open.vault.refuse(decision, self.used_nonce()).await {
            Ok(seq) => Problem::new(public).decision(seq),
            Err(error) => unrecorded(&error),
        }
    }

    /// Challenge, then evidence: from a request to appraised evidence.
    pub(super) async fn prove(&mut self, request: AttestRequest) -> Result<(Appraised, Proof), Problem> {
        self.draft.recipient_digest = Some(request.recipient.digest());
        self.draft.actor = format!("recipient:{}", request.recipient.digest());
        self.draft.nonce_digest = Some(nonce_digest(&request.nonce));
        match self.open.challenges.check(&request.nonce, self.now) {
            Ok(fresh) => {
                let used = self.open.vault.nonce_used(&fresh.digest()).await.map_err(|e| unrecorded(&e))?;
                if used {
                    return Err(self.reused().await);
                }
                self.consumes(UsedNonce { digest: fresh.digest(), expires_at: fresh.expires_at() });
            }
            Err(error) => {
                return Err(self.refuse(Code::ChallengeRefused, error.code(), error.to_string()).await);
            }
        }
        let document = serde_json::to_vec(&request.document()).map_err(|_| Code::Internal)?;
        let AttestRequest { nonce, recipient, runtime_data, .. } = request;
        let proof = Proof { document, nonce, recipient, runtime_data };
        let appraised = self.judge(proof.clone()).await?;
        Ok((appraised, proof))
    }

    /// Judges a proof, fresh or stored, at this instant.
    pub(super) async fn judge(&mut self, proof: Proof) -> Result<Appraised, Problem> {
        match self.broker.judge().judge(proof.clone(), &self.open.activation, self.now).await {
            Ok(appraised) => {
                self.draft.evidence_digest = Some(appraised.evidence_digest());
                self.draft.tier = Some(appraised.tier().number());
                self.draft.lab = appraised.lab();
                Hardware { machine: self.draft.machine, devices: self.draft.devices } = appraised.hardware();
                self.draft.claims = Some(Claims::new(claims(&appraised)));
                self.draft.waivers = self.waivers(&appraised);
                Ok(appraised)
            }
            Err(NoVerdict::Busy) => Err(Code::Unavailable.into()),
            Err(NoVerdict::Fault) => {
                tracing::error!(request_id = self.draft.request_id, "verification ended in a fault");
                Err(self
                    .refuse(Code::EvidenceRefused, "VerifierFault", "COL-23: verification ended in a fault")
                    .await)
            }
            Err(NoVerdict::NotProved(refused)) => {
                if refused.alert {
                    let digest = refused.evidence_digest.map(|digest| digest.to_string());
                    tracing::error!(
                        request_id = self.draft.request_id,
                        code = refused.code,
                        evidence = digest.unwrap_or_default(),
                        reason = refused.reason,
                        "two readers of the same evidence are at odds: nothing is released"
                    );
                }
                self.draft.evidence_digest = refused.evidence_digest;
                // What could not even be read is explained by its finding.
                if refused.evidence_digest.is_some() {
                    let limits = self.broker.limits();
                    self.draft.facts_digest = kept::proof(&self.open.vault, &proof, limits, self.now)
                        .await
                        .map_err(|error| unrecorded(&error))?;
                }
                Err(self.refuse(refused.public, refused.code, refused.reason).await)
            }
        }
    }

    /// The checks that configuration waives for this evidence, each with its rule.
    fn waivers(&self, appraised: &Appraised) -> Vec<String> {
        let found = appraised.waivers().iter().map(|waiver| format!("{}: {}", waiver.rule, waiver.message));
        let bundle = self.broker.judge().grounds().bundle_waiver(self.now);
        let shared = self.broker.devices().sessions == DeviceSessions::Any && !self.draft.devices.is_empty();
        let shared = shared.then(|| {
            "NV-90: whether another machine's session holds the devices was not asked (`device_sessions`)"
                .to_owned()
        });
        found.chain(bundle).chain(shared).collect()
    }

    /// Keeps what policies are about to decide by: the row names it.
    pub(super) async fn keep_facts(&mut self, appraised: &Appraised) -> Result<(), Problem> {
        let kept = kept::facts(&self.open.vault, appraised, self.broker.limits(), self.now).await;
        self.draft.facts_digest = Some(kept.map_err(|error| unrecorded(&error))?);
        Ok(())
    }

    /// The refusal of a challenge that was used before.
    pub(super) async fn reused(&mut self) -> Problem {
        self.used = None;
        self.refuse(Code::ChallengeRefused, "ChallengeReused", "COL-16: the challenge was used before").await
    }
}

/// A decision that could not be recorded: nothing happened, and the caller learns nothing else.
pub(super) fn unrecorded(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "the decision could not be recorded");
    Code::Unavailable.into()
}
