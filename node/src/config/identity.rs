//! `[identity]`: the registered key that this machine signs with.

use super::raw::Raw;
use super::{ConfigError, ConfigProblem};
use crate::args::IdentityArgs;
use hanzo_attestation_evidence::identity::KeyId;
use hanzo_node_attester::{Identity, IdentityKey, KeyFileError};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A key that is named. Its file is read when evidence is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityChoice {
    /// The name at the broker.
    pub key_id: KeyId,
    /// The key's file.
    pub key: PathBuf,
}

impl IdentityChoice {
    /// What the configuration file and the flags name, and nothing else of the file is checked.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(config: Option<&Path>, flags: &IdentityArgs) -> Result<Option<Self>, ConfigError> {
        let mut raw = config.map(Raw::read).transpose()?.unwrap_or_default().identity;
        raw.lay_over(flags);
        raw.check().map_err(|message| {
            ConfigError::Problems(vec![ConfigProblem { setting: RawIdentity::SETTING, message }])
        })
    }

    /// Reads the key.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn load(&self) -> Result<Identity, KeyFileError> {
        Ok(Identity::new(self.key_id.clone(), IdentityKey::read(&self.key)?))
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawIdentity {
    key_id: Option<String>,
    key: Option<RawKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    file: PathBuf,
}

impl RawIdentity {
    pub(super) const SETTING: &str = "identity";

    /// What a flag says wins.
    pub(super) fn lay_over(&mut self, flags: &IdentityArgs) {
        if let Some(key_id) = &flags.identity_key_id {
            self.key_id = Some(key_id.clone());
        }
        if let Some(file) = &flags.identity_key {
            self.key = Some(RawKey { file: file.clone() });
        }
    }

    pub(super) fn check(self) -> Result<Option<IdentityChoice>, String> {
        match (self.key_id, self.key) {
            (None, None) => Ok(None),
            (Some(_), None) => Err("a key_id and no key: set key = { file = PATH }".to_owned()),
            (None, Some(_)) => {
                Err("a key and no key_id: set the name under which the broker knows it".to_owned())
            }
            (Some(_), Some(RawKey { file })) if file.as_os_str().is_empty() => {
                Err("the key's file has no path".to_owned())
            }
            (Some(key_id), Some(RawKey { file })) => {
                let key_id = KeyId::parse(&key_id).map_err(|error| format!("key_id: {error}"))?;
                Ok(Some(IdentityChoice { key_id, key: file }))
            }
        }
    }
}
