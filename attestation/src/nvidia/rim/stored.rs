//! Manifests as collateral keeps them: read and digested once, when they are put there; and proved when they
//! are used.

use super::super::proved::Proved;
use super::chain::Chain;
use super::claims::RimClaims;
use super::error::RimProofError;
use super::revocation::{self, Verdict};
use crate::admission::Judged;
use crate::claims::CollateralUse;
use crate::crypto::Budget;
use crate::roots::{Roots, sha256};
use crate::verify::Context;
use hanzo_attestation_evidence::nvidia::OcspResponse;
use hanzo_attestation_evidence::nvidia::rim::{Meta, Rim};
use hanzo_attestation_evidence::{Finding, Hex, UnixTime};
use std::sync::Arc;

/// A manifest, or what is wrong with it, for whoever uses it.
#[derive(Debug)]
pub(crate) struct StoredRim {
    sha256: Hex<32>,
    /// What it says it is for, if it can be read at all.
    stated: Option<Meta>,
    content: Result<Arc<Content>, RimProofError>,
}

/// A manifest that agrees with itself: its digest is the one that was signed, and its chain is for its
/// product. No signature is verified yet.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) rim: Rim,
    pub(super) chain: Chain,
}

/// A manifest that NVIDIA signed, in force at one instant. Only verification makes one.
///
/// ```compile_fail,E0451
/// # fn f(other: hanzo_attestation::nvidia::rim::TrustedRim) {
/// let forged = hanzo_attestation::nvidia::rim::TrustedRim { lab: false, ..other };
/// # }
/// ```
/// ```compile_fail,E0599
/// # fn f(trusted: hanzo_attestation::nvidia::rim::TrustedRim) {
/// let twice = trusted.clone();
/// # }
/// ```
#[derive(Debug)]
pub struct TrustedRim {
    content: Arc<Content>,
    verdict: Verdict,
    lab: bool,
}

impl StoredRim {
    /// Reads a manifest. One that cannot be read is refused when it is used.
    pub(crate) fn new(xml: &[u8]) -> Self {
        let rim = Rim::parse(xml);
        let stated = rim.as_ref().ok().map(|rim| rim.meta().clone());
        let content = rim.map_err(RimProofError::Form).and_then(Content::new).map(Arc::new);
        Self { sha256: Hex(sha256(xml)), stated, content }
    }

    /// SHA-256 of the file.
    pub(crate) const fn sha256(&self) -> Hex<32> {
        self.sha256
    }

    /// What it says it is for; nobody vouches for it.
    pub(super) const fn stated(&self) -> Option<&Meta> {
        self.stated.as_ref()
    }

    /// When its signer's certificate began; the earliest of all if it has no chain.
    pub(super) fn issued(&self) -> Option<UnixTime> {
        self.content.as_ref().ok().map(|content| content.chain.signer().validity.not_before)
    }

    /// NVR-22, NVR-25, NVR-29, then the signatures: four operations and two for each OCSP response, of the
    /// manifest's own budget, because it is the verifier's and not the attester's. What was verified once is
    /// known by the file.
    pub(super) fn prove(
        &self,
        stapled: &[OcspResponse<'_>],
        context: &Context<'_>,
        proved: &mut Proved<'_>,
    ) -> Result<TrustedRim, RimProofError> {
        let content = self.content.as_ref().map_err(RimProofError::clone)?;
        let lab = content.chain.pinned(context.roots)?.is_lab();
        content.chain.check_dates(context.now)?;
        // A device's worth more than a document's: three answers with their responders, and lists.
        let mut budget = Budget::for_devices(1);
        let verdict = revocation::check(&content.chain, stapled, context, proved, &mut budget)?;
        if context.cache.nvidia_rims.get(&self.sha256.0).is_none() {
            content.verify(&mut budget)?;
            context.cache.nvidia_rims.insert(self.sha256.0, Arc::new(()));
        }
        Ok(TrustedRim { content: Arc::clone(content), verdict, lab })
    }
}

impl StoredRim {
    /// What a store takes: NVR-22, and the signatures. Dates are left to the store, and revocation to whoever
    /// uses it.
    pub(crate) fn admit(&self, roots: &Roots) -> Result<Judged, RimProofError> {
        let content = self.content.as_ref().map_err(RimProofError::clone)?;
        let lab = content.chain.pinned(roots)?.is_lab();
        content.verify(&mut Budget::new())?;
        let meta = content.rim.meta();
        Ok(Judged {
            subject: format!("{}/{}/{}", meta.product, meta.version, self.sha256),
            evaluation: 0,
            issued: content.chain.signer().validity.not_before,
            expires: content.chain.not_after(),
            lab,
        })
    }
}

impl Content {
    /// NVR-20 to NVR-26, but for root and dates.
    fn new(rim: Rim) -> Result<Self, RimProofError> {
        if rim.signed_sha384() != rim.signature().digest {
            return Err(RimProofError::Digest);
        }
        let chain = Chain::read(&rim.signature().certificates, &rim.meta().product)?;
        Ok(Self { rim, chain })
    }

    fn verify(&self, budget: &mut Budget) -> Result<(), RimProofError> {
        let signature = self.rim.signature();
        self.chain.verify_manifest(budget, &signature.signed_info, &signature.value.0)?;
        self.chain.verify(budget)
    }
}

impl TrustedRim {
    /// What it says.
    #[must_use]
    pub fn rim(&self) -> &Rim {
        &self.content.rim
    }

    /// Its claims, for whoever reads about a single manifest.
    #[must_use]
    pub fn claims(&self) -> RimClaims {
        RimClaims::new(&self.content, self.lab)
    }

    /// What there is to say of its revocation: that it was not checked, that its signer is on hold.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.verdict.waived.iter().chain(&self.verdict.held)
    }

    /// Whether nothing about its revocation was waived.
    pub(super) const fn is_revocation_checked(&self) -> bool {
        self.verdict.waived.is_none()
    }

    /// Whether a certificate of its chain is on hold.
    pub(super) const fn is_on_hold(&self) -> bool {
        self.verdict.held.is_some()
    }

    /// When its signer's certificate began: of two manifests of one id the later one counts.
    #[must_use]
    pub fn issued(&self) -> UnixTime {
        self.content.chain.signer().validity.not_before
    }

    /// Earliest end of validity in its chain, and of what says that it is not revoked.
    #[must_use]
    pub fn not_after(&self) -> UnixTime {
        self.content.chain.not_after().min(self.verdict.not_after)
    }

    /// Whether its root is not NVIDIA's.
    #[must_use]
    pub const fn is_lab(&self) -> bool {
        self.lab
    }

    /// What a verdict rests on (COL-24): the manifest, and the lists that were asked about it.
    pub(super) fn collateral_uses(&self) -> impl Iterator<Item = CollateralUse> {
        let manifest = CollateralUse {
            kind: "nvidia-rim",
            sha256: self.rim().sha256(),
            issued: self.issued(),
            expires: self.content.chain.not_after(),
            grace_used: false,
        };
        std::iter::once(manifest).chain(self.verdict.uses.iter().cloned())
    }

    pub(super) fn signer(&self) -> super::RimSigner {
        super::RimSigner::new(self.content.chain.signer())
    }
}
