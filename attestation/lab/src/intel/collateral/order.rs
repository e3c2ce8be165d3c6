//! What a caller can ask of the lab's Intel beside quotes.

use super::spoil;
use super::{IntelDefect, QeIdentity, TcbInfo};
use crate::Validity;

/// All documents of the lab's Intel. The default of [`crate::Lab::intel_order`] is what strict appraisal
/// accepts; any field can be changed before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntelOrder {
    /// TCB info for TDX.
    pub tdx_tcb_info: Option<TcbInfo>,
    /// TCB info for SGX.
    pub sgx_tcb_info: Option<TcbInfo>,
    /// Identity of the TD quoting enclave.
    pub td_qe_identity: Option<QeIdentity>,
    /// Identity of the SGX quoting enclave.
    pub qe_identity: Option<QeIdentity>,
    /// When the root's revocation list is in force.
    pub root_list: Validity,
    /// When the lists of the PCK authorities are in force.
    pub pck_lists: Validity,
    /// One more thing that is wrong, with everything else properly signed.
    pub defect: Option<IntelDefect>,
}

impl IntelOrder {
    pub(crate) fn new(validity: Validity) -> Self {
        Self {
            tdx_tcb_info: Some(TcbInfo::tdx(validity)),
            sgx_tcb_info: Some(TcbInfo::sgx(validity)),
            td_qe_identity: Some(QeIdentity::tdx(validity)),
            qe_identity: Some(QeIdentity::sgx(validity)),
            root_list: validity,
            pck_lists: validity,
            defect: None,
        }
    }

    /// This order with one defect.
    #[must_use]
    pub fn with_defect(mut self, defect: IntelDefect) -> Self {
        spoil::fields(&mut self, defect);
        self.defect = Some(defect);
        self
    }

    /// This order with a change in both TCB infos.
    #[must_use]
    pub fn with_tcb_infos(mut self, change: impl Fn(&mut TcbInfo)) -> Self {
        self.tdx_tcb_info.iter_mut().chain(&mut self.sgx_tcb_info).for_each(change);
        self
    }

    /// This order with a change in both QE identities.
    #[must_use]
    pub fn with_qe_identities(mut self, change: impl Fn(&mut QeIdentity)) -> Self {
        self.td_qe_identity.iter_mut().chain(&mut self.qe_identity).for_each(change);
        self
    }
}
