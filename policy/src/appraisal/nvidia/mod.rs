//! Thresholds for NVIDIA devices.

mod check;

pub(super) use check::check;

use serde::Deserialize;

/// What devices must show. [`Default`] is [`Thresholds::strict`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// NV-71: refuse a report that does not state its firmware id, as drivers before 545 and switches do not.
    pub require_fwid: bool,
}

impl Thresholds {
    /// The defaults: a report states its firmware id.
    #[must_use]
    pub const fn strict() -> Self {
        Self { require_fwid: true }
    }

    /// The published corpus has reports without one.
    #[must_use]
    pub const fn corpus() -> Self {
        Self { require_fwid: false }
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::strict()
    }
}
