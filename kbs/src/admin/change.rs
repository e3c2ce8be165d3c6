//! What every change of an administrator has in common: a decision, and the answer to what the vault refuses.

use crate::broker::{Broker, Unsealed};
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use hanzo_kbs_log::{Action, Door, NewDecision};
use hanzo_kbs_vault::{ChangeError, QuorumError};
use std::sync::Arc;

/// A change at one instant.
pub(super) struct Change {
    pub(super) open: Arc<Unsealed>,
    pub(super) draft: NewDecision,
}

impl Change {
    pub(super) async fn start(broker: &Broker, action: Action, id: &RequestId) -> Result<Self, Problem> {
        let open = broker.open().await?;
        let now = broker.now()?;
        let draft = NewDecision::granted(now, Door::Admin, action, "admin-token", id.as_str());
        Ok(Self { open, draft })
    }

    /// Records that the change was refused. An administrator is told why.
    pub(super) async fn refuse(&self, public: Code, code: &str, reason: String) -> Problem {
        match self.open.vault.refuse(self.draft.clone().refused(code, reason.clone()), None).await {
            Ok(seq) => Problem::new(public).detail(reason).decision(seq),
            Err(error) => failed(&error),
        }
    }

    /// Records a credential that was not accepted. The caller is nobody yet, and is told nothing.
    pub(super) async fn refuse_stranger(&self) -> Problem {
        let mut decision = self.draft.clone();
        "anonymous".clone_into(&mut decision.actor);
        let decision = decision.refused("CredentialRefused", "the bearer token is not the administrator's");
        match self.open.vault.refuse(decision, None).await {
            Ok(_) => Code::Unauthenticated.into(),
            Err(error) => failed(&error),
        }
    }

    /// The answer to what the vault refused.
    pub(super) async fn refused_by_vault(&self, error: ChangeError) -> Problem {
        let (public, code) = match &error {
            ChangeError::KeyExists { .. } => (Code::Conflict, "KeyExists"),
            ChangeError::NotASecret { .. } => (Code::Conflict, "NotASecret"),
            ChangeError::ScopeFixed { .. } => (Code::Conflict, "ScopeFixed"),
            ChangeError::VersionConflict { .. } => (Code::Conflict, "VersionConflict"),
            ChangeError::SecretSize { .. } => (Code::MalformedRequest, "SecretSize"),
            ChangeError::Name { .. } => (Code::MalformedRequest, "NameMalformed"),
            ChangeError::PairMalformed { .. } => (Code::MalformedRequest, "PairMalformed"),
            ChangeError::BodyMalformed { .. } => (Code::MalformedRequest, "ChangeMalformed"),
            ChangeError::DevicePaired { .. } => (Code::Conflict, "DevicePaired"),
            ChangeError::RuleSize { .. } => (Code::MalformedRequest, "RuleSize"),
            ChangeError::Quorum(QuorumError::Forged { .. }) => return failed(&error),
            ChangeError::Quorum(error) => {
                let public = match error {
                    QuorumError::QuorumRequired { .. } => Code::QuorumRequired,
                    QuorumError::ChangeUnknown { .. } => Code::NotFound,
                    _ => Code::ChangeRefused,
                };
                (public, error.code())
            }
            _ => return failed(&error),
        };
        self.refuse(public, code, error.to_string()).await
    }
}

/// What the store could not do: nothing happened.
pub(super) fn failed(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "the vault cannot do this");
    Code::Unavailable.into()
}
