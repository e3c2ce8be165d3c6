//! Which machine has which devices. What is asked of it is configuration (`attestation.gpu_inventory`).

use super::Administrator;
use super::change::{Change, failed};
use crate::body::Message;
use crate::broker::Broker;
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use hanzo_kbs_log::Action;
use hanzo_kbs_protocol::{PairInfo, PutPair};
use serde::Deserialize;
use std::sync::Arc;

/// `PUT inventory/{name}`.
pub(crate) async fn put_pair(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(name): Path<String>,
    Extension(id): Extension<RequestId>,
    Message(request): Message<PutPair>,
) -> Result<Json<PairInfo>, Problem> {
    let mut change = Change::start(&broker, Action::InventoryPut, &id).await?;
    change.draft.subject = Some(name.clone());
    let PutPair { machine, devices, note, expected_version } = request;
    let vault = &change.open.vault;
    match vault.put_pair(&name, machine, &devices, note, expected_version, change.draft.clone()).await {
        Ok(pair) => Ok(Json(pair.into())),
        Err(error) => Err(change.refused_by_vault(error).await),
    }
}

/// Query of `DELETE inventory/{name}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    expected_version: u64,
}

/// `DELETE inventory/{name}?expected_version=`: the pair counts no more; its history stays.
pub(crate) async fn remove_pair(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(name): Path<String>,
    Extension(id): Extension<RequestId>,
    Query(expected): Query<Expected>,
) -> Result<Json<PairInfo>, Problem> {
    let mut change = Change::start(&broker, Action::InventoryRemove, &id).await?;
    change.draft.subject = Some(name.clone());
    match change.open.vault.remove_pair(&name, expected.expected_version, change.draft.clone()).await {
        Ok(pair) => Ok(Json(pair.into())),
        Err(error) => Err(change.refused_by_vault(error).await),
    }
}

/// `GET inventory`: the pairs in force.
pub(crate) async fn list_pairs(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
) -> Result<Json<Vec<PairInfo>>, Problem> {
    let open = broker.open().await?;
    let pairs = open.vault.inventory().await.map_err(|e| failed(&e))?;
    Ok(Json(pairs.into_iter().map(PairInfo::from).collect()))
}

/// `GET inventory/{name}`: also of a pair that was taken back, which has no devices.
pub(crate) async fn get_pair(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(name): Path<String>,
) -> Result<Json<PairInfo>, Problem> {
    let open = broker.open().await?;
    let pair = open.vault.pair(&name).await.map_err(|e| failed(&e))?;
    pair.map(|pair| Json(pair.into())).ok_or_else(|| Code::NotFound.into())
}
