//! The record, as the operator and the auditor read it.

use super::Administrator;
use super::change::failed;
use crate::broker::Broker;
use crate::problem::{Code, Problem};
use axum::Json;
use axum::extract::{Path, Query, State};
use hanzo_attestation_evidence::Hex;
use hanzo_kbs_log::Decision;
use hanzo_kbs_protocol::{AuditPage, Checkpoint, GrantInfo};
use hanzo_kbs_vault::MAX_PAGE;
use serde::Deserialize;
use std::sync::Arc;

/// Rows in one page unless another number is asked for.
const PAGE: u32 = 100;

/// Query of `GET audit`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    after: Option<u64>,
    limit: Option<u32>,
}

/// `GET audit?after=&limit=`: decisions after a row, in order.
pub(crate) async fn audit(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Query(page): Query<Page>,
) -> Result<Json<AuditPage>, Problem> {
    let limit = page.limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::new(Code::MalformedRequest).detail(format!("`limit` is 1 to {MAX_PAGE}")));
    }
    let open = broker.open().await?;
    let page = open.vault.audit(page.after.unwrap_or(0), limit).await.map_err(|e| failed(&e))?;
    let entries: Result<_, _> = page.entries.iter().map(serde_json::to_value).collect();
    let entries = entries.map_err(|e| failed(&e))?;
    Ok(Json(AuditPage { entries, head: Checkpoint { seq: page.head.seq, hash: page.head.hash } }))
}

/// Query of `GET grants`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfDevice {
    device: Option<Hex<8>>,
}

/// `GET grants?device=`: which session holds which key, newest decision first; all, or those that rest on the
/// device of this PDI.
pub(crate) async fn grants(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Query(of): Query<OfDevice>,
) -> Result<Json<Vec<GrantInfo>>, Problem> {
    let open = broker.open().await?;
    open.vault.grants(of.device).await.map(Json).map_err(|e| failed(&e))
}

/// `GET receipts/{seq}`: one row of the record, as `audit` has it.
pub(crate) async fn receipt(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(seq): Path<u64>,
) -> Result<Json<Decision>, Problem> {
    let open = broker.open().await?;
    let row = open.vault.decision(seq).await.map_err(|e| failed(&e))?;
    row.map(Json).ok_or_else(|| Code::NotFound.into())
}
