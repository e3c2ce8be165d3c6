//! The proof under a quote: attestation key, quoting enclave, PCK certificate, Intel's root.

use super::available;
use super::chain::{self, Chain, SignedLink};
use super::claims::{Claims, Rating};
use super::documents::{Documents, Platform, named};
use super::error::DcapError;
use super::pck::PckExtension;
use super::tcb::{self, Rated};
use crate::binding::ReportData;
use crate::claims::{CollateralUse, TcbStatus};
use crate::crypto::{self, Budget};
use crate::verify::{Context, Refused};
use aws_lc_rs::digest;
use hanzo_attestation_evidence::dcap::{Certification, PckChain, QeReport, Quote};
use hanzo_attestation_evidence::{Finding, Hex, Rule, Severity, Tee, UnixTime, tdx};
use std::sync::Arc;

/// What of a quote's body Intel rates.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    /// An SGX enclave: nothing but its platform.
    Enclave,
    /// A TD: its TDX module as well.
    Td(&'a tdx::Body),
}

/// A quote whose proof holds down to a pinned root.
#[derive(Debug)]
pub(crate) struct Proven {
    /// What the layers below the body say.
    pub(crate) claims: Claims,
    /// The vendor's word on the security version.
    pub(crate) tcb_status: TcbStatus,
    /// Date of the oldest level of that.
    pub(crate) tcb_date: Option<UnixTime>,
    /// Advisories, sorted.
    pub(crate) advisories: Vec<String>,
    /// SHA-256 of the root's certificate.
    pub(crate) root: Hex<32>,
    /// Documents that all this rests on.
    pub(crate) collateral: Vec<CollateralUse>,
    /// Earliest end of validity of certificates and collateral.
    pub(crate) not_after: UnixTime,
    /// Whether the root is a configured one instead of Intel's.
    pub(crate) lab: bool,
    /// Statements worth knowing.
    pub(crate) findings: Vec<Finding>,
}

/// Verifies everything that quotes of all TEEs share, in the order of rule book B.0: what needs no key first,
/// certificates next, signatures last and innermost first. `tee` is the kind of the item, named in refusals.
pub(crate) fn verify<B>(
    tee: Tee,
    quote: &Quote<B>,
    subject: Subject<'_>,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<Proven, Refused> {
    prove(quote, subject, context, budget).map_err(|error| Refused::new(tee, &error))
}

fn prove<B>(
    quote: &Quote<B>,
    subject: Subject<'_>,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<Proven, DcapError> {
    check_qe_report(&quote.qe_report)?;
    let certifying = Certifying::find(quote, context, budget)?;
    let chain = &*certifying.chain;
    let root = chain.root(context.roots)?;
    chain.check_dates(context.now)?;
    let (tee, now, revocation) = (quote.header.tee_type, context.now, context.revocation);
    let documents = Platform { chain, tee, now, revocation }.documents(context.collateral)?;
    certifying.verify(quote, context, budget)?;
    let mut proven = Proven {
        claims: claims(quote, chain),
        tcb_status: TcbStatus::Unknown,
        tcb_date: None,
        advisories: Vec::new(),
        root: Hex(*root.certificate_sha256()),
        collateral: Vec::new(),
        not_after: chain.not_after(),
        lab: root.is_lab(),
        findings: qe_svn_finding(quote).into_iter().chain(lab_finding(root.is_lab())).collect(),
    };
    if let Some(documents) = documents {
        documents.verify(chain, context.cache, budget)?;
        let (info, identity) = (documents.tcb_info, documents.qe_identity);
        let rated = tcb::rate(info, identity, &chain.extension, &quote.qe_report, subject)?;
        proven.rate(documents, rated, now);
    }
    Ok(proven)
}

