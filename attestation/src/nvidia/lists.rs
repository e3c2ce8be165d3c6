//! Revocation lists of the authorities over devices and manifests (NV-32 to NV-34).
//!
//! NVIDIA publishes its root's list, which names authorities over products, and one of each product's, which
//! names provisioners (`l1-root.crl`, `l2-gh100.crl`, …). A list speaks for the authority that has its name
//! and its key, and for no other: that of Blackwell says nothing of Hopper.

use super::error::{NvidiaError, Place};
use super::proved::Proved;
use super::revocation::{Asked, ecdsa};
use crate::claims::CollateralUse;
use crate::crl::{Content, List};
use crate::crypto::Budget;
use crate::roots::sha256;
use crate::verify::Context;
use hanzo_attestation_evidence::x509::{MAX_CRLS, PublicKey, X509Error};
use hanzo_attestation_evidence::{Hex, UnixTime};

/// What the lists of a certificate's issuer say: nothing against it.
#[derive(Default)]
pub(super) struct Listed {
    /// The newest thisUpdate and the earliest nextUpdate; `None` where there is no list.
    pub(super) dates: Option<(UnixTime, UnixTime)>,
    /// The lists.
    pub(super) uses: Vec<CollateralUse>,
}

impl Asked<'_> {
    /// Looks the certificate up in every list of its issuer: each must hold, and none names it.
    pub(super) fn in_lists(
        &self,
        context: &Context<'_>,
        proved: &mut Proved<'_>,
        budget: &mut Budget,
    ) -> Result<Listed, NvidiaError> {
        let mut listed = Listed::default();
        for List { sha256, content, .. } in context.collateral.nvidia_crls() {
            let list = content.as_ref().map_err(X509Error::clone)?;
            if !self.issuer.has_issued(list) {
                continue;
            }
            if listed.uses.len() >= MAX_CRLS {
                return Err(X509Error::TooMany { limit: MAX_CRLS, actual: listed.uses.len() + 1 }.into());
            }
            self.check_signed(list, sha256, proved, budget)?;
            self.check(list, context.now)?;
            listed.add(list, sha256);
        }
        Ok(listed)
    }

    /// NV-32: by the issuer, which may sign lists.
    fn check_signed(
        &self,
        list: &Content,
        digest: &[u8; 32],
        proved: &mut Proved<'_>,
        budget: &mut Budget,
    ) -> Result<(), NvidiaError> {
        let mismatch = NvidiaError::CrlSignature(self.place);
        if !self.issuer.crl_sign {
            return Err(mismatch);
        }
        let question = sha256(&[self.issuer.point.as_slice(), b"list", digest].concat());
        proved.once(question, || {
            let key = PublicKey::P384(self.issuer.point);
            ecdsa(budget, &list.signature_algorithm, key, &list.tbs, &list.signature)
                .map_err(|error| NvidiaError::signature("a revocation list", error, mismatch))
        })
    }

    /// NV-34 before NV-33: what is revoked stays revoked, however old the list.
    fn check(&self, list: &Content, now: UnixTime) -> Result<(), NvidiaError> {
        let (place, this_update, next_update) = (self.place, list.this_update, list.next_update);
        if list.revokes(self.serial) {
            return Err(NvidiaError::Listed { place, serial: hex::encode(self.serial) });
        }
        if !list.is_current_at(now) {
            return Err(NvidiaError::CrlNotCurrent { place, now, this_update, next_update });
        }
        Ok(())
    }

    /// Whether a list can say that a certificate is good where no responder does. NVIDIA publishes lists that
    /// name authorities over products and provisioners, and none that names devices: an empty list of a
    /// provisioner would say nothing. Of manifests it publishes none.
    pub(super) const fn may_be_vouched_for_by_list(&self) -> bool {
        matches!(self.place, Place::Provisioner | Place::Product)
    }
}

impl Listed {
    fn add(&mut self, list: &Content, sha256: &[u8; 32]) {
        let (this_update, next_update) = (list.this_update, list.next_update);
        let (newest, earliest) = self.dates.unwrap_or((this_update, next_update));
        self.dates = Some((newest.max(this_update), earliest.min(next_update)));
        self.uses.push(CollateralUse {
            kind: "nvidia-crl",
            sha256: Hex(*sha256),
            issued: this_update,
            expires: next_update,
            grace_used: false,
        });
    }
}
