//! Enrolment of a TPM: the broker activates its attestation key, by the endorsement key that it knows.

use crate::clock::SystemClock;
use crate::config::{Config, MachineSource};
use crate::exit::Failure;
use hanzo_attestation_evidence::{Binding, UnixTime};
use hanzo_kbs_client::{Client, ClientError};
use hanzo_kbs_protocol::{ActivateRequest, CredentialRequest, SecretBytes};
use hanzo_node_agent::{Clock as _, ExchangeError, Refusal};
use hanzo_node_attester::tpm::{Activation, AttestationKey, Credential, Enrolment, TpmError};
use hanzo_node_attester::{CollectError, EvidenceSource, Identified, Seen, Source, Tpm, WithTpm};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// A record that ends sooner than this is renewed: a node that attests once an hour, the longest session,
/// always has one.
const AHEAD: Duration = Duration::from_secs(3600);

/// What came of it.
pub(crate) struct Enrolled {
    /// The key.
    pub(crate) key: AttestationKey,
    /// The last second at which the record counts.
    pub(crate) expires_at: UnixTime,
}

/// An enrolment that came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnrolError {
    /// The TPM gave no keys, or did not open the credential.
    #[error(transparent)]
    Tpm(#[from] TpmError),
    /// The broker refused, or could not be asked.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
}

impl EnrolError {
    /// The broker's clear no, if this is one.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Tpm(_) => None,
            Self::Exchange(error) => error.refusal(),
        }
    }
}

impl From<ClientError> for EnrolError {
    fn from(error: ClientError) -> Self {
        Self::Exchange(error.into())
    }
}

impl From<EnrolError> for Failure {
    fn from(error: EnrolError) -> Self {
        match error {
            EnrolError::Tpm(error) => error.into(),
            EnrolError::Exchange(error) => error.into(),
        }
    }
}

/// Asks for a credential, opens it in the TPM, and keeps the record that the broker gives for the secret.
pub(crate) async fn enroll(client: &Client, tpm: &Tpm) -> Result<Enrolled, EnrolError> {
    let Enrolment { ek, ak } = tpm.enrolment().await?;
    let request = CredentialRequest {
        ek_public: ek.tpmt,
        ek_certs: ek.certificate.into_iter().collect(),
        ak_public: ak.tpmt.clone(),
    };
    let offered = client.tpm_credential(&request).await?;
    let credential = Credential { blob: offered.credential_blob, encrypted_secret: offered.encrypted_secret };
    let secret = SecretBytes::new(tpm.activate(&credential).await?.to_vec());
    let request = ActivateRequest { challenge_id: offered.challenge_id, secret };
    let given = client.tpm_activate(&request).await?;
    let record = Activation { record: given.activation, expires_at: given.expires_at };
    tpm.keep_activation(&ak, &record).await?;
    Ok(Enrolled { key: ak, expires_at: given.expires_at })
}

/// This machine's source, which renews the TPM's enrolment in time where the configuration asks for it.
pub(crate) struct Enrolling {
    source: MachineSource,
    client: Option<Client>,
    clock: SystemClock,
}

impl Enrolling {
    /// The source that the configuration names.
    ///
    /// # Errors
    /// [`Failure`]: the identity's key cannot be used, or the broker is not named.
    pub(crate) fn of(config: &Config, root: &Path) -> Result<Self, Failure> {
        let enroll = config.tpm.as_ref().is_some_and(|tpm| tpm.enroll);
        let client = if enroll { Some(config.client()?) } else { None };
        Ok(Self { source: config.source(root)?, client, clock: SystemClock::start() })
    }

    /// The source underneath, without the GPUs.
    pub(crate) const fn source(&self) -> &Identified<WithTpm<Source>> {
        self.source.source()
    }

    async fn renew(&self) -> Result<(), CollectError> {
        let (Some(client), Some(tpm)) = (&self.client, self.source().source().tpm()) else { return Ok(()) };
        if !matches!(tpm.seen(), Seen::Present(())) {
            // The source says what is wrong with it.
            return Ok(());
        }
        let now = self.clock.now();
        let end = tpm.activation().await?.map(|record| record.expires_at);
        if end.is_some_and(|end| now.after(AHEAD) < end) {
            return Ok(());
        }
        match enroll(client, tpm).await {
            Ok(_) => Ok(()),
            // What is kept still counts, and the broker is asked again next time.
            Err(error) if end.is_some_and(|end| now < end) => {
                tracing::warn!(reason = %error, "the TPM's activation was not renewed");
                Ok(())
            }
            Err(EnrolError::Tpm(error)) => Err(error.into()),
            Err(error) => Err(CollectError::NotActivated { reason: error.to_string() }),
        }
    }
}

impl EvidenceSource for Enrolling {
    fn name(&self) -> &'static str {
        self.source.name()
    }

    async fn collect(&self, binding: &Binding) -> Result<Value, CollectError> {
        self.renew().await?;
        self.source.collect(binding).await
    }
}
