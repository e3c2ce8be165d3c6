//! What the certificates of Intel's end entities have in common: PCK certificates and TCB signers
//! (Intel SGX PCK Certificate and CRL Profile Specification).

use crate::x509::ECDSA_WITH_SHA256;
use hanzo_attestation_evidence::x509::{Certificate, Name, PublicKey};

const ORGANIZATION: &str = "Intel Corporation";

/// The key of an end entity with this common name; or what is not as its profile demands (DCAP-18, DCAP-32).
pub(super) fn end_entity<'a>(leaf: &Certificate<'a>, name: &str) -> Result<&'a [u8; 65], &'static str> {
    let profile = |holds: bool, what| if holds { Ok(()) } else { Err(what) };
    profile(leaf.subject().common_name() == Some(name), "its common name differs")?;
    profile(organization(leaf.subject()), "its organisation differs")?;
    profile(leaf.signature_algorithm() == ECDSA_WITH_SHA256, "it is not signed with ecdsa-with-SHA256")?;
    profile(leaf.basic_constraints().is_some_and(|constraints| !constraints.ca), "it is not CA:FALSE")?;
    profile(
        leaf.key_usage().is_some_and(|usage| usage.digital_signature() && !usage.key_cert_sign()),
        "its key usage is not that of a signer",
    )?;
    p256(leaf).ok_or("its key is not on P-256")
}

pub(super) fn p256<'a>(certificate: &Certificate<'a>) -> Option<&'a [u8; 65]> {
    match certificate.public_key() {
        PublicKey::P256(point) => Some(point),
        _ => None,
    }
}

/// Whether the organisation is Intel, stated once.
pub(super) fn organization(name: &Name<'_>) -> bool {
    let mut found = name.attributes().iter().filter(|(kind, _)| *kind == Name::ORGANIZATION);
    matches!((found.next(), found.next()), (Some((_, text)), None) if *text == ORGANIZATION)
}
