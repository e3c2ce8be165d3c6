//! Names, algorithm identifiers and addresses exactly as AMD's certificates have them.

use super::SnpProduct;
use crate::der;
use crate::sign::oids;
use crate::x509::attribute;

const COMMON_NAME: &[u32] = &[2, 5, 4, 3];
const COUNTRY: &[u32] = &[2, 5, 4, 6];
const LOCALITY: &[u32] = &[2, 5, 4, 7];
const STATE: &[u32] = &[2, 5, 4, 8];
const ORGANIZATION: &[u32] = &[2, 5, 4, 10];
const UNIT: &[u32] = &[2, 5, 4, 11];

/// 1.3.6.1.4.1.3704.1, under which AMD's extensions live.
pub(super) const AMD_ARC: &[u32] = &[1, 3, 6, 1, 4, 1, 3704, 1];

/// An AMD name: OU, C, L, ST, O, CN, in that order.
pub(super) fn name(common_name: &str) -> Vec<u8> {
    name_with(common_name, None)
}

/// An AMD name with one more organizational unit at its end.
pub(super) fn name_with(common_name: &str, extra_unit: Option<&str>) -> Vec<u8> {
    let mut parts = vec![
        attribute(UNIT, der::utf8("Engineering")),
        attribute(COUNTRY, der::printable("US")),
        attribute(LOCALITY, der::utf8("Santa Clara")),
        attribute(STATE, der::utf8("CA")),
        attribute(ORGANIZATION, der::utf8("Advanced Micro Devices")),
        attribute(COMMON_NAME, der::utf8(common_name)),
    ];
    parts.extend(extra_unit.map(|unit| attribute(UNIT, der::utf8(unit))));
    der::sequence(parts)
}

/// RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48, all explicit (RFC 4055, 3.1). Milan's
/// certificates also write the default trailer field; those of Genoa and Turin do not.
pub(super) fn pss(product: SnpProduct) -> Vec<u8> {
    pss_with_salt(product, 48)
}

pub(super) fn pss_with_salt(product: SnpProduct, salt: u32) -> Vec<u8> {
    let sha384 = der::sequence([der::oid(oids::SHA384), der::null()]);
    let mgf1 = der::sequence([der::oid(oids::MGF1), sha384.clone()]);
    let mut parameters =
        vec![der::explicit(0, &sha384), der::explicit(1, &mgf1), der::explicit(2, &der::integer(salt))];
    if product == SnpProduct::Milan {
        parameters.push(der::explicit(3, &der::integer(1)));
    }
    der::sequence([der::oid(oids::RSASSA_PSS), der::sequence(parameters)])
}

pub(super) fn list_address(product: SnpProduct, kind: &str) -> String {
    format!("https://kdsintf.amd.com/{kind}/v1/{}/crl", product.title())
}
