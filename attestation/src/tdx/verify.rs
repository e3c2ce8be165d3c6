//! A TD quote: the rules of the body, then the DCAP proof under it.

use super::claims::Claims;
use super::error::{SUPPORTED_XFAM, TdxError};
use crate::claims::{Debug, Facts, Measurement, Product};
use crate::crypto::Budget;
use crate::dcap;
use crate::event_log::{self, EventFacts};
use crate::verify::{Context, Refused, VerifiedItem};
use hanzo_attestation_evidence::tdx::{Body, Evidence};
use hanzo_attestation_evidence::{Broken, Tee};

/// Largest log in bytes that is replayed before any signature: the largest area that firmware is known to set
/// aside (262144 bytes, mostly fill).
const EARLY_LOG: usize = 256 << 10;

/// Verifies a TDX item down to a pinned root.
///
/// Without any collateral of Intel (TCB info, QE identity, revocation lists) the item is authentic, its TCB
/// status is [`TcbStatus::Unknown`](crate::TcbStatus::Unknown), and no policy accepts it.
pub(crate) fn verify(
    evidence: &Evidence,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<VerifiedItem, Refused> {
    let body = &evidence.quote.body;
    check_body(body).map_err(refused)?;
    // A small log is replayed before any public-key operation, a large one after the quote is proven (B.0,
    // step 9).
    let small = evidence.event_log.as_deref().filter(|log| log.len() <= EARLY_LOG);
    let log = small.map(|log| replay(log, body)).transpose()?;
    let proven = dcap::verify(Tee::Tdx, &evidence.quote, dcap::Subject::Td(body), context, budget)?;
    let log = match log {
        Some(facts) => Some(facts),
        None => evidence.event_log.as_deref().map(|log| replay(log, body)).transpose()?,
    };
    let facts = Facts {
        tee: Tee::Tdx,
        product: Some(Product::IntelTdx),
        debug: Some(if body.td_attributes.debug { Debug::Enabled } else { Debug::Disabled }),
        measurements: measurements(body),
        host_data: Some(body.mr_config_id.to_string()),
        chip: Some(proven.claims.ppid.to_string()),
        tcb_status: proven.tcb_status,
        tcb_date: proven.tcb_date,
        advisories: proven.advisories,
        root: Some(proven.root),
        collateral: proven.collateral,
        not_after: proven.not_after,
        lab: proven.lab,
    };
    let claims = claims(body, proven.claims, log);
    Ok(VerifiedItem::new(crate::Claims::Tdx(Box::new(claims)), facts, proven.findings))
}

/// Replays the guest's event log to the quoted registers.
fn replay(log: &[u8], body: &Body) -> Result<EventFacts, Refused> {
    event_log::ccel(log, &body.rtmr).map_err(|error| refused(TdxError::Log(error)))
}

/// Rules of the body that need no key: TDX-01, TDX-02, TDX-08, TDX-11, TDX-16.
fn check_body(body: &Body) -> Result<(), TdxError> {
    let reserved = body.td_attributes.undocumented();
    if reserved != 0 {
        return Err(TdxError::AttributesReserved(reserved));
    }
    if body.xfam & 0b11 != 0b11 || body.xfam & !SUPPORTED_XFAM != 0 {
        return Err(TdxError::XfamReserved(body.xfam));
    }
    if body.seam_attributes != 0 {
        return Err(TdxError::SeamAttributes(body.seam_attributes));
    }
    if !body.mr_signer_seam.is_zero() {
        return Err(TdxError::ModuleSigner(body.mr_signer_seam));
    }
    check_svn_order(body)
}

/// TDX-08. Byte 1 is the major version of the TDX module: across versions the components do not compare.
fn check_svn_order(body: &Body) -> Result<(), TdxError> {
    let Some(now) = body.tee_tcb_svn_2 else { return Ok(()) };
    let launch = body.tee_tcb_svn;
    let ([_, launch_major, ..], [_, now_major, ..]) = (launch.0, now.0);
    if launch_major == now_major && launch.0.iter().zip(now.0).any(|(launch, now)| now < *launch) {
        return Err(TdxError::TcbSvnOrder { launch, now });
    }
    Ok(())
}

fn measurements(body: &Body) -> Vec<Measurement> {
    let [rtmr0, rtmr1, rtmr2, rtmr3] = body.rtmr;
    [("mr_td", body.mr_td), ("rtmr0", rtmr0), ("rtmr1", rtmr1), ("rtmr2", rtmr2), ("rtmr3", rtmr3)]
        .into_iter()
        .map(|(register, digest)| Measurement { register, digest: digest.into() })
        .collect()
}

fn claims(body: &Body, dcap: dcap::Claims, log: Option<EventFacts>) -> Claims {
    Claims {
        body: body.kind,
        tee_tcb_svn: body.tee_tcb_svn,
        tee_tcb_svn_2: body.tee_tcb_svn_2,
        mr_seam: body.mr_seam,
        mr_signer_seam: body.mr_signer_seam,
        seam_attributes: body.seam_attributes,
        td_attributes: body.td_attributes,
        xfam: body.xfam,
        mr_td: body.mr_td,
        mr_config_id: body.mr_config_id,
        mr_owner: body.mr_owner,
        mr_owner_config: body.mr_owner_config,
        rtmr: body.rtmr,
        mr_service_td: body.mr_service_td,
        report_data: body.report_data,
        dcap,
        log,
    }
}

fn refused(error: impl Broken) -> Refused {
    Refused::new(Tee::Tdx, &error)
}
