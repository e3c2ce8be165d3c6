//! POLICY: what the guest's owner demanded at launch.

use super::ReportError;
use serde::Serialize;

/// POLICY, field by field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the ABI defines these bits one by one")]
pub struct GuestPolicy {
    /// Minimum ABI major version.
    pub abi_major: u8,
    /// Minimum ABI minor version.
    pub abi_minor: u8,
    /// SMT allowed.
    pub smt: bool,
    /// Association with a migration agent allowed.
    pub migrate_ma: bool,
    /// Debugging allowed.
    pub debug: bool,
    /// One socket only.
    pub single_socket: bool,
    /// CXL devices allowed.
    pub cxl_allow: bool,
    /// AES-256 XTS memory encryption demanded.
    pub mem_aes_256_xts: bool,
    /// RAPL must be off.
    pub rapl_dis: bool,
    /// Ciphertext hiding demanded.
    pub ciphertext_hiding: bool,
    /// Page swap must be off.
    pub page_swap_disable: bool,
}

impl GuestPolicy {
    /// Reads POLICY.
    ///
    /// # Errors
    /// [`ReportError::PolicyReserved`] unless bit 17 is one and bits 26 to 63 are zero (SNP-06).
    pub fn parse(bytes: [u8; 8]) -> Result<Self, ReportError> {
        let policy = u64::from_le_bytes(bytes);
        let bit = |number: u32| policy >> number & 1 == 1;
        if !bit(17) || policy >> 26 != 0 {
            return Err(ReportError::PolicyReserved { policy });
        }
        let [abi_minor, abi_major, ..] = bytes;
        Ok(Self {
            abi_major,
            abi_minor,
            smt: bit(16),
            migrate_ma: bit(18),
            debug: bit(19),
            single_socket: bit(20),
            cxl_allow: bit(21),
            mem_aes_256_xts: bit(22),
            rapl_dis: bit(23),
            ciphertext_hiding: bit(24),
            page_swap_disable: bit(25),
        })
    }
}
