//! Reference values: checked as a whole before a set is put.

use super::Administrator;
use super::change::{Change, failed};
use crate::body::Message;
use crate::broker::Broker;
use crate::problem::{Code, Problem};
use crate::request_id::RequestId;
use crate::rules;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use hanzo_kbs_log::Action;
use hanzo_kbs_protocol::{PutReference, ReferenceInfo};
use hanzo_policy::References;
use std::sync::Arc;

/// `PUT references/{name}`.
pub(crate) async fn put_reference(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(name): Path<String>,
    Extension(id): Extension<RequestId>,
    Message(request): Message<PutReference>,
) -> Result<Json<ReferenceInfo>, Problem> {
    let mut change = Change::start(&broker, Action::ReferencePut, &id).await?;
    change.draft.subject = Some(name.clone());
    let stored = change.open.vault.references().await.map_err(|e| failed(&e))?;
    let others = stored.into_iter().filter(|set| set.name != name);
    let mut sets: Vec<_> = others.map(|set| rules::reference_set(set.name, set.values)).collect();
    sets.push(rules::reference_set(name.clone(), request.values.clone()));
    if let Err(error) = References::new(sets) {
        return Err(change.refuse(Code::MalformedRequest, "ReferenceMalformed", error.to_string()).await);
    }
    let put = change.open.vault.put_reference(
        &name,
        &request.values,
        request.expected_version,
        change.draft.clone(),
    );
    match put.await {
        Ok(set) => Ok(Json(set.into())),
        Err(error) => Err(change.refused_by_vault(error).await),
    }
}

/// `GET references`.
pub(crate) async fn list_references(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
) -> Result<Json<Vec<ReferenceInfo>>, Problem> {
    let open = broker.open().await?;
    let sets = open.vault.references().await.map_err(|e| failed(&e))?;
    Ok(Json(sets.into_iter().map(ReferenceInfo::from).collect()))
}

/// `GET references/{name}`.
pub(crate) async fn get_reference(
    _: Administrator,
    State(broker): State<Arc<Broker>>,
    Path(name): Path<String>,
) -> Result<Json<ReferenceInfo>, Problem> {
    let open = broker.open().await?;
    let set = open.vault.reference(&name, None).await.map_err(|e| failed(&e))?;
    set.map(|set| Json(set.into())).ok_or_else(|| Code::NotFound.into())
}
