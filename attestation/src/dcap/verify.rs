//! The proof under a quote: attestation key, quoting enclave, PCK certificate, Intel's root.

use super::chain::{Chain, SignedLink};
use super::claims::Claims;
use super::error::DcapError;
use super::pck::PckExtension;
use crate::claims::{CollateralUse, TcbStatus};
use crate::crypto::{self, Budget, SignatureError};
use crate::verify::{Context, Refused};
use aws_lc_rs::digest;
use hanzo_attestation_evidence::dcap::{Certification, QeReport, Quote};
use hanzo_attestation_evidence::{Finding, Rule, Severity, Tee, UnixTime, tdx};

/// What of a quote's body Intel rates.
#[derive(Clone, Copy, Debug)]
#[expect(dead_code, reason = "read as soon as collateral is judged")]
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
    _subject: Subject<'_>,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<Proven, DcapError> {
    let certificates = match &quote.certification {
        Certification::Chain(chain) => chain,
        Certification::PlatformIdentifiers { kind, .. } => return Err(DcapError::PckNotAvailable(*kind)),
    };
    check_qe_report(&quote.qe_report)?;
    let chain = Chain::read(certificates, context.roots, context.now)?;
    verify_signatures(quote, &chain, budget)?;
    Ok(Proven {
        claims: claims(quote, &chain),
        tcb_status: TcbStatus::Unknown,
        tcb_date: None,
        advisories: Vec::new(),
        collateral: Vec::new(),
        not_after: chain.not_after(),
        lab: chain.lab,
        findings: qe_svn_finding(quote).into_iter().chain(lab_finding(chain.lab)).collect(),
    })
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

/// DCAP-54, DCAP-52, DCAP-51, DCAP-20: innermost first, each over bytes exactly as received.
fn verify_signatures<B>(quote: &Quote<B>, chain: &Chain<'_>, budget: &mut Budget) -> Result<(), DcapError> {
    let attestation_key = uncompressed(&quote.attestation_key);
    let checked = crypto::ecdsa_p256(budget, &attestation_key, quote.signed(), &quote.signature);
    named(checked, DcapError::QuoteSignature)?;
    check_binding(quote)?;
    let report = quote.qe_report.raw();
    let checked = crypto::ecdsa_p256(budget, chain.pck_key(), report, &quote.qe_report_signature);
    named(checked, DcapError::QeReportSignature)?;
    for SignedLink { link, issuer_key, message, signature } in chain.signatures() {
        let checked = crypto::ecdsa_p256_der(budget, issuer_key, message, signature);
        named(checked, DcapError::ChainSignature(link))?;
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

/// A signature by another key has the name of the rule that asked for it; anything else that is wrong with a
/// signature has a name of its own.
fn named(checked: Result<(), SignatureError>, rule: DcapError) -> Result<(), DcapError> {
    checked.map_err(|error| match error {
        SignatureError::Mismatch => rule,
        SignatureError::Form(error) => error.into(),
    })
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

fn claims<B>(quote: &Quote<B>, chain: &Chain<'_>) -> Claims {
    let header = &quote.header;
    let PckExtension { ppid, cpusvn, pcesvn, pceid, fmspc, sgx_type, platform_instance_id, configuration } =
        chain.extension;
    Claims {
        quote_version: header.version,
        tee_type: header.tee_type.code(),
        qe_vendor_id: header.qe_vendor_id,
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
        pck_not_after: chain.pck_not_after(),
        rating: None,
    }
}

#[cfg(test)]
mod tests;
