//! Names and addresses exactly as Intel's certificates have them.

use crate::der;
use crate::sign::oids;
use crate::x509::attribute;

pub(super) const ROOT: &str = "Intel SGX Root CA";
pub(super) const PLATFORM_CA: &str = "Intel SGX PCK Platform CA";
pub(super) const PROCESSOR_CA: &str = "Intel SGX PCK Processor CA";
pub(super) const PCK: &str = "Intel SGX PCK Certificate";
pub(super) const TCB_SIGNING: &str = "Intel SGX TCB Signing";

pub(super) const ROOT_LIST: &str = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";

/// An Intel name: CN, O, L, ST, C, in that order.
pub(super) fn name(common_name: &str) -> Vec<u8> {
    der::sequence([
        attribute(&[2, 5, 4, 3], der::utf8(common_name)),
        attribute(&[2, 5, 4, 10], der::utf8("Intel Corporation")),
        attribute(&[2, 5, 4, 7], der::utf8("Santa Clara")),
        attribute(&[2, 5, 4, 8], der::utf8("CA")),
        attribute(&[2, 5, 4, 6], der::printable("US")),
    ])
}

pub(super) fn ecdsa_with_sha256() -> Vec<u8> {
    der::sequence([der::oid(oids::ECDSA_WITH_SHA256)])
}

pub(super) fn pck_list(authority: &str) -> String {
    format!("https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca={authority}&encoding=der")
}
