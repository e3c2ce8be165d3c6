//! RA-TLS: a certificate that signs itself, with a key that the enclave put into its report (SGX-17).
//!
//! The certificate's dates and names are its own statement and prove nothing: whoever serves TLS judges them.

use super::error::SgxError;
use crate::crypto::{Budget, FormError, SignatureError, ecdsa_der, rsassa};
use crate::roots::sha256;
use crate::verify::{Context, Refused, VerifiedItem};
use crate::x509::{ECDSA_WITH_SHA256, ECDSA_WITH_SHA384};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use hanzo_attestation_evidence::sgx::Evidence;
use hanzo_attestation_evidence::sgx::ra_tls::{Carriage, Courier};
use hanzo_attestation_evidence::tpm::SigningHash;
use hanzo_attestation_evidence::x509::{Certificate, PublicKey};
use hanzo_attestation_evidence::{Hex, Tee};

/// AlgorithmIdentifier of sha256WithRSAEncryption with NULL parameters (RFC 4055, 5), DER.
const RSA_SHA256: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00";

/// Verifies an RA-TLS certificate (DER): the quote that it carries, that its key is the one in the report
/// data, and that it signs itself. Freshness is the handshake's: whoever holds the private key is the
/// enclave.
///
/// # Errors
/// [`Refused`] with the first broken rule: SGX-17, or a rule of the quote.
pub fn verify_ra_tls(certificate: &[u8], context: &Context<'_>) -> Result<VerifiedItem, Refused> {
    let evidence = Evidence::parse_ra_tls(certificate).map_err(|error| Refused::new(Tee::Sgx, &error))?;
    super::verify(&evidence, context, &mut Budget::new())
}

/// A certificate that carried a quote, read again for its own proof.
pub(super) struct SelfSigned<'a> {
    certificate: Certificate<'a>,
    carriage: Carriage,
}

impl<'a> SelfSigned<'a> {
    pub(super) fn read(courier: &'a Courier) -> Result<Self, SgxError> {
        Ok(Self { certificate: Certificate::parse(courier.certificate())?, carriage: courier.carriage() })
    }

    /// The report data is the hash of the key, and zeros after it.
    pub(super) fn check_key(&self, report_data: &[u8; 64]) -> Result<(), SgxError> {
        let mut expected = [0; 64];
        let hash = sha256(&self.carriage.hashed_key(self.certificate.spki()));
        expected.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        verify_slices_are_equal(report_data, &expected).map_err(|_| SgxError::RaTlsKey)
    }

    /// The certificate's signature verifies with its own key.
    pub(super) fn check_signature(&self, budget: &mut Budget) -> Result<(), SgxError> {
        let (message, signature) = (self.certificate.tbs(), self.certificate.signature());
        let (key, algorithm) = (self.certificate.public_key(), self.certificate.signature_algorithm());
        let checked = match (key, algorithm) {
            (PublicKey::P256(_) | PublicKey::P384(_), ECDSA_WITH_SHA256) => {
                ecdsa_der(budget, SigningHash::Sha256, key, message, signature)
            }
            (PublicKey::P384(_), ECDSA_WITH_SHA384) => {
                ecdsa_der(budget, SigningHash::Sha384, key, message, signature)
            }
            (PublicKey::Rsa { .. }, RSA_SHA256) => {
                rsassa(budget, SigningHash::Sha256, key, message, signature)
            }
            _ => Err(FormError::AlgorithmNotAllowed.into()),
        };
        checked.map_err(|error| match error {
            SignatureError::Mismatch => SgxError::RaTlsSignature,
            SignatureError::Form(error) => error.into(),
        })
    }

    /// SHA-256 of the key's SubjectPublicKeyInfo.
    pub(super) fn key_digest(&self) -> Hex<32> {
        Hex(sha256(self.certificate.spki()))
    }
}
