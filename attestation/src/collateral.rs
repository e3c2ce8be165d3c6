//! Vendor data that travels apart from the evidence. Verification never fetches any.

mod intel;
mod ocsp;

pub use intel::{IntelCollateralError, IntelDocument, IntelGrace, MAX_INTEL_JSON};

use crate::crl::List;
use crate::dcap::{Stored, StoredPck};
use crate::nvidia::rim::StoredRim;
use crate::snp::StoredVek;
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::dcap::{QeIdentity, TcbInfo};
use ocsp::StoredOcsp;
use std::sync::Arc;

/// Collateral at hand, as raw vendor bytes: each is verified when it is used, to the pinned roots.
#[derive(Clone, Debug, Default)]
pub struct Collateral {
    amd_crls: Vec<List>,
    amd_veks: Vec<Arc<StoredVek>>,
    intel_tcb_infos: Vec<Arc<Stored<TcbInfo>>>,
    intel_qe_identities: Vec<Arc<Stored<QeIdentity>>>,
    intel_crls: Vec<Arc<List>>,
    intel_pck_chains: Vec<Arc<StoredPck>>,
    intel_grace: IntelGrace,
    nvidia_rims: Vec<Arc<StoredRim>>,
    nvidia_ocsp: Vec<Arc<StoredOcsp>>,
    nvidia_crls: Vec<Arc<List>>,
    nvidia_rim_hold: RimHold,
}

impl Collateral {
    /// Adds an AMD certificate revocation list (DER). Which product and key kind it speaks for is read
    /// from its issuer, and one that cannot be read is refused, when it is used.
    #[must_use]
    pub fn with_amd_crl(mut self, der: Vec<u8>) -> Self {
        self.amd_crls.push(List::new(&der));
        self
    }

    /// Adds the certificate of a chip's endorsement key (VCEK, DER), for reports that bring none. For which
    /// chip and TCB it speaks is read from it; what speaks for none is left out. It is judged to the pinned
    /// roots when it is used.
    #[must_use]
    pub fn with_amd_vek(mut self, der: Vec<u8>) -> Self {
        self.amd_veks.extend(StoredVek::new(der).map(Arc::new));
        self
    }

    /// Adds a TCB info. For which platforms it speaks is read from it when it is used; of several the newest
    /// that is in force counts.
    #[must_use]
    pub fn with_intel_tcb_info(mut self, document: IntelDocument) -> Self {
        self.intel_tcb_infos.push(Arc::new(Stored::tcb_info(document)));
        self
    }

    /// Adds an identity of Intel's quoting enclave, for SGX or for TDX.
    #[must_use]
    pub fn with_intel_qe_identity(mut self, document: IntelDocument) -> Self {
        self.intel_qe_identities.push(Arc::new(Stored::qe_identity(document)));
        self
    }

    /// Adds a certificate revocation list of Intel's root or of a PCK CA (DER): its issuer says whose.
    #[must_use]
    pub fn with_intel_crl(mut self, der: Vec<u8>) -> Self {
        self.intel_crls.push(Arc::new(List::new(&der)));
        self
    }

    /// Adds the certificates of a platform whose quotes only name them (certification types 1 to 3): PCK
    /// certificate, PCK CA and root, PEM, in this order.
    #[must_use]
    pub fn with_intel_pck_chain(mut self, pem: Vec<u8>) -> Self {
        self.intel_pck_chains.push(Arc::new(StoredPck::new(&pem)));
        self
    }

    /// Adds every document of Intel's that one JSON object has: `tcb_info` and `qe_identity`, as text, each
    /// with its `_signature` (hex) and `_issuer_chain` (PEM); `pck_crl` and `root_ca_crl` (DER, hex); and
    /// `pck_certificate_chain` (PEM). Each may be absent. What the texts say is judged when they are used.
    ///
    /// # Errors
    /// [`IntelCollateralError`] when the object itself cannot be read.
    pub fn with_intel_json(self, bytes: &[u8]) -> Result<Self, IntelCollateralError> {
        intel::add_json(self, bytes)
    }

    /// Intel's TCB infos as they came: for a second reader.
    pub fn tcb_info_documents(&self) -> impl Iterator<Item = &IntelDocument> {
        self.intel_tcb_infos.iter().map(|stored| stored.document())
    }

    /// Intel's QE identities as they came: for a second reader.
    pub fn qe_identity_documents(&self) -> impl Iterator<Item = &IntelDocument> {
        self.intel_qe_identities.iter().map(|stored| stored.document())
    }

