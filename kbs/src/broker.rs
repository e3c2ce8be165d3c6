//! The broker: what it was given, and what it holds while its vault is open.

use crate::admin::AdminCredential;
use crate::challenge::Challenges;
use crate::clock::{Clock, ClockError};
use crate::config::{Environment, Limits};
use crate::judge::Judge;
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use crate::rules::RuleCache;
use crate::shadow::Shadow;
use crate::token::{TokenKey, TokenKeyError, Tokens};
use crate::tpm::TpmChallenges;
use hanzo_attestation::tpm::activation::ActivationKey;
use hanzo_attestation_collateral::Stored;
use hanzo_attestation_evidence::UnixTime;
use hanzo_kbs_log::{Action, Door, NewDecision};
use hanzo_kbs_vault::{
    ChangeError, DeviceRules, Purpose, QuorumError, RecordError, Rng, Seal, SealError, Store, Vault,
};
use std::sync::Arc;
use tokio::sync::RwLock;

/// Where the means to open the seal come from. Asked anew at every unsealing.
pub trait SealSource: Send + Sync {
    /// The seal.
    ///
    /// # Errors
    /// [`SealError`] if it is not at hand.
    fn seal(&self) -> Result<Box<dyn Seal>, SealError>;
}

/// Everything a broker is made of.
pub struct Parts {
    /// The clock, read once a request.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// The store, sealed.
    pub store: Store,
    /// What opens it.
    pub seal: Box<dyn SealSource>,
    /// What evidence is judged by.
    pub judge: Judge,
    /// The administrator's credential.
    pub admin: AdminCredential,
    /// Where this broker runs.
    pub environment: Environment,
    /// Times and counts.
    pub limits: Limits,
    /// What a release asks of devices.
    pub devices: DeviceRules,
    /// How tokens name this broker.
    pub issuer: String,
    /// What the configuration trusts, and who decides together, in its RFC 8785 form: held against the document that
    /// was approved last. `None` for a broker that goes with its configuration.
    pub trust: Option<String>,
}

/// Who opens or closes the vault, for the record.
#[derive(Clone, Debug)]
pub struct Who {
    door: Door,
    actor: &'static str,
    request_id: String,
}

impl Who {
    /// The operator at the machine, by starting the program.
    #[must_use]
    pub fn operator() -> Self {
        Self { door: Door::Local, actor: "local", request_id: "local".to_owned() }
    }

    pub(crate) fn administrator(request: &RequestId) -> Self {
        Self { door: Door::Admin, actor: "admin-token", request_id: request.as_str().to_owned() }
    }

    fn decision(&self, at: UnixTime, action: Action) -> NewDecision {
        NewDecision::granted(at, self.door, action, self.actor, self.request_id.as_str())
    }
}

