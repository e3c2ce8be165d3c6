//! QE identity (Intel PCS API, version 2): which quoting enclaves Intel vouches for.

use super::level::{Standing, SvnLevel};
use super::tcb_info::TcbInfo;
use super::text::{array, hex, object, string};
use crate::Validity;
use crate::intel::enclave::QuotingEnclave;
use hanzo_attestation_evidence::UnixTime;

/// A QE identity to sign, field by field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QeIdentity {
    /// `id`: `QE` for SGX, `TD_QE` for TDX.
    pub id: String,
    /// `version`: 2.
    pub version: u32,
    /// `issueDate`.
    pub issue_date: UnixTime,
    /// `nextUpdate`.
    pub next_update: UnixTime,
    /// `tcbEvaluationDataNumber`.
    pub evaluation_number: u32,
    /// `miscselect`.
    pub misc_select: [u8; 4],
    /// `miscselectMask`.
    pub misc_select_mask: [u8; 4],
    /// `attributes`.
    pub attributes: [u8; 16],
    /// `attributesMask`.
    pub attributes_mask: [u8; 16],
    /// `mrsigner`.
    pub mr_signer: [u8; 32],
    /// `isvprodid`.
    pub isv_prod_id: u16,
    /// `tcbLevels`, in the order in which they are written.
    pub levels: Vec<SvnLevel>,
}

impl QeIdentity {
    /// The identity of the lab's SGX quoting enclave.
    #[must_use]
    pub fn sgx(validity: Validity) -> Self {
        Self::of("QE", &QuotingEnclave::SGX, validity)
    }

    /// The identity of the lab's TD quoting enclave.
    #[must_use]
    pub fn tdx(validity: Validity) -> Self {
        Self::of("TD_QE", &QuotingEnclave::TDX, validity)
    }

    fn of(id: &str, enclave: &QuotingEnclave, validity: Validity) -> Self {
        Self {
            id: id.to_owned(),
            version: 2,
            issue_date: validity.not_before,
            next_update: validity.not_after,
            evaluation_number: TcbInfo::EVALUATION_NUMBER,
            misc_select: [0; 4],
            misc_select_mask: [0xff; 4],
            // INIT and PROVISIONKEY; of the flags only MODE64 is free, and XFRM is wholly free.
            attributes: [0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            attributes_mask: [0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0],
            mr_signer: enclave.signer,
            isv_prod_id: enclave.product,
            levels: vec![
                SvnLevel::new(enclave.svn, Standing::new("UpToDate", "2024-11-13T00:00:00Z", &[])),
                SvnLevel::new(
                    enclave.svn - 1,
                    Standing::new("OutOfDate", "2021-11-10T00:00:00Z", &["INTEL-SA-99003"]),
                ),
            ],
        }
    }

    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        object([
            ("id", string(&self.id)),
            ("version", self.version.to_string()),
            ("issueDate", string(&self.issue_date.to_string())),
            ("nextUpdate", string(&self.next_update.to_string())),
            ("tcbEvaluationDataNumber", self.evaluation_number.to_string()),
            ("miscselect", hex(&self.misc_select)),
            ("miscselectMask", hex(&self.misc_select_mask)),
            ("attributes", hex(&self.attributes)),
            ("attributesMask", hex(&self.attributes_mask)),
            ("mrsigner", hex(&self.mr_signer)),
            ("isvprodid", self.isv_prod_id.to_string()),
            ("tcbLevels", array(self.levels.iter().map(SvnLevel::text))),
        ])
    }
}
