//! TD attributes (Intel TDX Module ABI, ATTRIBUTES), bit by bit.

use serde::Serialize;

/// TD attributes, bit by bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the TDX module specification defines these bits one by one"
)]
pub struct TdAttributes {
    /// Bit 0: off-TD debug.
    pub debug: bool,
    /// Bits 4 to 6: profiling.
    pub profiling: bool,
    /// Bit 16.
    pub icssd: bool,
    /// Bit 17: service TD extension.
    pub servtd_ext: bool,
    /// Bit 27.
    pub lass: bool,
    /// Bit 28: no #VE on EPT violations of private pages.
    pub sept_ve_disable: bool,
    /// Bit 29.
    pub migratable: bool,
    /// Bit 30.
    pub pks: bool,
    /// Bit 31.
    pub kl: bool,
    /// Bit 62.
    pub tpa: bool,
    /// Bit 63.
    pub perfmon: bool,
    /// All bits.
    pub raw: u64,
}

/// Bits with a documented meaning: 0, 4 to 6, 16, 17, 27 to 31, 62, 63 (TDX-11).
const DOCUMENTED: u64 = 1 | 0b111 << 4 | 0b11 << 16 | 0b1_1111 << 27 | 0b11 << 62;

impl TdAttributes {
    /// Reads the bits.
    #[must_use]
    pub const fn new(raw: u64) -> Self {
        Self {
            debug: raw & 1 != 0,
            profiling: raw & (0b111 << 4) != 0,
            icssd: raw & (1 << 16) != 0,
            servtd_ext: raw & (1 << 17) != 0,
            lass: raw & (1 << 27) != 0,
            sept_ve_disable: raw & (1 << 28) != 0,
            migratable: raw & (1 << 29) != 0,
            pks: raw & (1 << 30) != 0,
            kl: raw & (1 << 31) != 0,
            tpa: raw & (1 << 62) != 0,
            perfmon: raw & (1 << 63) != 0,
            raw,
        }
    }

    /// The bits that are set and have no documented meaning (TDX-11).
    #[must_use]
    pub const fn undocumented(self) -> u64 {
        self.raw & !DOCUMENTED
    }
}
