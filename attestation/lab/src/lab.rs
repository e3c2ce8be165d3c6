//! The lab: all its vendors, and evidence to order.

use crate::amd::{AmdKeys, AmdVendor};
use crate::intel::{IntelKeys, IntelVendor};
use crate::nvidia::{NvidiaKeys, NvidiaVendor, Standard};
use crate::tpm::{TpmKeys, TpmVendor};
use crate::{
    AzOrder, Devices, DevicesOrder, EkDefect, EndorsementKey, IntelCollateral, IntelOrder, LabChip, LabError,
    LabInterface, ListDefect, OcspStaple, OcspSubject, RimOrder, SgxOrder, SnpOrder, SnpProduct, TdiDefect,
    TdxOrder, TpmOrder, Validity,
};
use hanzo_attestation_evidence::encoding::base64_encode;
use serde_json::{Value, json};
use std::sync::Arc;

/// A set of lab vendors. Cheap to clone.
#[derive(Clone)]
pub struct Lab {
    pub(crate) vendors: Arc<Vendors>,
}

#[derive(Clone)]
pub(crate) struct Vendors {
    pub(crate) validity: Validity,
    /// In the order of [`SnpProduct::ALL`].
    pub(crate) amd: [AmdVendor; 3],
    pub(crate) intel: IntelVendor,
    pub(crate) tpm: TpmVendor,
    /// Absent in a directory that an older program wrote.
    pub(crate) nvidia: Option<NvidiaVendor>,
    /// What the lab's Intel signed when the lab was made.
    pub(crate) intel_collateral: IntelCollateral,
}

impl Vendors {
    /// The lab's AMD for one product.
    pub(crate) const fn of(&self, product: SnpProduct) -> &AmdVendor {
        let [milan, genoa, turin] = &self.amd;
        match product {
            SnpProduct::Milan => milan,
            SnpProduct::Genoa => genoa,
            SnpProduct::Turin => turin,
        }
    }
}

impl Lab {
    /// New vendors with fresh keys. Everything they issue is valid over all of `validity`; the real vendors'
    /// shorter terms are not imitated. Takes some seconds: nine RSA-4096 keys are generated.
    ///
    /// # Errors
    /// [`LabError`] if the random source fails.
    pub fn generate(validity: Validity) -> Result<Self, LabError> {
        let vendor = |product| AmdVendor::issue(product, AmdKeys::generate()?, validity);
        let [milan, genoa, turin] = SnpProduct::ALL;
        let amd = [vendor(milan)?, vendor(genoa)?, vendor(turin)?];
        let intel = IntelVendor::issue(IntelKeys::generate()?, validity)?;
        let intel_collateral = intel.collateral(&IntelOrder::new(validity))?;
        let tpm = TpmVendor::issue(TpmKeys::generate()?, validity)?;
        let nvidia = Some(NvidiaVendor::issue(NvidiaKeys::generate()?, validity)?);
        Ok(Self { vendors: Arc::new(Vendors { validity, amd, intel, tpm, nvidia, intel_collateral }) })
    }

