//! What ties evidence to one challenge and one recipient key.
//!
//! The broker and the node compute the same digest from the same object; the hardware signs it as
//! report data. Whoever sends good evidence with another key, another nonce, other devices or other
//! runtime data therefore sends evidence for a different digest.
//!
//! The object is `{"devices":[[SHA-384(report),SHA-384(certs)]…],"nonce":…,"recipient":{"kem":…,
//! "public_key":…},"runtime_data":…}` in its RFC 8785 form: digests and keys as standard base64, absent
//! runtime data as `null`. Each digest is taken over a domain string, one zero byte, and that form.

use crate::bytes::Hex;
use crate::rule::{Broken, Rule};
use crate::{encoding, json};
use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Key encapsulation mechanisms to which a key can be sealed (RFC 9180 registry names; X-Wing is
/// draft-connolly-cfrg-xwing-kem).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kem {
    /// DHKEM(X25519, HKDF-SHA256), public key of 32 bytes.
    #[serde(rename = "X25519-HKDF-SHA256")]
    X25519HkdfSha256,
    /// DHKEM(P-256, HKDF-SHA256), public key of 65 bytes, uncompressed point.
    #[serde(rename = "P256-HKDF-SHA256")]
    P256HkdfSha256,
    /// X-Wing (X25519 with ML-KEM-768), public key of 1216 bytes.
    #[serde(rename = "X-Wing")]
    XWing,
}

impl Kem {
    /// Length of a public key in bytes.
    #[must_use]
    pub const fn public_key_length(self) -> usize {
        match self {
            Self::X25519HkdfSha256 => 32,
            Self::P256HkdfSha256 => 65,
            Self::XWing => 1216,
        }
    }

    /// The registry name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X25519HkdfSha256 => "X25519-HKDF-SHA256",
            Self::P256HkdfSha256 => "P256-HKDF-SHA256",
            Self::XWing => "X-Wing",
        }
    }
}

/// The public key to which keys are sealed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawRecipient", into = "RawRecipient")]
pub struct Recipient {
    kem: Kem,
    public_key: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecipient {
    kem: Kem,
    public_key: String,
}

/// A recipient or a binding that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    /// The public key has a length that its KEM does not have.
    #[error("a {kem} public key has {expected} bytes, not {actual}", kem = .kem.name())]
    PublicKeyLength {
        /// The KEM named.
        kem: Kem,
        /// Its public key length in bytes.
        expected: usize,
        /// The length found.
        actual: usize,
    },
    /// The public key is not canonical base64.
    #[error("the public key is {0}")]
    Encoding(#[from] encoding::EncodingError),
    /// Runtime data has a number that JSON readers do not agree on.
    #[error("runtime data has the number {0}, which is no integer up to 2^53 - 1")]
    Number(String),
    /// The binding object has no canonical form.
    #[error("the binding object has no RFC 8785 form: {0}")]
    Canonical(String),
}

impl Broken for BindingError {
    fn rule(&self) -> Rule {
        match self {
            Self::Encoding(error) => error.rule(),
            Self::PublicKeyLength { .. } => Rule::new("COL-21", "PublicKeyInvalid"),
            Self::Canonical(_) | Self::Number(_) => Rule::new("COL-03", "EnvelopeMalformed"),
        }
    }
}

impl Recipient {
    /// A recipient from raw public key bytes. Only the length is checked here: an off-curve point is
    /// found when something is sealed to it.
    ///
    /// # Errors
    /// [`BindingError::PublicKeyLength`].
    pub fn new(kem: Kem, public_key: Vec<u8>) -> Result<Self, BindingError> {
        let (expected, actual) = (kem.public_key_length(), public_key.len());
        if expected != actual {
            return Err(BindingError::PublicKeyLength { kem, expected, actual });
        }
        Ok(Self { kem, public_key })
    }

    /// The KEM.
    #[must_use]
    pub const fn kem(&self) -> Kem {
        self.kem
    }

    /// The public key in the KEM's serialised form.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// SHA-256 over the KEM's name, one zero byte, and the public key: how records name a recipient.
    #[must_use]
    pub fn digest(&self) -> Hex<32> {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(self.kem.name().as_bytes());
        context.update(&[0]);
        context.update(&self.public_key);
        Hex(fixed(context.finish().as_ref()))
    }

    fn to_value(&self) -> Value {
        json!({"kem": self.kem.name(), "public_key": encoding::base64_encode(&self.public_key)})
    }
}

impl TryFrom<RawRecipient> for Recipient {
    type Error = BindingError;

    fn try_from(raw: RawRecipient) -> Result<Self, BindingError> {
        Self::new(raw.kem, encoding::base64_decode(&raw.public_key)?)
    }
}

impl From<Recipient> for RawRecipient {
    fn from(recipient: Recipient) -> Self {
        Self { kem: recipient.kem, public_key: encoding::base64_encode(&recipient.public_key) }
    }
}

/// SHA-384 of a device's report and of its certificates, both exactly as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceDigests {
    /// SHA-384 of the report bytes.
    pub report: [u8; 48],
    /// SHA-384 of the certificate text.
    pub certs: [u8; 48],
}

