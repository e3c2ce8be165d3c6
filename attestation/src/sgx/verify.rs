//! An enclave's quote: the rules of the report, then the DCAP proof under it.

use super::claims::{Attributes, Claims};
use super::error::SgxError;
use super::ra_tls;
use crate::claims::{Debug, Facts, Measurement, Product};
use crate::crypto::Budget;
use crate::dcap;
use crate::verify::{Context, Refused, VerifiedItem};
use hanzo_attestation_evidence::sgx::{Evidence, Report};
use hanzo_attestation_evidence::{Broken, Hex, Tee};

/// Verifies an SGX item down to a pinned root. What carried the quote is verified last: its signature is the
/// outermost (SGX-17).
pub(crate) fn verify(
    evidence: &Evidence,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<VerifiedItem, Refused> {
    let report = &evidence.quote.body;
    let attributes = Attributes::new(report.attributes_flags);
    if !attributes.init {
        return Err(refused(SgxError::NotInitialised));
    }
    let courier = evidence.courier.as_ref().map(ra_tls::SelfSigned::read).transpose().map_err(refused)?;
    if let Some(courier) = &courier {
        courier.check_key(&report.report_data.0).map_err(refused)?;
    }
    let proven = dcap::verify(Tee::Sgx, &evidence.quote, dcap::Subject::Enclave, context, budget)?;
    if let Some(courier) = &courier {
        courier.check_signature(budget).map_err(refused)?;
    }
    let facts = Facts {
        tee: Tee::Sgx,
        product: Some(Product::IntelSgx),
        debug: Some(if attributes.debug { Debug::Enabled } else { Debug::Disabled }),
        measurements: vec![Measurement { register: "mr_enclave", digest: report.mr_enclave.into() }],
        host_data: attributes.kss.then(|| report.config_id.to_string()),
        chip: Some(proven.claims.ppid.to_string()),
        tcb_status: proven.tcb_status,
        tcb_date: proven.tcb_date,
        advisories: proven.advisories,
        root: Some(proven.root),
        collateral: proven.collateral,
        not_after: proven.not_after,
        lab: proven.lab,
    };
    let claims = claims(report, courier.map(|courier| courier.key_digest()), proven.claims);
    Ok(VerifiedItem::new(crate::Claims::Sgx(Box::new(claims)), facts, proven.findings))
}

fn claims(report: &Report, ra_tls_key: Option<Hex<32>>, dcap: dcap::Claims) -> Claims {
    Claims {
        cpu_svn: report.cpu_svn,
        misc_select: report.misc_select,
        cet_attributes: report.cet_attributes,
        attributes: Attributes::new(report.attributes_flags),
        xfrm: report.attributes_xfrm,
        mr_enclave: report.mr_enclave,
        mr_signer: report.mr_signer,
        isv_prod_id: report.isv_prod_id,
        isv_svn: report.isv_svn,
        config_id: report.config_id,
        config_svn: report.config_svn,
        isv_ext_prod_id: report.isv_ext_prod_id,
        isv_family_id: report.isv_family_id,
        report_data: report.report_data,
        ra_tls_key,
        dcap,
    }
}

fn refused(error: impl Broken) -> Refused {
    Refused::new(Tee::Sgx, &error)
}
