//! Which of the stored documents speak for a platform, and whether they are in force (COL-08 to COL-10,
//! DCAP-24 to DCAP-43). What needs a key comes last: [`Documents::verify`].
//!
//! Of several documents the newest that is in force counts. Where none is in force, the newest is refused by
//! its dates.

use super::chain::{Chain, SignedLink};
use super::error::{DcapError, Document, Link, Period};
use super::stored::{Signer, Stored};
use crate::cache::Cache;
use crate::claims::CollateralUse;
use crate::collateral::{Collateral, IntelGrace, Revocation};
use crate::crl::{Content, List};
use crate::crypto::{self, Budget, SignatureError};
use crate::roots::sha256;
use crate::x509::ECDSA_WITH_SHA256;
use hanzo_attestation_evidence::dcap::{QeIdentity, TcbInfo, TeeType};
use hanzo_attestation_evidence::{Broken, Finding, Hex, Rule, Severity, UnixTime};
use std::sync::Arc;
use std::time::Duration;

/// How far a vendor's clock may be ahead of this one (COL-08).
const SKEW: Duration = Duration::from_secs(300);

/// The documents that speak for one platform: in force, and none of them revokes it.
pub(super) struct Documents<'a> {
    pub(super) tcb_info: &'a TcbInfo,
    pub(super) qe_identity: &'a QeIdentity,
    /// Lists of the PCK CA and of the root; absent when revocation is waived.
    pub(super) pck_crl: Option<Listed<'a>>,
    pub(super) root_crl: Option<Listed<'a>>,
    /// What was used, in a fixed order.
    pub(super) used: Vec<CollateralUse>,
    /// Earliest end of all of them and of their signers.
    pub(super) not_after: UnixTime,
    /// Waivers.
    pub(super) findings: Vec<Finding>,
    signed: [Signed<'a>; 2],
}

/// A list with the SHA-256 of its DER.
#[derive(Clone, Copy)]
pub(super) struct Listed<'a> {
    sha256: &'a [u8; 32],
    pub(super) content: &'a Content,
}

/// A document's signature to verify.
#[derive(Clone, Copy)]
struct Signed<'a> {
    document: Document,
    key: &'a [u8; 32],
    body: &'a [u8],
    signature: &'a [u8; 64],
    signer: &'a Signer,
}

/// Everything that the choice depends on.
pub(super) struct Platform<'a> {
    pub(super) chain: &'a Chain,
    pub(super) tee: TeeType,
    pub(super) now: UnixTime,
    pub(super) revocation: &'a Revocation,
}

