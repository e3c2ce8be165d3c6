//! The launch digest: a chain of SHA-384 over one PAGE_INFO for each page (ABI, 8.17.2, table 67).

use hanzo_attestation_evidence::Hex;
use sha2::{Digest as _, Sha384};

/// Bytes of a page.
pub(super) const PAGE: u64 = 4096;
/// Length of PAGE_INFO.
const PAGE_INFO: u16 = 0x70;
/// Where the digest says that a save area stands: the highest page that a guest can address.
const VMSA_ADDRESS: u64 = 0xFFFF_FFFF_F000;

/// PAGE_TYPE (ABI, 8.17.2, table 68).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageType {
    Normal,
    Vmsa,
    Zero,
    Unmeasured,
    Secrets,
    Cpuid,
}

impl PageType {
    const fn number(self) -> u8 {
        match self {
            Self::Normal => 1,
            Self::Vmsa => 2,
            Self::Zero => 3,
            Self::Unmeasured => 4,
            Self::Secrets => 5,
            Self::Cpuid => 6,
        }
    }
}

pub(super) struct LaunchDigest([u8; 48]);

impl LaunchDigest {
    pub(super) const fn new() -> Self {
        Self([0; 48])
    }

    /// Pages with contents; their number is that of the bytes.
    pub(super) fn pages(&mut self, kind: PageType, mut address: u64, bytes: &[u8]) {
        for page in bytes.chunks(4096) {
            self.extend(kind, address, Sha384::digest(page).into());
            address = address.saturating_add(PAGE);
        }
    }

    /// Pages whose contents do not count.
    pub(super) fn blank(&mut self, kind: PageType, address: u64, size: u64) {
        for page in 0..size / PAGE {
            self.extend(kind, address.saturating_add(page.saturating_mul(PAGE)), [0; 48]);
        }
    }

    pub(super) fn vmsa(&mut self, area: &[u8; 4096]) {
        self.extend(PageType::Vmsa, VMSA_ADDRESS, Sha384::digest(area).into());
    }

    pub(super) const fn finish(self) -> Hex<48> {
        Hex(self.0)
    }

    fn extend(&mut self, kind: PageType, address: u64, contents: [u8; 48]) {
        let mut hash = Sha384::new();
        hash.update(self.0);
        hash.update(contents);
        hash.update(PAGE_INFO.to_le_bytes());
        // PAGE_TYPE; IMI_PAGE; permissions of VMPL 3 to 1; reserved.
        hash.update([kind.number(), 0, 0, 0, 0, 0]);
        hash.update(address.to_le_bytes());
        self.0 = hash.finalize().into();
    }
}
