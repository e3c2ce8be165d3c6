//! Intel quotes, by `dcap-qvl`.

mod provider;

use self::provider::AwsLc;
use crate::{Field, NoOpinion, Opinion, Peer, compare};
use aws_lc_rs::digest::{SHA256, digest};
use dcap_qvl::QuoteCollateralV3;
use dcap_qvl::quote::{EnclaveReport, Report, TDReport10, TDReport15};
use dcap_qvl::verify::{QuoteVerifier, VerifiedReport};
use hanzo_attestation::{
    Claims, Collateral, Facts, IntelDocument, Refused, TcbStatus, VerifiedItem, sgx, tdx,
};
use hanzo_attestation_evidence::dcap::{Certification, PckChain, Quote};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_evidence::x509::{Certificate, Crl};
use hanzo_attestation_evidence::{Item, UnixTime};

/// SHA-256 of the certificate "Intel SGX Root CA", as `dcap-qvl` 0.7.1 carries it.
const INTEL_ROOT_SHA256: &str = "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3";

/// Which documents of a collateral speak for a quote.
#[derive(Clone, Copy)]
enum Kind {
    /// An SGX enclave.
    Enclave,
    /// A TD.
    Td,
}

/// A question to `dcap-qvl`: a quote, the collateral in its form, and the root of the chain.
#[derive(Clone, Debug)]
pub struct DcapQvl {
    quote: Vec<u8>,
    collateral: QuoteCollateralV3,
    root: Vec<u8>,
}

impl DcapQvl {
    /// Puts the question, with the collateral on which our verdict rests.
    ///
    /// # Errors
    /// What is missing: [`NoOpinion::NotJudged`], or [`NoOpinion::CollateralMissing`].
    pub fn new(
        item: &Item,
        verdict: Option<&VerifiedItem>,
        collateral: &Collateral,
    ) -> Result<Self, NoOpinion> {
        let facts = verdict.map(VerifiedItem::facts);
        match item {
            Item::Tdx(item) => Self::of(Kind::Td, &item.quote, facts, collateral),
            Item::AzTdxVtpm(item) => Self::of(Kind::Td, &item.tdx.quote, facts, collateral),
            Item::Sgx(item) => Self::of(Kind::Enclave, &item.quote, facts, collateral),
            _ => Err(NoOpinion::NotJudged),
        }
    }

    fn of<B>(
        kind: Kind,
        quote: &Quote<B>,
        facts: Option<&Facts>,
        collateral: &Collateral,
    ) -> Result<Self, NoOpinion> {
        let Certification::Chain(chain) = &quote.certification else {
            return Err(NoOpinion::CollateralMissing("PCK certificate chain"));
        };
        let collateral = documents(kind, chain, collateral, facts).map_err(NoOpinion::CollateralMissing)?;
        Ok(Self { quote: quote.bytes().to_vec(), collateral, root: chain.root.clone() })
    }

    /// The answer. Debuggable and service-bound guests are authentic here as they are with us, and refused by
    /// policy. `lab`: the chain may end in another root than Intel's.
    ///
    /// # Errors
    /// The refusal, in its own words.
    pub fn verify(&self, lab: bool, now: UnixTime) -> Result<VerifiedReport, String> {
        if !lab && hex::encode(digest(&SHA256, &self.root)) != INTEL_ROOT_SHA256 {
            return Err("the root in the quote is not Intel's".to_owned());
        }
        let now = u64::try_from(now.seconds()).map_err(|_| "an instant before 1970".to_owned())?;
        QuoteVerifier::<AwsLc>::new_with_config(self.root.clone())
            .allow_debug(true)
            .allow_service_td(true)
            .verify(&self.quote, &self.collateral, now)
            .map_err(|error| format!("{error:#}"))
    }
}

/// Judges one quote.
pub(super) fn opinion(
    item: &Item,
    ours: Result<&VerifiedItem, &Refused>,
    collateral: &Collateral,
    now: UnixTime,
) -> Opinion {
    let question = match DcapQvl::new(item, ours.ok(), collateral) {
        Ok(question) => question,
        Err(none) => return Opinion::NoOpinion(none),
    };
    let lab = ours.is_ok_and(|item| item.facts().lab);
    let theirs = question.verify(lab, now).map(|theirs| match ours {
        Ok(item) => fields(item, &theirs),
        Err(_) => Vec::new(),
    });
    compare(Peer::DcapQvl, ours, theirs)
}

