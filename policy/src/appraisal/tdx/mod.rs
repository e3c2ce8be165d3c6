//! Thresholds for TD quotes, class P of rule book B.4; those of the platform are in [`dcap`].
//!
//! Not here: TDX-21 (MRTD) and RTMR0 to 2 of TDX-22 are policies' questions, asked of the reference values.

mod check;

pub(super) use check::check;

use super::{Allowed, dcap, event_log};
use hanzo_attestation_evidence::Hex;
use serde::Deserialize;

/// XFAM bits that are accepted by default: x87, SSE, AVX (0 to 2), AVX-512 (5 to 7), PKU (9), CET (11, 12),
/// AMX (17, 18). Not Processor Trace (8), user interrupts (14) and last branch records (15).
pub const DEFAULT_XFAM_BITS: u64 = 0x6_1AE7;

/// What a TD and its platform must show. [`Default`] is [`Thresholds::strict`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is one rule of the rule book, set by its own name")]
pub struct Thresholds {
    /// TDX-12: accept a TD that takes #VE on its private pages.
    pub allow_sept_ve: bool,
    /// TDX-13: accept a TD that can be migrated.
    pub allow_migration: bool,
    /// TDX-14: accept the service TD extension.
    pub allow_service_td_extension: bool,
    /// TDX-15: MR_SERVICETD that is accepted besides zero.
    pub service_tds: Allowed<Hex<48>>,
    /// TDX-25: refuse quotes that cannot state a bound service TD (version 4, body TD 1.0).
    pub require_service_td_facts: bool,
    /// TDX-17: XFAM bits that may be set; `None` accepts all that the module supports.
    pub xfam_bits: Option<u64>,
    /// TDX-18: attributes that are accepted besides SEPT_VE_DISABLE; `"any"` accepts all.
    pub attributes: Allowed<Attribute>,
    /// TDX-19: the only TDX modules that are accepted, by MRSEAM.
    pub modules: Option<Vec<Hex<48>>>,
    /// TDX-20: floor of TEE_TCB_SVN and, where stated, TEE_TCB_SVN_2, byte by byte.
    pub tee_tcb_svn_floor: Option<Hex<16>>,
    /// TDX-22: RTMR3 that is accepted besides zero; `"any"` leaves it to policies (`principal.tdx.rtmr3`). A
    /// log that explains it, and whose events satisfy `log.runtime_events`, makes this question moot.
    pub rtmr3: Allowed<Hex<48>>,
    /// TDX-23: MRCONFIGID that is accepted besides zero; `"any"` leaves it to policies
    /// (`principal.host_data`).
    pub config_ids: Allowed<Hex<48>>,
    /// TDX-24: MROWNER that is accepted besides zero.
    pub owners: Allowed<Hex<48>>,
    /// TDX-24: MROWNERCONFIG that is accepted besides zero.
    pub owner_configs: Allowed<Hex<48>>,
    /// The platform under the TD, and what Intel says of it.
    pub dcap: dcap::Thresholds,
    /// LOG-13 to LOG-20, TDX-27: what the guest's event log must show.
    pub log: event_log::Thresholds,
}

/// A TD attribute that an owner can accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Attribute {
    /// Bit 16.
    Icssd,
    /// Bit 27: linear address space separation.
    Lass,
    /// Bit 30: supervisor protection keys.
    Pks,
    /// Bit 31: key locker.
    Kl,
    /// Bit 62.
    Tpa,
    /// Bit 63: performance monitoring.
    Perfmon,
}

impl Thresholds {
    /// The rule book's defaults: exactly SEPT_VE_DISABLE, and nothing that an owner sets without a reference
    /// value for it.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            allow_sept_ve: false,
            allow_migration: false,
            allow_service_td_extension: false,
            service_tds: Allowed::none(),
            require_service_td_facts: false,
            xfam_bits: Some(DEFAULT_XFAM_BITS),
            attributes: Allowed::none(),
            modules: None,
            tee_tcb_svn_floor: None,
            rtmr3: Allowed::none(),
            config_ids: Allowed::none(),
            owners: Allowed::none(),
            owner_configs: Allowed::none(),
            dcap: dcap::Thresholds::strict(),
            log: event_log::Thresholds::strict(),
        }
    }

    /// No rule on #VE, features, attributes and service TDs, and no reference values.
    #[must_use]
    pub fn corpus() -> Self {
        Self {
            allow_sept_ve: true,
            service_tds: Allowed::Any,
            xfam_bits: None,
            attributes: Allowed::Any,
            rtmr3: Allowed::Any,
            config_ids: Allowed::Any,
            owners: Allowed::Any,
            owner_configs: Allowed::Any,
            dcap: dcap::Thresholds::corpus(),
            ..Self::strict()
        }
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::strict()
    }
}

#[cfg(test)]
mod tests;