    /// From and until when everything that this lab issues is valid.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.vendors.validity
    }

    /// The same lab with other root certificates of its AMD, for the same keys: roots that may not sign
    /// revocation lists, although they signed some (SNP-34).
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn without_list_signing(&self) -> Result<Self, LabError> {
        let [milan, genoa, turin] = self.vendors.amd.each_ref().map(AmdVendor::without_list_signing);
        let amd = [milan?, genoa?, turin?];
        Ok(Self { vendors: Arc::new(Vendors { amd, ..(*self.vendors).clone() }) })
    }

    /// Makes a `sev-snp` item of an evidence document.
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn snp(&self, order: &SnpOrder) -> Result<Value, LabError> {
        let (report, certificates) = self.vendors.of(order.product).evidence(order)?;
        let certificates: Vec<String> = certificates.iter().map(|der| base64_encode(der)).collect();
        Ok(json!({"type": "sev-snp", "report": base64_encode(&report), "certs": certificates}))
    }

    /// Makes a `tdx` item of an evidence document.
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn tdx(&self, order: &TdxOrder) -> Result<Value, LabError> {
        let quote = base64_encode(&self.vendors.intel.tdx_quote(order)?);
        Ok(match &order.event_log {
            None => json!({"type": "tdx", "quote": quote}),
            Some(log) => json!({"type": "tdx", "quote": quote, "event_log": base64_encode(log)}),
        })
    }

    /// Makes a `sgx` item of an evidence document.
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn sgx(&self, order: &SgxOrder) -> Result<Value, LabError> {
        Ok(json!({"type": "sgx", "quote": base64_encode(&self.vendors.intel.sgx_quote(order)?)}))
    }

    /// Makes a `tpm` item of an evidence document.
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn tpm(&self, order: &TpmOrder) -> Result<Value, LabError> {
        self.vendors.tpm.item(order)
    }

    /// Makes an `az-snp-vtpm` or `az-tdx-vtpm` item of an evidence document.
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn azure(&self, order: &AzOrder) -> Result<Value, LabError> {
        crate::azure::item(&self.vendors, order)
    }

    /// Makes the items of the GPUs and switches of a machine.
    ///
    /// # Errors
    /// [`LabError::NoNvidia`], [`LabError::KeyGeneration`], [`LabError::Signing`].
    pub fn devices(&self, order: &DevicesOrder) -> Result<Devices, LabError> {
        self.nvidia()?.devices(order)
    }

    /// Locks a TEE device interface of each GPU of a machine, before any challenge; the defect is of the first.
    ///
    /// # Errors
    /// [`LabError::NoNvidia`], [`LabError::KeyGeneration`], [`LabError::Signing`].
    pub fn interfaces(
        &self,
        order: &DevicesOrder,
        defect: Option<TdiDefect>,
    ) -> Result<Vec<LabInterface>, LabError> {
        self.nvidia()?.interfaces(order, defect)
    }

    /// Makes the `tdi` item of such interfaces over a device nonce, to stand after those of the devices.
    ///
    /// # Errors
    /// [`LabError::NoNvidia`], [`LabError::Signing`].
    pub fn interface_item(
        &self,
        interfaces: &[LabInterface],
        nonce: [u8; 32],
        ocsp: Option<OcspStaple>,
    ) -> Result<Devices, LabError> {
        self.nvidia()?.interface_item(interfaces, nonce, ocsp)
    }

    /// Makes a reference integrity manifest (XML).
    ///
    /// # Errors
    /// [`LabError::NoNvidia`], [`LabError::Signing`].
    pub fn manifest(&self, order: &RimOrder) -> Result<Vec<u8>, LabError> {
        self.nvidia()?.rims.manifest(order)
    }

    /// Makes an OCSP answer (DER) about a certificate of the family's devices or of their manifests.
    ///
    /// # Errors
    /// [`LabError::NoNvidia`], [`LabError::Signing`].
    pub fn ocsp(&self, chip: LabChip, subject: OcspSubject, staple: OcspStaple) -> Result<Vec<u8>, LabError> {
        self.nvidia()?.answer(chip, subject, staple)
    }

    /// Names of the manifests that a lab's directory has, and the order of each.
    #[must_use]
    pub fn manifest_orders() -> Vec<(&'static str, RimOrder)> {
        Standard::ALL.iter().map(|which| (which.name(), which.order())).collect()
    }

    fn nvidia(&self) -> Result<&NvidiaVendor, LabError> {
        self.vendors.nvidia.as_ref().ok_or(LabError::NoNvidia)
    }

    /// The endorsement key of a lab TPM with its certificates, and with a defect in them.
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn endorsement_key(
        &self,
        machine: u32,
        defect: Option<EkDefect>,
    ) -> Result<EndorsementKey, LabError> {
        self.vendors.tpm.endorsement_key(machine, defect)
    }

    /// An evidence document of the given items.
    #[must_use]
    pub fn document(items: Vec<Value>) -> Value {
        json!({"evidence": items})
    }

    /// DER of a product's root certificate (ARK).
    #[must_use]
    pub fn amd_root(&self, product: SnpProduct) -> &[u8] {
        &self.vendors.of(product).ark
    }

    /// DER of Intel's root certificate.
    #[must_use]
    pub fn intel_root(&self) -> &[u8] {
        &self.vendors.intel.root
    }

    /// DER of all AMD revocation lists: for each product that of VCEKs and that of VLEKs.
    #[must_use]
    pub fn amd_lists(&self) -> Vec<Vec<u8>> {
        self.vendors.amd.iter().flat_map(|vendor| vendor.lists.iter().cloned()).collect()
    }

    /// As [`Lab::amd_lists`], each with the same defect.
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn amd_lists_with(&self, defect: ListDefect) -> Result<Vec<Vec<u8>>, LabError> {
        let lists: Result<Vec<_>, _> =
            self.vendors.amd.iter().map(|vendor| vendor.lists_with(defect)).collect();
        Ok(lists?.into_iter().flatten().collect())
    }

    /// DER of the authority over the attestation keys of the lab's TPMs.
    #[must_use]
    pub fn tpm_authority(&self) -> &[u8] {
        &self.vendors.tpm.authority
    }

    /// DER of the manufacturer of the lab's TPMs, who certifies their endorsement keys.
    #[must_use]
    pub fn tpm_manufacturer(&self) -> &[u8] {
        &self.vendors.tpm.manufacturer
    }

    /// DER of the root of the lab's GPUs and switches, if it makes any.
    #[must_use]
    pub fn nvidia_root(&self) -> Option<&[u8]> {
        self.vendors.nvidia.as_ref().map(NvidiaVendor::root)
    }

    /// DER of the root of the lab's manifests, if it makes any.
    #[must_use]
    pub fn nvidia_rim_root(&self) -> Option<&[u8]> {
        self.vendors.nvidia.as_ref().map(|vendor| vendor.rims.root())
    }

    /// The manifests (XML) that were made with the lab: for the GPUs and switches that it makes by default.
    #[must_use]
    pub fn nvidia_manifests(&self) -> &[Vec<u8>] {
        self.vendors.nvidia.as_ref().map_or(&[], |vendor| &vendor.manifests)
    }

    /// What the lab's Intel signed when the lab was made: everything that its platforms need, revoking
    /// nothing.
    #[must_use]
    pub fn intel_collateral(&self) -> &IntelCollateral {
        &self.vendors.intel_collateral
    }

    /// The order of [`Lab::intel_collateral`], to be changed.
    #[must_use]
    pub fn intel_order(&self) -> IntelOrder {
        IntelOrder::new(self.validity())
    }

    /// Signs other collateral in the name of the lab's Intel.
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn sign_intel(&self, order: &IntelOrder) -> Result<IntelCollateral, LabError> {
        self.vendors.intel.collateral(order)
    }
}
