//! Runtime data: JSON that the paravisor wrote, and whose hash it put into the hardware's report (AZ-12,
//! AZ-13).

use super::AzureError;
use crate::encoding::EncodingError;
use crate::tpm::{AttestationKey, rsa_spki};
use crate::{encoding, json};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Largest runtime data in bytes (rule book B.0: "runtime JSON 4 KiB").
pub const MAX_RUNTIME_DATA: usize = 4 << 10;
/// Most keys; the paravisor writes two.
const MAX_KEYS: usize = 16;
/// Name of the attestation key.
const AK: &str = "HCLAkPub";

/// What the runtime data says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeData {
    /// The vTPM's attestation key.
    pub ak: AttestationKey,
    /// The machine's configuration, by the paravisor's word.
    pub vm_config: VmConfig,
    /// What the guest asked the paravisor to put beside it (AZ-25).
    pub user_data: Option<[u8; 64]>,
}

/// The machine's configuration. Which fields there are depends on the paravisor's release; an absent one is
/// not stated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VmConfig {
    /// A serial console reaches the guest.
    #[serde(rename(deserialize = "console-enabled"), skip_serializing_if = "Option::is_none")]
    pub console_enabled: Option<bool>,
    /// The guest's firmware enforces secure boot.
    #[serde(rename(deserialize = "secure-boot"), skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<bool>,
    /// The guest has a vTPM.
    #[serde(rename(deserialize = "tpm-enabled"), skip_serializing_if = "Option::is_none")]
    pub tpm_enabled: Option<bool>,
    /// The vTPM keeps its state when the machine stops.
    #[serde(rename(deserialize = "tpm-persisted"), skip_serializing_if = "Option::is_none")]
    pub tpm_persisted: Option<bool>,
    /// Devices beyond a filter may be assigned.
    #[serde(rename(deserialize = "filtered-vpci-devices-allowed"), skip_serializing_if = "Option::is_none")]
    pub filtered_vpci_devices_allowed: Option<bool>,
    /// Thumbprint of a root certificate, base64url.
    #[serde(rename(deserialize = "root-cert-thumbprint"), skip_serializing_if = "Option::is_none")]
    pub root_cert_thumbprint: Option<String>,
    /// The machine, for as long as it exists.
    #[serde(rename(deserialize = "vmUniqueId"), skip_serializing_if = "Option::is_none")]
    pub vm_unique_id: Option<String>,
}

#[derive(Deserialize)]
struct Raw {
    keys: Vec<Value>,
    #[serde(rename = "vm-configuration", default)]
    vm_config: VmConfig,
    #[serde(rename = "user-data")]
    user_data: Option<String>,
}

/// A JSON Web Key (RFC 7517). What more it has is unused.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    key_ops: Vec<String>,
    n: String,
    e: String,
}

impl RuntimeData {
    /// Reads runtime data: strict JSON; members that are not known are kept by nobody and used by nobody.
    ///
    /// # Errors
    /// [`AzureError`]: AZ-12, AZ-13, AZ-25.
    pub fn parse(bytes: &[u8]) -> Result<Self, AzureError> {
        let malformed = |problem: String| AzureError::RuntimeData(problem);
        if bytes.len() > MAX_RUNTIME_DATA {
            return Err(malformed(format!("{} bytes; at most {MAX_RUNTIME_DATA} are read", bytes.len())));
        }
        let raw: Raw = json::from_slice(bytes).map_err(|error| malformed(error.problem().to_owned()))?;
        if raw.keys.len() > MAX_KEYS {
            return Err(malformed(format!("{} keys", raw.keys.len())));
        }
        Ok(Self {
            ak: attestation_key(raw.keys)?,
            vm_config: raw.vm_config,
            user_data: raw.user_data.as_deref().map(user_data).transpose()?,
        })
    }
}

/// AZ-13: exactly one key of that name, for signatures alone.
fn attestation_key(keys: Vec<Value>) -> Result<AttestationKey, AzureError> {
    let mut named = keys.into_iter().filter(|key| key.get("kid").and_then(Value::as_str) == Some(AK));
    let key = named.next().ok_or(AzureError::AkMissing("no key is called HCLAkPub"))?;
    if named.next().is_some() {
        return Err(AzureError::AkMissing("two keys are called HCLAkPub"));
    }
    let key: Jwk =
        json::from_value(key).map_err(|_| AzureError::AkMissing("HCLAkPub is no RSA key with operations"))?;
    if key.kty != "RSA" || key.key_ops != ["sign"] {
        return Err(AzureError::AkMissing("HCLAkPub is no RSA key for signatures alone"));
    }
    let number = |text: &str| {
        URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| AzureError::AkMissing("a number of HCLAkPub is no base64url"))
    };
    let spki =
        rsa_spki(&number(&key.n)?, &number(&key.e)?).ok_or(AzureError::AkMissing("HCLAkPub is too long"))?;
    AttestationKey::from_spki(spki).map_err(|_| {
        AzureError::AkMissing("HCLAkPub has less than 2048 bits, or another exponent than 65537")
    })
}

/// AZ-25: 64 bytes in hex. Paravisors write upper case, and the rule takes either, but not both at once.
fn user_data(text: &str) -> Result<[u8; 64], AzureError> {
    let lower = |text: &str| text.bytes().all(|byte| !byte.is_ascii_uppercase());
    let upper = |text: &str| text.bytes().all(|byte| !byte.is_ascii_lowercase());
    if !lower(text) && !upper(text) {
        return Err(AzureError::UserDataEncoding(EncodingError::Hex));
    }
    encoding::hex_array(&text.to_ascii_lowercase()).map_err(AzureError::UserDataEncoding)
}
