//! The event with which a guest records that it accepted an interface: what its TSM told it, extended into a
//! register of the CPU before the first DMA. Name and content are this project's own, version 1.

use super::TsmDigests;
use super::error::TdiError;
use crate::bytes::Hex;
use crate::json;
use serde::{Deserialize, Serialize};

/// Name of the event: domain and operation of an `AAEL` event of Confidential Containers' agent, or the name of
/// an event of dstack's.
pub const ACCEPT: &str = "hanzo.tee-io accept-tdi-v1";
/// The domain. What else is in it is of a version that this build does not know.
const DOMAIN: &str = "hanzo.tee-io ";
/// Most bytes of an event's content: three digests and their names have about 400.
const MAX_CONTENT: usize = 1024;

/// LOCK_INTERFACE_REQUEST flags that the TSM used.
const NO_FW_UPDATE: u16 = 1;
const LOCK_MSIX: u16 = 1 << 2;
const BIND_P2P: u16 = 1 << 3;
const ALL_REQUEST_REDIRECT: u16 = 1 << 4;
/// All flags that have a meaning; bit 1 is the size of a cache line.
const KNOWN_FLAGS: u16 = 0x1F;

/// Whether an event of this name speaks of interfaces, in any version.
#[must_use]
pub fn is_ours(name: &str) -> bool {
    name.starts_with(DOMAIN)
}

/// What the TSM told the guest of an interface that it accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// The three digests.
    pub tsm: TsmDigests,
    /// The flags with which the interface was locked.
    pub lock: LockFlags,
    /// Its state.
    pub state: TdiState,
}

/// FLAGS of LOCK_INTERFACE_REQUEST (PCI Express 6.3, 11.3.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is one flag of the request")]
pub struct LockFlags {
    /// Bit 0: firmware is not updated while the interface is locked.
    pub no_firmware_update: bool,
    /// Bit 2: the MSI-X table is locked.
    pub msi_x: bool,
    /// Bit 3: peer-to-peer is bound.
    pub bind_p2p: bool,
    /// Bit 4: all requests go through the root complex.
    pub all_request_redirect: bool,
}

/// TDI_STATE (PCI Express 6.3, 11.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TdiState {
    /// The host may configure it.
    ConfigUnlocked,
    /// Its configuration is locked, and reported.
    ConfigLocked,
    /// The guest has accepted it.
    Run,
    /// It has stopped after a breach of its rules.
    Error,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    certs_sha384: Hex<48>,
    measurements_sha384: Hex<48>,
    interface_report_sha384: Hex<48>,
    lock_flags: u16,
    tdi_state: TdiState,
}

impl Accepted {
    /// Reads the content of an event: strict JSON.
    ///
    /// # Errors
    /// [`TdiError::Accept`] (TDI-27).
    pub fn parse(content: &[u8]) -> Result<Self, TdiError> {
        if content.len() > MAX_CONTENT {
            return Err(TdiError::Accept("it is too long"));
        }
        let content: Content =
            json::from_slice(content).map_err(|_| TdiError::Accept("it is not JSON of its form"))?;
        if content.lock_flags & !KNOWN_FLAGS != 0 {
            return Err(TdiError::Accept("a reserved lock flag is set"));
        }
        Ok(Self {
            tsm: TsmDigests {
                certs: content.certs_sha384,
                measurements: content.measurements_sha384,
                interface_report: content.interface_report_sha384,
            },
            lock: LockFlags::of(content.lock_flags),
            state: content.tdi_state,
        })
    }
}

impl LockFlags {
    const fn of(bits: u16) -> Self {
        Self {
            no_firmware_update: bits & NO_FW_UPDATE != 0,
            msi_x: bits & LOCK_MSIX != 0,
            bind_p2p: bits & BIND_P2P != 0,
            all_request_redirect: bits & ALL_REQUEST_REDIRECT != 0,
        }
    }
}
