//! Thresholds for what event logs say, class P of rule book B.7, with TDX-22 and TDX-27: the same for every
//! kind of evidence that has logs.
//!
//! A log that is given is held to LOG-15 to LOG-17 by default: what weakens its facts refuses. Everything
//! that needs a reference value is off until one is given. Whoever uses any of those asks for a log by doing
//! so: without one, or with one that leaves a register of the boot unexplained, the answer is a refusal and
//! never "no events" (TDX-27, LOG-13).

mod check;
mod ima;

pub(super) use check::check;
pub use ima::{AllowedFile, ImaThresholds};

use hanzo_attestation::event_log::Register;
use hanzo_attestation_evidence::Digest;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What an event log must show. [`Default`] is [`Thresholds::strict`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is one rule of the rule book, set by its own name")]
pub struct Thresholds {
    /// TDX-27: refuse evidence without a log that explains every quoted register.
    pub require_log: bool,
    /// LOG-15: accept that data from which a fact would come is not what was measured; the fact is still not
    /// stated.
    pub allow_unmeasured_data: bool,
    /// LOG-16: accept registers whose firmware part does not end in good order.
    pub allow_missing_separators: bool,
    /// LOG-17: accept facts that are stated twice; they are still not stated in the claims.
    pub allow_ambiguous_facts: bool,
    /// LOG-18: refuse a boot whose secure boot is not proven to be on.
    pub require_secure_boot: bool,
    /// LOG-18: the only signature databases `db` that are accepted, by the digest of their measurement.
    pub secure_boot_db: Option<Vec<Digest>>,
    /// LOG-18: the only revocation databases `dbx` that are accepted.
    pub secure_boot_dbx: Option<Vec<Digest>>,
    /// LOG-19: for each register named here, the only components that may be measured into it, by digest.
    /// Order and number are free; an event that is not listed refuses, whatever it is said to be.
    pub boot_components: BTreeMap<Register, Vec<Digest>>,
    /// LOG-19: the only command lines of the kernel that are accepted.
    pub kernel_cmdlines: Option<Vec<String>>,
    /// LOG-20, TDX-22: for each name of an agent's event, the only payloads that are accepted, in lower-case
    /// hex. An event of a name that is listed must be there.
    pub runtime_events: BTreeMap<String, Vec<String>>,
    /// LOG-23 to LOG-26: the kernel's list of files.
    pub ima: ImaThresholds,
}

impl Thresholds {
    /// The rule book's defaults.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            require_log: false,
            allow_unmeasured_data: false,
            allow_missing_separators: false,
            allow_ambiguous_facts: false,
            require_secure_boot: false,
            secure_boot_db: None,
            secure_boot_dbx: None,
            boot_components: BTreeMap::new(),
            kernel_cmdlines: None,
            runtime_events: BTreeMap::new(),
            ima: ImaThresholds::strict(),
        }
    }

    /// The same: published logs meet the defaults.
    #[must_use]
    pub fn corpus() -> Self {
        Self::strict()
    }

    /// Whether anything here asks what a log says.
    fn uses_events(&self) -> bool {
        self.require_log
            || self.require_secure_boot
            || self.secure_boot_db.is_some()
            || self.secure_boot_dbx.is_some()
            || !self.boot_components.is_empty()
            || self.kernel_cmdlines.is_some()
            || !self.runtime_events.is_empty()
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::strict()
    }
}

#[cfg(test)]
mod tests;
