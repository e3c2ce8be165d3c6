//! Intel's root, "Intel SGX Root CA", pinned by its public key.

use hanzo_attestation_evidence::x509::{Certificate, PublicKey};

/// P-256 public key of Intel SGX Root CA, uncompressed point.
const INTEL_SGX_ROOT_CA: [u8; 65] = *include_bytes!("intel/sgx-root-ca.point");

/// One root in the place of Intel's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntelRoot {
    public_key: [u8; 65],
    lab: bool,
}

impl IntelRoot {
    pub(super) const fn vendor() -> Self {
        Self { public_key: INTEL_SGX_ROOT_CA, lab: false }
    }

    pub(super) fn extra(der: &[u8]) -> Option<Self> {
        match Certificate::parse(der).ok()?.public_key() {
            PublicKey::P256(point) => Some(Self { public_key: *point, lab: true }),
            _ => None,
        }
    }

    /// The public key: an uncompressed P-256 point.
    #[must_use]
    pub const fn public_key(&self) -> &[u8; 65] {
        &self.public_key
    }

    /// Whether it is not Intel's.
    #[must_use]
    pub const fn is_lab(&self) -> bool {
        self.lab
    }
}
