//! What a caller can ask of a lab TDX machine.

use super::TdxDefect;
use crate::event_log::LabLog;
use aws_lc_rs::digest;
use hanzo_attestation_evidence::UnixTime;

/// Bytes of the area that firmware sets aside for a log.
const CCEL_AREA: usize = 64 << 10;

/// One TD quote to make. The default is what strict appraisal accepts: a version 4 quote of a TD without
/// debugging, without a service TD, with SEPT_VE_DISABLE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TdxOrder {
    /// REPORTDATA: the binding.
    pub report_data: [u8; 64],
    /// Quote version, 4 or 5.
    pub version: u16,
    /// Layout of the body in a version 5 quote; version 4 always has [`TdxBody::Td10`].
    pub body: TdxBody,
    /// Who issues the PCK certificate.
    pub pck_authority: PckAuthority,
    /// MRTD.
    pub mr_td: [u8; 48],
    /// RTMR0 to RTMR3.
    pub rtmr: [[u8; 48]; 4],
    /// MRCONFIGID.
    pub mr_config_id: [u8; 48],
    /// MROWNER.
    pub mr_owner: [u8; 48],
    /// MROWNERCONFIG.
    pub mr_owner_config: [u8; 48],
    /// MR_SERVICETD, TD 1.5 only.
    pub mr_service_td: [u8; 48],
    /// MRSEAM.
    pub mr_seam: [u8; 48],
    /// TD attributes without the debug bit, which has its own knob.
    pub td_attributes: u64,
    /// XFAM.
    pub xfam: u64,
    /// TEE_TCB_SVN.
    pub tee_tcb_svn: [u8; 16],
    /// TEE_TCB_SVN_2, TD 1.5 only.
    pub tee_tcb_svn_2: [u8; 16],
    /// Which of the lab's platforms: each number has its own PPID.
    pub platform: u32,
    /// CCEL event log that travels beside the quote.
    pub event_log: Option<Vec<u8>>,
    /// Start of validity of the PCK certificate; `None` is the lab's own.
    pub issued_at: Option<UnixTime>,
    /// Knob: the TD may be debugged.
    pub debug: bool,
    /// Knob: TDX module and first SGX component one below the usual.
    pub tcb_below: bool,
    /// Knob: report data of another challenge.
    pub wrong_nonce: bool,
    /// One more thing that is wrong, with everything else properly signed.
    pub defect: Option<TdxDefect>,
}

impl TdxOrder {
    /// SEPT_VE_DISABLE, the one attribute of an ordinary production TD.
    pub const SEPT_VE_DISABLE: u64 = 1 << 28;
    /// TEE_TCB_SVN of the lab's platforms: TDX module 1.5, version 11.
    pub const TEE_TCB_SVN: [u8; 16] = [11, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// MRTD of the lab's usual image: SHA-384 of `hanzo-lab/tdx/image/1`.
    #[must_use]
    pub fn usual_mr_td() -> [u8; 48] {
        sha384(b"hanzo-lab/tdx/image/1")
    }

    /// This order with one defect. Version and body are changed where the defect exists only on another one.
    #[must_use]
    pub fn with_defect(mut self, defect: TdxDefect) -> Self {
        defect.fit(&mut self);
        self.defect = Some(defect);
        self
    }

    /// This order with the registers to which a log replays, and the log.
    #[must_use]
    pub fn with_log(mut self, log: &LabLog) -> Self {
        self.rtmr = log.rtmrs();
        self.event_log = Some(log.bytes_with_fill(CCEL_AREA));
        self
    }

    /// PPID of the ordered platform.
    #[must_use]
    pub fn ppid(&self) -> [u8; 16] {
        ppid(self.platform)
    }
}

impl Default for TdxOrder {
    fn default() -> Self {
        Self {
            report_data: [0; 64],
            version: 4,
            body: TdxBody::Td15,
            pck_authority: PckAuthority::Platform,
            mr_td: Self::usual_mr_td(),
            rtmr: [
                sha384(b"hanzo-lab/tdx/rtmr0/1"),
                sha384(b"hanzo-lab/tdx/rtmr1/1"),
                sha384(b"hanzo-lab/tdx/rtmr2/1"),
                [0; 48],
            ],
            mr_config_id: [0; 48],
            mr_owner: [0; 48],
            mr_owner_config: [0; 48],
            mr_service_td: [0; 48],
            mr_seam: sha384(b"hanzo-lab/tdx/module/1"),
            td_attributes: Self::SEPT_VE_DISABLE,
            xfam: 0x6_02e7,
            tee_tcb_svn: Self::TEE_TCB_SVN,
            tee_tcb_svn_2: Self::TEE_TCB_SVN,
            platform: 1,
            event_log: None,
            issued_at: None,
            debug: false,
            tcb_below: false,
            wrong_nonce: false,
            defect: None,
        }
    }
}

/// The layouts of a TD body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TdxBody {
    /// TD 1.0: type 2, 584 bytes.
    Td10,
    /// TD 1.5: type 3, 648 bytes.
    Td15,
}

/// The two authorities that issue PCK certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PckAuthority {
    /// Intel SGX PCK Platform CA: multi-package platforms, SGX type 1.
    Platform,
    /// Intel SGX PCK Processor CA: single-package platforms, SGX type 0.
    Processor,
}

/// PPID of a platform by its number.
pub(super) fn ppid(platform: u32) -> [u8; 16] {
    let name = format!("hanzo-lab/tdx/platform/{platform}");
    let mut out = [0; 16];
    out.iter_mut()
        .zip(digest::digest(&digest::SHA256, name.as_bytes()).as_ref())
        .for_each(|(to, from)| *to = *from);
    out
}

pub(super) fn sha384(message: &[u8]) -> [u8; 48] {
    let mut out = [0; 48];
    out.copy_from_slice(digest::digest(&digest::SHA384, message).as_ref());
    out
}
