//! NVIDIA's root of devices, "NVIDIA Device Identity CA". Where the file comes from is in `nvidia/README.md`.

use super::sha256;
use crate::x509::Validity;
use hanzo_attestation_evidence::x509::{Certificate, PublicKey};
use std::borrow::Cow;
use std::sync::Arc;

/// The root's certificate, DER.
const DEVICE_IDENTITY_CA: &[u8] = include_bytes!("nvidia/device-identity-ca.der");
/// SHA-256 of it: the pin.
const DEVICE_IDENTITY_CA_SHA256: [u8; 32] = [
    0x10, 0x2b, 0xf6, 0x59, 0xd5, 0x41, 0x96, 0x14, 0xc9, 0xd8, 0xe6, 0xae, 0xce, 0xbc, 0x80, 0x45, 0x4e,
    0xb2, 0x6b, 0x1d, 0xf6, 0xa7, 0x69, 0xac, 0x72, 0x0b, 0x9a, 0x69, 0x0b, 0x16, 0x7b, 0x48,
];

/// One root in the place of NVIDIA's root of devices.
#[derive(Clone, Debug)]
pub struct NvidiaRoot {
    der: Cow<'static, [u8]>,
    sha256: [u8; 32],
    lab: bool,
    authority: Option<Arc<NvidiaAuthority>>,
}

/// What a root's certificate says, read once.
#[derive(Debug)]
pub(crate) struct NvidiaAuthority {
    /// Its name, DER.
    pub(crate) subject: Vec<u8>,
    /// Identifier of its key.
    pub(crate) key_id: Vec<u8>,
    /// Whether its key may sign revocation lists.
    pub(crate) crl_sign: bool,
    /// When its certificate is valid.
    pub(crate) validity: Validity,
    /// Uncompressed point.
    pub(crate) point: [u8; 97],
}

impl NvidiaRoot {
    /// The vendor's. One whose certificate is not the pinned one would be the root of nothing.
    pub(super) fn vendor() -> Vec<Self> {
        let root = Self::read(Cow::Borrowed(DEVICE_IDENTITY_CA), false);
        if root.sha256 == DEVICE_IDENTITY_CA_SHA256 { vec![root] } else { Vec::new() }
    }

    pub(super) fn extra(der: Vec<u8>) -> Self {
        Self::read(Cow::Owned(der), true)
    }

    fn read(der: Cow<'static, [u8]>, lab: bool) -> Self {
        let authority = NvidiaAuthority::read(&der).map(Arc::new);
        Self { sha256: sha256(&der), der, lab, authority }
    }

    /// The certificate, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the certificate: the pin.
    #[must_use]
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// Whether it is not NVIDIA's.
    #[must_use]
    pub const fn is_lab(&self) -> bool {
        self.lab
    }

    /// What it says; `None` for a certificate that is no authority of this kind, and the root of nothing.
    pub(crate) fn authority(&self) -> Option<&NvidiaAuthority> {
        self.authority.as_deref()
    }
}

impl NvidiaAuthority {
    fn read(der: &[u8]) -> Option<Self> {
        let root = Certificate::parse(der).ok()?;
        let signs = root.key_usage().is_some_and(|usage| usage.key_cert_sign());
        let PublicKey::P384(point) = root.public_key() else { return None };
        if !(root.is_self_issued() && root.is_ca() && signs) {
            return None;
        }
        Some(Self {
            subject: root.subject().der().to_vec(),
            key_id: root.subject_key_id()?.to_vec(),
            crl_sign: root.key_usage().is_some_and(|usage| usage.crl_sign()),
            validity: Validity::of(&root),
            point: *point,
        })
    }
}

/// SHA-256 over all that tells one list of roots from another.
pub(super) fn digest_of_all(roots: &[NvidiaRoot]) -> [u8; 32] {
    let named = roots.iter().flat_map(|root| [root.sha256.as_slice(), &[u8::from(root.lab)]].concat());
    sha256(&named.collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NV-15: the pin is the file's, and the file is an authority.
    #[test]
    fn the_pinned_root_is_the_file() {
        let roots = NvidiaRoot::vendor();
        assert_eq!(roots.len(), 1);
        assert_eq!(sha256(roots[0].der()), DEVICE_IDENTITY_CA_SHA256);
        let authority = roots[0].authority().unwrap();
        assert_eq!(authority.key_id.len(), 20);
        assert!(!roots[0].is_lab());
    }

    #[test]
    fn what_is_no_authority_is_the_root_of_nothing() {
        for der in [Vec::new(), b"no certificate".to_vec(), DEVICE_IDENTITY_CA[1..].to_vec()] {
            let root = NvidiaRoot::extra(der);
            assert!(root.authority().is_none() && root.is_lab());
        }
    }
}
