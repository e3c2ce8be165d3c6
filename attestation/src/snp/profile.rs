//! What AMD's certificates look like: names, key kinds, constraints (SNP-19, -20, -22; rule book A.1.5).

use super::error::SnpError;
use crate::roots::check_authority;
use crate::x509::is_pss_sha384;
use hanzo_attestation_evidence::snp::{Product, Vek};
use hanzo_attestation_evidence::x509::{Certificate, Name, ObjectIdentifier, PublicKey, X509Error};

/// The attributes before the common name, which all of AMD's names share.
const AMD: [(ObjectIdentifier, &str); 5] = [
    (Name::ORGANIZATIONAL_UNIT, "Engineering"),
    (Name::COUNTRY, "US"),
    (Name::LOCALITY, "Santa Clara"),
    (Name::STATE, "CA"),
    (Name::ORGANIZATION, "Advanced Micro Devices"),
];

/// The common name of an endorsement key.
pub(super) const fn vek_name(vek: Vek) -> &'static str {
    match vek {
        Vek::Vcek => "SEV-VCEK",
        Vek::Vlek => "SEV-VLEK",
    }
}

/// Product and kind that an intermediate's common name stands for.
pub(super) fn intermediate_of(common_name: &str) -> Option<(Product, Vek)> {
    let rest = common_name.strip_prefix("SEV-")?;
    match rest.strip_prefix("VLEK-") {
        Some(product) => Some((Product::named(product)?, Vek::Vlek)),
        None => Some((Product::named(rest)?, Vek::Vcek)),
    }
}

/// AMD's attributes in AMD's order, with one common name after them and nothing else.
fn is_amd_name(name: &Name<'_>, common_name: &str) -> bool {
    match name.attributes() {
        [shared @ .., (Name::COMMON_NAME, last)] => shared == AMD && *last == common_name,
        _ => false,
    }
}

/// SNP-19 and SNP-20 on the subject: a leaf, on P-384, signed with PSS, with AMD's name.
pub(super) fn check_vek(leaf: &Certificate<'_>, vek: Vek) -> Result<(), SnpError> {
    leaf.refuse_unknown_critical(&[])?;
    if !is_pss_sha384(leaf.signature_algorithm()) {
        return Err(SnpError::VekProfile("not signed with RSASSA-PSS, SHA-384, salt 48"));
    }
    vek_key(leaf)?;
    if leaf.is_ca() || leaf.key_usage().is_some_and(|usage| usage.key_cert_sign()) {
        return Err(SnpError::VekProfile("it may sign certificates"));
    }
    if !is_amd_name(leaf.subject(), vek_name(vek)) {
        return Err(SnpError::VekName("the subject is not AMD's name for an endorsement key"));
    }
    Ok(())
}

/// The key that signs reports.
pub(super) fn vek_key<'a>(leaf: &Certificate<'a>) -> Result<&'a [u8; 97], SnpError> {
    match leaf.public_key() {
        PublicKey::P384(point) => Ok(point),
        _ => Err(SnpError::VekProfile("its key is not on P-384")),
    }
}

/// SNP-15, -20 and -22 on the issuer's name of an endorsement key.
pub(super) fn check_issuer_name(issuer: &Name<'_>, product: Product, vek: Vek) -> Result<(), SnpError> {
    let common_name = issuer.common_name().unwrap_or_default();
    let (of_product, of_vek) =
        intermediate_of(common_name).ok_or(SnpError::VekName("the issuer is no ASK or ASVK"))?;
    if of_vek != vek {
        return Err(SnpError::IntermediateProfile("an ASK issues VCEKs, an ASVK issues VLEKs"));
    }
    if of_product != product {
        return Err(SnpError::ProductMismatch { report: product, certificate: "key's issuer" });
    }
    if !is_amd_name(issuer, common_name) {
        return Err(SnpError::VekName("the issuer is not AMD's name for an ASK or ASVK"));
    }
    Ok(())
}

/// SNP-22: an authority that may issue endorsement keys and nothing below them. Its name is that of the
/// leaf's issuer, which has been checked.
pub(super) fn check_intermediate(intermediate: &Certificate<'_>) -> Result<(), SnpError> {
    intermediate.refuse_unknown_critical(&[])?;
    check_authority(intermediate).map_err(SnpError::IntermediateProfile)?;
    if intermediate.basic_constraints().and_then(|constraints| constraints.path_len) != Some(0) {
        return Err(SnpError::IntermediateProfile("its path length is not 0"));
    }
    // Zero is for endorsement keys alone (COL-22).
    if intermediate.serial_is_zero() {
        return Err(X509Error::SerialNumber.into());
    }
    Ok(())
}