/// A vault that was not opened.
#[derive(Debug, thiserror::Error)]
pub enum UnsealError {
    /// The seal is not at hand, or is not this vault's.
    #[error("the seal: {0}")]
    Seal(#[from] SealError),
    /// The store does not answer, or the unsealing could not be recorded.
    #[error("the store: {0}")]
    Record(#[from] RecordError),
    /// The clock.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The configuration is not the one that several people approved.
    #[error(transparent)]
    Trust(Box<QuorumError>),
    /// What the configuration trusts could not be compared or recorded.
    #[error("the document about trust: {0}")]
    TrustUnknown(Box<ChangeError>),
    /// The signing key in the vault cannot be used.
    #[error(transparent)]
    TokenKey(#[from] TokenKeyError),
}

/// A broker. It holds no state of its own but the open vault.
pub struct Broker {
    parts: Parts,
    unsealed: RwLock<Option<Arc<Unsealed>>>,
}

/// What there is while the vault is open. Dropping it is sealing.
pub(crate) struct Unsealed {
    pub(crate) vault: Vault,
    pub(crate) challenges: Challenges,
    pub(crate) tokens: Tokens,
    pub(crate) rules: RuleCache,
    pub(crate) shadow: Shadow,
    pub(crate) tpm_challenges: TpmChallenges,
    pub(crate) activation: ActivationKey,
}

impl Broker {
    /// A broker with a sealed vault.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self { parts, unsealed: RwLock::new(None) }
    }

    /// Opens the vault, and records that it did. An open one is left as it is. A vault whose record is
    /// damaged opens as well, so that it can be read: it releases and changes nothing.
    ///
    /// # Errors
    /// [`UnsealError`]; the vault stays sealed.
    pub async fn unseal(&self, who: &Who) -> Result<(), UnsealError> {
        let mut unsealed = self.unsealed.write().await;
        if unsealed.is_some() {
            return Ok(());
        }
        let seal = self.parts.seal.seal()?;
        let vault = self.parts.store.unseal(seal.as_ref()).await?;
        self.adopt_trust(&vault, who).await?;
        match vault.damage() {
            Some(damage) => tracing::error!(%damage, "the record is damaged: nothing is released or changed"),
            None => {
                vault.record(who.decision(self.parts.clock.now()?, Action::Unseal)).await?;
            }
        }
        for change in vault.broken_glass().await.unwrap_or_default() {
            tracing::error!(%change, "a change was applied without its quorum, and is not acknowledged");
        }
        let mac_key = vault.secret_for(Purpose::ChallengeMac)?;
        let challenges = Challenges::new(&mac_key, self.parts.limits.challenge);
        let tpm_key = vault.secret_for(Purpose::TpmChallenge)?;
        let tpm_challenges = TpmChallenges::new(&tpm_key, self.parts.limits.challenge);
        let activation = ActivationKey::new(&*vault.secret_for(Purpose::TpmActivation)?);
        let key = TokenKey::from_pkcs8(&vault.token_signing_key().await?)?;
        let tokens = Tokens::new(key, self.parts.issuer.clone());
        let shadow = Shadow::default();
        // A candidate that cannot be asked again decides nothing: it is no reason to stay sealed.
        if let Err(error) = shadow.resume(&vault).await {
            tracing::error!(error, "the candidate beside the rules in force is not asked");
        }
        *unsealed = Some(Arc::new(Unsealed {
            vault,
            challenges,
            tokens,
            rules: RuleCache::default(),
            shadow,
            tpm_challenges,
            activation,
        }));
        Ok(())
    }

    /// Holds the configuration against the approved one. A refusal is recorded: somebody tried.
    async fn adopt_trust(&self, vault: &Vault, who: &Who) -> Result<(), UnsealError> {
        let Some(document) = &self.parts.trust else { return Ok(()) };
        let decision = who.decision(self.parts.clock.now()?, Action::TrustPut);
        match vault.adopt_trust(document, decision.clone()).await {
            Ok(()) => Ok(()),
            Err(ChangeError::Quorum(error)) => {
                if vault.damage().is_none() {
                    vault.refuse(decision.refused(error.code(), error.to_string()), None).await?;
                }
                Err(UnsealError::Trust(Box::new(error)))
            }
            // It is opened to be read, and releases and changes nothing.
            Err(error) if vault.damage().is_some() => {
                tracing::error!(%error, "the document about trust cannot be read");
                Ok(())
            }
            Err(error) => Err(UnsealError::TrustUnknown(Box::new(error))),
        }
    }

    /// What the configuration trusts, where it is held against what was approved.
    pub(crate) fn trust(&self) -> Option<&str> {
        self.parts.trust.as_deref()
    }

    /// Records that the vault is closed, and forgets every key whether or not that could be recorded: not to
    /// seal would be worse. Requests under way finish with what they hold.
    pub async fn seal(&self, who: &Who) {
        let Some(open) = self.unsealed.write().await.take() else { return };
        let recorded = match self.parts.clock.now() {
            Ok(now) => open.vault.record(who.decision(now, Action::Seal)).await.map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = recorded {
            tracing::error!(error, "sealed, and the sealing could not be recorded");
        }
    }

    /// Records that other collateral is in force. A sealed vault has no record to write to: the log has it
    /// then.
    pub async fn record_collateral(&self, who: &Who, stored: &Stored) {
        let Some(open) = self.unsealed.read().await.clone() else { return };
        let recorded = match self.parts.clock.now() {
            Ok(now) => {
                let mut decision = who.decision(now, Action::CollateralLoad);
                decision.subject = Some(stored.bundle_id.clone());
                decision.subject_version = Some(stored.sequence);
                decision.reference_digest = Some(stored.generation);
                open.vault.record(decision).await.map(drop).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = recorded {
            tracing::error!(error, "other collateral is in force, and that could not be recorded");
        }
    }

    /// Whether the vault is sealed.
    pub async fn is_sealed(&self) -> bool {
        self.unsealed.read().await.is_none()
    }

    /// What there is while the vault is open.
    pub(crate) async fn open(&self) -> Result<Arc<Unsealed>, Problem> {
        self.unsealed.read().await.clone().ok_or_else(|| Code::Sealed.into())
    }

    /// The one instant at which a request is judged (COL-07).
    pub(crate) fn now(&self) -> Result<UnixTime, Problem> {
        self.parts.clock.now().map_err(|error| {
            tracing::error!(%error, "the clock cannot be trusted");
            Code::Unavailable.into()
        })
    }

    pub(crate) fn rng(&self) -> &Arc<dyn Rng> {
        &self.parts.rng
    }

    /// 128 random bits, as hex: a name that nobody guesses.
    pub(crate) fn random_name(&self) -> Result<String, Problem> {
        let mut bytes = [0; 16];
        self.parts.rng.fill(&mut bytes).map_err(|error| {
            tracing::error!(%error, "no randomness");
            Problem::from(Code::Unavailable)
        })?;
        Ok(hex::encode(bytes))
    }

    pub(crate) const fn judge(&self) -> &Judge {
        &self.parts.judge
    }

    pub(crate) const fn admin(&self) -> &AdminCredential {
        &self.parts.admin
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.parts.limits
    }

    pub(crate) const fn devices(&self) -> DeviceRules {
        self.parts.devices
    }

    pub(crate) const fn environment(&self) -> Environment {
        self.parts.environment
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.parts.issuer
    }
}
