//! AMD's authorities: what their certificates say, read once, and their keys, parsed once.

use crate::crypto::{Budget, Rsa4096Key, SignatureError};
use crate::x509::{Validity, is_pss_sha384, signed_by};
use hanzo_attestation_evidence::x509::{Certificate, PublicKey};

/// What stands at the end of a chain, in the place of an AMD ARK.
#[derive(Clone, Debug)]
pub(crate) struct Authority {
    /// Its name, DER.
    pub(crate) subject: Vec<u8>,
    /// When its certificate is valid.
    pub(crate) validity: Validity,
    /// Whether it may sign revocation lists.
    pub(crate) crl_sign: bool,
    key_id: Option<Vec<u8>>,
    key: Rsa4096Key,
}

impl Authority {
    /// Reads a root's certificate; `None` if it is no authority of AMD's kind.
    pub(super) fn root(der: &[u8]) -> Option<Self> {
        let ark = Certificate::parse(der).ok()?;
        if !ark.is_self_issued() || check_authority(&ark).is_err() {
            return None;
        }
        Some(Self {
            subject: ark.subject().der().to_vec(),
            validity: Validity::of(&ark),
            crl_sign: ark.key_usage().is_some_and(|usage| usage.crl_sign()),
            key_id: ark.subject_key_id().map(<[u8]>::to_vec),
            key: Rsa4096Key::parse(ark.public_key()).ok()?,
        })
    }

    /// Whether the key identifiers agree, where both are stated. They are hints: a lab root has the name of
    /// AMD's, and only its key tells the two apart.
    pub(crate) fn may_be(&self, signer_key_id: Option<&[u8]>) -> bool {
        match (signer_key_id, self.key_id.as_deref()) {
            (Some(signer), Some(own)) => signer == own,
            _ => true,
        }
    }

    /// Verifies its signature over the signed part of a certificate or a list.
    pub(crate) fn signed(
        &self,
        budget: &mut Budget,
        algorithm: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        signed_by(budget, algorithm, message, signature, &self.key)
    }
}

/// What AMD's authorities, roots and intermediates, have in common (SNP-22).
///
/// # Errors
/// What it lacks, in words.
pub(crate) fn check_authority(certificate: &Certificate<'_>) -> Result<(), &'static str> {
    if !is_pss_sha384(certificate.signature_algorithm()) {
        return Err("not signed with RSASSA-PSS, SHA-384, salt 48");
    }
    if !matches!(certificate.public_key(), PublicKey::Rsa { bits: 4096, exponent: [1, 0, 1], .. }) {
        return Err("its key is not RSA with 4096 bits and exponent 65537");
    }
    if !certificate.is_ca() {
        return Err("it is not CA:TRUE");
    }
    if !certificate.key_usage().is_some_and(|usage| usage.key_cert_sign()) {
        return Err("its key usage does not allow signing certificates");
    }
    Ok(())
}