impl Platform<'_> {
    /// Chooses the documents, and judges all of them that needs no key. `None` when no document of Intel's is
    /// at hand at all.
    pub(super) fn documents<'a>(
        &self,
        collateral: &'a Collateral,
    ) -> Result<Option<Documents<'a>>, DcapError> {
        if !collateral.has_intel() {
            return Ok(None);
        }
        let grace = collateral.intel_grace();
        let (stored_info, tcb_info) = self.tcb_info(collateral.intel_tcb_infos(), grace.tcb_info)?;
        let (stored_qe, qe_identity) =
            self.qe_identity(collateral.intel_qe_identities(), grace.qe_identity)?;
        let info_use = self.in_force(
            Document::TcbInfo,
            &stored_info.sha256,
            (tcb_info.issue_date, tcb_info.next_update),
            grace.tcb_info,
        )?;
        let (pce_id, wanted) = (tcb_info.pce_id, self.chain.extension.pceid);
        if pce_id != wanted {
            return Err(DcapError::PceIdMismatch { platform: wanted, document: pce_id });
        }
        let qe_use = self.in_force(
            Document::QeIdentity,
            &stored_qe.sha256,
            (qe_identity.issue_date, qe_identity.next_update),
            grace.qe_identity,
        )?;
        let signed =
            [Signed::new(Document::TcbInfo, stored_info)?, Signed::new(Document::QeIdentity, stored_qe)?];
        let mut documents = Documents {
            tcb_info,
            qe_identity,
            pck_crl: None,
            root_crl: None,
            used: Vec::with_capacity(4),
            not_after: UnixTime::MAX,
            findings: Vec::new(),
            signed,
        };
        documents.add(info_use, grace.tcb_info);
        documents.add(qe_use, grace.qe_identity);
        self.signers_valid(&mut documents)?;
        self.lists(collateral, grace, &mut documents)?;
        Ok(Some(documents))
    }

    /// DCAP-35, DCAP-37: the TCB info of this TEE and this platform, under this root.
    fn tcb_info<'a>(
        &self,
        stored: &'a [Arc<Stored<TcbInfo>>],
        grace: Duration,
    ) -> Result<(&'a Stored<TcbInfo>, &'a TcbInfo), DcapError> {
        let fmspc = self.chain.extension.fmspc;
        let readable = || stored.iter().filter_map(|stored| Some((&**stored, stored.content.as_ref().ok()?)));
        let of_tee = || readable().filter(|(_, info)| info.tee == self.tee);
        let ours = || of_tee().filter(|(_, info)| info.fmspc == fmspc);
        let key = |info: &TcbInfo| (info.issue_date, info.next_update);
        if let Some(found) = self.newest(ours(), key, grace)? {
            return Ok(found);
        }
        if let Some(error) = stored.iter().find_map(|stored| stored.content.as_ref().err()) {
            return Err(error.clone());
        }
        if let Some((_, other)) = of_tee().next() {
            return Err(DcapError::FmspcMismatch { platform: fmspc, document: other.fmspc });
        }
        if readable().any(|(_, info)| info.fmspc == fmspc) {
            return Err(DcapError::TcbInfoTee(self.tee));
        }
        Err(DcapError::CollateralMissing(format!("TCB info, {}, FMSPC {fmspc}", tee_name(self.tee))))
    }

    /// DCAP-42: the identity of this TEE's quoting enclave, under this root.
    fn qe_identity<'a>(
        &self,
        stored: &'a [Arc<Stored<QeIdentity>>],
        grace: Duration,
    ) -> Result<(&'a Stored<QeIdentity>, &'a QeIdentity), DcapError> {
        let readable = || stored.iter().filter_map(|stored| Some((&**stored, stored.content.as_ref().ok()?)));
        let ours = readable().filter(|(_, identity)| identity.tee == self.tee);
        let key = |identity: &QeIdentity| (identity.issue_date, identity.next_update);
        if let Some(found) = self.newest(ours, key, grace)? {
            return Ok(found);
        }
        if let Some(error) = stored.iter().find_map(|stored| stored.content.as_ref().err()) {
            return Err(error.clone());
        }
        if readable().next().is_some() {
            return Err(DcapError::QeIdentityTee(self.tee));
        }
        Err(DcapError::CollateralMissing(format!("QE identity, {}", tee_name(self.tee))))
    }

    /// The newest document in force whose issuer chain ends in this platform's root, or else the newest. Only
    /// documents under another root: DCAP-17.
    fn newest<'a, C>(
        &self,
        candidates: impl Iterator<Item = (&'a Stored<C>, &'a C)>,
        period: impl Fn(&C) -> (UnixTime, UnixTime),
        grace: Duration,
    ) -> Result<Option<(&'a Stored<C>, &'a C)>, DcapError> {
        let mut refused = None;
        let mut best = None;
        for (stored, content) in candidates {
            match &stored.signer {
                Ok(signer) if signer.root_key == self.chain.root.key => {}
                Ok(_) => {
                    refused.get_or_insert(DcapError::RootNotPinned);
                    continue;
                }
                Err(error) => {
                    refused.get_or_insert_with(|| error.clone());
                    continue;
                }
            }
            let (issued, expires) = period(content);
            let rank = (self.is_in_force(issued, expires, grace), issued);
            if best.as_ref().is_none_or(|(best, _)| rank > *best) {
                best = Some((rank, (stored, content)));
            }
        }
        match (best, refused) {
            (Some((_, found)), _) => Ok(Some(found)),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(None),
        }
    }

    fn is_in_force(&self, issued: UnixTime, expires: UnixTime, grace: Duration) -> bool {
        issued.before(SKEW) <= self.now && self.now <= expires.after(grace)
    }

    /// COL-08, COL-09: neither from the future nor out of date.
    fn in_force(
        &self,
        document: Document,
        sha256: &[u8; 32],
        (issued, expires): (UnixTime, UnixTime),
        grace: Duration,
    ) -> Result<CollateralUse, DcapError> {
        let period = Period { issued, expires, now: self.now };
        if self.now < issued.before(SKEW) {
            return Err(DcapError::NotYetValid(document, period));
        }
        if expires.after(grace) < self.now {
            return Err(DcapError::NotCurrent(document, period));
        }
        let (kind, sha256, grace_used) = (document.kind(), Hex(*sha256), expires < self.now);
        Ok(CollateralUse { kind, sha256, issued, expires, grace_used })
    }

    /// DCAP-32: the signers' certificates are valid now.
    fn signers_valid(&self, documents: &mut Documents<'_>) -> Result<(), DcapError> {
        for signed in &documents.signed {
            let signer = &signed.signer.certified;
            if self.now < signer.not_before || signer.not_after < self.now {
                return Err(DcapError::SignerProfile("its certificate is not valid now"));
            }
            documents.not_after = documents.not_after.min(signer.not_after);
        }
        Ok(())
    }

    /// DCAP-24, DCAP-26 to -28, DCAP-30, DCAP-31, DCAP-33: lists that are current, and none has a certificate
    /// of this proof on it.
    fn lists<'a>(
        &self,
        collateral: &'a Collateral,
        grace: IntelGrace,
        documents: &mut Documents<'a>,
    ) -> Result<(), DcapError> {
        let Chain { leaf, ca, root, .. } = self.chain;
        documents.root_crl = self.list(
            Document::RootCrl,
            collateral.intel_crls(),
            (&root.subject, &root.key_id),
            grace,
            documents,
        )?;
        documents.pck_crl = self.list(
            Document::PckCrl,
            collateral.intel_crls(),
            (&ca.subject, &ca.key_id),
            grace,
            documents,
        )?;
        if let Some(list) = documents.root_crl {
            if list.content.revokes(&ca.serial) {
                return Err(DcapError::CaRevoked(hex::encode(&ca.serial)));
            }
            let signers = documents.signed.iter().map(|signed| &signed.signer.certified.serial);
            if let Some(serial) = signers.into_iter().find(|serial| list.content.revokes(serial)) {
                return Err(DcapError::SignerRevoked(hex::encode(serial)));
            }
        }
        match documents.pck_crl {
            Some(list) if list.content.revokes(&leaf.serial) => {
                Err(DcapError::PckRevoked(hex::encode(&leaf.serial)))
            }
            _ => Ok(()),
        }
    }

    /// The newest list in an authority's name, in force; `None` when it is missing and that is waived.
    fn list<'a>(
        &self,
        document: Document,
        stored: &'a [Arc<List>],
        (issuer, key_id): (&[u8], &Option<Vec<u8>>),
        grace: IntelGrace,
        documents: &mut Documents<'a>,
    ) -> Result<Option<Listed<'a>>, DcapError> {
        let readable = || stored.iter().filter_map(|list| Some((&list.sha256, list.content.as_ref().ok()?)));
        let named = || readable().filter(|(_, list)| list.issuer == issuer);
        let by_this_key = |list: &Content| match (&list.authority_key_id, key_id) {
            (Some(signer), Some(authority)) => signer == authority,
            _ => true,
        };
        let rank = |list: &Content| {
            (self.is_in_force(list.this_update, list.next_update, grace.crls), list.this_update)
        };
        let found = named().filter(|(_, list)| by_this_key(list)).max_by_key(|(_, list)| rank(list));
        let Some((sha256, content)) = found else {
            if named().next().is_some() {
                return Err(DcapError::CrlSignature(document));
            }
            if let Some(error) = stored.iter().find_map(|list| list.content.as_ref().err()) {
                return Err(error.clone().into());
            }
            return self.waived(document, documents).map(|()| None);
        };
        let period = (content.this_update, content.next_update);
        documents.add(self.in_force(document, sha256, period, grace.crls)?, grace.crls);
        Ok(Some(Listed { sha256, content }))
    }

    fn waived(&self, document: Document, documents: &mut Documents<'_>) -> Result<(), DcapError> {
        let missing = DcapError::CrlMissing(document, self.chain.issuer);
        match self.revocation {
            Revocation::Required => Err(missing),
            Revocation::Waived { reason } => {
                let message = format!("{missing}: revocation was not checked, waived: {reason}");
                documents.findings.push(Finding::new(missing.rule(), Severity::Warn, message).waived());
                Ok(())
            }
        }
    }
}

