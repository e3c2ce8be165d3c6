//! What a manifest should say.

use super::RimDefect;
use crate::Validity;
use std::collections::BTreeMap;

/// The devices whose manifests the lab signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RimProduct {
    /// Hopper.
    Gh100,
    /// Blackwell.
    Gb100,
    /// NVSwitch.
    Ls10,
}

impl RimProduct {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gh100 => "GH100",
            Self::Gb100 => "GB100",
            Self::Ls10 => "LS10",
        }
    }

    pub(super) const fn edition(self) -> &'static str {
        match self {
            Self::Gh100 | Self::Gb100 => "GPU",
            Self::Ls10 => "SWITCH",
        }
    }
}

/// The lowest acceptable security version of one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RimMinimum {
    /// Type of the entry in the opaque data.
    pub kind: u16,
    /// Its name.
    pub name: String,
    /// The lowest acceptable value.
    pub min_svn: u32,
    /// Whether the value found belongs into the result.
    pub include_in_result: bool,
}

/// A manifest to be made.
#[derive(Clone, Debug)]
pub struct RimOrder {
    /// For which device.
    pub product: RimProduct,
    /// `colloquialVersion`: of a driver, e.g. `590.12`, or of firmware, e.g. `96.00.5E.00.01`.
    pub version: String,
    /// Golden values by index. The others up to 63 are there and inactive, as NVIDIA writes them.
    pub golden: BTreeMap<u8, Vec<[u8; 48]>>,
    /// Lowest acceptable security versions.
    pub minimums: Vec<RimMinimum>,
    /// Validity of the signer's certificate; `None` for the vendor's own.
    pub signer_validity: Option<Validity>,
    /// What is wrong with it. Everything else is properly signed.
    pub defect: Option<RimDefect>,
}

impl Default for RimOrder {
    /// The manifest of a Hopper driver with two golden values.
    fn default() -> Self {
        Self {
            product: RimProduct::Gh100,
            version: "590.12".to_owned(),
            golden: BTreeMap::from([(7, vec![[7; 48]]), (23, vec![[0; 48], [0x23; 48]])]),
            minimums: Vec::new(),
            signer_validity: None,
            defect: None,
        }
    }
}

impl RimOrder {
    /// The same order with a defect.
    #[must_use]
    pub fn with_defect(mut self, defect: RimDefect) -> Self {
        self.defect = Some(defect);
        self
    }
}
