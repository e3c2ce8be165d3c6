//! TCB info: what Intel publishes of a platform's security versions (Intel PCS API, "TCB Info", version 3,
//! and the SGX form of version 2; rule book A.2.5).
//!
//! Unknown members are passed over: Intel signs what it adds, and has added members within a version before.
//! Known members are strict.

mod error;
mod level;
mod read;

pub use error::TcbInfoError;
pub use level::{LevelStatus, PlatformLevel, SvnLevel};

pub(super) use level::{RawSvnLevel, svn_levels};
pub(super) use read::{Advisories, date, hex};

use super::TeeType;
use crate::bytes::Hex;
use crate::time::UnixTime;

/// Largest document in bytes (rule book B.0).
pub const MAX_DOCUMENT: usize = 1 << 20;
/// Most levels in one list of levels (rule book B.0; the longest real list has 21).
pub const MAX_LEVELS: usize = 64;
/// Most module identities in a TCB info (rule book B.0).
pub const MAX_MODULE_IDENTITIES: usize = 32;
/// Most advisory ids in a document, repetitions counted (rule book B.0).
pub const MAX_ADVISORIES: usize = 1024;

/// A TCB info, well formed. Nothing is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcbInfo {
    /// For which quotes it speaks.
    pub tee: TeeType,
    /// When it was issued.
    pub issue_date: UnixTime,
    /// When the next one is due: the last instant at which this one counts.
    pub next_update: UnixTime,
    /// Platforms for which it speaks.
    pub fmspc: Hex<6>,
    /// Provisioning certification enclave for which it speaks.
    pub pce_id: Hex<2>,
    /// Number of the TCB recovery event that it knows.
    pub evaluation_data_number: u32,
    /// TDX: the module of platforms whose TEE_TCB_SVN has no module version.
    pub module: Option<ModuleIdentity>,
    /// TDX: modules by version.
    pub module_identities: Vec<VersionedModule>,
    /// Levels of the platform, highest first (DCAP-40).
    pub levels: Vec<PlatformLevel>,
}

/// Who signed a TDX module, and which attributes it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleIdentity {
    /// MRSIGNERSEAM.
    pub mr_signer: Hex<48>,
    /// SEAMATTRIBUTES under the mask, little-endian.
    pub attributes: Hex<8>,
    /// Which bits of SEAMATTRIBUTES count.
    pub attributes_mask: Hex<8>,
}

/// A TDX module of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionedModule {
    /// Byte 1 of TEE_TCB_SVN: the number in the id, `TDX_01`.
    pub version: u8,
    /// Its identity.
    pub identity: ModuleIdentity,
    /// Its levels, highest first.
    pub levels: Vec<SvnLevel>,
}

impl TcbInfo {
    /// Reads the signed object, exactly as received (DCAP-35, DCAP-39, DCAP-40).
    ///
    /// # Errors
    /// [`TcbInfoError`]: the first rule that it breaks.
    pub fn parse(body: &[u8]) -> Result<Self, TcbInfoError> {
        read::tcb_info(body)
    }
}

impl ModuleIdentity {
    /// Whether SEAMATTRIBUTES are what this identity asks for (TDX-04).
    #[must_use]
    pub fn admits(&self, seam_attributes: u64) -> bool {
        let (wanted, mask) =
            (u64::from_le_bytes(self.attributes.0), u64::from_le_bytes(self.attributes_mask.0));
        seam_attributes & mask == wanted
    }
}

#[cfg(test)]
mod tests;
