//! Intel's root, "Intel SGX Root CA", pinned by its public key.

use super::sha256;
use hanzo_attestation_evidence::x509::{Certificate, PublicKey};

/// P-256 public key of Intel SGX Root CA, uncompressed point.
const INTEL_SGX_ROOT_CA: [u8; 65] = *include_bytes!("intel/sgx-root-ca.point");

/// SHA-256 of its certificate in force, serial 22650CD65A9D3489F383B49552BF501B392706AC. Older quotes carry
/// an older certificate of the same key.
const INTEL_SGX_ROOT_CA_CERTIFICATE: [u8; 32] = [
    0x44, 0xa0, 0x19, 0x6b, 0x2b, 0x99, 0xf8, 0x89, 0xb8, 0xe1, 0x49, 0xe9, 0x5b, 0x80, 0x7a, 0x35, 0x0e,
    0x74, 0x24, 0x96, 0x43, 0x99, 0xe8, 0x85, 0xa7, 0xcb, 0xb8, 0xcc, 0xfa, 0xb6, 0x74, 0xd3,
];

/// One root in the place of Intel's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntelRoot {
    public_key: [u8; 65],
    /// SHA-256 of the certificate, DER.
    certificate: [u8; 32],
    lab: bool,
}

impl IntelRoot {
    pub(super) const fn vendor() -> Self {
        Self { public_key: INTEL_SGX_ROOT_CA, certificate: INTEL_SGX_ROOT_CA_CERTIFICATE, lab: false }
    }

    pub(super) fn extra(der: &[u8]) -> Option<Self> {
        match Certificate::parse(der).ok()?.public_key() {
            PublicKey::P256(point) => Some(Self { public_key: *point, certificate: sha256(der), lab: true }),
            _ => None,
        }
    }

    /// The public key: an uncompressed P-256 point.
    #[must_use]
    pub const fn public_key(&self) -> &[u8; 65] {
        &self.public_key
    }

    /// SHA-256 of the root's certificate, DER. Another certificate of the same key is the same root.
    #[must_use]
    pub const fn certificate_sha256(&self) -> &[u8; 32] {
        &self.certificate
    }

    /// Whether it is not Intel's.
    #[must_use]
    pub const fn is_lab(&self) -> bool {
        self.lab
    }
}
