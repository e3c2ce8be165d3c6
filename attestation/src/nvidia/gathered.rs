//! What is gathered from device to device of an item: reports and interfaces are judged alike in what their
//! chains and revocation are.

use super::NvidiaError;
use super::chain::{self, Chain};
use super::claims::Standing;
use super::proved::Proved;
use super::revocation::{self, Verdict};
use crate::claims::{CollateralUse, Facts, TcbStatus};
use crate::crypto::Budget;
use crate::roots::{NvidiaAuthority, NvidiaRoot};
use crate::verify::Context;
use hanzo_attestation_evidence::nvidia::OcspResponse;
use hanzo_attestation_evidence::{Finding, Hex, Tee, UnixTime};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the devices so far have in common.
pub(super) struct Gathered<'a> {
    findings: Vec<Finding>,
    /// Signatures of certificates and responses that this item has proved.
    proved: Proved<'a>,
    not_after: Option<UnixTime>,
    /// Manifests and lists, each once.
    uses: BTreeSet<CollateralUse>,
    /// The root of the last device.
    root: Option<Hex<32>>,
    lab: bool,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(context: &Context<'a>) -> Self {
        Self {
            findings: Vec::new(),
            proved: Proved::new(&context.cache.nvidia_certificates),
            not_after: None,
            uses: BTreeSet::new(),
            root: None,
            lab: false,
        }
    }

    /// A device's chain, proved now or before. `fits` is asked each time, and before any signature of a
    /// certificate: whether it holds now, is the device's, and signed what the device says.
    pub(super) fn chain<E: From<NvidiaError>>(
        &mut self,
        certificates: &[Vec<u8>],
        context: &Context<'_>,
        budget: &mut Budget,
        fits: impl Fn(&Chain, &mut Budget) -> Result<(), E>,
    ) -> Result<Arc<Chain>, E> {
        let question = chain::key_of(certificates, context.roots);
        if let Some(known) = context.cache.nvidia_chains.get(&question) {
            fits(&known, budget)?;
            return Ok(known);
        }
        let unproved = chain::read(certificates, context.roots)?;
        fits(&unproved.chain, budget)?;
        let chain = Arc::new(unproved.verify(context.roots, &mut self.proved, budget)?);
        context.cache.nvidia_chains.insert(question, Arc::clone(&chain));
        Ok(chain)
    }

    /// What is known of the revocation of a chain, from what came along and from collateral; notes on which
    /// root the device rests, and until when.
    pub(super) fn revocation(
        &mut self,
        chain: &Chain,
        root: &NvidiaAuthority,
        came: &[OcspResponse<'_>],
        context: &Context<'_>,
        budget: &mut Budget,
    ) -> Result<Vec<Standing>, NvidiaError> {
        let answers = answers(came, chain, context);
        let Verdict { standing, waived, not_after, uses } =
            revocation::check(chain, root, &answers, context, &mut self.proved, budget)?;
        self.find(waived);
        self.rests_on(uses, not_after.min(chain.not_after(root)));
        let anchor = chain.anchor(context.roots);
        self.root = anchor.map(|root| Hex(*root.sha256()));
        self.is_lab(anchor.is_some_and(NvidiaRoot::is_lab));
        Ok(standing)
    }

    /// Notes findings, each once.
    pub(super) fn find(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
    }

    /// Notes collateral that the verdict rests on, and an instant at which it ends.
    pub(super) fn rests_on(&mut self, uses: impl IntoIterator<Item = CollateralUse>, not_after: UnixTime) {
        self.uses.extend(uses);
        self.not_after = Some(self.not_after.map_or(not_after, |earliest| earliest.min(not_after)));
    }

    /// Notes whether a lab vouches for something.
    pub(super) const fn is_lab(&mut self, lab: bool) {
        self.lab |= lab;
    }

    /// The facts of the item; `pdis` are those of all its devices.
    pub(super) fn finish(self, tee: Tee, mut pdis: impl Iterator<Item = Hex<8>>) -> (Facts, Vec<Finding>) {
        let chip = match (pdis.next(), pdis.next()) {
            (Some(only), None) => Some(only.to_string()),
            _ => None,
        };
        let facts = Facts {
            tee,
            product: None,
            debug: None,
            measurements: Vec::new(),
            host_data: None,
            chip,
            tcb_status: TcbStatus::NotRated,
            tcb_date: None,
            advisories: Vec::new(),
            root: self.root,
            collateral: self.uses.into_iter().collect(),
            not_after: self.not_after.unwrap_or(UnixTime::MAX),
            lab: self.lab,
        };
        (facts, self.findings)
    }
}

/// What came along, and what collateral has in force about this chain.
fn answers<'c>(came: &[OcspResponse<'c>], chain: &'c Chain, context: &Context<'c>) -> Vec<OcspResponse<'c>> {
    let links = chain.links.iter();
    let stored = links.flat_map(|link| context.collateral.nvidia_ocsp_about(&link.serial, context.now));
    let stored = stored.filter_map(|der| OcspResponse::parse(der).ok());
    let speaks = |response: &&OcspResponse<'_>| {
        let mut about = response.answers.iter().map(|answer| answer.serial);
        about.any(|serial| chain.links.iter().any(|link| link.serial == serial))
    };
    came.iter().filter(speaks).cloned().chain(stored).collect()
}
