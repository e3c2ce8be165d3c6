//! Floors: versions below which a platform is refused, per product, component by component.

use hanzo_attestation::{Product, snp};
use serde::Deserialize;
use std::fmt;

/// One value for each product. A product without a value is refused: a missing floor must not read as none
/// (COL-18).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerProduct<M, T = M> {
    /// AMD EPYC 7003.
    pub milan: Option<M>,
    /// AMD EPYC 9004 and 8004.
    pub genoa: Option<M>,
    /// AMD EPYC 9005.
    pub turin: Option<T>,
}

impl<M, T> Default for PerProduct<M, T> {
    fn default() -> Self {
        Self { milan: None, genoa: None, turin: None }
    }
}

/// Floor of a TCB version on Milan and Genoa. Every component must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TcbFloor {
    /// Boot loader.
    pub bootloader: u8,
    /// TEE.
    pub tee: u8,
    /// SNP firmware.
    pub snp: u8,
    /// Microcode.
    pub microcode: u8,
}

/// Floor of a TCB version on Turin. Every component must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurinTcbFloor {
    /// FMC.
    pub fmc: u8,
    /// Boot loader.
    pub bootloader: u8,
    /// TEE.
    pub tee: u8,
    /// SNP firmware.
    pub snp: u8,
    /// Microcode.
    pub microcode: u8,
}

/// Floors of a TCB version.
pub type TcbFloors = PerProduct<TcbFloor, TurinTcbFloor>;

/// Floor of a firmware version, compared as a whole: major, then minor, then build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirmwareFloor {
    /// Major.
    pub major: u8,
    /// Minor.
    pub minor: u8,
    /// Build.
    pub build: u8,
}

/// Floor of the ABI version that the guest's policy demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbiFloor {
    /// Major.
    pub major: u8,
    /// Minor.
    pub minor: u8,
}

/// How a version stands to its floor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Reached,
    /// The first component that is too low.
    Below {
        component: &'static str,
        actual: u8,
        floor: u8,
    },
    /// Floors are set, and none for this product.
    NoFloor,
}

pub(super) fn tcb(floors: &TcbFloors, product: Product, actual: &snp::Tcb) -> Standing {
    let legacy = |floor: &TcbFloor| {
        first_below([
            ("bootloader", actual.bootloader, floor.bootloader),
            ("tee", actual.tee, floor.tee),
            ("snp", actual.snp, floor.snp),
            ("microcode", actual.microcode, floor.microcode),
        ])
    };
    let turin = |floor: &TurinTcbFloor| {
        first_below([
            // A Turin TCB without an FMC version stands below every floor but zero.
            ("fmc", actual.fmc.unwrap_or(0), floor.fmc),
            ("bootloader", actual.bootloader, floor.bootloader),
            ("tee", actual.tee, floor.tee),
            ("snp", actual.snp, floor.snp),
            ("microcode", actual.microcode, floor.microcode),
        ])
    };
    let standing = match product {
        Product::Milan => floors.milan.as_ref().map(legacy),
        Product::Genoa => floors.genoa.as_ref().map(legacy),
        Product::Turin => floors.turin.as_ref().map(turin),
        Product::IntelTdx | Product::IntelSgx => None,
    };
    standing.unwrap_or(Standing::NoFloor)
}

pub(super) fn firmware(floors: &PerProduct<FirmwareFloor>, product: Product) -> Option<FirmwareFloor> {
    match product {
        Product::Milan => floors.milan,
        Product::Genoa => floors.genoa,
        Product::Turin => floors.turin,
        Product::IntelTdx | Product::IntelSgx => None,
    }
}

fn first_below<const N: usize>(components: [(&'static str, u8, u8); N]) -> Standing {
    let below = components.into_iter().find(|(_, actual, floor)| actual < floor);
    below.map_or(Standing::Reached, |(component, actual, floor)| Standing::Below { component, actual, floor })
}

impl fmt::Display for FirmwareFloor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.build)
    }
}
