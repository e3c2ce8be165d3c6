//! What a caller can ask of a lab TPM.

use super::TpmDefect;
use crate::event_log::{LabLog, PcrBank};
use aws_lc_rs::digest::{self, Algorithm};
use hanzo_attestation_evidence::UnixTime;
use std::collections::BTreeMap;

/// One TPM quote to make. The default is what strict appraisal accepts: 24 SHA-256 registers of a machine
/// that booted, signed with RSASSA and SHA-256 by a key whose certificate the lab's authority issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TpmOrder {
    /// extraData: the binding.
    pub qualifying_data: Vec<u8>,
    /// The key and its scheme.
    pub key: TpmKey,
    /// The banks in the order in which they are selected, each with the values of its selected registers.
    pub banks: Vec<TpmBank>,
    /// Milliseconds since the clock was reset.
    pub clock: u64,
    /// How often the TPM was reset.
    pub reset_count: u32,
    /// How often it was resumed since.
    pub restart_count: u32,
    /// Whether the clock cannot have gone back.
    pub clock_safe: bool,
    /// firmwareVersion.
    pub firmware_version: u64,
    /// Whether the key's public area travels with it.
    pub with_public_area: bool,
    /// The certificate that travels with the key.
    pub certificate: Option<AkCertificate>,
    /// Which of the lab's machines: each number has its own certificate.
    pub machine: u32,
    /// Event log that travels beside the quote.
    pub event_log: Option<Vec<u8>>,
    /// SHA-256 of initialisation data that register 8 is said to hold.
    pub init_data: Option<[u8; 32]>,
    /// Start of validity of the certificate; `None` is the lab's own.
    pub issued_at: Option<UnixTime>,
    /// Knob: qualifying data of another challenge.
    pub wrong_nonce: bool,
    /// One more thing that is wrong, with everything else properly signed.
    pub defect: Option<TpmDefect>,
}

impl TpmOrder {
    /// This order with one defect. The key is changed where the defect exists only on another one.
    #[must_use]
    pub fn with_defect(mut self, defect: TpmDefect) -> Self {
        defect.fit(&mut self);
        self.defect = Some(defect);
        self
    }

    /// This order with the registers to which a log replays, all others as after a reset, and the log.
    #[must_use]
    pub fn with_log(mut self, log: &LabLog) -> Self {
        for bank in &mut self.banks {
            let hash = bank.hash;
            let logged = log.pcrs().into_iter().filter(|((found, _), _)| hash.is_of(*found));
            let values = logged.map(|((_, register), value)| (register, value.as_bytes().to_vec()));
            *bank = TpmBank::reset(hash).with_values(values);
        }
        self.event_log = Some(log.bytes());
        self
    }
}

impl Default for TpmOrder {
    fn default() -> Self {
        Self {
            qualifying_data: vec![0; 32],
            key: TpmKey::RsassaSha256,
            banks: vec![TpmBank::usual(TpmHash::Sha256)],
            clock: 86_400_000,
            reset_count: 7,
            restart_count: 0,
            clock_safe: true,
            firmware_version: 0x2026_0101_0000_0001,
            with_public_area: true,
            certificate: Some(AkCertificate::default()),
            machine: 1,
            event_log: None,
            init_data: None,
            issued_at: None,
            wrong_nonce: false,
            defect: None,
        }
    }
}

/// A lab TPM's attestation keys: each is bound to one scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TpmKey {
    /// RSA-2048, RSASSA, SHA-256.
    RsassaSha256,
    /// RSA-2048, RSASSA, SHA-384.
    RsassaSha384,
    /// RSA-2048, RSASSA, SHA-512.
    RsassaSha512,
    /// RSA-2048, RSAPSS, SHA-256.
    RsapssSha256,
    /// ECDSA on P-256, SHA-256.
    EcdsaP256,
    /// ECDSA on P-384, SHA-384.
    EcdsaP384,
}

