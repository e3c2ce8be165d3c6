//! The report of an application's enclave (Intel SDM volume 3D, REPORT and ATTRIBUTES), and what no processor
//! writes into one.

use super::SgxError;
use crate::dcap::{EnclaveReport, Quote};
use serde::Serialize;

/// What the processor reports of an enclave.
pub type Report = EnclaveReport;

/// ATTRIBUTES.FLAGS, bit by bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the architecture defines these bits one by one")]
pub struct Attributes {
    /// Bit 0: EINIT has run.
    pub init: bool,
    /// Bit 1: the host can read and write the enclave.
    pub debug: bool,
    /// Bit 2: the enclave runs in 64-bit mode.
    pub mode64: bool,
    /// Bit 4: the provisioning key is available to it.
    pub provision_key: bool,
    /// Bit 5: the key that makes launch tokens is available to it.
    pub einit_token_key: bool,
    /// Bit 6: control-flow enforcement.
    pub cet: bool,
    /// Bit 7: key separation and sharing.
    pub kss: bool,
    /// Bit 10: asynchronous exits are notified.
    pub aex_notify: bool,
    /// All bits.
    pub raw: u64,
}

/// Bits with a documented meaning: 0 to 2, 4 to 7, 10 (SGX-06).
const DEFINED: u64 = 0b111 | 0b1111 << 4 | 1 << 10;

impl Attributes {
    /// Reads the bits.
    #[must_use]
    pub const fn new(raw: u64) -> Self {
        Self {
            init: raw & 1 != 0,
            debug: raw & 1 << 1 != 0,
            mode64: raw & 1 << 2 != 0,
            provision_key: raw & 1 << 4 != 0,
            einit_token_key: raw & 1 << 5 != 0,
            cet: raw & 1 << 6 != 0,
            kss: raw & 1 << 7 != 0,
            aex_notify: raw & 1 << 10 != 0,
            raw,
        }
    }

    /// The bits that are set and that the architecture does not define.
    #[must_use]
    pub const fn undefined(self) -> u64 {
        self.raw & !DEFINED
    }
}

/// SGX-06, SGX-13: reserved fields, and contradictions.
pub(super) fn check(quote: Quote<Report>) -> Result<Quote<Report>, SgxError> {
    let report = &quote.body;
    if let Some(offset) = report.reserved_set() {
        return Err(SgxError::ReservedNotZero(offset));
    }
    let attributes = Attributes::new(report.attributes_flags);
    if attributes.undefined() != 0 {
        return Err(SgxError::AttributesReserved(attributes));
    }
    if !attributes.cet && report.cet_attributes != 0 {
        return Err(SgxError::CetAttributes(report.cet_attributes));
    }
    for (name, zero) in [
        ("ISVEXTPRODID", report.isv_ext_prod_id.is_zero()),
        ("CONFIGID", report.config_id.is_zero()),
        ("CONFIGSVN", report.config_svn == 0),
        ("ISVFAMILYID", report.isv_family_id.is_zero()),
    ] {
        if !attributes.kss && !zero {
            return Err(SgxError::KssInconsistent(name));
        }
    }
    Ok(quote)
}