impl<'a> Signed<'a> {
    fn new<C>(document: Document, stored: &'a Stored<C>) -> Result<Self, DcapError> {
        let signer = stored.signer.as_ref().map_err(DcapError::clone)?;
        let (body, signature) = (&stored.document.body, &stored.document.signature);
        Ok(Self { document, key: &stored.key, body, signature, signer })
    }
}

impl Documents<'_> {
    fn add(&mut self, used: CollateralUse, grace: Duration) {
        let end = if used.grace_used { used.expires.after(grace) } else { used.expires };
        self.not_after = self.not_after.min(end);
        if used.grace_used {
            let rule = Rule::new("COL-09", "CollateralExpired");
            let message =
                format!("{} is out of date since {}, within the configured grace", used.kind, used.expires);
            self.findings.push(Finding::new(rule, Severity::Warn, message).waived());
        }
        self.used.push(used);
    }

    /// DCAP-25, DCAP-29, DCAP-32, DCAP-34, DCAP-41: every signature, each once for its content and the key
    /// above it.
    pub(super) fn verify(&self, chain: &Chain, cache: &Cache, budget: &mut Budget) -> Result<(), DcapError> {
        for (document, list, key) in [
            (Document::RootCrl, self.root_crl, &chain.root.key),
            (Document::PckCrl, self.pck_crl, &chain.ca.key),
        ] {
            if let Some(list) = list {
                once(cache, list.sha256, key, || list_signature(document, list.content, key, budget))?;
            }
        }
        let mut known_signer: Option<&Signer> = None;
        for signed in &self.signed {
            once(cache, signed.key, &chain.root.key, || {
                // The two documents mostly have one signer.
                if !known_signer.is_some_and(|known| known.signed == signed.signer.signed) {
                    signer_signature(&signed.signer.signed, budget)?;
                    known_signer = Some(signed.signer);
                }
                let key = &signed.signer.certified.key;
                let checked = crypto::ecdsa_p256(budget, key, signed.body, signed.signature);
                named(checked, DcapError::DocumentSignature(signed.document))
            })?;
        }
        Ok(())
    }
}

