//! A TPM 2.0: quotes over PCRs by a restricted key, and the credential that proves where that key lives.
//!
//! The TPM is spoken to by the programs of tpm2-tools, so that no C library is linked into the node. One
//! process at a time uses it ([`Settings::state`] holds a lock), a quote is sent only if it is over the
//! values beside it, and nothing is invented: a TPM that does not answer gives an error, an absent one no
//! item.

mod endorsement;
mod error;
mod key;
mod logs;
mod properties;
mod quote;
mod source;
mod state;
mod tcti;
mod tools;

pub use endorsement::{Credential, EndorsementKey};
pub use error::TpmError;
pub use key::{AttestationKey, KeyKind};
pub use logs::LogChoice;
pub use properties::{Bank, Properties};
pub use source::WithTpm;
pub use tcti::{Tcti, TctiError};

use crate::seen::Seen;
use hanzo_attestation_evidence::{Binding, UnixTime, encoding};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value, json};
use state::State;
use std::path::{Path, PathBuf};
use tools::Tools;
use zeroize::Zeroizing;

/// Largest file of a kept activation record in bytes: the record, in base64, has some 200.
const MAX_ACTIVATION: usize = 4096;

/// What a node is told about its TPM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The way to it.
    pub tcti: Tcti,
    /// The directory for what belongs to the attestation key; mode 0700.
    pub state: PathBuf,
    /// The kind of attestation key; `None` takes ECDSA P-256 where the TPM has it.
    pub key: Option<KeyKind>,
    /// The firmware's event log.
    pub event_log: LogChoice,
    /// Certificates of the attestation key and of their issuers, DER, the key's own first.
    pub ak_certs: Vec<Vec<u8>>,
}

/// One TPM.
#[derive(Clone, Debug)]
pub struct Tpm {
    settings: Settings,
    root: PathBuf,
}

/// What a broker must know to make a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The endorsement key.
    pub ek: EndorsementKey,
    /// The attestation key.
    pub ak: AttestationKey,
}

/// A broker's statement that an attestation key is in the TPM of a known endorsement key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    /// The record, opaque to everyone but the broker.
    #[serde(deserialize_with = "from_base64")]
    pub record: Vec<u8>,
    /// The last second at which it counts.
    pub expires_at: UnixTime,
}

impl Activation {
    fn to_json(&self) -> Vec<u8> {
        json!({"record": encoding::base64_encode(&self.record), "expires_at": self.expires_at})
            .to_string()
            .into_bytes()
    }
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    encoding::base64_decode(&text).map_err(de::Error::custom)
}

fn activation_file(kind: KeyKind) -> String {
    format!("activation-{}.json", kind.name())
}

fn kept_activation(state: &State, kind: KeyKind) -> Result<Option<Activation>, TpmError> {
    let name = activation_file(kind);
    let Some(bytes) = state.read(&name, MAX_ACTIVATION)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| TpmError::State {
        path: state.path(&name).display().to_string(),
        reason: error.to_string(),
    })
}

impl Tpm {
    /// A TPM of the machine whose filesystem begins at `root`. Nothing is opened before it is needed.
    #[must_use]
    pub fn new(settings: Settings, root: &Path) -> Self {
        Self { settings, root: root.to_owned() }
    }

    /// What it was made with.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether something is there that this process may use.
    #[must_use]
    pub fn seen(&self) -> Seen<()> {
        self.settings.tcti.seen()
    }

    /// What the TPM says of itself.
    ///
    /// # Errors
    /// [`TpmError`].
    pub async fn properties(&self) -> Result<Properties, TpmError> {
        if self.settings.tcti.is_managed() {
            // A question leaves nothing behind, and asking must not make a directory.
            return Properties::ask(&Tools::new(&self.settings.tcti, Path::new("/"))).await;
        }
        let (_state, tools) = self.open().await?;
        Properties::ask(&tools).await
    }

    /// The attestation key, made if it is not there yet.
    ///
    /// # Errors
    /// [`TpmError`].
    pub async fn attestation_key(&self) -> Result<AttestationKey, TpmError> {
        let (state, tools) = self.open().await?;
        AttestationKey::ready(&tools, &state, self.settings.key).await
    }

    /// Both keys' public halves.
    ///
    /// # Errors
    /// [`TpmError`].
    pub async fn enrolment(&self) -> Result<Enrolment, TpmError> {
        let (state, tools) = self.open().await?;
        let ak = AttestationKey::ready(&tools, &state, self.settings.key).await?;
        Ok(Enrolment { ek: EndorsementKey::ready(&tools).await?.key, ak })
    }

    /// Opens a credential, which only the TPM that it was made for can, and only while it holds the
    /// attestation key that it was made for.
    ///
    /// # Errors
    /// [`TpmError`]; [`TpmError::ToolFailed`] for a credential of another TPM or another key.
    pub async fn activate(&self, credential: &Credential) -> Result<Zeroizing<Vec<u8>>, TpmError> {
        let (state, tools) = self.open().await?;
        AttestationKey::ready(&tools, &state, self.settings.key).await?;
        EndorsementKey::ready(&tools).await?.open(&tools, credential).await
    }

    /// Keeps a broker's activation record of the attestation key, to be sent with each quote from now on.
    ///
    /// # Errors
    /// [`TpmError`].
    pub async fn keep_activation(&self, key: &AttestationKey, record: &Activation) -> Result<(), TpmError> {
        State::open(&self.settings.state).await?.keep(&activation_file(key.kind), &record.to_json())
    }

    /// The record that is sent with each quote, if there is one.
    ///
    /// # Errors
    /// [`TpmError`].
    pub async fn activation(&self) -> Result<Option<Activation>, TpmError> {
        let (state, tools) = self.open().await?;
        let key = AttestationKey::ready(&tools, &state, self.settings.key).await?;
        kept_activation(&state, key.kind)
    }

    /// A quote as an item of an evidence document.
    ///
    /// # Errors
    /// [`TpmError`]; never an item whose parts do not belong together.
    pub async fn item(&self, binding: &Binding) -> Result<Value, TpmError> {
        let (state, tools) = self.open().await?;
        let key = AttestationKey::ready(&tools, &state, self.settings.key).await?;
        let read_log = || self.settings.event_log.read(&self.root, self.settings.tcti.is_managed());
        let (quote, event_log) = quote::take(&tools, binding.tpm_qualifying_data(), read_log).await?;
        let mut item = Map::new();
        let mut put = |name: &str, value: Value| item.insert(name.to_owned(), value);
        let bytes = |bytes: &[u8]| Value::String(encoding::base64_encode(bytes));
        put("type", json!("tpm"));
        put("attest", bytes(&quote.attest));
        put("signature", bytes(&quote.signature));
        put("pcrs", quote.pcrs);
        put("ak_public", Value::String(key.pem));
        put("ak_tpmt", bytes(&key.tpmt));
        if !self.settings.ak_certs.is_empty() {
            put("ak_certs", self.settings.ak_certs.iter().map(|der| bytes(der)).collect());
        }
        if let Some(log) = event_log {
            put("event_log", bytes(&log));
        }
        if let Some(Activation { record, .. }) = kept_activation(&state, key.kind)? {
            put("activation", bytes(&record));
        }
        Ok(Value::Object(item))
    }

    async fn open(&self) -> Result<(State, Tools), TpmError> {
        let state = State::open(&self.settings.state).await?;
        let tools = Tools::new(&self.settings.tcti, state.scratch());
        tools.flush().await?;
        Ok((state, tools))
    }
}
