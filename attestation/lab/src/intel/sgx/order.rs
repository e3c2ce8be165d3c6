//! What a caller can ask of a lab SGX machine.

use super::SgxDefect;
use crate::intel::enclave::QuotingEnclave;
use crate::{PckAuthority, TdxDefect};
use aws_lc_rs::digest;
use hanzo_attestation_evidence::UnixTime;

/// One SGX quote to make. The default is what strict appraisal accepts: a version 3 quote of an initialised
/// 64-bit production enclave without KSS, with a PCK certificate of the Processor CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SgxOrder {
    /// REPORTDATA: the binding.
    pub report_data: [u8; 64],
    /// Quote version, 3, 4 or 5; the last with body type 1.
    pub version: u16,
    /// Who issues the PCK certificate.
    pub pck_authority: PckAuthority,
    /// CPUSVN.
    pub cpu_svn: [u8; 16],
    /// MISCSELECT.
    pub misc_select: u32,
    /// CET attributes.
    pub cet_attributes: u8,
    /// ATTRIBUTES.FLAGS without the debug bit, which has its own knob.
    pub attributes: u64,
    /// ATTRIBUTES.XFRM.
    pub xfrm: u64,
    /// MRENCLAVE.
    pub mr_enclave: [u8; 32],
    /// MRSIGNER.
    pub mr_signer: [u8; 32],
    /// ISVPRODID.
    pub isv_prod_id: u16,
    /// ISVSVN.
    pub isv_svn: u16,
    /// ISVEXTPRODID, with [`SgxOrder::KSS`] only.
    pub isv_ext_prod_id: [u8; 16],
    /// ISVFAMILYID, with [`SgxOrder::KSS`] only.
    pub isv_family_id: [u8; 16],
    /// CONFIGID, with [`SgxOrder::KSS`] only.
    pub config_id: [u8; 64],
    /// CONFIGSVN, with [`SgxOrder::KSS`] only.
    pub config_svn: u16,
    /// Which of the lab's platforms: each number has its own PPID, the same as of a TDX machine.
    pub platform: u32,
    /// QE SVN in the header of version 3, which should be that of the quoting enclave (DCAP-55).
    pub header_qe_svn: u16,
    /// Start of validity of the PCK certificate; `None` is the lab's own.
    pub issued_at: Option<UnixTime>,
    /// Knob: the enclave may be debugged.
    pub debug: bool,
    /// Knob: the first component of the platform one below the usual.
    pub tcb_below: bool,
    /// Knob: report data of another challenge.
    pub wrong_nonce: bool,
    /// One more thing that is wrong with the enclave, with everything else properly signed.
    pub defect: Option<SgxDefect>,
    /// One more thing that is wrong with the quote around it, one of those that quotes of both kinds can
    /// have.
    pub quote_defect: Option<TdxDefect>,
}

impl SgxOrder {
    /// ATTRIBUTES.FLAGS: INIT.
    pub const INIT: u64 = 1;
    /// ATTRIBUTES.FLAGS: MODE64BIT.
    pub const MODE64: u64 = 1 << 2;
    /// ATTRIBUTES.FLAGS: key separation and sharing, with which CONFIGID and its like have a meaning.
    pub const KSS: u64 = 1 << 7;

    /// MRENCLAVE of the lab's usual enclave: SHA-256 of `hanzo-lab/sgx/enclave/1`.
    #[must_use]
    pub fn usual_mr_enclave() -> [u8; 32] {
        sha256(b"hanzo-lab/sgx/enclave/1")
    }

    /// MRSIGNER of the lab's usual enclave: SHA-256 of `hanzo-lab/sgx/signer/1`.
    #[must_use]
    pub fn usual_mr_signer() -> [u8; 32] {
        sha256(b"hanzo-lab/sgx/signer/1")
    }

    /// This order with one defect of the enclave.
    #[must_use]
    pub const fn with_defect(mut self, defect: SgxDefect) -> Self {
        self.defect = Some(defect);
        self
    }

    /// This order with one defect of the quote, or nothing where quotes of this kind and version cannot have
    /// it.
    #[must_use]
    pub fn with_quote_defect(mut self, defect: TdxDefect) -> Option<Self> {
        if !defect.is_of_any_quote() {
            return None;
        }
        match defect {
            // In version 3 the signature data are the container of the certification data.
            TdxDefect::HeaderReserved | TdxDefect::OuterCertificationType | TdxDefect::SignatureLength => {
                self.version = self.version.max(4);
            }
            TdxDefect::BodyDescriptor => self.version = 5,
            // In version 4 it would be a TD quote that is cut short.
            TdxDefect::TeeType if self.version == 4 => self.version = 5,
            TdxDefect::PlatformInstanceMissing => self.pck_authority = PckAuthority::Platform,
            _ => {}
        }
        self.quote_defect = Some(defect);
        Some(self)
    }
}

impl Default for SgxOrder {
    fn default() -> Self {
        Self {
            report_data: [0; 64],
            version: 3,
            pck_authority: PckAuthority::Processor,
            cpu_svn: [4, 4, 25, 27, 4, 255, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0],
            misc_select: 0,
            cet_attributes: 0,
            attributes: Self::INIT | Self::MODE64,
            xfrm: 0xe7,
            mr_enclave: Self::usual_mr_enclave(),
            mr_signer: Self::usual_mr_signer(),
            isv_prod_id: 1,
            isv_svn: 1,
            isv_ext_prod_id: [0; 16],
            isv_family_id: [0; 16],
            config_id: [0; 64],
            config_svn: 0,
            platform: 1,
            header_qe_svn: QuotingEnclave::SGX.svn,
            issued_at: None,
            debug: false,
            tcb_below: false,
            wrong_nonce: false,
            defect: None,
            quote_defect: None,
        }
    }
}

fn sha256(message: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, message).as_ref());
    out
}
