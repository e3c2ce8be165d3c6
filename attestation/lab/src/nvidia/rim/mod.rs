//! Reference integrity manifests in NVIDIA's form, under a root of the lab's own.

mod chain;
mod defect;
mod manifest;
mod order;
mod xml;

pub use defect::RimDefect;
pub use order::{RimMinimum, RimOrder, RimProduct};

use super::OcspOrder;
use super::crl::{self, CrlOrder};
use super::ocsp::{self, Parties};
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
pub(super) struct RimKeys {
    pub(super) root: EcKey,
    pub(super) family: EcKey,
    pub(super) level3: EcKey,
    pub(super) signer: EcKey,
    /// Who answers about revocation.
    pub(super) responder: EcKey,
    /// Nobody's: what it signs is signed by a stranger.
    pub(super) stranger: EcKey,
}

impl RimVendor {
    /// A vendor with fresh keys. What it issues is valid over all of `validity`, unless an order says
    /// otherwise.
    ///
    /// # Errors
    /// [`LabError`] if the random source fails.
    pub fn generate(validity: Validity) -> Result<Self, LabError> {
        let key = || EcKey::generate(Curve::P384);
        let keys = RimKeys {
            root: key()?,
            family: key()?,
            level3: key()?,
            signer: key()?,
            responder: key()?,
            stranger: key()?,
        };
        Self::issue(keys, validity)
    }

    /// A vendor with these keys.
    pub(super) fn issue(keys: RimKeys, validity: Validity) -> Result<Self, LabError> {
        let root = chain::root(&keys.root, validity).issue(&keys.root)?;
        Ok(Self::of(keys, root, validity))
    }

    /// The vendor whose root certificate is at hand.
    pub(super) const fn of(keys: RimKeys, root: Vec<u8>, validity: Validity) -> Self {
        Self { validity, keys, root }
    }

    /// Its root, for `Roots::with_extra`.
    #[must_use]
    pub fn extra_roots(&self) -> ExtraRoots {
        ExtraRoots { nvidia_rim: vec![self.root.clone()], ..ExtraRoots::default() }
    }

    /// An OCSP response about a certificate of the chain of manifests of this product: index 0 the signer's,
    /// 1 that of the level 3 authority, 2 that of the family.
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn ocsp(&self, product: RimProduct, order: &OcspOrder) -> Result<Vec<u8>, LabError> {
        let (serial, issuers) = chain::asked(product, order.index, &self.keys);
        let [issuer, other] = &issuers;
        let (responder, stranger) = (&self.keys.responder, &self.keys.stranger);
        ocsp::about(serial, &Parties { responder, stranger, validity: self.validity, issuer, other }, order)
    }

    /// A revocation list about certificates of the chain of manifests of this product, by the index of
    /// [`RimVendor::ocsp`].
    ///
    /// # Errors
    /// [`LabError::Signing`].
    pub fn crl(&self, product: RimProduct, order: &CrlOrder) -> Result<Vec<u8>, LabError> {
        let (serial, [issuer, _]) = chain::asked(product, order.index, &self.keys);
        crl::of(serial, &issuer, &self.keys.stranger, order)
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
