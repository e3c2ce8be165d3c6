//! Signatures of AMD's authorities over certificates and lists.

use crate::crypto::{Budget, SignatureError, rsa_pss_sha384_4096};
use hanzo_attestation_evidence::x509::{Certificate, Crl};

/// RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes (RFC 4055), as AMD writes it in
/// endorsement keys.
const PSS_SHA384: [u8; 67] = *b"\x30\x41\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34\
    \xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\
    \xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\
    \x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\
    \xa2\x03\x02\x01\x30";
/// The same with the trailer field written out although it has its default value, as AMD writes it in its
/// authorities.
const PSS_SHA384_TRAILER: [u8; 72] = *b"\x30\x46\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x39\
    \xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\
    \xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\
    \x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\
    \xa2\x03\x02\x01\x30\xa3\x03\x02\x01\x01";

/// Whether an AlgorithmIdentifier is exactly one of AMD's two spellings of RSASSA-PSS with SHA-384.
pub(crate) fn is_pss_sha384(algorithm: &[u8]) -> bool {
    algorithm == PSS_SHA384 || algorithm == PSS_SHA384_TRAILER
}

/// Verifies a certificate's signature under its issuer's key.
pub(crate) fn signed_by(
    budget: &mut Budget,
    certificate: &Certificate<'_>,
    issuer: &Certificate<'_>,
) -> Result<(), SignatureError> {
    pss(budget, certificate.signature_algorithm(), certificate.tbs(), certificate.signature(), issuer)
}

/// Verifies a list's signature under its issuer's key.
pub(crate) fn crl_signed_by(
    budget: &mut Budget,
    crl: &Crl<'_>,
    issuer: &Certificate<'_>,
) -> Result<(), SignatureError> {
    pss(budget, crl.signature_algorithm(), crl.tbs(), crl.signature(), issuer)
}

fn pss(
    budget: &mut Budget,
    algorithm: &[u8],
    message: &[u8],
    signature: &[u8],
    issuer: &Certificate<'_>,
) -> Result<(), SignatureError> {
    if !is_pss_sha384(algorithm) {
        return Err(SignatureError::AlgorithmNotAllowed);
    }
    rsa_pss_sha384_4096(budget, issuer.public_key(), message, signature)
}
