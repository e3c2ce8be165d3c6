//! Roots of NVIDIA's reference integrity manifests, pinned by the SHA-256 of their certificates. A manifest
//! carries its root, so that the certificate itself need not be compiled in.

use super::sha256;

/// "NVIDIA CoRIM signing Root CA", valid to 2053-03-08: the root of every published SWID manifest.
const CORIM_SIGNING_ROOT_CA: [u8; 32] = [
    0x12, 0x97, 0x7b, 0x51, 0x15, 0xac, 0xb0, 0x38, 0x11, 0x79, 0x27, 0x9f, 0xff, 0xeb, 0x5a, 0x8c, 0x4d,
    0x26, 0x49, 0x71, 0xeb, 0xb3, 0x22, 0x98, 0x02, 0x3a, 0x46, 0x5f, 0xa4, 0x1d, 0xf5, 0xd1,
];
/// "NVIDIA CoRIM Root CA001", valid from 2026-01-01 to 2056-01-01.
const CORIM_ROOT_CA001: [u8; 32] = [
    0x35, 0xe7, 0xa9, 0x47, 0xca, 0xff, 0x23, 0x0e, 0xfc, 0x27, 0xba, 0x93, 0xdd, 0x75, 0xaf, 0x13, 0x50,
    0x77, 0xaf, 0x4c, 0xd2, 0x44, 0xce, 0x46, 0x5e, 0x11, 0x1e, 0x2b, 0xae, 0x66, 0x3e, 0x5e,
];

/// One root in the place of NVIDIA's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NvidiaRimRoot {
    certificate_sha256: [u8; 32],
    lab: bool,
}

impl NvidiaRimRoot {
    pub(super) fn vendor() -> Vec<Self> {
        [CORIM_SIGNING_ROOT_CA, CORIM_ROOT_CA001]
            .map(|certificate_sha256| Self { certificate_sha256, lab: false })
            .to_vec()
    }

    pub(super) fn extra(der: &[u8]) -> Self {
        Self { certificate_sha256: sha256(der), lab: true }
    }

    /// SHA-256 of the certificate, DER.
    #[must_use]
    pub const fn certificate_sha256(&self) -> &[u8; 32] {
        &self.certificate_sha256
    }

    /// Whether it is not NVIDIA's.
    #[must_use]
    pub const fn is_lab(&self) -> bool {
        self.lab
    }
}
