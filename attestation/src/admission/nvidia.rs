//! NVIDIA's documents: reference integrity manifests.

use super::{AdmissionError, Judged};
use crate::nvidia::rim::StoredRim;
use crate::roots::Roots;

/// Judges a reference integrity manifest (XML): form, digest, chain to a pinned root, family and signatures. The subject is
/// product, version and SHA-256 of the file, `GH100/550.144.03/5e9e…`: issues of one id are kept apart. It was issued when
/// its signer's certificate began. Revocation is judged when it is used.
///
/// # Errors
/// [`AdmissionError`]. Dates are not judged here: see [`Judged::check_dates`].
pub fn nvidia_rim(xml: &[u8], roots: &Roots) -> Result<Judged, AdmissionError> {
    Ok(StoredRim::new(xml).admit(roots)?)
}
