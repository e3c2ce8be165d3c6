//! Claims of a verified quote (rule book C.4).

use super::instance::GceInstance;
use crate::claims::Measurement;
use crate::event_log::EventFacts;
use hanzo_attestation_evidence::tpm::{AttestationKey, Hash, Name, PcrValues, Quote};
pub use hanzo_attestation_evidence::tpm::{Hierarchy, Scheme, Selection, SigningHash};
use hanzo_attestation_evidence::{Digest, Hex};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// What a verified quote says.
#[derive(Clone, Debug, Serialize)]
pub struct Claims {
    /// Milliseconds for which the TPM has been powered.
    pub attest_clock_ms: u64,
    /// TPM resets. Obfuscated outside the endorsement hierarchy: only equality means anything.
    pub reset_count: u32,
    /// Restarts and resumes since; likewise.
    pub restart_count: u32,
    /// Whether no larger clock value can have been reported before.
    pub clock_safe: bool,
    /// The vendor's firmware version; obfuscated outside the endorsement hierarchy.
    pub firmware_version: Hex<8>,
    /// Signature scheme.
    pub sig_alg: Scheme,
    /// Hash function of the signature and of the register digest.
    pub sig_hash: SigningHash,
    /// Name of the attestation key; absent when the evidence has no public area.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ak_name: Option<Name>,
    /// The attestation key: SubjectPublicKeyInfo, DER.
    pub ak_public: Bytes,
    /// SHA-256 of that.
    pub ak_sha256: Hex<32>,
    /// Why the attestation key is trusted, if it is.
    pub ak_trust: AkTrust,
    /// Qualified Name of the signer, as the quote states it.
    pub qualified_signer: Bytes,
    /// The hierarchy of which the attestation key is a primary key; absent when it is none, or its Name is
    /// unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ak_hierarchy: Option<Hierarchy>,
    /// What kind of TPM, by the word of the source of trust (TPM-37).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm_kind: Option<TpmKind>,
    /// The manufacturer's id by the attestation key's certificate, e.g. `id:474F4F47`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// Values of the quoted registers, and of no other; absent when they did not come with the quote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pcrs: Option<PcrValues>,
    /// Which registers were quoted.
    pub selection: Selection,
    /// The verifier's own data: the binding.
    pub extra_data: Bytes,
    /// The virtual machine, by its attestation key's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<GceInstance>,
    /// Digest of initialisation data that register 8 holds, and nothing else (TPM-36).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_data: Option<Digest>,
    /// What the boot's event log says, once it replays to the quoted registers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<EventFacts>,
}

/// The one source of an attestation key's trust (TPM-11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AkTrust {
    /// None: the key came from the evidence, and proves nothing.
    Untrusted,
    /// A certificate under a configured authority.
    AkCertificate {
        /// Subject of the authority, as its common name where it has one.
        issuer: String,
        /// SHA-256 of the attestation key's certificate.
        sha256: Hex<32>,
    },
    /// A record of credential activation: the key is in the same TPM as an endorsement key.
    Activation {
        /// SHA-256 of the endorsement key's SubjectPublicKeyInfo.
        ek_sha256: Hex<32>,
    },
    /// The owner's allow list.
    AllowList,
    /// A verified hardware report that binds the key.
    HardwareBound,
}

/// What kind of TPM a quote comes from. A TPM that the host emulates is the host's word (TPM-37).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TpmKind {
    /// A chip of its own.
    Discrete,
    /// Firmware of the processor.
    Firmware,
    /// Emulated by the host.
    VirtualHost,
    /// Emulated inside the guest's own TEE.
    VirtualInTee,
}

/// Bytes of any number, printed as lower-case hex.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Claims {
    /// The claims of a quote, with nothing from the key's source of trust but its name.
    pub(crate) fn new(quote: &Quote, key: &AttestationKey, ak_trust: AkTrust) -> Self {
        let attest = &quote.attest;
        let name = key.name();
        let is_primary = |hierarchy: &Hierarchy| {
            let qualified = name.as_ref().map(|name| name.qualified_in(*hierarchy));
            qualified.is_some_and(|qualified| qualified.as_bytes() == attest.qualified_signer)
        };
        Self {
            attest_clock_ms: attest.clock.milliseconds,
            reset_count: attest.clock.reset_count,
            restart_count: attest.clock.restart_count,
            clock_safe: attest.clock.safe,
            firmware_version: Hex(attest.firmware_version.to_be_bytes()),
            sig_alg: quote.signature.scheme(),
            sig_hash: quote.signature.hash,
            ak_hierarchy: Hierarchy::ALL.into_iter().find(is_primary),
            ak_public: Bytes(key.spki().to_vec()),
            ak_sha256: Hex(crate::roots::sha256(key.spki())),
            ak_name: name,
            ak_trust,
            qualified_signer: Bytes(attest.qualified_signer.clone()),
            tpm_kind: None,
            manufacturer: None,
            pcrs: quote.pcrs.clone(),
            selection: attest.selection.clone(),
            extra_data: Bytes(attest.extra_data.clone()),
            instance: None,
            init_data: None,
            log: None,
        }
    }

    /// The bank on which facts rest: SHA-256 if it is quoted, else SHA-384, else SHA-512. SHA-1 never
    /// (TPM-22).
    #[must_use]
    pub fn bank(&self) -> Option<Hash> {
        [Hash::Sha256, Hash::Sha384, Hash::Sha512]
            .into_iter()
            .find(|bank| self.selection.registers().any(|(quoted, _)| quoted == *bank))
    }

    /// The quoted registers of [`Self::bank`], as facts.
    #[must_use]
    pub fn measurements(&self) -> Vec<Measurement> {
        let (Some(bank), Some(pcrs)) = (self.bank(), &self.pcrs) else { return Vec::new() };
        let named = pcrs.iter().filter(|(of, ..)| *of == bank).filter_map(|(_, index, digest)| {
            let register = *REGISTERS.get(usize::from(index))?;
            Some(Measurement { register, digest: *digest })
        });
        named.collect()
    }
}

/// Names of registers in facts.
const REGISTERS: [&str; 24] = [
    "pcr0", "pcr1", "pcr2", "pcr3", "pcr4", "pcr5", "pcr6", "pcr7", "pcr8", "pcr9", "pcr10", "pcr11",
    "pcr12", "pcr13", "pcr14", "pcr15", "pcr16", "pcr17", "pcr18", "pcr19", "pcr20", "pcr21", "pcr22",
    "pcr23",
];
