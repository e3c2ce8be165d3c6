//! NVIDIA's documents: reference integrity manifests, OCSP responses, revocation lists.

use super::{AdmissionError, Judged};
use crate::crypto::{Budget, SignatureError};
use crate::nvidia::ecdsa;
use crate::nvidia::rim::StoredRim;
use crate::roots::{Roots, sha256};
use hanzo_attestation_evidence::nvidia::{FormatError, OcspResponse};
use hanzo_attestation_evidence::x509::{Crl, PublicKey};
use hanzo_attestation_evidence::{Hex, UnixTime};

/// Judges a reference integrity manifest (XML): form, digest, chain to a pinned root, family and signatures.
/// The subject is product, version and SHA-256 of the file, `GH100/550.144.03/5e9e…`: issues of one id are
/// kept apart. It was issued when its signer's certificate began. Revocation is judged when it is used.
///
/// # Errors
/// [`AdmissionError`]. Dates are not judged here: see [`Judged::check_dates`].
pub fn nvidia_rim(xml: &[u8], roots: &Roots) -> Result<Judged, AdmissionError> {
    Ok(StoredRim::new(xml).admit(roots)?)
}

/// Judges the form of an OCSP response (DER). The subject is its SHA-256; it counts from the latest
/// thisUpdate of its answers to the earliest nextUpdate. Who signed it is judged with the certificates about
/// which it speaks.
///
/// # Errors
/// [`AdmissionError::NvidiaOcsp`].
pub fn nvidia_ocsp(der: &[u8]) -> Result<Judged, AdmissionError> {
    let response = OcspResponse::parse(der)?;
    let issued = response.answers.iter().map(|answer| answer.this_update).max();
    // One that does not say until when it counts is not worth keeping.
    let expires =
        response.answers.iter().map(|answer| answer.next_update.unwrap_or(answer.this_update)).min();
    let (Some(issued), Some(expires)) = (issued, expires) else { return Err(FormatError::Ocsp.into()) };
    let subject = Hex(sha256(der)).to_string();
    Ok(Judged { subject, evaluation: 0, issued, expires: expires.max(issued).min(UnixTime::MAX), lab: false })
}

/// Judges a revocation list (DER) of an authority over devices or manifests. The subject is the identifier of
/// the key that signed it, hex, so that a newer list takes the place of an older one; the SHA-256 of the
/// issuer's name where a list states none. A list of a pinned root's is signed by it; who signed another is
/// judged with the certificates about which it speaks.
///
/// # Errors
/// [`AdmissionError`]. Dates are not judged here: see [`Judged::check_dates`].
pub fn nvidia_crl(der: &[u8], roots: &Roots) -> Result<Judged, AdmissionError> {
    let list = Crl::parse(der)?;
    let issuer = list.issuer().der();
    let mut lab = false;
    for root in roots.nvidia() {
        let Some(authority) = root.authority().filter(|authority| authority.subject == issuer) else {
            continue;
        };
        if list.authority_key_id().is_some_and(|stated| stated != authority.key_id) {
            continue;
        }
        let key = PublicKey::P384(&authority.point);
        let (algorithm, signature) = (list.signature_algorithm(), list.signature());
        match ecdsa(&mut Budget::new(), algorithm, key, list.tbs(), signature) {
            Ok(()) => lab = root.is_lab(),
            Err(SignatureError::Mismatch) => return Err(AdmissionError::NvidiaCrlSignature),
            Err(SignatureError::Form(error)) => return Err(AdmissionError::Signature(error)),
        }
    }
    let name = || Hex(sha256(issuer)).to_string();
    Ok(Judged {
        subject: list.authority_key_id().map_or_else(name, hex::encode),
        evaluation: 0,
        issued: list.this_update(),
        expires: list.next_update(),
        lab,
    })
}