impl TpmKey {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::RsassaSha256,
        Self::RsassaSha384,
        Self::RsassaSha512,
        Self::RsapssSha256,
        Self::EcdsaP256,
        Self::EcdsaP384,
    ];

    /// The hash function that it signs over.
    #[must_use]
    pub const fn hash(self) -> TpmHash {
        match self {
            Self::RsassaSha256 | Self::RsapssSha256 | Self::EcdsaP256 => TpmHash::Sha256,
            Self::RsassaSha384 | Self::EcdsaP384 => TpmHash::Sha384,
            Self::RsassaSha512 => TpmHash::Sha512,
        }
    }

    /// TPM_ALG_RSASSA, TPM_ALG_RSAPSS or TPM_ALG_ECDSA.
    pub(super) const fn scheme(self) -> u16 {
        match self {
            Self::RsassaSha256 | Self::RsassaSha384 | Self::RsassaSha512 => 0x0014,
            Self::RsapssSha256 => 0x0016,
            Self::EcdsaP256 | Self::EcdsaP384 => 0x0018,
        }
    }
}

/// Hash functions of registers and signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TpmHash {
    /// SHA-1: of registers alone.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl TpmHash {
    /// TPM_ALG_ID.
    pub(crate) const fn id(self) -> u16 {
        match self {
            Self::Sha1 => 0x0004,
            Self::Sha256 => 0x000b,
            Self::Sha384 => 0x000c,
            Self::Sha512 => 0x000d,
        }
    }

    /// The name of the bank in evidence.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Whether a log's bank is of this function.
    const fn is_of(self, bank: PcrBank) -> bool {
        matches!(
            (self, bank),
            (Self::Sha1, PcrBank::Sha1)
                | (Self::Sha256, PcrBank::Sha256)
                | (Self::Sha384, PcrBank::Sha384)
                | (Self::Sha512, PcrBank::Sha512)
        )
    }

    /// Length of a digest in bytes.
    #[must_use]
    pub fn length(self) -> usize {
        self.algorithm().output_len()
    }

    pub(crate) fn digest(self, message: &[u8]) -> Vec<u8> {
        digest::digest(self.algorithm(), message).as_ref().to_vec()
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

/// A bank of registers: those that are quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TpmBank {
    /// Its hash function.
    pub hash: TpmHash,
    /// Values by register, 0 to 23.
    pub values: BTreeMap<u8, Vec<u8>>,
}

impl TpmBank {
    /// All 24 registers of the lab's usual machine: 0 to 9 and 14 extended, 17 to 22 all ones, the others
    /// zero.
    #[must_use]
    pub fn usual(hash: TpmHash) -> Self {
        let value = |register: u8| hash.digest(format!("hanzo-lab/tpm/register/{register}").as_bytes());
        Self::reset(hash).with_values((0..=9).chain([14]).map(|register| (register, value(register))))
    }

    /// All 24 registers as after a reset: 17 to 22 all ones, the others zero.
    #[must_use]
    pub fn reset(hash: TpmHash) -> Self {
        let value = |register: u8| match register {
            17..=22 => vec![0xff; hash.length()],
            _ => vec![0; hash.length()],
        };
        Self { hash, values: (0..24).map(|register| (register, value(register))).collect() }
    }

    /// This bank with one register as if it had been extended with a digest, once since its reset.
    #[must_use]
    pub fn with_extended(mut self, register: u8, digest: &[u8]) -> Self {
        let value = self.hash.digest(&[&vec![0; self.hash.length()][..], digest].concat());
        self.values.insert(register, value);
        self
    }

    /// This bank with the values of some registers replaced: what a log replays to.
    #[must_use]
    pub fn with_values(mut self, values: impl IntoIterator<Item = (u8, Vec<u8>)>) -> Self {
        self.values.extend(values);
        self
    }
}

/// What the certificate of an attestation key says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AkCertificate {
    /// Its extended key usage.
    pub usage: AkUsage,
    /// The instance of Google Compute Engine that it is for.
    pub instance: Option<GceInstance>,
}

/// Extended key usages that are seen in certificates of attestation keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AkUsage {
    /// 2.23.133.8.3, of an attestation key.
    #[default]
    Attestation,
    /// 2.23.133.8.1, of an endorsement key, as some of Google's certificates have it.
    Endorsement,
    /// None at all, as others of Google's.
    Absent,
}

/// An instance of Google Compute Engine, as the extension 1.3.6.1.4.1.11129.2.1.21 names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GceInstance {
    /// Zone.
    pub zone: String,
    /// Project number.
    pub project_number: u64,
    /// Project id.
    pub project_id: String,
    /// Instance id.
    pub instance_id: u64,
    /// Instance name.
    pub name: String,
}
