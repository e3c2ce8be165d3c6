//! NVIDIA's documents: reference integrity manifests.

use super::{AdmissionError, Judged};
use crate::nvidia::rim::StoredRim;
use crate::roots::{Roots, sha256};
use hanzo_attestation_evidence::nvidia::{FormatError, OcspResponse};
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
