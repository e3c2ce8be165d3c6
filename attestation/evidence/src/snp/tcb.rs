//! TCB_VERSION and firmware versions.

use super::Product;
use serde::Serialize;

/// How the eight bytes of a TCB version are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcbLayout {
    /// Milan and Genoa: boot loader, TEE, four zeros, SNP, microcode.
    Milan,
    /// Turin: FMC, boot loader, TEE, SNP, three zeros, microcode.
    Turin,
}

impl TcbLayout {
    /// The layout of a product. A report of version 2 names no product; Turin never wrote that version.
    #[must_use]
    pub const fn of(product: Option<Product>) -> Self {
        match product {
            Some(Product::Turin) => Self::Turin,
            Some(Product::Milan | Product::Genoa) | None => Self::Milan,
        }
    }
}

/// A TCB version, by component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tcb {
    /// FMC, Turin only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fmc: Option<u8>,
    /// Boot loader.
    pub bootloader: u8,
    /// TEE.
    pub tee: u8,
    /// SNP firmware.
    pub snp: u8,
    /// Microcode.
    pub microcode: u8,
}

impl Tcb {
    /// Reads a TCB version; `None` when a reserved byte is set (SNP-17).
    #[must_use]
    pub const fn parse(bytes: [u8; 8], layout: TcbLayout) -> Option<Self> {
        match (layout, bytes) {
            (TcbLayout::Milan, [bootloader, tee, 0, 0, 0, 0, snp, microcode]) => {
                Some(Self { fmc: None, bootloader, tee, snp, microcode })
            }
            (TcbLayout::Turin, [fmc, bootloader, tee, snp, 0, 0, 0, microcode]) => {
                Some(Self { fmc: Some(fmc), bootloader, tee, snp, microcode })
            }
            _ => None,
        }
    }

    /// Whether every component is at most the other's. Versions of different layouts compare with
    /// nothing, so that the answer is no.
    #[must_use]
    pub fn at_most(self, other: Self) -> bool {
        let fmc = match (self.fmc, other.fmc) {
            (None, None) => true,
            (Some(mine), Some(others)) => mine <= others,
            _ => false,
        };
        fmc && self.bootloader <= other.bootloader
            && self.tee <= other.tee
            && self.snp <= other.snp
            && self.microcode <= other.microcode
    }
}

/// Firmware version; ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FirmwareVersion {
    /// Major.
    pub major: u8,
    /// Minor.
    pub minor: u8,
    /// Build.
    pub build: u8,
}