/// Does a check unless it succeeded before, for the same content under the same key.
fn once(
    cache: &Cache,
    content: &[u8; 32],
    key: &[u8; 65],
    check: impl FnOnce() -> Result<(), DcapError>,
) -> Result<(), DcapError> {
    let name = sha256(&[content.as_slice(), key].concat());
    if cache.intel_signatures.get(&name).is_none() {
        check()?;
        cache.intel_signatures.insert(name, Arc::new(()));
    }
    Ok(())
}

fn list_signature(
    document: Document,
    list: &Content,
    key: &[u8; 65],
    budget: &mut Budget,
) -> Result<(), DcapError> {
    if list.signature_algorithm != ECDSA_WITH_SHA256 {
        return Err(DcapError::Algorithm(Link::List));
    }
    let checked = crypto::ecdsa_p256_der(budget, key, &list.tbs, &list.signature);
    named(checked, DcapError::CrlSignature(document))
}

fn signer_signature(signed: &SignedLink, budget: &mut Budget) -> Result<(), DcapError> {
    let checked = crypto::ecdsa_p256_der(budget, &signed.issuer_key, &signed.message, &signed.signature);
    named(checked, DcapError::SignerProfile("the root did not sign its certificate"))
}

/// A signature by another key has the name of the rule that asked for it; anything else that is wrong with a
/// signature has a name of its own.
pub(super) fn named(checked: Result<(), SignatureError>, rule: DcapError) -> Result<(), DcapError> {
    checked.map_err(|error| match error {
        SignatureError::Mismatch => rule,
        SignatureError::Form(error) => error.into(),
    })
}

pub(super) const fn tee_name(tee: TeeType) -> &'static str {
    match tee {
        TeeType::Sgx => "SGX",
        TeeType::Tdx => "TDX",
    }
}