/// The collateral in the second reader's form: the documents on which our verdict rests, where there is one,
/// else the first that fits.
fn documents(
    kind: Kind,
    chain: &PckChain,
    collateral: &Collateral,
    facts: Option<&Facts>,
) -> Result<QuoteCollateralV3, &'static str> {
    let used = |bytes: &[u8]| {
        let sha256 = digest(&SHA256, bytes);
        facts.is_some_and(|facts| facts.collateral.iter().any(|found| found.sha256.0 == sha256.as_ref()))
    };
    let pick = |fitting: Vec<&IntelDocument>| {
        let of_verdict = fitting.iter().find(|document| used(&document.body)).copied();
        of_verdict.or_else(|| fitting.first().copied()).cloned()
    };
    let says = |document: &&IntelDocument, id: &str| {
        let body = String::from_utf8_lossy(&document.body).replace(' ', "");
        body.contains(&format!("\"id\":\"{id}\""))
    };
    let (tcb, identity) = match kind {
        Kind::Enclave => ("SGX", "QE"),
        Kind::Td => ("TDX", "TD_QE"),
    };
    let tcb_info = pick(collateral.tcb_info_documents().filter(|found| says(found, tcb)).collect());
    let qe_identity =
        pick(collateral.qe_identity_documents().filter(|found| says(found, identity)).collect());
    let crl_of = |issuer: &[u8]| {
        let issuer = Certificate::parse(issuer).ok()?.subject().der().to_vec();
        let fitting = |der: &&[u8]| Crl::parse(der).is_ok_and(|list| list.issuer().der() == issuer);
        let fitting: Vec<&[u8]> = collateral.intel_crl_ders().filter(fitting).collect();
        let of_verdict = fitting.iter().find(|der| used(der)).copied();
        of_verdict.or_else(|| fitting.first().copied()).map(<[u8]>::to_vec)
    };
    let tcb_info = tcb_info.ok_or("TCB info")?;
    let qe_identity = qe_identity.ok_or("QE identity")?;
    Ok(QuoteCollateralV3 {
        pck_crl_issuer_chain: [pem(&chain.ca), pem(&chain.root)].concat(),
        root_ca_crl: crl_of(&chain.root).ok_or("root CRL")?,
        pck_crl: crl_of(&chain.ca).ok_or("PCK CRL")?,
        tcb_info_issuer_chain: text(&tcb_info.issuer_chain),
        tcb_info: text(&tcb_info.body),
        tcb_info_signature: tcb_info.signature.to_vec(),
        qe_identity_issuer_chain: text(&qe_identity.issuer_chain),
        qe_identity: text(&qe_identity.body),
        qe_identity_signature: qe_identity.signature.to_vec(),
        pck_certificate_chain: None,
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// RFC 7468, lines of 64 characters.
fn pem(der: &[u8]) -> String {
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for (position, character) in base64_encode(der).chars().enumerate() {
        if position > 0 && position % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str("\n-----END CERTIFICATE-----\n");
    pem
}

/// What both readers say of an accepted quote.
fn fields(ours: &VerifiedItem, theirs: &VerifiedReport) -> Vec<Field> {
    let facts = ours.facts();
    let mut advisories = theirs.advisory_ids.clone();
    advisories.sort();
    advisories.dedup();
    let mut fields = vec![
        Field::text("tcb_status", status(facts.tcb_status), &theirs.status),
        Field::text("advisories", facts.advisories.join(" "), advisories.join(" ")),
    ];
    match (of_enclave(ours.claims()), of_td(ours.claims()), &theirs.report) {
        (_, Some(claims), Report::TD10(report)) => td10(&mut fields, claims, report),
        (_, Some(claims), Report::TD15(report)) => td15(&mut fields, claims, report),
        (_, Some(claims), Report::TD15Ex(report)) => td15(&mut fields, claims, &report.base),
        (Some(claims), _, Report::SgxEnclave(report)) => enclave(&mut fields, claims, report),
        _ => fields.push(Field::text("kind", facts.tee.name(), "another")),
    }
    let dcap = of_enclave(ours.claims()).map(|claims| &claims.dcap);
    let dcap = dcap.or_else(|| of_td(ours.claims()).map(|claims| &claims.dcap));
    fields.extend(dcap.map(|dcap| Field::bytes("ppid", dcap.ppid, &theirs.ppid)));
    fields
}

fn of_enclave(claims: &Claims) -> Option<&sgx::Claims> {
    if let Claims::Sgx(claims) = claims { Some(claims) } else { None }
}

/// What is claimed of a TD, with or without a paravisor around it.
pub(super) fn of_td(claims: &Claims) -> Option<&tdx::Claims> {
    match claims {
        Claims::Tdx(claims) => Some(claims),
        Claims::AzTdxVtpm(claims) => Some(&claims.tdx),
        _ => None,
    }
}

/// In Intel's words; we have two of our own for what Intel did not say.
const fn status(status: TcbStatus) -> &'static str {
    match status {
        TcbStatus::NotRated | TcbStatus::Unknown => "not rated",
        rated => rated.name(),
    }
}

fn td15(fields: &mut Vec<Field>, ours: &tdx::Claims, theirs: &TDReport15) {
    td10(fields, ours, &theirs.base);
    fields.extend(ours.tee_tcb_svn_2.map(|svn| Field::bytes("tee_tcb_svn_2", svn, theirs.tee_tcb_svn2)));
    fields
        .extend(ours.mr_service_td.map(|digest| Field::bytes("mr_service_td", digest, theirs.mr_service_td)));
}

fn td10(fields: &mut Vec<Field>, ours: &tdx::Claims, theirs: &TDReport10) {
    let [rtmr0, rtmr1, rtmr2, rtmr3] = ours.rtmr;
    fields.extend([
        Field::bytes("report_data", ours.report_data, theirs.report_data),
        Field::bytes("mr_td", ours.mr_td, theirs.mr_td),
        Field::bytes("rtmr0", rtmr0, theirs.rt_mr0),
        Field::bytes("rtmr1", rtmr1, theirs.rt_mr1),
        Field::bytes("rtmr2", rtmr2, theirs.rt_mr2),
        Field::bytes("rtmr3", rtmr3, theirs.rt_mr3),
        Field::bytes("td_attributes", ours.td_attributes.raw.to_le_bytes(), theirs.td_attributes),
        Field::bytes("xfam", ours.xfam.to_le_bytes(), theirs.xfam),
        Field::bytes("mr_seam", ours.mr_seam, theirs.mr_seam),
        Field::bytes("mr_signer_seam", ours.mr_signer_seam, theirs.mr_signer_seam),
        Field::bytes("seam_attributes", ours.seam_attributes.to_le_bytes(), theirs.seam_attributes),
        Field::bytes("mr_config_id", ours.mr_config_id, theirs.mr_config_id),
        Field::bytes("mr_owner", ours.mr_owner, theirs.mr_owner),
        Field::bytes("mr_owner_config", ours.mr_owner_config, theirs.mr_owner_config),
        Field::bytes("tee_tcb_svn", ours.tee_tcb_svn, theirs.tee_tcb_svn),
    ]);
}

fn enclave(fields: &mut Vec<Field>, ours: &sgx::Claims, theirs: &EnclaveReport) {
    let attributes = [ours.attributes.raw.to_le_bytes(), ours.xfrm.to_le_bytes()].concat();
    fields.extend([
        Field::bytes("report_data", ours.report_data, theirs.report_data),
        Field::bytes("mr_enclave", ours.mr_enclave, theirs.mr_enclave),
        Field::bytes("mr_signer", ours.mr_signer, theirs.mr_signer),
        Field::text("isv_prod_id", ours.isv_prod_id, theirs.isv_prod_id),
        Field::text("isv_svn", ours.isv_svn, theirs.isv_svn),
        Field::bytes("attributes", attributes, theirs.attributes),
        Field::text("misc_select", ours.misc_select, theirs.misc_select),
        Field::bytes("cpu_svn", ours.cpu_svn, theirs.cpu_svn),
    ]);
}
