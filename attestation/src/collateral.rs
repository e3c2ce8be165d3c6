//! Vendor data that travels apart from the evidence. Verification never fetches any.

mod intel;

pub use intel::{IntelCollateralError, IntelDocument, MAX_INTEL_JSON};

use crate::crl::List;

/// Collateral at hand, as raw vendor bytes: each is verified when it is used, to the pinned roots.
#[derive(Clone, Debug, Default)]
pub struct Collateral {
    amd_crls: Vec<List>,
    intel_tcb_infos: Vec<IntelDocument>,
    intel_qe_identities: Vec<IntelDocument>,
    intel_crls: Vec<Vec<u8>>,
    intel_pck_chains: Vec<Vec<u8>>,
}

impl Collateral {
    /// Adds an AMD certificate revocation list (DER). Which product and key kind it speaks for is read
    /// from its issuer, and one that cannot be read is refused, when it is used.
    #[must_use]
    pub fn with_amd_crl(mut self, der: Vec<u8>) -> Self {
        self.amd_crls.push(List::new(&der));
        self
    }

    /// Adds a TCB info. For which platforms it speaks is read from it when it is used; of several the newest
    /// that is in force counts.
    #[must_use]
    pub fn with_intel_tcb_info(mut self, document: IntelDocument) -> Self {
        self.intel_tcb_infos.push(document);
        self
    }

    /// Adds an identity of Intel's quoting enclave, for SGX or for TDX.
    #[must_use]
    pub fn with_intel_qe_identity(mut self, document: IntelDocument) -> Self {
        self.intel_qe_identities.push(document);
        self
    }

    /// Adds a certificate revocation list of Intel's root or of a PCK CA (DER): its issuer says whose.
    #[must_use]
    pub fn with_intel_crl(mut self, der: Vec<u8>) -> Self {
        self.intel_crls.push(der);
        self
    }

    /// Adds the certificates of a platform whose quotes only name them (certification types 1 to 3): PCK
    /// certificate, PCK CA and root, PEM, in this order.
    #[must_use]
    pub fn with_intel_pck_chain(mut self, pem: Vec<u8>) -> Self {
        self.intel_pck_chains.push(pem);
        self
    }

    /// Adds every document of Intel's that one JSON object has: `tcb_info` and `qe_identity`, as text, each with
    /// its `_signature` (hex) and `_issuer_chain` (PEM); `pck_crl` and `root_ca_crl` (DER, hex); and
    /// `pck_certificate_chain` (PEM). Each may be absent. What the texts say is judged when they are used.
    ///
    /// # Errors
    /// [`IntelCollateralError`] when the object itself cannot be read.
    pub fn with_intel_json(self, bytes: &[u8]) -> Result<Self, IntelCollateralError> {
        intel::add_json(self, bytes)
    }

    pub(crate) fn amd_crls(&self) -> &[List] {
        &self.amd_crls
    }
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