impl DeviceDigests {
    /// The digests of a device's report bytes and of its certificate text, both exactly as sent.
    #[must_use]
    pub fn of(report: &[u8], certs: &str) -> Self {
        let sha384 = |bytes: &[u8]| fixed(digest::digest(&digest::SHA384, bytes).as_ref());
        Self { report: sha384(report), certs: sha384(certs.as_bytes()) }
    }
}

/// One challenge, one recipient, the devices beside the CPU, and the caller's own data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    nonce: String,
    recipient: Recipient,
    devices: Vec<DeviceDigests>,
    /// `null` if there is none: the two have one digest.
    runtime_data: Value,
    cpu: [u8; 64],
    device: [u8; 32],
    tpm: [u8; 32],
    identity: [u8; 64],
}

impl Binding {
    /// Computes the digests. `nonce` is the challenge exactly as the broker wrote it.
    ///
    /// # Errors
    /// [`BindingError::Number`] and [`BindingError::Canonical`] if the runtime data has no exact RFC 8785
    /// form.
    pub fn new(
        nonce: &str,
        recipient: &Recipient,
        runtime_data: Option<&Value>,
        devices: &[DeviceDigests],
    ) -> Result<Self, BindingError> {
        let listed: Vec<Value> = devices
            .iter()
            .map(|d| json!([encoding::base64_encode(&d.report), encoding::base64_encode(&d.certs)]))
            .collect();
        let whole = canonical(&json!({
            "devices": listed,
            "nonce": nonce,
            "recipient": recipient.to_value(),
            "runtime_data": runtime_data,
        }))?;
        let device = canonical(&json!({"nonce": nonce, "recipient": recipient.to_value()}))?;
        Ok(Self {
            nonce: nonce.to_owned(),
            recipient: recipient.clone(),
            devices: devices.to_vec(),
            runtime_data: runtime_data.cloned().unwrap_or(Value::Null),
            cpu: tagged(&digest::SHA512, "hanzo-kbs/v1/cpu", &whole),
            device: tagged(&digest::SHA256, "hanzo-kbs/v1/device", &device),
            tpm: tagged(&digest::SHA256, "hanzo-kbs/v1/tpm", &whole),
            identity: tagged(&digest::SHA512, "hanzo-kbs/v1/identity", &whole),
        })
    }

    /// The same challenge, recipient and runtime data with other devices: for whoever asks the devices first,
    /// over the nonce that they share, and the CPU after them.
    ///
    /// # Errors
    /// As [`Binding::new`].
    pub fn with_devices(&self, devices: &[DeviceDigests]) -> Result<Self, BindingError> {
        Self::new(&self.nonce, &self.recipient, Some(&self.runtime_data), devices)
    }

    /// The challenge.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// The recipient.
    #[must_use]
    pub const fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// The devices that it covers, in order.
    #[must_use]
    pub fn devices(&self) -> &[DeviceDigests] {
        &self.devices
    }

    /// Report data of a CPU item: SHA-512, domain `hanzo-kbs/v1/cpu`.
    #[must_use]
    pub const fn cpu_report_data(&self) -> &[u8; 64] {
        &self.cpu
    }

    /// SPDM requester nonce of a device: SHA-256, domain `hanzo-kbs/v1/device`, over nonce and recipient
    /// alone, because a device reports before the CPU does.
    #[must_use]
    pub const fn device_nonce(&self) -> &[u8; 32] {
        &self.device
    }

    /// Qualifying data of a TPM quote: SHA-256, domain `hanzo-kbs/v1/tpm`, over the CPU's object.
    #[must_use]
    pub const fn tpm_qualifying_data(&self) -> &[u8; 32] {
        &self.tpm
    }

    /// What a registered key signs: SHA-512, domain `hanzo-kbs/v1/identity`, over the CPU's object.
    #[must_use]
    pub const fn identity_message(&self) -> &[u8; 64] {
        &self.identity
    }
}

/// The RFC 8785 form. It writes numbers as doubles, so that one which a double does not hold would share its
/// form, and so its digest, with another: refused.
fn canonical(value: &Value) -> Result<Vec<u8>, BindingError> {
    refuse_inexact(value)?;
    serde_json_canonicalizer::to_vec(value).map_err(|e| BindingError::Canonical(e.to_string()))
}

fn refuse_inexact(value: &Value) -> Result<(), BindingError> {
    match value {
        Value::Number(number) if !json::is_exact(number) => Err(BindingError::Number(number.to_string())),
        Value::Array(items) => items.iter().try_for_each(refuse_inexact),
        Value::Object(members) => members.values().try_for_each(refuse_inexact),
        _ => Ok(()),
    }
}

fn tagged<const N: usize>(algorithm: &'static digest::Algorithm, domain: &str, message: &[u8]) -> [u8; N] {
    let mut context = digest::Context::new(algorithm);
    context.update(domain.as_bytes());
    context.update(&[0]);
    context.update(message);
    fixed(context.finish().as_ref())
}

/// Copies a digest into an array. The algorithm fixes the length, so nothing is cut or padded.
fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    debug_assert_eq!(bytes.len(), N);
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}

#[cfg(test)]
mod tests;
