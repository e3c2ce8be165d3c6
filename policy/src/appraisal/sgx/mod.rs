//! Thresholds for enclave quotes, class P of rule book B.5, and SGX-14.
//!
//! Which enclave it is can be said here, for every use of the broker; policies say it for single keys, by the
//! reference values of `mr_enclave`.

mod check;

pub(super) use check::check;

use super::{Allowed, dcap};
use hanzo_attestation_evidence::Hex;
use serde::Deserialize;

/// XFRM bits that are accepted by default: x87, SSE, AVX (0 to 2), MPX (3, 4), AVX-512 (5 to 7), PKU (9), CET
/// (11, 12), AMX (17, 18).
pub const DEFAULT_XFRM_BITS: u64 = 0x6_1AFF;

/// What an enclave must show. [`Default`] is [`Thresholds::strict`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is one rule of the rule book, set by its own name")]
pub struct Thresholds {
    /// SGX-03: accept an enclave that runs in 32-bit mode.
    pub allow_32_bit: bool,
    /// SGX-04: accept an enclave to which the provisioning key is available.
    pub allow_provision_key: bool,
    /// SGX-05: accept an enclave to which the key that makes launch tokens is available.
    pub allow_einit_token_key: bool,
    /// SGX-07: XFRM bits that may be set; `None` accepts all. Bits 0 and 1 must be set in any case.
    pub xfrm_bits: Option<u64>,
    /// SGX-08: values of MISCSELECT that are accepted.
    pub misc_select: Vec<u32>,
    /// SGX-09: the only enclaves that are accepted, by MRENCLAVE, besides those of `signers`.
    pub mr_enclaves: Option<Vec<Hex<32>>>,
    /// SGX-10 to SGX-12: the only signed products that are accepted, besides the enclaves of `mr_enclaves`.
    pub signers: Option<Vec<Signer>>,
    /// SGX-14: CONFIGID that is accepted besides zero; `"any"` leaves it to policies (`principal.host_data`).
    pub config_ids: Allowed<Hex<64>>,
    /// SGX-15: the ISVEXTPRODID that the enclave must have.
    pub isv_ext_prod_id: Option<Hex<16>>,
    /// SGX-15: the ISVFAMILYID that the enclave must have.
    pub isv_family_id: Option<Hex<16>>,
    /// SGX-15: lowest CONFIGSVN.
    pub config_svn_floor: u16,
    /// SGX-16: demand that asynchronous exits are notified to the enclave.
    pub require_aex_notify: bool,
    /// The platform under the enclave, and what Intel says of it.
    pub dcap: dcap::Thresholds,
}

/// One product of one signer. The three belong together: a signer's other products are other programs, and
/// its old versions the ones that were mended since (COL-25).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signer {
    /// MRSIGNER.
    pub mr_signer: Hex<32>,
    /// ISVPRODID.
    pub isv_prod_id: u16,
    /// Lowest ISVSVN.
    pub isv_svn_floor: u16,
}

impl Thresholds {
    /// The rule book's defaults.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            allow_32_bit: false,
            allow_provision_key: false,
            allow_einit_token_key: false,
            xfrm_bits: Some(DEFAULT_XFRM_BITS),
            misc_select: vec![0, 1],
            mr_enclaves: None,
            signers: None,
            config_ids: Allowed::none(),
            isv_ext_prod_id: None,
            isv_family_id: None,
            config_svn_floor: 0,
            require_aex_notify: false,
            dcap: dcap::Thresholds::strict(),
        }
    }

    /// No rule on features and configuration ids.
    #[must_use]
    pub fn corpus() -> Self {
        let dcap = dcap::Thresholds::corpus();
        Self { xfrm_bits: None, config_ids: Allowed::Any, dcap, ..Self::strict() }
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::strict()
    }
}

#[cfg(test)]
mod tests;
