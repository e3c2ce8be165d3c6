//! What makes a TPM's attestation key trusted (TPM-11). Nothing of it is compiled in: every source is
//! configured.

use hanzo_attestation_evidence::Hex;
use hanzo_attestation_evidence::tpm::{Hierarchy, Name};

use crate::tpm::TpmKind;

/// An attestation key on the owner's allow list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedAk {
    id: AkId,
    parent: Option<Parent>,
    kind: Option<TpmKind>,
    lab: bool,
}

/// How a list names an attestation key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AkId {
    /// SHA-256 of its SubjectPublicKeyInfo (DER).
    Spki(Hex<32>),
    /// Its Name, which states its attributes as well. Only evidence with `ak_tpmt` can match it.
    Name(Name),
}

/// What an attestation key hangs below (TPM-12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parent {
    /// Nothing: it is a primary key of this hierarchy.
    Hierarchy(Hierarchy),
    /// A key, by its qualified Name.
    Key(Name),
}

impl TrustedAk {
    /// Trusts a key.
    #[must_use]
    pub const fn new(id: AkId) -> Self {
        Self { id, parent: None, kind: None, lab: false }
    }

    /// Trusts the key in one place only: its quotes must state this parent.
    #[must_use]
    pub fn below(mut self, parent: Parent) -> Self {
        self.parent = Some(parent);
        self
    }

    /// Says what kind of TPM it is in.
    #[must_use]
    pub const fn of_kind(mut self, kind: TpmKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Marks everything that it signs as a lab's.
    #[must_use]
    pub const fn as_lab(mut self) -> Self {
        self.lab = true;
        self
    }

    /// How it is named.
    #[must_use]
    pub const fn id(&self) -> &AkId {
        &self.id
    }

    /// What it must hang below, if that is fixed.
    #[must_use]
    pub const fn parent(&self) -> Option<&Parent> {
        self.parent.as_ref()
    }

    /// The kind of its TPM, if stated.
    #[must_use]
    pub const fn kind(&self) -> Option<TpmKind> {
        self.kind
    }

    /// Whether it is a lab's.
    #[must_use]
    pub const fn is_lab(&self) -> bool {
        self.lab
    }
}

/// An authority over TPM keys: its certificate, which is trusted as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TpmCa {
    der: Vec<u8>,
    any_usage: bool,
    kind: Option<TpmKind>,
    lab: bool,
}

impl From<Vec<u8>> for TpmCa {
    fn from(der: Vec<u8>) -> Self {
        Self::new(der)
    }
}

impl TpmCa {
    /// Trusts a certificate (DER). One that does not parse is the root of nothing.
    #[must_use]
    pub const fn new(der: Vec<u8>) -> Self {
        Self { der, any_usage: false, kind: None, lab: false }
    }

    /// TPM-30: also accepts attestation keys whose certificates state no extended key usage, or that of an
    /// endorsement key. Google's authorities issue such certificates.
    #[must_use]
    pub const fn with_loose_key_usage(mut self) -> Self {
        self.any_usage = true;
        self
    }

    /// Says what kind of TPM its certificates speak for.
    #[must_use]
    pub const fn of_kind(mut self, kind: TpmKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Marks everything below it as a lab's.
    #[must_use]
    pub const fn as_lab(mut self) -> Self {
        self.lab = true;
        self
    }

    /// The certificate, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether the extended key usage of an attestation key is not asked for.
    #[must_use]
    pub const fn has_loose_key_usage(&self) -> bool {
        self.any_usage
    }

    /// The kind of TPM it speaks for, if stated.
    #[must_use]
    pub const fn kind(&self) -> Option<TpmKind> {
        self.kind
    }

    /// Whether it is a lab's.
    #[must_use]
    pub const fn is_lab(&self) -> bool {
        self.lab
    }
}

/// Everything that can make an attestation key trusted.
#[derive(Clone, Debug, Default)]
pub struct TpmTrust {
    pub(super) keys: Vec<TrustedAk>,
    pub(super) cas: Vec<TpmCa>,
    pub(super) manufacturers: Vec<TpmCa>,
    pub(super) eks: Vec<Hex<32>>,
}

impl TpmTrust {
    /// Attestation keys on the allow list.
    #[must_use]
    pub fn keys(&self) -> &[TrustedAk] {
        &self.keys
    }

    /// Authorities over attestation keys.
    #[must_use]
    pub fn cas(&self) -> &[TpmCa] {
        &self.cas
    }

    /// Authorities over endorsement keys: manufacturers' roots.
    #[must_use]
    pub fn manufacturers(&self) -> &[TpmCa] {
        &self.manufacturers
    }

    /// Endorsement keys that are trusted by name: SHA-256 of SubjectPublicKeyInfo.
    #[must_use]
    pub fn endorsement_keys(&self) -> &[Hex<32>] {
        &self.eks
    }
}
