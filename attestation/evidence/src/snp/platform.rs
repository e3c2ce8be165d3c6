//! The platform: which product, and what is switched on.

use serde::Serialize;
use std::fmt;

/// AMD's server products with a root of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Product {
    /// EPYC 7003.
    Milan,
    /// EPYC 9004 and 8004: Genoa, Bergamo and Siena share keys.
    Genoa,
    /// EPYC 9005.
    Turin,
}

impl Product {
    /// All products, oldest first.
    pub const ALL: [Self; 3] = [Self::Milan, Self::Genoa, Self::Turin];

    /// The product of a combined family and model (rule book A.1.4), if it has a root.
    #[must_use]
    pub const fn of(cpuid: Cpuid) -> Option<Self> {
        match (cpuid.family, cpuid.model) {
            (0x19, 0x00..=0x0f) => Some(Self::Milan),
            (0x19, 0x10..=0x1f | 0xa0..=0xaf) => Some(Self::Genoa),
            (0x1a, 0x00..=0x11) => Some(Self::Turin),
            _ => None,
        }
    }

    /// The name in AMD's certificates: `Milan`, `Genoa`, `Turin`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Milan => "Milan",
            Self::Genoa => "Genoa",
            Self::Turin => "Turin",
        }
    }

    /// The product of that name in AMD's certificates.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|product| product.name() == name)
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Combined (base and extended) CPUID family and model, and stepping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cpuid {
    /// Family.
    pub family: u8,
    /// Model.
    pub model: u8,
    /// Stepping.
    pub stepping: u8,
}

/// PLATFORM_INFO, field by field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the ABI defines these bits one by one")]
pub struct PlatformInfo {
    /// SMT is on.
    pub smt_en: bool,
    /// Transparent SME is on.
    pub tsme_en: bool,
    /// ECC memory is in use.
    pub ecc_en: bool,
    /// RAPL is off.
    pub rapl_dis: bool,
    /// Ciphertext hiding is on.
    pub ciphertext_hiding_dram_en: bool,
    /// The DRAM alias check has run.
    pub alias_check_complete: bool,
    /// IOMMU writes are safe; stated on Turin only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iommu_write_safe: Option<bool>,
    /// TIO is on.
    pub tio_en: bool,
    /// All bits.
    pub raw: u64,
}

impl PlatformInfo {
    /// Reads PLATFORM_INFO. Unknown bits are kept in `raw`: firmware adds bits before the specification
    /// reaches its users, so that they are a matter of policy (SNP-59) and no parse error.
    #[must_use]
    pub fn parse(raw: u64, product: Option<Product>) -> Self {
        let bit = |number: u32| raw >> number & 1 == 1;
        Self {
            smt_en: bit(0),
            tsme_en: bit(1),
            ecc_en: bit(2),
            rapl_dis: bit(3),
            ciphertext_hiding_dram_en: bit(4),
            alias_check_complete: bit(5),
            iommu_write_safe: (product == Some(Product::Turin)).then(|| bit(6)),
            tio_en: bit(7),
            raw,
        }
    }
}
