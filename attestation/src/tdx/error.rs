//! What can be wrong with a TD that its quote describes.

use crate::dcap::DcapError;
use crate::event_log::ReplayError;
use hanzo_attestation_evidence::{Broken, Hex, Rule};

/// A TD quote that is refused: one variant a broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TdxError {
    /// The DCAP layers below.
    #[error(transparent)]
    Dcap(#[from] DcapError),
    /// TDX-01: a debug or unknown TDX module.
    #[error("SEAMATTRIBUTES is {0:#x}, not zero")]
    SeamAttributes(u64),
    /// TDX-02: a TDX module that Intel did not sign; its production signer is all zeros.
    #[error("MRSIGNERSEAM is {0}, not zero")]
    ModuleSigner(Hex<48>),
    /// TDX-08: an update that preserves a TD never goes back.
    #[error("TEE_TCB_SVN_2 {now} is below TEE_TCB_SVN {launch}")]
    TcbSvnOrder {
        /// TEE_TCB_SVN.
        launch: Hex<16>,
        /// TEE_TCB_SVN_2.
        now: Hex<16>,
    },
    /// TDX-11: attribute bits without a documented meaning.
    #[error("TD attribute bits {0:#x} have no documented meaning")]
    AttributesReserved(u64),
    /// TDX-16: XFAM lacks x87 or SSE, or has a bit that no TDX module supports.
    #[error("XFAM {0:#x}: bits 0 and 1 must be set, and none outside {SUPPORTED_XFAM:#x}")]
    XfamReserved(u64),
    /// LOG-01 to LOG-14, LOG-20: the guest's event log.
    #[error(transparent)]
    Log(#[from] ReplayError),
}

/// XFAM bits that a TDX module supports (TDX-16).
pub(super) const SUPPORTED_XFAM: u64 = 0x6_DBE7;

impl Broken for TdxError {
    fn rule(&self) -> Rule {
        match self {
            Self::Dcap(error) => error.rule(),
            Self::Log(error) => error.rule(),
            Self::SeamAttributes(_) => Rule::new("TDX-01", "TdSeamAttributes"),
            Self::ModuleSigner(_) => Rule::new("TDX-02", "TdModuleSigner"),
            Self::TcbSvnOrder { .. } => Rule::new("TDX-08", "TdTcbSvnOrder"),
            Self::AttributesReserved(_) => Rule::new("TDX-11", "TdAttributesReserved"),
            Self::XfamReserved(_) => Rule::new("TDX-16", "TdXfamReserved"),
        }
    }
}
