//! Vendor data that travels apart from the evidence. Verification never fetches any.

/// Collateral at hand, as raw vendor bytes: each is verified when it is used, to the pinned roots.
#[derive(Clone, Debug, Default)]
pub struct Collateral {
    amd_crls: Vec<Vec<u8>>,
}

impl Collateral {
    /// Adds an AMD certificate revocation list (DER). Which product and key kind it speaks for is read
    /// from its issuer when it is used.
    #[must_use]
    pub fn with_amd_crl(mut self, der: Vec<u8>) -> Self {
        self.amd_crls.push(der);
        self
    }

    pub(crate) fn amd_crls(&self) -> &[Vec<u8>] {
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