    /// Intel's revocation lists as they came, DER: for a second reader.
    pub fn intel_crl_ders(&self) -> impl Iterator<Item = &[u8]> {
        self.intel_crls.iter().map(|list| list.der.as_slice())
    }

    /// Lets Intel's documents count for a while after their nextUpdate (COL-09). Whoever uses one says so.
    #[must_use]
    pub fn with_intel_grace(mut self, grace: IntelGrace) -> Self {
        self.intel_grace = grace.capped();
        self
    }

    /// Adds a reference integrity manifest of NVIDIA (XML). For which device it speaks is read from it when
    /// it is used; of several for one, the one whose signer is the newest counts.
    #[must_use]
    pub fn with_nvidia_rim(mut self, xml: &[u8]) -> Self {
        let rim = Arc::new(StoredRim::new(xml));
        if !self.nvidia_rims.iter().any(|other| other.sha256() == rim.sha256()) {
            self.nvidia_rims.push(rim);
        }
        self
    }

    /// Adds an OCSP response of NVIDIA's (DER), about certificates of devices or of manifests. One that
    /// cannot be read, or is out of date, says nothing.
    #[must_use]
    pub fn with_nvidia_ocsp(mut self, der: Vec<u8>) -> Self {
        self.nvidia_ocsp.push(Arc::new(StoredOcsp::new(der)));
        self
    }

    /// Adds a revocation list of an authority of NVIDIA's (DER): its issuer says whose. One that cannot be
    /// read is refused, when it is used.
    #[must_use]
    pub fn with_nvidia_crl(mut self, der: &[u8]) -> Self {
        self.nvidia_crls.push(Arc::new(List::new(der)));
        self
    }

    /// What a hold in the chain of a manifest of NVIDIA's means (NVR-30). In a device's it is a revocation.
    #[must_use]
    pub const fn with_nvidia_rim_hold(mut self, hold: RimHold) -> Self {
        self.nvidia_rim_hold = hold;
        self
    }

    /// Whether any document of Intel's is at hand by which a platform is rated or revoked.
    pub(crate) fn has_intel(&self) -> bool {
        !(self.intel_tcb_infos.is_empty()
            && self.intel_qe_identities.is_empty()
            && self.intel_crls.is_empty())
    }

    pub(crate) fn intel_tcb_infos(&self) -> &[Arc<Stored<TcbInfo>>] {
        &self.intel_tcb_infos
    }

    pub(crate) fn intel_qe_identities(&self) -> &[Arc<Stored<QeIdentity>>] {
        &self.intel_qe_identities
    }

    pub(crate) fn intel_crls(&self) -> &[Arc<List>] {
        &self.intel_crls
    }

    pub(crate) fn intel_pck_chains(&self) -> &[Arc<StoredPck>] {
        &self.intel_pck_chains
    }

    pub(crate) const fn intel_grace(&self) -> IntelGrace {
        self.intel_grace
    }

    /// Responses that speak of this serial number, in force at this instant.
    pub(crate) fn nvidia_ocsp_about<'c>(
        &'c self,
        serial: &'c [u8],
        now: UnixTime,
    ) -> impl Iterator<Item = &'c [u8]> {
        self.nvidia_ocsp.iter().filter_map(move |stored| stored.about(serial, now))
    }

    pub(crate) fn nvidia_crls(&self) -> impl Iterator<Item = &List> {
        self.nvidia_crls.iter().map(AsRef::as_ref)
    }

    /// What a hold in a manifest's chain means.
    #[must_use]
    pub const fn nvidia_rim_hold(&self) -> RimHold {
        self.nvidia_rim_hold
    }

    pub(crate) fn nvidia_rims(&self) -> &[Arc<StoredRim>] {
        &self.nvidia_rims
    }

    pub(crate) fn amd_veks(&self) -> &[Arc<StoredVek>] {
        &self.amd_veks
    }

    pub(crate) fn amd_crls(&self) -> &[List] {
        &self.amd_crls
    }
}

/// What a certificate on hold in the chain of a manifest means: NVIDIA holds back manifests of firmware that
/// is in early access, or withdrawn for now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RimHold {
    /// A revocation.
    #[default]
    Refuse,
    /// A finding (NVR-30).
    Accept,
}

/// What to do where revocation cannot be checked because a list is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// Refuse, by the name of what is missing.
    Required,
    /// Go on, and carry the reason into every answer. A list that is present is still enforced.
    Waived {
        /// Why, in the operator's words.
        reason: String,
    },
}
