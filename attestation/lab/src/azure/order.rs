//! What a caller can ask of a lab machine in the manner of Azure's.

use super::AzDefect;
use crate::{SnpOrder, TdxOrder, TpmHash, TpmOrder};

/// One item of an Azure virtual machine to make: a hardware report over runtime data that name a TPM's key,
/// and that TPM's quote. The default is version 1 of a SEV-SNP machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzOrder {
    /// Version of the evidence: 0, which is not written, 1 or 2. Version 2 alone binds user data.
    pub version: u32,
    /// The machine. Its report data are those of the runtime data, whatever the order says.
    pub guest: AzGuest,
    /// The TPM's quote, whose qualifying data are the binding. Its key is RSASSA with SHA-256, whatever the
    /// order says.
    pub tpm: TpmOrder,
    /// `user-data` of the runtime data.
    pub user_data: [u8; 64],
    /// `vm-configuration`.
    pub vm: VmConfiguration,
    /// Version of the report's header, 1 or 2.
    pub hcl_version: u32,
    /// By which the hardware report binds the runtime data; SHA-1 is none of them.
    pub hash: TpmHash,
    /// One more thing that is wrong, with everything else properly signed.
    pub defect: Option<AzDefect>,
}

/// The hardware under an Azure machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "an order is made once for each piece of evidence")]
pub enum AzGuest {
    /// SEV-SNP.
    Snp(SnpOrder),
    /// TDX.
    Tdx(TdxOrder),
}

/// `vm-configuration`; an absent member is not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VmConfiguration {
    /// `console-enabled`.
    pub console_enabled: Option<bool>,
    /// `secure-boot`.
    pub secure_boot: Option<bool>,
    /// `tpm-enabled`.
    pub tpm_enabled: Option<bool>,
    /// `tpm-persisted`.
    pub tpm_persisted: Option<bool>,
    /// `vmUniqueId`.
    pub unique_id: Option<String>,
}

impl AzOrder {
    /// A TDX machine. SEPT_VE_DISABLE is clear, as in Azure's.
    #[must_use]
    pub fn tdx() -> Self {
        let guest = AzGuest::Tdx(TdxOrder { td_attributes: 0, ..TdxOrder::default() });
        Self { guest, ..Self::default() }
    }

    /// This order with one defect. TEE and version are changed where the defect exists only on another one.
    #[must_use]
    pub fn with_defect(mut self, defect: AzDefect) -> Self {
        defect.fit(&mut self);
        self.defect = Some(defect);
        self
    }
}

impl Default for AzOrder {
    fn default() -> Self {
        Self {
            version: 1,
            guest: AzGuest::Snp(SnpOrder::default()),
            tpm: TpmOrder::default(),
            user_data: [0; 64],
            vm: VmConfiguration::default(),
            hcl_version: 1,
            hash: TpmHash::Sha256,
            defect: None,
        }
    }
}

impl Default for VmConfiguration {
    fn default() -> Self {
        Self {
            console_enabled: Some(true),
            secure_boot: Some(true),
            tpm_enabled: Some(true),
            tpm_persisted: None,
            unique_id: Some("00000000-1AB0-4000-8000-000000000001".to_owned()),
        }
    }
}