impl Proven {
    /// Adds what the collateral says.
    fn rate(&mut self, documents: Documents<'_>, rated: Rated, now: UnixTime) {
        self.tcb_status = rated.status;
        self.tcb_date = rated.date();
        self.not_after = self.not_after.min(documents.not_after);
        self.findings.extend(eval_finding(&documents));
        self.findings.extend(documents.findings);
        self.collateral = documents.used;
        self.advisories.clone_from(&rated.advisories);
        self.claims.rating = Some(Rating {
            platform_status: rated.platform_status,
            module_status: rated.module_status,
            qe_status: rated.qe_status,
            status: rated.status,
            platform_tcb_date: rated.platform_date,
            module_tcb_date: rated.module_date,
            qe_tcb_date: rated.qe_date,
            superseded: rated.superseded,
            superseded_days: rated.superseded.map(|since| days(since, now)),
            advisories: rated.advisories,
            tcb_info_eval: documents.tcb_info.evaluation_data_number,
            qe_identity_eval: documents.qe_identity.evaluation_data_number,
            pck_crl_this_update: documents.pck_crl.map(|list| list.content.this_update),
            root_crl_this_update: documents.root_crl.map(|list| list.content.this_update),
        });
    }
}

/// Whole days between two instants; none when the first is the later one.
fn days(since: UnixTime, now: UnixTime) -> u64 {
    u64::try_from(now.seconds().saturating_sub(since.seconds())).unwrap_or_default() / (24 * 60 * 60)
}

/// The PCK chain of a quote.
struct Certifying {
    chain: Arc<Chain>,
    /// SHA-256 of its certificates.
    key: [u8; 32],
    /// Signatures in it that nobody verified before.
    signatures: Vec<SignedLink>,
    /// Whether its PCK key was already seen to sign the QE report.
    signs_qe_report: bool,
}

impl Certifying {
    fn find<B>(quote: &Quote<B>, context: &Context<'_>, budget: &mut Budget) -> Result<Self, DcapError> {
        let candidates = available::candidates(&quote.certification, context.collateral.intel_pck_chains())?;
        let Certification::PlatformIdentifiers { kind, .. } = quote.certification else {
            let [chain] = candidates[..] else { return Err(DcapError::PckNotAvailable(0)) };
            return Self::read(chain, context);
        };
        // DCAP-13: of the stored chains that may be the quote's, the one whose key signed for it.
        for candidate in candidates {
            let mut found = Self::read(candidate, context)?;
            found.chain.check_dates(context.now)?;
            match check_qe_signature(quote, &found.chain, budget) {
                Ok(()) => {
                    found.signs_qe_report = true;
                    return Ok(found);
                }
                Err(DcapError::QeReportSignature) => {}
                Err(error) => return Err(error),
            }
        }
        Err(DcapError::PckNotAvailable(kind))
    }

    fn read(certificates: &PckChain, context: &Context<'_>) -> Result<Self, DcapError> {
        let key = chain::key_of(certificates);
        let (chain, signatures) = match context.cache.pck_chains.get(&key) {
            Some(known) => (known, Vec::new()),
            None => {
                let (chain, signatures) = Chain::read(certificates, context.roots)?;
                (Arc::new(chain), signatures)
            }
        };
        Ok(Self { chain, key, signatures, signs_qe_report: false })
    }

    /// DCAP-54, DCAP-52, DCAP-51, DCAP-20: innermost first, each over bytes exactly as received.
    fn verify<B>(
        &self,
        quote: &Quote<B>,
        context: &Context<'_>,
        budget: &mut Budget,
    ) -> Result<(), DcapError> {
        let attestation_key = uncompressed(&quote.attestation_key);
        let checked = crypto::ecdsa_p256(budget, &attestation_key, quote.signed(), &quote.signature);
        named(checked, DcapError::QuoteSignature)?;
        check_binding(quote)?;
        if !self.signs_qe_report {
            check_qe_signature(quote, &self.chain, budget)?;
        }
        for SignedLink { link, issuer_key, message, signature } in &self.signatures {
            let checked = crypto::ecdsa_p256_der(budget, issuer_key, message, signature);
            named(checked, DcapError::ChainSignature(*link))?;
        }
        if !self.signatures.is_empty() {
            context.cache.pck_chains.insert(self.key, Arc::clone(&self.chain));
        }
        Ok(())
    }
}

/// DCAP-51.
fn check_qe_signature<B>(quote: &Quote<B>, chain: &Chain, budget: &mut Budget) -> Result<(), DcapError> {
    let (report, signature) = (quote.qe_report.raw(), &quote.qe_report_signature);
    named(crypto::ecdsa_p256(budget, &chain.leaf.key, report, signature), DcapError::QeReportSignature)
}

