//! What a verifier needs to accept this lab: its roots and its collateral.

use crate::{IntelCollateral, IntelOrder, Lab, LabError, ListDefect, SnpProduct};
use hanzo_attestation::Collateral;
use hanzo_attestation::roots::{ExtraAmdRoot, ExtraRoots};
use hanzo_attestation_evidence::snp::Product;

impl From<SnpProduct> for Product {
    fn from(product: SnpProduct) -> Self {
        match product {
            SnpProduct::Milan => Self::Milan,
            SnpProduct::Genoa => Self::Genoa,
            SnpProduct::Turin => Self::Turin,
        }
    }
}

impl Lab {
    /// The lab's roots, for `Roots::with_extra`.
    #[must_use]
    pub fn extra_roots(&self) -> ExtraRoots {
        let amd = SnpProduct::ALL.map(|product| ExtraAmdRoot {
            product: product.into(),
            ark_der: self.amd_root(product).to_vec(),
        });
        ExtraRoots {
            amd: amd.to_vec(),
            intel: vec![self.intel_root().to_vec()],
            tpm: vec![self.tpm_authority().to_vec()],
            tpm_manufacturers: vec![self.tpm_manufacturer().to_vec()],
            nvidia: self.nvidia_root().map(<[u8]>::to_vec).into_iter().collect(),
            nvidia_rim: self.nvidia_rim_root().map(<[u8]>::to_vec).into_iter().collect(),
        }
    }

    /// The lab's revocation lists, which revoke nothing, what its Intel says of its platforms: they are up to
    /// date, and the manifests of its GPUs and switches.
    #[must_use]
    pub fn collateral(&self) -> Collateral {
        let collateral = collect(self.amd_lists(), self.intel_collateral());
        self.nvidia_manifests().iter().fold(collateral, |collateral, xml| collateral.with_nvidia_rim(xml))
    }

    /// AMD's part of [`Lab::collateral`] alone: with it, quotes cannot be judged (COL-10).
    #[must_use]
    pub fn amd_collateral(&self) -> Collateral {
        self.amd_lists().into_iter().fold(Collateral::default(), Collateral::with_amd_crl)
    }

    /// As [`Lab::collateral`], with a defect in every AMD list.
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn collateral_with(&self, defect: ListDefect) -> Result<Collateral, LabError> {
        Ok(collect(self.amd_lists_with(defect)?, self.intel_collateral()))
    }

    /// As [`Lab::collateral`], with other collateral of the lab's Intel.
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn collateral_with_intel(&self, order: &IntelOrder) -> Result<Collateral, LabError> {
        Ok(collect(self.amd_lists(), &self.sign_intel(order)?))
    }
}

fn collect(amd_lists: Vec<Vec<u8>>, intel: &IntelCollateral) -> Collateral {
    let collateral = amd_lists.into_iter().fold(Collateral::default(), Collateral::with_amd_crl);
    let collateral = intel.lists().cloned().fold(collateral, Collateral::with_intel_crl);
    let collateral = intel.tcb_infos().cloned().fold(collateral, Collateral::with_intel_tcb_info);
    intel.qe_identities().cloned().fold(collateral, Collateral::with_intel_qe_identity)
}
