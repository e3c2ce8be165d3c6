//! Vendor data that travels apart from the evidence. Verification never fetches any.

use crate::snp;

/// Collateral at hand, as raw vendor bytes: each is verified when it is used, to the pinned roots.
#[derive(Clone, Debug, Default)]
pub struct Collateral {
    amd_crls: Vec<snp::List>,
    intel_tcb_infos: Vec<IntelDocument>,
    intel_qe_identities: Vec<IntelDocument>,
    intel_crls: Vec<Vec<u8>>,
}

/// A JSON document that Intel's TCB signer signed, exactly as received: TCB info or QE identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntelDocument {
    /// The signed object: what stands behind `tcbInfo` or `enclaveIdentity`, byte for byte.
    pub body: Vec<u8>,
    /// R and S, 32 bytes each, big-endian.
    pub signature: [u8; 64],
    /// The signer's certificate and the root, PEM.
    pub issuer_chain: Vec<u8>,
}

impl Collateral {
    /// Adds an AMD certificate revocation list (DER). Which product and key kind it speaks for is read
    /// from its issuer, and one that cannot be read is refused, when it is used.
    #[must_use]
    pub fn with_amd_crl(mut self, der: Vec<u8>) -> Self {
        self.amd_crls.push(snp::List::new(&der));
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

    pub(crate) fn amd_crls(&self) -> &[snp::List] {
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