/// DCAP-48, DCAP-50, DCAP-53: what no genuine quoting enclave reports.
fn check_qe_report(report: &QeReport) -> Result<(), DcapError> {
    if let Some(offset) = report.reserved_set() {
        return Err(DcapError::QeReportReserved(offset));
    }
    if report.debug() {
        return Err(DcapError::QeDebug);
    }
    let (_, upper) = report.report_data.0.split_at(32);
    if upper.iter().any(|byte| *byte != 0) {
        return Err(DcapError::QeReportDataUpperHalf);
    }
    Ok(())
}

/// DCAP-52: the quoting enclave's report binds the attestation key and its authentication data.
fn check_binding<B>(quote: &Quote<B>) -> Result<(), DcapError> {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(&quote.attestation_key);
    hash.update(&quote.qe_auth_data);
    let (bound, _) = quote.qe_report.report_data.0.split_at(32);
    if bound == hash.finish().as_ref() { Ok(()) } else { Err(DcapError::QeReportBinding) }
}

/// A point `x || y` with the octet that says that it is uncompressed (SEC 1, 2.3.3).
fn uncompressed(point: &[u8; 64]) -> [u8; 65] {
    let mut octets = [4; 65];
    octets[1..].copy_from_slice(point);
    octets
}

/// DCAP-55: version 3 repeats the quoting enclave's SVN in its header. Worth a warning, not a refusal: the
/// signed report is what counts.
fn qe_svn_finding<B>(quote: &Quote<B>) -> Option<Finding> {
    let stated = quote.header.qe_svn?;
    let reported = quote.qe_report.isv_svn;
    (stated != reported).then(|| {
        Finding::new(
            Rule::new("DCAP-55", "QuoteQeSvnInconsistent"),
            Severity::Warn,
            format!("the header says QE SVN {stated}, the QE report says {reported}"),
        )
    })
}

/// DCAP-61: the two documents know different recovery events, as genuine ones sometimes do.
fn eval_finding(documents: &Documents<'_>) -> Option<Finding> {
    let info = documents.tcb_info.evaluation_data_number;
    let identity = documents.qe_identity.evaluation_data_number;
    (info != identity).then(|| {
        Finding::new(
            Rule::new("DCAP-61", "EvaluationNumberSplit"),
            Severity::Info,
            format!("the TCB info has evaluation data number {info}, the QE identity {identity}"),
        )
    })
}

/// A chain of a lab is never mistaken for Intel's.
fn lab_finding(lab: bool) -> Option<Finding> {
    lab.then(|| {
        Finding::new(
            Rule::new("DCAP-17", "PckRootNotPinned"),
            Severity::Warn,
            "the chain ends in a configured lab root, not in Intel's",
        )
    })
}

fn claims<B>(quote: &Quote<B>, chain: &Chain) -> Claims {
    let header = &quote.header;
    let PckExtension { ppid, cpusvn, pcesvn, pceid, fmspc, sgx_type, platform_instance_id, configuration } =
        chain.extension;
    Claims {
        quote_version: header.version,
        tee_type: header.tee_type.code(),
        qe_vendor_id: header.qe_vendor_id,
        header_qe_svn: header.qe_svn,
        header_pce_svn: header.pce_svn,
        user_data: header.user_data,
        fmspc,
        pceid,
        ppid,
        platform_instance_id,
        pck_ca: chain.issuer,
        sgx_type,
        dynamic_platform: configuration.and_then(|found| found.dynamic_platform),
        cached_keys: configuration.and_then(|found| found.cached_keys),
        smt_enabled: configuration.and_then(|found| found.smt_enabled),
        pck_cpusvn: cpusvn,
        pck_pcesvn: pcesvn,
        qe_isvsvn: quote.qe_report.isv_svn,
        pck_serial: hex::encode(&chain.leaf.serial),
        pck_not_after: chain.leaf.not_after,
        rating: None,
    }
}

/// Compares report data over all 64 bytes, in constant time (DCAP-70, DCAP-71).
pub(crate) fn check_report_data(tee: Tee, actual: &[u8; 64], expected: &[u8]) -> Result<(), Refused> {
    let error = match ReportData::compare(actual, expected) {
        ReportData::Equal => return Ok(()),
        ReportData::LowerHalf => DcapError::ReportDataUpperHalf,
        ReportData::Different => DcapError::ReportData,
    };
    Err(Refused::new(tee, &error))
}

#[cfg(test)]
mod tests;
