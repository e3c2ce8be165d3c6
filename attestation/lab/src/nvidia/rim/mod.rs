//! Reference integrity manifests in NVIDIA's form, under a root of the lab's own.

mod chain;
mod defect;
mod manifest;
mod order;
mod xml;

pub use defect::RimDefect;
pub use order::{RimMinimum, RimOrder, RimProduct};

use crate::sign::{Curve, EcKey};
use crate::{LabError, Validity};
use hanzo_attestation::ExtraRoots;

/// Whoever signs the lab's manifests: a root, and below it an authority for each family of devices.
#[derive(Clone)]
pub struct RimVendor {
    validity: Validity,
    keys: RimKeys,
    root: Vec<u8>,
}

/// The private side.
#[derive(Clone)]
struct RimKeys {
    root: EcKey,
    family: EcKey,
    level3: EcKey,
    signer: EcKey,
    /// Nobody's: what it signs is signed by a stranger.
    stranger: EcKey,
}

impl RimVendor {
    /// A vendor with fresh keys. What it issues is valid over all of `validity`, unless an order says otherwise.
    ///
    /// # Errors
    /// [`LabError`] if the random source fails.
    pub fn generate(validity: Validity) -> Result<Self, LabError> {
        let key = || EcKey::generate(Curve::P384);
        let keys = RimKeys { root: key()?, family: key()?, level3: key()?, signer: key()?, stranger: key()? };
        let root = chain::root(&keys.root, validity).issue(&keys.root)?;
        Ok(Self { validity, keys, root })
    }

    /// Its root, for `Roots::with_extra`.
    #[must_use]
    pub fn extra_roots(&self) -> ExtraRoots {
        ExtraRoots { nvidia_rim: vec![self.root.clone()], ..ExtraRoots::default() }
    }

    /// Its root certificate, DER.
    #[must_use]
    pub fn root(&self) -> &[u8] {
        &self.root
    }

    /// Makes a manifest (XML).
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn manifest(&self, order: &RimOrder) -> Result<Vec<u8>, LabError> {
        let certificates = chain::certificates(order, &self.keys, &self.root, self.validity)?;
        manifest::sign(order, &self.keys, &certificates)
    }
}
